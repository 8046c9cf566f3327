/* AdamW over the packed regions of a plan, with its scratch. */
#ifndef VQ_TRAIN_OPTIMIZER_H
#define VQ_TRAIN_OPTIMIZER_H

#include "device/plan.h"

typedef struct vq_optimizer {
    vq_device *device;
    const vq_plan *plan;
    vq_view norm_sq, work; /* float [1]: of the last gradient; scratch */
} vq_optimizer;

typedef struct vq_optimizer_rates {
    double beta1, beta2, weight_decay, clip; /* clip: the largest norm of a gradient; 0: no clipping */
    double average;                          /* of a plan that averages: the share of the average that a step keeps */
} vq_optimizer_rates;

/* Of a bound plan for training. */
vq_status vq_optimizer_open(vq_optimizer *optimizer, vq_device *device, const vq_plan *plan);
void vq_optimizer_close(vq_optimizer *optimizer);

/* Moves the parameters by their gradients, which it clears, and towards them their average if the plan has one, whose memory grows with
 * the steps, to a tenth of them, until it is as long as the rate says. step: counted from 1. */
vq_status vq_optimizer_step(vq_optimizer *optimizer, const vq_optimizer_rates *rates, double learning_rate, uint64_t step);

/* Weights and their averages change places; nothing if the plan has none. */
vq_status vq_optimizer_swap(vq_device *device, const vq_plan *plan);

/* The norm of the last step's gradient, before clipping. Waits for the device. */
vq_status vq_optimizer_norm(const vq_optimizer *optimizer, double *norm);

#endif

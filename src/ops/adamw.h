/* The optimizer over the packed regions of a plan: AdamW with decoupled weight decay (Loshchilov and Hutter 2019), arithmetic as in
 * PyTorch:
 *
 *     g = grad min(1, clip / ||grad||)
 *     m = beta1 m + (1 - beta1) g              p = p (1 - learning_rate weight_decay)
 *     v = beta2 v + (1 - beta2) g^2                - learning_rate / (1 - beta1^step) m / (sqrt(v / (1 - beta2^step)) + epsilon)
 *
 * Regions have `count` floats (any number); where p, m, v and grad are zero they stay zero, so padding does. */
#ifndef VQ_OPS_ADAMW_H
#define VQ_OPS_ADAMW_H

#include "device/launch.h"

typedef struct vq_adamw_rates {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    double clip;   /* largest norm of the gradient; 0: no clipping */
    uint64_t step; /* counted from 1 */
} vq_adamw_rates;

/* norm_sq [1] = sum of grad^2. Not finite if the gradient is not. */
vq_status vq_adamw_norm(vq_device *device, vq_view norm_sq, vq_view grad, vq_view scratch, size_t count);

/* Bytes of scratch of vq_adamw_norm. */
size_t vq_adamw_scratch(const vq_device *device, size_t count);

/* Moves param, moment1 (m), moment2 (v), and sets grad to zero, so that the += of the next backward starts clean. norm_sq from
 * vq_adamw_norm, VQ_NO_VIEW if clip is 0; one that is not finite does not stop the step: the report finds it. */
vq_status vq_adamw_step(vq_device *device, vq_view param, vq_view moment1, vq_view moment2, vq_view grad, vq_view norm_sq,
                        size_t count, vq_adamw_rates rates);

/* mean += share (param - mean): a moving average of weights (Polyak and Juditsky 1992). */
vq_status vq_adamw_average(vq_device *device, vq_view mean, vq_view param, size_t count, double share);

/* a and b change places. */
vq_status vq_adamw_swap(vq_device *device, vq_view a, vq_view b, size_t count);

#endif

/* A model of sequences: the body, its output pooled over the positions that are there, a head, and the loss.
 *     z = head(pool(body(tokens)))      head: width -> outputs, or with a hidden layer: width -> width, GELU, width -> outputs
 *     loss: softmax cross-entropy over classes, or of a regression half the squared error
 * A regression has one output and is trained on targets of mean 0 and deviation 1, which its config remembers. */
#ifndef VQ_NN_CLASSIFIER_H
#define VQ_NN_CLASSIFIER_H

#include "nn/body.h"
#include "nn/state.h"

typedef struct vq_classifier_config {
    vq_body_config body;
    int classes;   /* 0: a regression */
    bool max_pool; /* the largest of each channel in place of the mean */
    bool linear;   /* head without a hidden layer */
} vq_classifier_config;

enum { VQ_CLASSIFIER_LOSS, VQ_CLASSIFIER_CORRECT, VQ_CLASSIFIER_METRICS };

typedef struct vq_classifier {
    vq_classifier_config config;
    vq_device *device;
    vq_plan *plan;
    int outputs;
    vq_body body;
    vq_tensor hidden_weight, hidden_bias, out_weight, out_bias;
    vq_tensor targets, weights;                      /* inputs: int32 or float [B], float [classes] */
    vq_tensor metrics;                               /* float [VQ_CLASSIFIER_METRICS], sums since they were cleared */
    vq_tensor pooled, best, pre, act, logits;        /* [B][W], int32 [B][W], [B][W] twice, [B][outputs] */
    vq_tensor dlogits, dact, dpooled, scratch, work; /* gradients; scratch */
} vq_classifier;

/* The memory for up to B sequences of L positions, declared and not bound; without a device, the list of its tensors. */
vq_status vq_classifier_plan(vq_classifier **out, vq_device *device, const vq_classifier_config *config, int B, int L,
                             vq_purpose purpose, const vq_body_training *how);
void vq_classifier_destroy(vq_classifier *model);

/* The state dict of a model, zero. */
vq_status vq_classifier_state(vq_state *out, const vq_classifier_config *config);

/* `to`, a state dict of the model, from one that has adapters beside its tensors, of the model's plan: W + scale B A. */
void vq_classifier_merge(vq_state *to, const vq_classifier *model, const vq_state *from);

/* logits [B][outputs] of the batch that was uploaded to the body. */
vq_status vq_classifier_forward(vq_classifier *model, double dropout, vq_draws draws);

/* Forward and backward: gradients += of `scale` times the sum of losses, metrics +=. Targets (and weights of the classes if `weighed`)
 * were uploaded. */
vq_status vq_classifier_learn(vq_classifier *model, double dropout, vq_draws draws, bool weighed, float scale);

#endif

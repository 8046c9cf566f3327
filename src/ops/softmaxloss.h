/* Softmax cross-entropy in nats over up to 65,536 classes, loss and gradient. Of row m with target t = targets[m]:
 *     loss = weights[t] (log sum_k exp(z[k]) - z[t])
 * A target outside [0, C) is unknown, and its row counts nowhere. All sums are in a fixed order. */
#ifndef VQ_OPS_SOFTMAXLOSS_H
#define VQ_OPS_SOFTMAXLOSS_H

#include "device/launch.h"

/* From logits [M][C], targets int32 [M] and weights [C] (VQ_NO_VIEW: all 1):
 *   dlogits [M][C] =  (softmax - onehot) weights[t] scale, rows of unknown targets 0: the gradient of `scale` times the sum of losses
 *   best int32 [M] =  the logit that is largest, the first among equals
 *   metrics [2]    += the sum of losses, not scaled, and the number of rows whose best is the target
 * Each may be VQ_NO_VIEW. dlogits may be logits. scratch: vq_softmaxloss_scratch bytes. */
vq_status vq_softmaxloss(vq_device *device, vq_view dlogits, vq_view best, vq_view metrics, vq_view scratch, vq_view logits,
                         vq_view targets, vq_view weights, int M, int C, float scale);
size_t vq_softmaxloss_scratch(const vq_device *device, int M);

#endif

/* Softmax cross-entropy in nats, loss and gradient in one pass. The target of row m is the base of the rows table (uchar4 [M]:
 * .s0); a target of C or more is unknown, and its row counts nowhere. */
#ifndef VQ_OPS_CROSSENTROPY_H
#define VQ_OPS_CROSSENTROPY_H

#include "device/launch.h"
#include "device/tune.h"

extern const vq_tunables vq_crossentropy_tunables;

/* From logits [M][C] and rows:
 *   dlogits [M][C] =  (softmax - onehot) scale, rows of unknown targets 0: the gradient of `scale` times the sum of losses
 *   best [M] uchar =  the logit that is largest, the first among equals (C <= 256)
 *   metrics [2]    += the sum of losses, not scaled, and the number of rows whose best is the target
 * Each may be VQ_NO_VIEW. scratch: vq_crossentropy_scratch bytes, VQ_NO_VIEW without metrics. */
vq_status vq_crossentropy(vq_device *device, vq_view dlogits, vq_view best, vq_view metrics, vq_view scratch, vq_view logits,
                          vq_view rows, int M, int C, float scale);
size_t vq_crossentropy_scratch(const vq_device *device, int M);

#endif

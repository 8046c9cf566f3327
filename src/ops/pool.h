/* Pooling over the positions of a sequence: x [B][L][D] to y [B][D], over the positions l of batch entry b whose byte mask[b][l] is not 0
 * (uint8 [B][L]; VQ_NO_VIEW: all). A sequence with no such position gives 0.
 *     mean: y[b][c] = sum over l of x[b][l][c] / their number            max: y[b][c] = the largest, of the first l among equals */
#ifndef VQ_OPS_POOL_H
#define VQ_OPS_POOL_H

#include "device/launch.h"

vq_status vq_pool_mean_forward(vq_device *device, vq_view y, vq_view x, vq_view mask, int B, int L, int D);

/* dx [B][L][D] = from dy [B][D]; 0 where the mask is. */
vq_status vq_pool_mean_backward(vq_device *device, vq_view dx, vq_view dy, vq_view mask, int B, int L, int D);

/* best int32 [B][D]: the position it was taken from, -1 for none; kept for backward. */
vq_status vq_pool_max_forward(vq_device *device, vq_view y, vq_view best, vq_view x, vq_view mask, int B, int L, int D);

/* dx [B][L][D] += from dy [B][D], so that it may follow the mean's. */
vq_status vq_pool_max_backward(vq_device *device, vq_view dx, vq_view dy, vq_view best, int B, int L, int D);

#endif

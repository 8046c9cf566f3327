/* Layer normalization (Ba, Kiros and Hinton, arXiv 1607.06450) over the channels of a row: y = (x - mean) rstd gamma + beta with
 * rstd = 1 / sqrt(variance + 1e-5), the variance biased and taken from the mean in a second pass. */
#ifndef VQ_OPS_LAYERNORM_H
#define VQ_OPS_LAYERNORM_H

#include "device/launch.h"
#include "device/tune.h"

extern const vq_tunables vq_layernorm_tunables;

/* y [M][D] from x [M][D], gamma [D], beta [D]. stats [M][2] gets each row's mean and rstd for backward; VQ_NO_VIEW leaves them out.
 * y may be x. */
vq_status vq_layernorm_forward(vq_device *device, vq_view y, vq_view stats, vq_view x, vq_view gamma, vq_view beta, int M, int D);

/* dx [M][D] =, dgamma [D] +=, dbeta [D] += from dy [M][D], x, stats, gamma. To dx is added residual [M][D], the gradient of what goes
 * past the layer; VQ_NO_VIEW: nothing does. scratch: vq_layernorm_scratch bytes. dx may be dy. */
vq_status vq_layernorm_backward(vq_device *device, vq_view dx, vq_view dgamma, vq_view dbeta, vq_view scratch, vq_view dy,
                                vq_view x, vq_view stats, vq_view gamma, vq_view residual, int M, int D);
/* Enough for M rows and for fewer. */
size_t vq_layernorm_scratch(const vq_device *device, int M, int D);

#endif

/* Sine with a learned frequency, the activation of implicit filters (Sitzmann et al., arXiv 2006.09661): y[m][c] = sin(f[c] x[m][c]). */
#ifndef VQ_OPS_SINE_H
#define VQ_OPS_SINE_H

#include "device/launch.h"

/* y [M][C] from x [M][C], f [C]. y may be x. */
vq_status vq_sine_forward(vq_device *device, vq_view y, vq_view x, vq_view f, int M, int C);

/* dx [M][C] =, df [C] += from dy [M][C], x, f. dx may be dy. scratch: vq_sine_scratch bytes, enough for M rows and for fewer. */
vq_status vq_sine_backward(vq_device *device, vq_view dx, vq_view df, vq_view scratch, vq_view dy, vq_view x, vq_view f, int M,
                           int C);
size_t vq_sine_scratch(const vq_device *device, int M, int C);

#endif

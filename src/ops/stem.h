/* First convolution, from one-hot bases, kernel 5, zero padding 2: y[m][c] = bias[c] + sum_t w[c][base(m+t-2)][t], taken over the
 * taps whose row belongs to the piece of row m and holds a known base, by the rows table (uchar4 [M]: .s0 the base, .s1 and .s2 the
 * rows of the piece to the left and to the right, at most 255). w is [C][4][5], as PyTorch's Conv1d(4, C, 5, padding=2). */
#ifndef VQ_OPS_STEM_H
#define VQ_OPS_STEM_H

#include "device/launch.h"
#include "device/tune.h"

extern const vq_tunables vq_stem_tunables;

/* y [M][C] from rows, w, bias [C]. scratch: vq_stem_scratch bytes. */
vq_status vq_stem_forward(vq_device *device, vq_view y, vq_view scratch, vq_view rows, vq_view w, vq_view bias, int M, int C);

/* dw [C][4][5] +=, dbias [C] += from dy [M][C]. */
vq_status vq_stem_backward(vq_device *device, vq_view dw, vq_view dbias, vq_view scratch, vq_view dy, vq_view rows, int M, int C);

/* Of both. */
size_t vq_stem_scratch(const vq_device *device, int M, int C);

#endif

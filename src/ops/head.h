/* Last convolution, from C channels to the logits of the 4 bases, kernel 5, zero padding 2: y[m][o] = bias[o] + sum_{t,c}
 * w[o][c][t] x[m+t-2][c], taken over the taps whose row belongs to the piece of row m by the rows table (uchar4 [M]: .s1 and .s2
 * are the rows of the piece to the left and to the right, at most 255). w is [4][C][5], as PyTorch's Conv1d(C, 4, 5, padding=2). */
#ifndef VQ_OPS_HEAD_H
#define VQ_OPS_HEAD_H

#include "device/launch.h"
#include "device/tune.h"

extern const vq_tunables vq_head_tunables;

/* y [M][4] from x [M][C], rows, w, bias [4]. scratch: vq_head_scratch bytes. */
vq_status vq_head_forward(vq_device *device, vq_view y, vq_view scratch, vq_view x, vq_view rows, vq_view w, vq_view bias, int M,
                          int C);

/* dx [M][C] =, dw [4][C][5] +=, dbias [4] += from dy [M][4]. */
vq_status vq_head_backward(vq_device *device, vq_view dx, vq_view dw, vq_view dbias, vq_view scratch, vq_view dy, vq_view x,
                           vq_view rows, vq_view w, int M, int C);

/* Of both. */
size_t vq_head_scratch(const vq_device *device, int M, int C);

#endif

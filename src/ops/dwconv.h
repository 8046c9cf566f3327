/* Depth-wise convolution over rows, of T taps, 3 or 7, with zero padding T/2: y[m][d] = bias[d] + sum_t w[d][t] x[m+t-T/2][d], taken
 * over the taps whose row belongs to the piece of row m by the rows table (uchar4 [M]: .s1 and .s2 are the rows of the piece to the
 * left and to the right, at most 255). w is [D][1][T], as PyTorch's Conv1d(D, D, T, padding=T//2, groups=D). */
#ifndef VQ_OPS_DWCONV_H
#define VQ_OPS_DWCONV_H

#include "device/launch.h"
#include "device/tune.h"

extern const vq_tunables vq_dwconv_tunables;

/* y [M][D] from x [M][D], rows, w, bias [D]. scratch: vq_dwconv_scratch bytes. */
vq_status vq_dwconv_forward(vq_device *device, vq_view y, vq_view scratch, vq_view x, vq_view rows, vq_view w, vq_view bias, int M,
                            int D, int T);

/* dx [M][D] = add + the transposed convolution of dy, dw [D][1][T] +=, dbias [D] +=. add [M][D] is the gradient of a residual that
 * went around the convolution, or VQ_NO_VIEW; it may be dx but not dy. */
vq_status vq_dwconv_backward(vq_device *device, vq_view dx, vq_view dw, vq_view dbias, vq_view scratch, vq_view dy, vq_view add,
                             vq_view x, vq_view rows, vq_view w, int M, int D, int T);

/* Of both; enough for M rows and for fewer. */
size_t vq_dwconv_scratch(const vq_device *device, int M, int D, int T);

#endif

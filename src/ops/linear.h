/* Linear layer: y[m][o] = sum_i x[m][i] W[o][i] + b[o], alone or with GELU or a residual behind it.
 * M rows, `in` and `out` channels. W [out][in], b [out] as in PyTorch. `work` has vq_linear_scratch() bytes, the same for all
 * functions of a shape; outputs overlap no other view. The products are those of ops/gemm.h. */
#ifndef VQ_OPS_LINEAR_H
#define VQ_OPS_LINEAR_H

#include "device/launch.h"

/* Enough for M rows and for fewer. */
size_t vq_linear_scratch(vq_device *device, int M, int in, int out);

/* y [M][out] = x W^T + b */
vq_status vq_linear_forward(vq_device *device, vq_view y, vq_view work, vq_view x, vq_view W, vq_view b, int M, int in, int out);

/* pre = x W^T + b, y = gelu(pre), both [M][out]. pre is what backward needs; VQ_NO_VIEW: not stored. */
vq_status vq_linear_gelu_forward(vq_device *device, vq_view y, vq_view pre, vq_view work, vq_view x, vq_view W, vq_view b, int M,
                                 int in, int out);

/* y = x W^T + b + residual, all [M][out] */
vq_status vq_linear_residual_forward(vq_device *device, vq_view y, vq_view work, vq_view x, vq_view W, vq_view b, vq_view residual,
                                     int M, int in, int out);

/* dx [M][in] = dy W, or (dy W) gelu'(pre) if x was gelu(pre), pre [M][in], which becomes x again: it need not be kept; VQ_NO_VIEW:
 * it was not. The residual's gradient is dy itself. */
vq_status vq_linear_backward_input(vq_device *device, vq_view dx, vq_view work, vq_view dy, vq_view W, vq_view pre, int M, int in,
                                   int out);

/* dW [out][in] += dy^T x, db [out] += column sums of dy. dW may be VQ_NO_VIEW: it is not asked for. */
vq_status vq_linear_backward_weight(vq_device *device, vq_view dW, vq_view db, vq_view work, vq_view dy, vq_view x, int M, int in,
                                    int out);

#endif

#include "ops/linear.h"

#include "base/integer.h"
#include "ops/gemm.h"
#include "ops/reduce.h"

#include <stdio.h>

size_t vq_linear_scratch(vq_device *device, int M, int in, int out) {
    size_t forward = vq_gemm_scratch(device, M, out, in, false, true), input = vq_gemm_scratch(device, M, in, out, false, false);
    size_t weight = vq_gemm_scratch(device, out, in, M, true, false);
    size_t bias = vq_reduce_scratch(device, M, out);
    return vq_max(vq_max(forward, input), vq_max(weight, bias));
}

/* ---- Forward ----------------------------------------------------------------------------------------------------------------- */

static vq_status product(vq_device *device, vq_view y, vq_view work, vq_view x, vq_view W, int M, int in, int out,
                         vq_gemm_end end) {
    return vq_gemm(device, y, x, W, work, M, out, in, false, true, end);
}

vq_status vq_linear_forward(vq_device *device, vq_view y, vq_view work, vq_view x, vq_view W, vq_view b, int M, int in, int out) {
    return product(device, y, work, x, W, M, in, out, (vq_gemm_end){.kind = VQ_GEMM_BIAS, .bias = b});
}

vq_status vq_linear_gelu_forward(vq_device *device, vq_view y, vq_view pre, vq_view work, vq_view x, vq_view W, vq_view b, int M,
                                 int in, int out) {
    return product(device, y, work, x, W, M, in, out, (vq_gemm_end){.kind = VQ_GEMM_BIAS_GELU, .bias = b, .pre = pre});
}

vq_status vq_linear_residual_forward(vq_device *device, vq_view y, vq_view work, vq_view x, vq_view W, vq_view b, vq_view residual,
                                     int M, int in, int out) {
    return product(device, y, work, x, W, M, in, out,
                   (vq_gemm_end){.kind = VQ_GEMM_BIAS_RESIDUAL, .bias = b, .residual = residual});
}

/* ---- Backward ---------------------------------------------------------------------------------------------------------------- */

vq_status vq_linear_backward_input(vq_device *device, vq_view dx, vq_view work, vq_view dy, vq_view W, vq_view pre, int M, int in,
                                   int out) {
    vq_gemm_end end = {.kind = pre.mem ? VQ_GEMM_GELU_GRAD : VQ_GEMM_STORE, .pre = pre};
    return vq_gemm(device, dx, dy, W, work, M, in, out, false, false, end);
}

/* A CPU reads whole lines of several registers. */
static vq_status bias_gradient(vq_device *device, vq_view db, vq_view work, vq_view dy, int M, int out) {
    const vq_shape kernels = vq_shape_of(device, "linear");
    if (kernels.family == VQ_FAMILY_GPU)
        return vq_reduce_rows(device, db, dy, work, M, out, true);
    int strip = 8, columns = strip * kernels.width;
    int chunk = vq_chunk_rows(device, M), parts = vq_chunk_count(device, M);
    char options[32];
    snprintf(options, sizeof options, "-DSTRIP=%d", strip);
    VQ_TRY(vq_run(device, "linear", "linear_bias_partial", options,
                  vq_grid2((size_t)vq_ceil_div_int(out, columns), (size_t)parts, 1, 1), vq_in(work), vq_in(dy), vq_int(M),
                  vq_int(out), vq_int(chunk)));
    return vq_reduce_rows(device, db, work, VQ_NO_VIEW, parts, out, true);
}

vq_status vq_linear_backward_weight(vq_device *device, vq_view dW, vq_view db, vq_view work, vq_view dy, vq_view x, int M, int in,
                                    int out) {
    if (M == 0)
        return VQDNA_OK;
    VQ_TRY(bias_gradient(device, db, work, dy, M, out));
    if (!dW.mem)
        return VQDNA_OK;
    return vq_gemm(device, dW, dy, x, work, out, in, M, true, false, (vq_gemm_end){.kind = VQ_GEMM_ADD});
}

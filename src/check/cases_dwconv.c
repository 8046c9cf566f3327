#include "check/case_rows.h"
#include "ops/dwconv.h"
#include "ops/reduce.h"

/* dims: M D, whether backward is given the gradient of a residual, and taps */
static vq_status declare(vq_case *c, const int *dims) {
    const size_t M = (size_t)dims[0], D = (size_t)dims[1];
    vq_case_rows(c, dims[0]);
    vq_case_input(c, "x", M * D, -1, 1);
    vq_case_input(c, "w", D * (size_t)dims[3], -1, 1);
    vq_case_input(c, "bias", D, -1, 1);
    vq_case_output(c, "y", VQ_F32, M * D);
    if (dims[2]) {
        vq_case_output(c, "through", VQ_F32, M * D);
        vq_case_seed(c, "dthrough", "through");
    }
    vq_case_scratch(c, "scratch", vq_dwconv_scratch(vq_case_device(c), dims[0], dims[1], dims[3]));
    vq_case_seed(c, "dy", "y");
    vq_case_gradient(c, "dx", "x", false);
    vq_case_gradient(c, "dw", "w", true);
    vq_case_gradient(c, "dbias", "bias", true);
    return VQDNA_OK;
}

/* The residual that goes around the convolution: through = x. */
static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    const size_t bytes = (size_t)dims[0] * (size_t)dims[1] * sizeof(float);
    if (dims[2])
        VQ_TRY(vq_copy(device, vq_case_view(c, "through"), 0, vq_case_view(c, "x"), 0, bytes));
    return vq_dwconv_forward(device, vq_case_view(c, "y"), vq_case_view(c, "scratch"), vq_case_view(c, "x"),
                             vq_case_view(c, "rows"), vq_case_view(c, "w"), vq_case_view(c, "bias"), dims[0], dims[1], dims[3]);
}

static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    return vq_dwconv_backward(device, vq_case_view(c, "dx"), vq_case_view(c, "dw"), vq_case_view(c, "dbias"),
                              vq_case_view(c, "scratch"), vq_case_view(c, "dy"), dims[2] ? vq_case_view(c, "dthrough") : VQ_NO_VIEW,
                              vq_case_view(c, "x"), vq_case_view(c, "rows"), vq_case_view(c, "w"), dims[0], dims[1], dims[3]);
}

static void reference(vq_case *c, const int *dims) {
    const int M = dims[0], D = dims[1], T = dims[3];
    const double *rows = vq_case_value(c, "rows"), *x = vq_case_value(c, "x"), *w = vq_case_value(c, "w"),
                 *bias = vq_case_value(c, "bias");
    double *y = vq_case_value(c, "y"), *through = dims[2] ? vq_case_value(c, "through") : NULL;
    for (int m = 0; m < M; m++)
        for (int d = 0; d < D; d++) {
            double sum = bias[d];
            for (int t = 0; t < T; t++)
                if (vq_case_reaches(rows, m, t - T / 2))
                    sum += w[T * d + t] * x[(m + t - T / 2) * D + d];
            y[m * D + d] = sum;
            if (through)
                through[m * D + d] = x[m * D + d];
        }
}

static double flops(const int *dims) {
    return 2.0 * dims[0] * dims[1] * dims[3];
}

static double bytes(const int *dims) {
    return 8.0 * dims[0] * dims[1];
}

static const vq_case_shape shapes[] = {
    {{1, 1, 0, 7}},
    {{3, 5, 1, 7}},
    {{70, 16, 0, 7}},
    {{131, 33, 1, 7}, .known = VQ_USE_CODES | VQ_USE_TRAINING},
    {{200, 64, 1, 7}},
    {{1, 3, 0, 3}},
    {{131, 33, 1, 3}},
    {{200, 60, 0, 3}},
    {{4096, 64, 0, 7}, true},
    {{4096, 192, 0, 7}, true},
    {{16384, 384, 0, 7}, true},
    {{16384, 384, 0, 3}, true},
    {{0}},
};

const vq_case_table vq_cases_dwconv = {
    .operation = "dwconv",
    .dims = "M D residual taps",
    .shapes = shapes,
    .tunables = {&vq_dwconv_tunables, &vq_reduce_tunables},
    .tolerance = 1e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
    .bytes = bytes,
};

#include "check/case_rows.h"
#include "ops/head.h"

static vq_status declare(vq_case *c, const int *dims) {
    const size_t M = (size_t)dims[0], C = (size_t)dims[1];
    vq_case_rows(c, dims[0]);
    vq_case_input(c, "x", M * C, -1, 1);
    vq_case_input(c, "w", C * 20, -1, 1);
    vq_case_input(c, "bias", 4, -1, 1);
    vq_case_output(c, "y", VQ_F32, M * 4);
    vq_case_scratch(c, "scratch", vq_head_scratch(vq_case_device(c), dims[0], dims[1]));
    vq_case_seed(c, "dy", "y");
    vq_case_gradient(c, "dx", "x", false);
    vq_case_gradient(c, "dw", "w", true);
    vq_case_gradient(c, "dbias", "bias", true);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    return vq_head_forward(device, vq_case_view(c, "y"), vq_case_view(c, "scratch"), vq_case_view(c, "x"), vq_case_view(c, "rows"),
                           vq_case_view(c, "w"), vq_case_view(c, "bias"), dims[0], dims[1]);
}

static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    return vq_head_backward(device, vq_case_view(c, "dx"), vq_case_view(c, "dw"), vq_case_view(c, "dbias"),
                            vq_case_view(c, "scratch"), vq_case_view(c, "dy"), vq_case_view(c, "x"), vq_case_view(c, "rows"),
                            vq_case_view(c, "w"), dims[0], dims[1]);
}

static void reference(vq_case *c, const int *dims) {
    const int M = dims[0], C = dims[1];
    const double *rows = vq_case_value(c, "rows"), *x = vq_case_value(c, "x"), *w = vq_case_value(c, "w"),
                 *bias = vq_case_value(c, "bias");
    double *y = vq_case_value(c, "y");
    for (int m = 0; m < M; m++)
        for (int o = 0; o < 4; o++) {
            double sum = bias[o];
            for (int t = 0; t < 5; t++)
                for (int i = 0; i < C && vq_case_reaches(rows, m, t - 2); i++)
                    sum += w[(o * C + i) * 5 + t] * x[(m + t - 2) * C + i];
            y[4 * m + o] = sum;
        }
}

static double flops(const int *dims) {
    return 40.0 * dims[0] * dims[1];
}

static double bytes(const int *dims) {
    return 4.0 * dims[0] * (dims[1] + 4);
}

static const vq_case_shape shapes[] = {
    {{1, 1}},
    {{3, 5}},
    {{70, 32}, .known = VQ_USE_TRAINING},
    {{131, 19}},
    {{150, 72}},
    {{4096, 32}, true},
    {{4096, 128}, true},
    {{16384, 256}, true},
    {{0}},
};

const vq_case_table vq_cases_head = {
    .operation = "head",
    .dims = "M C",
    .shapes = shapes,
    .tunables = {&vq_head_tunables},
    .tolerance = 2e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
    .bytes = bytes,
};

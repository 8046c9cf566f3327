#include "check/case_rows.h"
#include "ops/stem.h"

static vq_status declare(vq_case *c, const int *dims) {
    const size_t M = (size_t)dims[0], C = (size_t)dims[1];
    vq_case_rows(c, dims[0]);
    vq_case_input(c, "w", C * 20, -1, 1);
    vq_case_input(c, "bias", C, -1, 1);
    vq_case_output(c, "y", VQ_F32, M * C);
    vq_case_scratch(c, "scratch", vq_stem_scratch(vq_case_device(c), dims[0], dims[1]));
    vq_case_seed(c, "dy", "y");
    vq_case_gradient(c, "dw", "w", true);
    vq_case_gradient(c, "dbias", "bias", true);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    return vq_stem_forward(device, vq_case_view(c, "y"), vq_case_view(c, "scratch"), vq_case_view(c, "rows"), vq_case_view(c, "w"),
                           vq_case_view(c, "bias"), dims[0], dims[1]);
}

static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    return vq_stem_backward(device, vq_case_view(c, "dw"), vq_case_view(c, "dbias"), vq_case_view(c, "scratch"),
                            vq_case_view(c, "dy"), vq_case_view(c, "rows"), dims[0], dims[1]);
}

static void reference(vq_case *c, const int *dims) {
    const int M = dims[0], C = dims[1];
    const double *rows = vq_case_value(c, "rows"), *w = vq_case_value(c, "w"), *bias = vq_case_value(c, "bias");
    double *y = vq_case_value(c, "y");
    for (int m = 0; m < M; m++)
        for (int i = 0; i < C; i++) {
            double sum = bias[i];
            for (int t = 0; t < 5; t++)
                if (vq_case_reaches(rows, m, t - 2) && rows[4 * (m + t - 2)] < 4)
                    sum += w[20 * i + 5 * (int)rows[4 * (m + t - 2)] + t];
            y[m * C + i] = sum;
        }
}

static double flops(const int *dims) {
    return 5.0 * dims[0] * dims[1];
}

static double bytes(const int *dims) {
    return 4.0 * dims[0] * dims[1];
}

static const vq_case_shape shapes[] = {
    {{1, 1}},    {{3, 5}},           {{70, 32}},          {{131, 19}, .known = VQ_USE_CODES | VQ_USE_TRAINING},
    {{150, 72}}, {{4096, 32}, true}, {{4096, 128}, true}, {{16384, 256}, true},
    {{0}},
};

const vq_case_table vq_cases_stem = {
    .operation = "stem",
    .dims = "M C",
    .shapes = shapes,
    .tunables = {&vq_stem_tunables},
    .tolerance = 1e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
    .bytes = bytes,
};

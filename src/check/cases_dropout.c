#include "base/rng.h"
#include "check/case.h"
#include "ops/dropout.h"

static const vq_draws draws = {.seed = 0xfedcba9876543210, .step = 0x123456789abcdef0, .stream = VQ_STREAM_TEST};

/* dims: n, p in thousandths, and whether there is a residual */
static vq_status declare(vq_case *c, const int *dims) {
    const size_t n = (size_t)dims[0];
    vq_case_input(c, "x", n, -1, 1);
    if (dims[2])
        vq_case_input(c, "residual", n, -1, 1);
    vq_case_output(c, "y", VQ_F32, n);
    vq_case_seed(c, "dy", "y");
    vq_case_gradient(c, "dx", "x", false);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    const vq_view residual = dims[2] ? vq_case_view(c, "residual") : VQ_NO_VIEW;
    return vq_dropout_forward(device, vq_case_view(c, "y"), vq_case_view(c, "x"), residual, (size_t)dims[0], dims[1] / 1e3, draws);
}

static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    return vq_dropout_backward(device, vq_case_view(c, "dx"), vq_case_view(c, "dy"), (size_t)dims[0], dims[1] / 1e3, draws);
}

static void reference(vq_case *c, const int *dims) {
    const double *x = vq_case_value(c, "x"), *residual = dims[2] ? vq_case_value(c, "residual") : NULL, p = dims[1] / 1e3;
    double *y = vq_case_value(c, "y");
    for (int i = 0; i < dims[0]; i++) {
        const uint32_t word = vq_rng(draws.seed, draws.stream, draws.step, (uint64_t)i / 4).v[i % 4];
        y[i] = (word >> 8 >= p * 0x1p24 ? x[i] / (1 - p) : 0) + (residual ? residual[i] : 0);
    }
}

static double bytes(const int *dims) {
    return (dims[2] ? 12.0 : 8.0) * dims[0];
}

static const vq_case_shape shapes[] = {
    {{1, 500, 0}},
    {{7, 0, 1}},
    {{64, 100, 1}},
    {{1023, 100, 1}, .known = VQ_USE_TRAINING},
    {{1030, 999, 0}},
    {{40001, 250, 0}},
    {{4096 * 1536, 0, 0}, true},
    {{4096 * 1536, 100, 0}, true},
    {{4096 * 1536, 100, 1}, true},
    {{0}},
};

const vq_case_table vq_cases_dropout = {
    .operation = "dropout",
    .dims = "n p/1000 residual",
    .shapes = shapes,
    .tolerance = 1e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .bytes = bytes,
};

#include "ops/dropout.h"

#include "base/rng.h"
#include "check/case.h"

#include <math.h>

/* dims: n, percent dropped, residual */
static const vq_draws draws = {.seed = 0x123456789abcdef0u, .step = 0x300000007u, .stream = 5};

static vq_status declare(vq_case *c, const int *d) {
    const size_t n = (size_t)d[0];
    vq_case_input(c, "x", n, -1, 1);
    if (d[2])
        vq_case_input(c, "residual", n, -1, 1);
    vq_case_output(c, "y", VQ_F32, n);
    vq_case_seed(c, "dy", "y");
    vq_case_gradient(c, "dx", "x", false);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    return vq_dropout_forward(device, vq_case_view(c, "y"), vq_case_view(c, "x"), d[2] ? vq_case_view(c, "residual") : VQ_NO_VIEW,
                              (size_t)d[0], d[1] / 100.0, draws);
}

static vq_status backward(vq_case *c, vq_device *device, const int *d) {
    return vq_dropout_backward(device, vq_case_view(c, "dx"), vq_case_view(c, "dy"), (size_t)d[0], d[1] / 100.0, draws);
}

static void reference(vq_case *c, const int *d) {
    const double *x = vq_case_value(c, "x"), *residual = d[2] ? vq_case_value(c, "residual") : NULL;
    double *y = vq_case_value(c, "y"), p = d[1] / 100.0;
    for (int i = 0; i < d[0]; i++) {
        const vq_rng_block block = vq_rng(draws.seed, draws.stream, draws.step, (uint64_t)i / 4);
        y[i] = (block.v[i % 4] >> 8) >= p * (1 << 24) ? x[i] / (1 - p) : 0;
        y[i] += residual ? residual[i] : 0;
    }
}

static double bytes(const int *d) {
    return 4.0 * d[0] * (d[2] ? 3 : 2);
}

static const vq_case_shape shapes[] = {
    {{1, 50, 0}},
    {{7, 10, 1}},
    {{64, 0, 1}},
    {{1023, 25, 1}, .known = VQ_USE_TRAINING},
    {{40001, 10, 0}},
    {{40003, 0, 0}},
    {{4096 * 768, 10, 1}, true},
    {{4096 * 768, 0, 1}, true},
    {{0}},
};

const vq_case_table vq_cases_dropout = {
    .operation = "dropout",
    .dims = "n percent residual",
    .shapes = shapes,
    .tolerance = 1e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .bytes = bytes,
};

#include "ops/reduce.h"

#include "check/case.h"

/* dims: M N add */
static vq_status declare(vq_case *c, const int *d) {
    size_t M = (size_t)d[0], N = (size_t)d[1];
    vq_case_input(c, "x", M * N, -1, 1);
    vq_case_inout(c, "out", N, -1, 1);
    vq_case_scratch(c, "scratch", 64 * N * sizeof(float));
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    return vq_reduce_rows(device, vq_case_view(c, "out"), vq_case_view(c, "x"), vq_case_view(c, "scratch"), d[0], d[1], d[2]);
}

static void reference(vq_case *c, const int *d) {
    const double *x = vq_case_value(c, "x"), *before = vq_case_before(c, "out");
    double *out = vq_case_value(c, "out");
    for (int n = 0; n < d[1]; n++) {
        out[n] = d[2] ? before[n] : 0;
        for (int m = 0; m < d[0]; m++)
            out[n] += x[(size_t)m * (size_t)d[1] + (size_t)n];
    }
}

static double bytes(const int *d) {
    return 4.0 * d[0] * d[1];
}

static const vq_case_shape shapes[] = {
    {{1, 1, 0}},           {{3, 17, 1}}, {{65, 33, 1}}, {{200, 5, 0}, .known = VQ_USE_TRAINING}, {{4096, 384, 1}, true},
    {{2048, 64, 1}, true}, {{0}},
};

const vq_case_table vq_cases_reduce = {
    .operation = "reduce",
    .dims = "M N add",
    .shapes = shapes,
    .tolerance = 1e-5,
    .declare = declare,
    .forward = forward,
    .reference = reference,
    .bytes = bytes,
};

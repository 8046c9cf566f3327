#include "check/case.h"
#include "ops/dropout.h"
#include "ops/layernorm.h"

#include <math.h>

/* dims: M D past. past: y is that of the layer and what goes past it, so that dy is a part of dx. */

static vq_status declare(vq_case *c, const int *dims) {
    const size_t M = (size_t)dims[0], D = (size_t)dims[1];
    vq_case_input(c, "x", M * D, -1, 3);
    vq_case_input(c, "gamma", D, -1, 1);
    vq_case_input(c, "beta", D, -1, 1);
    vq_case_output(c, "y", VQ_F32, M * D);
    vq_case_output(c, "stats", VQ_F32, M * 2);
    vq_case_scratch(c, "scratch", 2 * 64 * D * sizeof(float));
    vq_case_seed(c, "dy", "y");
    vq_case_gradient(c, "dx", "x", false);
    vq_case_gradient(c, "dgamma", "gamma", true);
    vq_case_gradient(c, "dbeta", "beta", true);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    const vq_view x = vq_case_view(c, "x"), y = vq_case_view(c, "y");
    VQ_TRY(vq_layernorm_forward(device, y, vq_case_view(c, "stats"), x, vq_case_view(c, "gamma"), vq_case_view(c, "beta"), dims[0],
                                dims[1]));
    return dims[2] ? vq_dropout_forward(device, y, y, x, (size_t)dims[0] * (size_t)dims[1], 0, (vq_draws){0}) : VQDNA_OK;
}

static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    return vq_layernorm_backward(device, vq_case_view(c, "dx"), vq_case_view(c, "dgamma"), vq_case_view(c, "dbeta"),
                                 vq_case_view(c, "scratch"), vq_case_view(c, "dy"), vq_case_view(c, "x"), vq_case_view(c, "stats"),
                                 vq_case_view(c, "gamma"), dims[2] ? vq_case_view(c, "dy") : VQ_NO_VIEW, dims[0], dims[1]);
}

static void reference(vq_case *c, const int *dims) {
    const int M = dims[0], D = dims[1];
    const double *x = vq_case_value(c, "x"), *gamma = vq_case_value(c, "gamma"), *beta = vq_case_value(c, "beta");
    double *y = vq_case_value(c, "y"), *stats = vq_case_value(c, "stats");
    for (int m = 0; m < M; m++) {
        double mean = 0, variance = 0;
        for (int d = 0; d < D; d++)
            mean += x[m * D + d] / D;
        for (int d = 0; d < D; d++)
            variance += (x[m * D + d] - mean) * (x[m * D + d] - mean) / D;
        const double rstd = 1 / sqrt(variance + 1e-5);
        stats[2 * m] = mean;
        stats[2 * m + 1] = rstd;
        for (int d = 0; d < D; d++)
            y[m * D + d] = (x[m * D + d] - mean) * rstd * gamma[d] + beta[d] + (dims[2] ? x[m * D + d] : 0);
    }
}

/* Mean, variance, and the scaled and shifted result. */
static double flops(const int *dims) {
    return 8.0 * dims[0] * dims[1];
}

static double bytes(const int *dims) {
    return 8.0 * dims[0] * dims[1];
}

static const vq_case_shape shapes[] = {
    {{1, 1}},
    {{3, 5}},
    {{2, 32}},
    {{70, 48}},
    {{67, 35, 1}},
    {{131, 67}, .known = VQ_USE_CODES | VQ_USE_TRAINING},
    {{150, 200}},
    {{4096, 64}, true},
    {{4096, 192}, true},
    {{16384, 384}, true},
    {{0}},
};

const vq_case_table vq_cases_layernorm = {
    .operation = "layernorm",
    .dims = "M D past",
    .shapes = shapes,
    .tunables = {&vq_layernorm_tunables},
    .tolerance = 2e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
    .bytes = bytes,
};

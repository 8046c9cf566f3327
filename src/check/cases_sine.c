#include "check/case.h"
#include "ops/sine.h"

#include <math.h>

/* dims: M C */
static vq_status declare(vq_case *c, const int *dims) {
    const size_t M = (size_t)dims[0], C = (size_t)dims[1];
    vq_case_input(c, "x", M * C, -2, 2);
    vq_case_input(c, "f", C, 1, 12);
    vq_case_output(c, "y", VQ_F32, M * C);
    vq_case_scratch(c, "scratch", vq_sine_scratch(vq_case_device(c), dims[0], dims[1]));
    vq_case_seed(c, "dy", "y");
    vq_case_gradient(c, "dx", "x", false);
    vq_case_gradient(c, "df", "f", true);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    return vq_sine_forward(device, vq_case_view(c, "y"), vq_case_view(c, "x"), vq_case_view(c, "f"), dims[0], dims[1]);
}

static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    return vq_sine_backward(device, vq_case_view(c, "dx"), vq_case_view(c, "df"), vq_case_view(c, "scratch"), vq_case_view(c, "dy"),
                            vq_case_view(c, "x"), vq_case_view(c, "f"), dims[0], dims[1]);
}

static void reference(vq_case *c, const int *dims) {
    const double *x = vq_case_value(c, "x"), *f = vq_case_value(c, "f");
    double *y = vq_case_value(c, "y");
    for (int i = 0; i < dims[0] * dims[1]; i++)
        y[i] = sin(f[i % dims[1]] * x[i]);
}

static double bytes(const int *dims) {
    return 8.0 * dims[0] * dims[1];
}

static const vq_case_shape shapes[] = {
    {{1, 1}}, {{3, 5}}, {{70, 64}}, {{131, 33}, .known = VQ_USE_TRAINING}, {{4100, 7}}, {{65536, 64}, true}, {{0}}};

const vq_case_table vq_cases_sine = {
    .operation = "sine",
    .dims = "M C",
    .shapes = shapes,
    .tolerance = 2e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .bytes = bytes,
};

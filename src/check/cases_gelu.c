#include "check/case.h"
#include "ops/gelu.h"

#include <math.h>

static vq_status declare(vq_case *c, const int *dims) {
    const size_t n = (size_t)dims[0];
    vq_case_input(c, "x", n, -7, 7);
    vq_case_output(c, "y", VQ_F32, n);
    vq_case_seed(c, "dy", "y");
    vq_case_gradient(c, "dx", "x", false);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    return vq_gelu_forward(device, vq_case_view(c, "y"), vq_case_view(c, "x"), dims[0]);
}

static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    return vq_gelu_backward(device, vq_case_view(c, "dx"), vq_case_view(c, "dy"), vq_case_view(c, "x"), dims[0]);
}

static void reference(vq_case *c, const int *dims) {
    const double *x = vq_case_value(c, "x");
    double *y = vq_case_value(c, "y");
    for (int i = 0; i < dims[0]; i++)
        y[i] = 0.5 * x[i] * erfc(-x[i] / sqrt(2));
}

static double bytes(const int *dims) {
    return 8.0 * dims[0];
}

static const vq_case_shape shapes[] = {{{1}}, {{7}}, {{64}}, {{1023}, .known = VQ_USE_TRAINING}, {{40001}}, {{4096 * 1536}, true},
                                       {{0}}};

const vq_case_table vq_cases_gelu = {
    .operation = "gelu",
    .dims = "n",
    .shapes = shapes,
    .tolerance = 1e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .bytes = bytes,
};

#include "ops/linear.h"

#include "check/case.h"

#include <math.h>

/* dims: M in out kind; the kinds are forward's three, and 3: x is gelu(pre), so that the gradient asked for is that of pre. */
enum { PLAIN = 0, GELU = 1, RESIDUAL = 2, AFTER_GELU = 3 };

static vq_status declare(vq_case *c, const int *d) {
    size_t M = (size_t)d[0], in = (size_t)d[1], out = (size_t)d[2];
    vq_case_input(c, d[3] == AFTER_GELU ? "pre" : "x", M * in, -2, 2);
    vq_case_input(c, "W", out * in, -1, 1);
    vq_case_input(c, "b", out, -1, 1);
    if (d[3] == AFTER_GELU)
        vq_case_output(c, "x", VQ_F32, M * in);
    if (d[3] == RESIDUAL)
        vq_case_input(c, "residual", M * out, -1, 1);
    vq_case_output(c, "y", VQ_F32, M * out);
    if (d[3] == GELU)
        vq_case_output(c, "hidden", VQ_F32, M * out);
    vq_case_scratch(c, "work", vq_linear_scratch(vq_case_device(c), d[0], d[1], d[2]));
    vq_case_seed(c, "dy", "y");
    vq_case_gradient(c, "dx", d[3] == AFTER_GELU ? "pre" : "x", false);
    vq_case_gradient(c, "dW", "W", true);
    vq_case_gradient(c, "db", "b", true);
    if (d[3] == AFTER_GELU) {
        vq_case_input(c, "eye", in * in, 0, 0);
        vq_case_input(c, "zero", in, 0, 0);
        double *eye = vq_case_value(c, "eye");
        for (size_t i = 0; i < in && eye; i++)
            eye[i * in + i] = 1;
        vq_case_scratch(c, "first", vq_linear_scratch(vq_case_device(c), d[0], d[1], d[1]));
        vq_case_scratch(c, "copy", M * in * sizeof(float));
    }
    return VQDNA_OK;
}

static vq_view view(vq_case *c, const char *name) {
    return vq_case_view(c, name);
}

/* With GELU, y is what precedes it: its gradient is what backward is given. */
static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    if (d[3] == GELU)
        return vq_linear_gelu_forward(device, view(c, "hidden"), view(c, "y"), view(c, "work"), view(c, "x"), view(c, "W"),
                                      view(c, "b"), d[0], d[1], d[2]);
    if (d[3] == RESIDUAL)
        return vq_linear_residual_forward(device, view(c, "y"), view(c, "work"), view(c, "x"), view(c, "W"), view(c, "b"),
                                          view(c, "residual"), d[0], d[1], d[2]);
    if (d[3] == AFTER_GELU) /* a layer that is the identity, so that x = gelu(pre) */
        VQ_TRY(vq_linear_gelu_forward(device, view(c, "x"), view(c, "copy"), view(c, "first"), view(c, "pre"), view(c, "eye"),
                                      view(c, "zero"), d[0], d[1], d[1]));
    return vq_linear_forward(device, view(c, "y"), view(c, "work"), view(c, "x"), view(c, "W"), view(c, "b"), d[0], d[1], d[2]);
}

static vq_status backward(vq_case *c, vq_device *device, const int *d) {
    vq_view pre = d[3] == AFTER_GELU ? view(c, "copy") : VQ_NO_VIEW;
    VQ_TRY(vq_linear_backward_weight(device, view(c, "dW"), view(c, "db"), view(c, "work"), view(c, "dy"), view(c, "x"), d[0], d[1],
                                     d[2]));
    return vq_linear_backward_input(device, view(c, "dx"), view(c, "work"), view(c, "dy"), view(c, "W"), pre, d[0], d[1], d[2]);
}

static double gelu(double x) {
    return 0.5 * x * erfc(-x / sqrt(2));
}

static void reference(vq_case *c, const int *d) {
    const size_t M = (size_t)d[0], in = (size_t)d[1], out = (size_t)d[2];
    double *x = vq_case_value(c, "x"), *y = vq_case_value(c, "y");
    const double *W = vq_case_value(c, "W"), *b = vq_case_value(c, "b");
    if (d[3] == AFTER_GELU)
        for (size_t i = 0; i < M * in; i++)
            x[i] = gelu(vq_case_value(c, "pre")[i]);
    for (size_t m = 0; m < M; m++)
        for (size_t o = 0; o < out; o++) {
            double sum = b[o];
            for (size_t i = 0; i < in; i++)
                sum += x[m * in + i] * W[o * in + i];
            if (d[3] == RESIDUAL)
                sum += vq_case_value(c, "residual")[m * out + o];
            if (d[3] == GELU)
                vq_case_value(c, "hidden")[m * out + o] = gelu(sum);
            y[m * out + o] = sum;
        }
}

static double flops(const int *d) {
    return 2.0 * d[0] * d[1] * d[2];
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, PLAIN}},
    {{5, 3, 7, AFTER_GELU}},
    {{13, 33, 17, GELU}},
    {{70, 16, 5, RESIDUAL}},
    {{31, 20, 40, AFTER_GELU}, .known = VQ_USE_TRAINING},
    {{130, 64, 33, PLAIN}},
    {{4096, 384, 1536, GELU}, true},
    {{4096, 1536, 384, RESIDUAL}, true},
    {{2048, 64, 256, GELU}, true},
    {{2048, 256, 64, RESIDUAL}, true},
    {{0}},
};

const vq_case_table vq_cases_linear = {
    .operation = "linear",
    .dims = "M in out kind",
    .shapes = shapes,
    .tolerance = 1e-5,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
};

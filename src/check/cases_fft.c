#include "check/case.h"
#include "check/dft.h"
#include "ops/fft.h"

#include <math.h>
#include <stdlib.h>

/* dims: B N C, and the sign. The gradient is the transform with the other sign. */
static vq_fft_shape shape_of(const int *dims) {
    return (vq_fft_shape){dims[0], dims[1], dims[2]};
}

static vq_status declare(vq_case *c, const int *dims) {
    const vq_fft_shape shape = shape_of(dims);
    const size_t count = 2 * (size_t)dims[0] * (size_t)dims[1] * (size_t)dims[2];
    vq_case_input(c, "in", count, -1, 1);
    vq_case_output(c, "out", VQ_F32, count);
    vq_case_scratch(c, "scratch", vq_fft_scratch(vq_case_device(c), &shape));
    vq_case_seed(c, "dout", "out");
    vq_case_gradient(c, "din", "in", false);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    const vq_fft_shape shape = shape_of(dims);
    return vq_fft(device, vq_case_view(c, "out"), vq_case_view(c, "in"), vq_case_view(c, "scratch"), &shape, dims[3]);
}

/* In place, as it may be. */
static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    const vq_fft_shape shape = shape_of(dims);
    const vq_view din = vq_case_view(c, "din");
    VQ_TRY(vq_copy(device, din, 0, vq_case_view(c, "dout"), 0,
                   2 * sizeof(float) * (size_t)dims[0] * (size_t)dims[1] * (size_t)dims[2]));
    return vq_fft(device, din, din, vq_case_view(c, "scratch"), &shape, -dims[3]);
}

static void reference(vq_case *c, const int *dims) {
    const size_t N = (size_t)dims[1], C = (size_t)dims[2], plane = (size_t)dims[0] * N * C;
    const double *in = vq_case_value(c, "in");
    double *out = vq_case_value(c, "out"), (*series)[2] = malloc(2 * N * sizeof *series);
    for (size_t b = 0; b < (size_t)dims[0]; b++)
        for (size_t d = 0; d < C; d++) {
            const size_t at = b * N * C + d;
            for (size_t n = 0; n < N && series; n++) {
                series[n][0] = in[at + n * C];
                series[n][1] = in[plane + at + n * C];
            }
            const bool failed = !series || vq_dft(series + N, (const double(*)[2])series, dims[1], dims[3]) < 0;
            for (size_t n = 0; n < N; n++) {
                out[at + n * C] = failed ? NAN : series[N + n][0];
                out[plane + at + n * C] = failed ? NAN : series[N + n][1];
            }
        }
    free(series);
}

static double flops(const int *dims) {
    return 5.0 * dims[0] * dims[1] * dims[2] * log2(dims[1]);
}

static double bytes(const int *dims) {
    return 16.0 * dims[0] * dims[1] * dims[2];
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, -1}},
    {{2, 2, 3, 1}},
    {{1, 5, 9, -1}},
    {{3, 12, 8, 1}},
    {{1, 64, 1, -1}},
    {{5, 30, 17, -1}},
    {{1, 360, 16, -1}},
    {{2, 1024, 24, 1}},
    {{1, 2025, 1, 1}},
    {{1, 5000, 32, -1}},
    {{3, 4096, 5, -1}},
    {{16, 1024, 128, -1}, true},
    {{4, 4096, 128, -1}, true},
    {{1, 16384, 128, -1}, true},
    {{1, 65536, 128, -1}, true},
    {{1, 131072, 256, -1}, true},
    {{1, 1048576, 16, -1}, true},
    {{0}},
};

const vq_case_table vq_cases_fft = {
    .operation = "fft",
    .dims = "B N C sign",
    .shapes = shapes,
    .tunables = {&vq_fft_tunables},
    .tolerance = 1e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
    .bytes = bytes,
};

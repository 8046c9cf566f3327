#include "check/case.h"
#include "ops/lagfilter.h"

#include <math.h>
#include <stdlib.h>

/* dims: L C span */
static vq_status declare(vq_case *c, const int *dims) {
    const size_t L = (size_t)dims[0], C = (size_t)dims[1];
    vq_case_input(c, "k", L * 2 * C, -1, 1);
    vq_case_output(c, "h", VQ_F32, (2 * L - 1) * C);
    vq_case_seed(c, "dh", "h");
    vq_case_gradient(c, "dk", "k", false);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    return vq_lagfilter_forward(device, vq_case_view(c, "h"), vq_case_view(c, "k"), dims[0], dims[1], dims[2]);
}

static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    return vq_lagfilter_backward(device, vq_case_view(c, "dk"), vq_case_view(c, "dh"), dims[0], dims[1], dims[2]);
}

static void reference(vq_case *c, const int *dims) {
    const int L = dims[0], C = dims[1];
    const double *k = vq_case_value(c, "k");
    double *h = vq_case_value(c, "h");
    for (int lag = 1 - L; lag < L; lag++)
        for (int j = 0; j < C; j++) {
            const double share = C > 1 ? (double)j / (C - 1) : 0,
                         decay = log(100) / 1.5 + share * (log(100) / 0.3 - log(100) / 1.5);
            h[(lag + L - 1) * C + j] = k[abs(lag) * 2 * C + (lag < 0 ? C : 0) + j] * (exp(-decay * abs(lag) / dims[2]) + 0.05);
        }
}

static double bytes(const int *dims) {
    return 16.0 * dims[0] * dims[1];
}

static const vq_case_shape shapes[] = {{{1, 1, 1}},
                                       {{2, 3, 1}},
                                       {{13, 5, 12}},
                                       {{70, 16, 512}, .known = VQ_USE_TRAINING},
                                       {{131, 33, 131}},
                                       {{65536, 128, 65536}, true},
                                       {{0}}};

const vq_case_table vq_cases_lagfilter = {
    .operation = "lagfilter",
    .dims = "L C span",
    .shapes = shapes,
    .tolerance = 2e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .bytes = bytes,
};

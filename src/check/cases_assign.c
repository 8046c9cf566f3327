#include "ops/assign.h"

#include "check/case.h"

#include <math.h>

/* dims: M D K kind */
enum { RANDOM = 0, TIES = 1, DUPLICATES = 2, NANS = 3 };

static vq_status declare(vq_case *c, const int *d) {
    size_t M = (size_t)d[0], D = (size_t)d[1], K = (size_t)d[2];
    vq_case_input(c, "h", M * D, -1, 1);
    vq_case_input(c, "e", K * D, -1, 1);
    vq_case_output(c, "codes", VQ_I32, M);
    vq_case_scratch(c, "packed", vq_assign_packed_bytes(vq_case_device(c), d[1], d[2]));
    double *h = vq_case_value(c, "h"), *e = vq_case_value(c, "e");
    if (!h || !e)
        return VQDNA_OK;
    if (d[3] == TIES) { /* -1, 0 and 1: sums are exact and many distances equal */
        for (size_t i = 0; i < M * D; i++)
            h[i] = floor(1.5 * h[i] + 0.5);
        for (size_t i = 0; i < K * D; i++)
            e[i] = floor(1.5 * e[i] + 0.5);
    }
    if (d[3] == DUPLICATES) /* the second half repeats the first */
        for (size_t i = K / 2 * D; i < K * D; i++)
            e[i] = e[i - K / 2 * D];
    if (d[3] == NANS)
        for (size_t m = 0; m < M; m += 3)
            h[m * D + m % D] = NAN;
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    VQ_TRY(vq_assign_pack(device, vq_case_view(c, "packed"), vq_case_view(c, "e"), d[1], d[2]));
    return vq_assign_forward(device, vq_case_view(c, "codes"), vq_case_view(c, "h"), vq_case_view(c, "packed"), d[0], d[1], d[2]);
}

static void reference(vq_case *c, const int *d) {
    const size_t M = (size_t)d[0], D = (size_t)d[1], K = (size_t)d[2];
    const double *h = vq_case_value(c, "h"), *e = vq_case_value(c, "e");
    double *codes = vq_case_value(c, "codes");
    for (size_t m = 0; m < M; m++) {
        double nearest = INFINITY;
        codes[m] = 0;
        for (size_t k = 0; k < K; k++) {
            double sum = 0;
            for (size_t i = 0; i < D; i++)
                sum += (h[m * D + i] - e[k * D + i]) * (h[m * D + i] - e[k * D + i]);
            if (sum < nearest) {
                nearest = sum;
                codes[m] = (double)k;
            }
        }
    }
}

static double flops(const int *d) {
    return 2.0 * d[0] * d[1] * d[2];
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, RANDOM}},
    {{9, 1, 40, TIES}},
    {{25, 7, 33, TIES}},
    {{17, 5, 66, DUPLICATES}},
    {{14, 3, 65, NANS}},
    {{30, 16, 31, RANDOM}},
    {{200, 33, 130, TIES}},
    {{301, 64, 256, RANDOM}, .known = VQ_USE_CODES},
    {{40, 600, 100, RANDOM}},
    {{77, 257, 96, DUPLICATES}},
    {{64, 2, 5000, TIES}},
    /* the ends of what a model may have */
    {{5, 1, 1, NANS}},
    {{3, 1024, 5, DUPLICATES}},
    {{50, 1024, 40, RANDOM}},
    {{130, 1000, 33, NANS}},
    {{31, 1024, 130, TIES}},
    {{3, 4096, 3, TIES}},
    {{7, 5, 65536, RANDOM}},
    {{5, 2, 65536, DUPLICATES}},
    {{13, 3, 65535, NANS}},
    {{2, 64, 65536, DUPLICATES}},
    {{9, 1, 65535, TIES}},
    {{8192, 256, 512, RANDOM}, true},
    {{8192, 64, 512, RANDOM}, true},
    {{4096, 384, 1024, RANDOM}, true},
    {{4096, 384, 2048, RANDOM}, true},
    {{4096, 256, 4096, RANDOM}, true},
    {{2048, 1024, 2048, RANDOM}, true},
    {{1024, 256, 65536, RANDOM}, true},
    {{0}},
};

const vq_case_table vq_cases_assign = {
    .operation = "assign",
    .dims = "M D K kind",
    .shapes = shapes,
    .tunables = {&vq_assign_tunables},
    .tolerance = 1e-6,
    .declare = declare,
    .forward = forward,
    .reference = reference,
    .flops = flops,
};

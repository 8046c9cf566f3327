#include "ops/kmeans.h"

#include "check/case.h"

#include <math.h>
#include <stdlib.h>

/* dims: M D K same; same: all rows are equal */
static vq_status declare(vq_case *c, const int *d) {
    const size_t M = (size_t)d[0], D = (size_t)d[1], K = (size_t)d[2];
    vq_case_input(c, "h", M * D, d[3] ? 0.5 : -1, d[3] ? 0.5 : 1);
    vq_case_input(c, "uniforms", K, 0, 1);
    vq_case_input(c, "sums", K * D, -3, 3);
    vq_case_indices(c, "counts", VQ_I32, K, 0, 3);
    vq_case_output(c, "e", VQ_F32, K * D);
    vq_case_inout(c, "moved", K * D, -1, 1);
    vq_case_indices(c, "index", VQ_I32, K, 0, d[0] - 1);
    vq_case_inout(c, "gathered", (K + 1) * D, -1, 1);
    vq_case_scratch(c, "scratch", vq_kmeans_scratch(vq_case_device(c), d[0]));
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    VQ_TRY(vq_kmeans_seed(device, vq_case_view(c, "e"), vq_case_view(c, "h"), vq_case_view(c, "uniforms"),
                          vq_case_view(c, "scratch"), d[0], d[1], d[2]));
    VQ_TRY(vq_kmeans_gather(device, vq_case_view(c, "gathered"), 1, vq_case_view(c, "h"), vq_case_view(c, "index"), d[2], d[1]));
    return vq_kmeans_update(device, vq_case_view(c, "moved"), vq_case_view(c, "sums"), vq_case_view(c, "counts"), d[1], d[2]);
}

static void reference(vq_case *c, const int *d) {
    const size_t M = (size_t)d[0], D = (size_t)d[1], K = (size_t)d[2];
    const double *h = vq_case_value(c, "h"), *uniforms = vq_case_value(c, "uniforms"), *sums = vq_case_value(c, "sums"),
                 *counts = vq_case_value(c, "counts");
    double *e = vq_case_value(c, "e"), *moved = vq_case_value(c, "moved"), *nearest = malloc(M * sizeof *nearest), total = 0;
    for (size_t m = 0; nearest && m < M; m++)
        nearest[m] = INFINITY;
    for (size_t k = 0; nearest && k < K; k++) {
        size_t row = (size_t)(uniforms[k] * (double)M);
        double target = uniforms[k] * total;
        if (k && total > 0)
            for (row = 0; target >= nearest[row]; row++)
                target -= nearest[row];
        for (size_t j = 0; j < D; j++)
            e[k * D + j] = h[row * D + j];
        total = 0;
        for (size_t m = 0; m < M; m++) {
            double distance = 0;
            for (size_t j = 0; j < D; j++)
                distance += (h[m * D + j] - e[k * D + j]) * (h[m * D + j] - e[k * D + j]);
            nearest[m] = fmin(nearest[m], distance);
            total += nearest[m];
        }
    }
    free(nearest);
    const double *index = vq_case_value(c, "index"), *before = vq_case_before(c, "gathered");
    for (size_t i = 0; i < (K + 1) * D; i++) /* row 0 stays */
        vq_case_value(c, "gathered")[i] = i < D ? before[i] : h[(size_t)index[i / D - 1] * D + i % D];
    for (size_t i = 0; i < K * D; i++)
        moved[i] = counts[i / D] > 0 ? sums[i] / counts[i / D] : vq_case_before(c, "moved")[i];
}

static double flops(const int *d) {
    return 3.0 * d[0] * d[1] * d[2];
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, 0}},
    {{1, 3, 4, 0}},
    {{40, 5, 7, 1}},
    {{5, 17, 9, 0}},
    {{65, 16, 12, 0}},
    {{200, 3, 70, 0}, .known = VQ_USE_TRAINING},
    {{1100, 7, 5, 0}},
    {{8192, 64, 1024, 0}, true},
    {{8192, 64, 512, 0}, true},
    {{0}},
};

const vq_case_table vq_cases_kmeans = {
    .operation = "kmeans",
    .dims = "M D K same",
    .shapes = shapes,
    .tolerance = 1e-5,
    .declare = declare,
    .forward = forward,
    .reference = reference,
    .flops = flops,
};

#include "ops/pool.h"

#include "check/case.h"

/* dims: B L D max masked; with a mask the first sequence has no position */
static vq_status declare(vq_case *c, const int *d) {
    const size_t B = (size_t)d[0], M = B * (size_t)d[1], D = (size_t)d[2];
    vq_case_input(c, "x", M * D, -1, 1);
    if (d[4])
        vq_case_indices(c, "mask", VQ_U8, M, 0, 1);
    for (int l = 0; d[4] && vq_case_value(c, "mask") && l < d[1]; l++)
        vq_case_value(c, "mask")[l] = 0;
    vq_case_output(c, "y", VQ_F32, B * D);
    if (d[3])
        vq_case_output(c, "best", VQ_I32, B * D);
    vq_case_seed(c, "dy", "y");
    vq_case_gradient(c, "dx", "x", d[3]);
    return VQDNA_OK;
}

static vq_view mask_of(const vq_case *c, const int *d) {
    return d[4] ? vq_case_view(c, "mask") : VQ_NO_VIEW;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    const vq_view y = vq_case_view(c, "y"), x = vq_case_view(c, "x");
    return d[3] ? vq_pool_max_forward(device, y, vq_case_view(c, "best"), x, mask_of(c, d), d[0], d[1], d[2])
                : vq_pool_mean_forward(device, y, x, mask_of(c, d), d[0], d[1], d[2]);
}

static vq_status backward(vq_case *c, vq_device *device, const int *d) {
    const vq_view dx = vq_case_view(c, "dx"), dy = vq_case_view(c, "dy");
    return d[3] ? vq_pool_max_backward(device, dx, dy, vq_case_view(c, "best"), d[0], d[1], d[2])
                : vq_pool_mean_backward(device, dx, dy, mask_of(c, d), d[0], d[1], d[2]);
}

static void reference(vq_case *c, const int *d) {
    const double *x = vq_case_value(c, "x"), *mask = d[4] ? vq_case_value(c, "mask") : NULL;
    double *y = vq_case_value(c, "y"), *best = d[3] ? vq_case_value(c, "best") : NULL;
    for (int b = 0; b < d[0]; b++)
        for (int j = 0; j < d[2]; j++) {
            double sum = 0, top = 0;
            int at = -1, count = 0;
            for (int l = 0; l < d[1]; l++) {
                const double v = x[((size_t)b * (size_t)d[1] + (size_t)l) * (size_t)d[2] + (size_t)j];
                if (mask && !mask[b * d[1] + l])
                    continue;
                sum += v;
                count++;
                if (at < 0 || v > top) {
                    top = v;
                    at = l;
                }
            }
            const size_t to = (size_t)b * (size_t)d[2] + (size_t)j;
            y[to] = best ? top : count ? sum / count : 0;
            if (best)
                best[to] = at;
        }
}

static double bytes(const int *d) {
    return 4.0 * d[0] * d[2] * (d[1] + 1.0);
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, 0, 0}},
    {{2, 7, 5, 1, 0}},
    {{3, 13, 33, 0, 1}},
    {{5, 17, 40, 0, 0}, .known = VQ_USE_TRAINING},
    {{4, 9, 20, 1, 1}},
    {{3, 70, 129, 1, 1}},
    {{8, 512, 256, 0, 0}, true},
    {{8, 512, 256, 1, 0}, true},
    {{0}},
};

const vq_case_table vq_cases_pool = {
    .operation = "pool",
    .dims = "B L D max masked",
    .shapes = shapes,
    .tolerance = 1e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .bytes = bytes,
};

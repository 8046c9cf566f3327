#include "ops/squareloss.h"

#include "check/case.h"

#include <math.h>

/* dims: n; every fifth target is unknown */
static vq_status declare(vq_case *c, const int *d) {
    vq_case_input(c, "y", (size_t)d[0], -2, 2);
    vq_case_input(c, "targets", (size_t)d[0], -2, 2);
    for (int i = 4; vq_case_value(c, "targets") && i < d[0]; i += 5)
        vq_case_value(c, "targets")[i] = NAN;
    vq_case_inout(c, "metrics", 1, 0, 10);
    vq_case_seed(c, "weights", "metrics");
    vq_case_gradient(c, "dy", "y", false);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    return vq_squareloss(device, vq_case_view(c, "dy"), vq_case_view(c, "metrics"), vq_case_view(c, "y"),
                         vq_case_view(c, "targets"), d[0], (float)vq_case_value(c, "weights")[0]);
}

static void reference(vq_case *c, const int *d) {
    const double *y = vq_case_value(c, "y"), *targets = vq_case_value(c, "targets");
    double sum = vq_case_before(c, "metrics")[0];
    for (int i = 0; i < d[0]; i++)
        sum += isfinite(targets[i]) ? 0.5 * (y[i] - targets[i]) * (y[i] - targets[i]) : 0;
    vq_case_value(c, "metrics")[0] = sum;
}

static double bytes(const int *d) {
    return 12.0 * d[0];
}

static const vq_case_shape shapes[] = {{{1}}, {{7}}, {{64}}, {{1023}, .known = VQ_USE_TRAINING}, {{65536}, true}, {{0}}};

const vq_case_table vq_cases_squareloss = {
    .operation = "squareloss",
    .dims = "n",
    .shapes = shapes,
    .tolerance = 2e-6,
    .declare = declare,
    .forward = forward,
    .reference = reference,
    .bytes = bytes,
};

#include "ops/softmaxloss.h"

#include "check/case.h"

#include <math.h>

/* dims: M C, class weights, outputs besides dlogits; a target of C is unknown */
static vq_status declare(vq_case *c, const int *d) {
    const size_t M = (size_t)d[0], C = (size_t)d[1];
    vq_case_input(c, "logits", M * C, -8, 8);
    vq_case_indices(c, "targets", VQ_I32, M, 0, d[1]);
    if (d[2])
        vq_case_input(c, "class_weights", C, 0.1, 2);
    vq_case_inout(c, "metrics", 2, 0, 10);
    if (d[3])
        vq_case_output(c, "best", VQ_I32, M);
    vq_case_scratch(c, "scratch", vq_softmaxloss_scratch(vq_case_device(c), d[0]));
    vq_case_seed(c, "weights", "metrics"); /* of the two sums; that of the losses is the scale */
    vq_case_gradient(c, "dlogits", "logits", false);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    const float scale = (float)vq_case_value(c, "weights")[0];
    const vq_view weights = d[2] ? vq_case_view(c, "class_weights") : VQ_NO_VIEW, dlogits = vq_case_view(c, "dlogits");
    const vq_view logits = vq_case_view(c, "logits"), targets = vq_case_view(c, "targets"), scratch = vq_case_view(c, "scratch");
    if (d[3])
        return vq_softmaxloss(device, dlogits, vq_case_view(c, "best"), vq_case_view(c, "metrics"), scratch, logits, targets,
                              weights, d[0], d[1], scale);
    VQ_TRY(vq_softmaxloss(device, VQ_NO_VIEW, VQ_NO_VIEW, vq_case_view(c, "metrics"), scratch, logits, targets, weights, d[0], d[1],
                          scale));
    VQ_TRY(vq_copy(device, dlogits, 0, logits, 0, (size_t)d[0] * (size_t)d[1] * sizeof(float)));
    return vq_softmaxloss(device, dlogits, VQ_NO_VIEW, VQ_NO_VIEW, VQ_NO_VIEW, dlogits, targets, weights, d[0], d[1], scale);
}

static void reference(vq_case *c, const int *d) {
    const size_t C = (size_t)d[1];
    const double *targets = vq_case_value(c, "targets"), *weights = d[2] ? vq_case_value(c, "class_weights") : NULL;
    double *metrics = vq_case_value(c, "metrics"), *best = d[3] ? vq_case_value(c, "best") : NULL;
    metrics[0] = vq_case_before(c, "metrics")[0];
    metrics[1] = vq_case_before(c, "metrics")[1];
    for (int m = 0; m < d[0]; m++) {
        const double *z = vq_case_value(c, "logits") + (size_t)m * C;
        const size_t target = (size_t)targets[m];
        size_t top = 0;
        double sum = 0;
        for (size_t k = 0; k < C; k++) {
            sum += exp(z[k]);
            top = z[k] > z[top] ? k : top;
        }
        if (target < C) {
            metrics[0] += (weights ? weights[target] : 1) * (log(sum) - z[target]);
            metrics[1] += top == target;
        }
        if (best)
            best[m] = (double)top;
    }
}

static double bytes(const int *d) {
    return 8.0 * d[0] * d[1] + 4.0 * d[0];
}

static const vq_case_shape shapes[] = {
    {{1, 2, 0, 1}},
    {{33, 2, 1, 1}, .known = VQ_USE_TRAINING},
    {{70, 3, 0, 0}},
    {{131, 37, 1, 1}},
    {{40, 512, 0, 0}},
    {{3, 4097, 1, 1}},
    {{2, 65536, 0, 1}},
    {{1024, 512, 0, 1}, true},
    {{1024, 4096, 0, 1}, true},
    {{64, 65536, 0, 1}, true},
    {{0}},
};

const vq_case_table vq_cases_softmaxloss = {
    .operation = "softmaxloss",
    .dims = "M C weights all",
    .shapes = shapes,
    .tolerance = 2e-6,
    .declare = declare,
    .forward = forward,
    .reference = reference,
    .bytes = bytes,
};

#include "check/case_rows.h"
#include "ops/crossentropy.h"

#include <math.h>

/* dims: M C, and whether the outputs other than dlogits are asked for */
static vq_status declare(vq_case *c, const int *dims) {
    const size_t M = (size_t)dims[0], C = (size_t)dims[1];
    vq_case_rows(c, dims[0]);
    vq_case_input(c, "logits", M * C, -4, 4);
    vq_case_inout(c, "metrics", 2, 0, 10);
    if (dims[2])
        vq_case_output(c, "best", VQ_U8, M);
    vq_case_scratch(c, "scratch", vq_crossentropy_scratch(vq_case_device(c), dims[0]));
    vq_case_seed(c, "weights", "metrics"); /* of the two sums; that of the losses is the scale */
    vq_case_gradient(c, "dlogits", "logits", false);
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    const float scale = (float)vq_case_value(c, "weights")[0];
    const vq_view dlogits = vq_case_view(c, "dlogits"), metrics = vq_case_view(c, "metrics"), scratch = vq_case_view(c, "scratch");
    const vq_view logits = vq_case_view(c, "logits"), rows = vq_case_view(c, "rows");
    if (dims[2])
        return vq_crossentropy(device, dlogits, vq_case_view(c, "best"), metrics, scratch, logits, rows, dims[0], dims[1], scale);
    VQ_TRY(vq_crossentropy(device, dlogits, VQ_NO_VIEW, VQ_NO_VIEW, VQ_NO_VIEW, logits, rows, dims[0], dims[1], scale));
    return vq_crossentropy(device, VQ_NO_VIEW, VQ_NO_VIEW, metrics, scratch, logits, rows, dims[0], dims[1], scale);
}

static void reference(vq_case *c, const int *dims) {
    const int M = dims[0], C = dims[1];
    const double *rows = vq_case_value(c, "rows"), *logits = vq_case_value(c, "logits");
    double *metrics = vq_case_value(c, "metrics"), *best = dims[2] ? vq_case_value(c, "best") : NULL;
    metrics[0] = vq_case_before(c, "metrics")[0];
    metrics[1] = vq_case_before(c, "metrics")[1];
    for (int m = 0; m < M; m++) {
        const double *z = logits + m * C;
        const int target = (int)rows[4 * m];
        int top = 0;
        double sum = 0;
        for (int k = 0; k < C; k++) {
            sum += exp(z[k]);
            top = z[k] > z[top] ? k : top;
        }
        if (target < C) {
            metrics[0] += log(sum) - z[target];
            metrics[1] += top == target;
        }
        if (best)
            best[m] = top;
    }
}

static double bytes(const int *dims) {
    return 8.0 * dims[0] * dims[1] + 5.0 * dims[0];
}

static const vq_case_shape shapes[] = {
    {{1, 4, 1}},    {{3, 3, 1}},  {{70, 4, 0}},         {{131, 4, 1}, .known = VQ_USE_TRAINING},
    {{140, 37, 1}}, {{50, 2, 0}}, {{4096, 4, 1}, true}, {{65536, 4, 1}, true},
    {{0}},
};

const vq_case_table vq_cases_crossentropy = {
    .operation = "crossentropy",
    .dims = "M C all",
    .shapes = shapes,
    .tunables = {&vq_crossentropy_tunables},
    .tolerance = 2e-6,
    .declare = declare,
    .forward = forward,
    .reference = reference,
    .bytes = bytes,
};

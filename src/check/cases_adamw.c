#include "ops/adamw.h"

#include "check/case.h"

#include <math.h>

/* dims: count step clip share; clip and share in thousandths. With a share the parameters move their average and change places with it. */
static vq_adamw_rates rates(const int *d) {
    return (vq_adamw_rates){
        .learning_rate = 1e-2,
        .beta1 = 0.9,
        .beta2 = 0.95,
        .epsilon = 1e-8,
        .weight_decay = 0.1,
        .clip = d[2] / 1000.0,
        .step = (uint64_t)d[1],
    };
}

static vq_status declare(vq_case *c, const int *d) {
    const size_t count = (size_t)d[0];
    const vq_device any = {.family = VQ_FAMILY_CPU};
    vq_case_inout(c, "param", count, -1, 1);
    vq_case_inout(c, "moment1", count, -1, 1);
    vq_case_inout(c, "moment2", count, 0, 1);
    vq_case_inout(c, "grad", count, -1, 1);
    vq_case_inout(c, "average", count, -1, 1);
    vq_case_output(c, "norm_sq", VQ_F32, 1);
    vq_case_scratch(c, "scratch", vq_adamw_scratch(&any, count));
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    const vq_view norm_sq = vq_case_view(c, "norm_sq"), grad = vq_case_view(c, "grad");
    const vq_view param = vq_case_view(c, "param"), average = vq_case_view(c, "average");
    VQ_TRY(vq_adamw_norm(device, norm_sq, grad, vq_case_view(c, "scratch"), (size_t)d[0]));
    VQ_TRY(vq_adamw_step(device, param, vq_case_view(c, "moment1"), vq_case_view(c, "moment2"), grad, d[2] ? norm_sq : VQ_NO_VIEW,
                         (size_t)d[0], rates(d)));
    if (!d[3])
        return VQDNA_OK;
    VQ_TRY(vq_adamw_average(device, average, param, (size_t)d[0], d[3] / 1000.0));
    return vq_adamw_swap(device, param, average, (size_t)d[0]);
}

static void reference(vq_case *c, const int *d) {
    const vq_adamw_rates r = rates(d);
    const double *g = vq_case_before(c, "grad"), c1 = 1 - pow(r.beta1, d[1]), c2 = 1 - pow(r.beta2, d[1]);
    double *p = vq_case_value(c, "param"), *m = vq_case_value(c, "moment1"), *v = vq_case_value(c, "moment2"), norm_sq = 0;
    for (int i = 0; i < d[0]; i++)
        norm_sq += g[i] * g[i];
    *vq_case_value(c, "norm_sq") = norm_sq;
    const double scale = r.clip > 0 ? fmin(1, r.clip / sqrt(norm_sq)) : 1;
    for (int i = 0; i < d[0]; i++) {
        const double x = g[i] * scale;
        m[i] = r.beta1 * vq_case_before(c, "moment1")[i] + (1 - r.beta1) * x;
        v[i] = r.beta2 * vq_case_before(c, "moment2")[i] + (1 - r.beta2) * x * x;
        p[i] = vq_case_before(c, "param")[i] * (1 - r.learning_rate * r.weight_decay) -
               r.learning_rate / c1 * m[i] / (sqrt(v[i] / c2) + r.epsilon);
        vq_case_value(c, "grad")[i] = 0;
        const double mean = vq_case_before(c, "average")[i], moved = p[i];
        if (d[3])
            p[i] = mean + d[3] / 1000.0 * (moved - mean);
        vq_case_value(c, "average")[i] = d[3] ? moved : mean;
    }
}

static double bytes(const int *d) {
    return 4.0 * d[0] * (1 + 4 + 4);
}

static const vq_case_shape shapes[] = {
    {{1, 1, 0, 1000}},
    {{1, 3, 500}},
    {{31, 2, 1000000, 250}},
    {{512, 7, 1000}, .known = VQ_USE_TRAINING},
    {{8205, 1, 1000}},
    {{9001, 40, 0, 10}},
    {{400000, 9, 1000}, true},
    {{16000000, 9, 1000}, true},
    {{0}},
};

const vq_case_table vq_cases_adamw = {
    .operation = "adamw",
    .dims = "count step clip share",
    .shapes = shapes,
    .tolerance = 1e-5,
    .declare = declare,
    .forward = forward,
    .reference = reference,
    .bytes = bytes,
};

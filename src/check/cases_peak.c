#include "ops/peak.h"

#include "check/case.h"

/* dims: what n width chains steps. For FMA n is the number of work-items. */
enum { FMA = 1, COPY, TRIAD, COUNT };
static const float factor = 0.875f, summand = 0.25f;

static size_t floats(const int *d) {
    return (size_t)d[1] * (d[0] == FMA ? (size_t)(d[2] * d[3]) : 1);
}

static vq_status declare(vq_case *c, const int *d) {
    if (d[0] == COUNT) {
        vq_case_output(c, "count", VQ_I32, 1);
        return VQDNA_OK;
    }
    vq_case_input(c, "x", floats(d), -1, 1);
    if (d[0] == TRIAD)
        vq_case_input(c, "b", floats(d), -1, 1);
    vq_case_output(c, "y", VQ_F32, floats(d));
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    if (d[0] == COUNT) {
        VQ_TRY(vq_zero(device, vq_case_view(c, "count")));
        for (int i = 0; i < d[1]; i++)
            VQ_TRY(vq_peak_count(device, vq_case_view(c, "count")));
        return VQDNA_OK;
    }
    vq_view x = vq_case_view(c, "x"), y = vq_case_view(c, "y");
    if (d[0] == COPY)
        return vq_peak_copy(device, y, x, d[1]);
    if (d[0] == TRIAD)
        return vq_peak_triad(device, y, x, vq_case_view(c, "b"), factor, d[1]);
    return vq_peak_fma(device, y, x, d[1], d[2], d[3], factor, summand, d[4]);
}

static void reference(vq_case *c, const int *d) {
    if (d[0] == COUNT) {
        vq_case_value(c, "count")[0] = d[1];
        return;
    }
    const double *x = vq_case_value(c, "x"), *b = d[0] == TRIAD ? vq_case_value(c, "b") : NULL;
    double *y = vq_case_value(c, "y");
    for (size_t i = 0; i < floats(d); i++) {
        y[i] = b ? x[i] + factor * b[i] : x[i];
        for (int s = 0; d[0] == FMA && s < d[4]; s++)
            y[i] = factor * y[i] + summand;
    }
}

static double flops(const int *d) {
    return d[0] == FMA ? 2.0 * (double)floats(d) * d[4] : d[0] == TRIAD ? 2.0 * d[1] : 0;
}

static double bytes(const int *d) {
    return d[0] == COPY ? 8.0 * d[1] : d[0] == TRIAD ? 12.0 * d[1] : 0;
}

static const vq_case_shape shapes[] = {
    {{FMA, 1, 1, 4, 7}},
    {{FMA, 3, 2, 3, 1}},
    {{FMA, 9, 4, 8, 5}},
    {{FMA, 5, 8, 12, 6}},
    {{FMA, 300, 1, 8, 11}},
    {{FMA, 7, 16, 24, 3}},
    {{COPY, 1, 0, 0, 0}},
    {{COPY, 37, 0, 0, 0}},
    {{COPY, 40003, 0, 0, 0}},
    {{TRIAD, 15, 0, 0, 0}},
    {{TRIAD, 70001, 0, 0, 0}},
    {{COUNT, 5, 0, 0, 0}},
    {{FMA, 8, 8, 12, 100000}, true},
    {{FMA, 8, 16, 12, 100000}, true},
    {{COPY, 1 << 24, 0, 0, 0}, true},
    {{TRIAD, 1 << 24, 0, 0, 0}, true},
    {{0}},
};

const vq_case_table vq_cases_peak = {
    .operation = "peak",
    .dims = "what n width chains steps",
    .shapes = shapes,
    .tolerance = 1e-6,
    .declare = declare,
    .forward = forward,
    .reference = reference,
    .flops = flops,
    .bytes = bytes,
};

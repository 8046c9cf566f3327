#include "ops/codesum.h"

#include "check/case.h"

/* dims: M D K one masked; one: all rows have the last code; masked: some are of unknown bases */
static vq_status declare(vq_case *c, const int *d) {
    const size_t M = (size_t)d[0], D = (size_t)d[1], K = (size_t)d[2];
    vq_case_input(c, "h", M * D, -1, 1);
    vq_case_indices(c, "codes", VQ_I32, M, d[3] ? d[2] - 1 : 0, d[2] - 1);
    vq_case_output(c, "sums", VQ_F32, K * D);
    vq_case_output(c, "counts", VQ_I32, K);
    vq_case_indices(c, "table", VQ_U8, 4 * M, 0, d[4] ? 5 : 3);
    if (d[4]) /* what follows the rows that count is left as it was */
        vq_case_scratch(c, "order", M * sizeof(int32_t));
    else
        vq_case_output(c, "order", VQ_I32, M);
    vq_case_output(c, "usage", VQ_I32, K);
    vq_case_scratch(c, "scratch", vq_codesum_scratch(vq_case_device(c), d[0], d[2]));
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    const vq_view usage = vq_case_view(c, "usage"), counts = vq_case_view(c, "counts");
    VQ_TRY(vq_codesum_forward(device, vq_case_view(c, "sums"), counts, vq_case_view(c, "order"), vq_case_view(c, "h"),
                              vq_case_view(c, "codes"), d[4] ? vq_case_view(c, "table") : VQ_NO_VIEW, vq_case_view(c, "scratch"),
                              d[0], d[1], d[2]));
    VQ_TRY(vq_zero(device, usage));
    VQ_TRY(vq_codesum_usage(device, usage, counts, d[2]));
    return vq_codesum_usage(device, usage, counts, d[2]);
}

static void reference(vq_case *c, const int *d) {
    const double *h = vq_case_value(c, "h"), *codes = vq_case_value(c, "codes"), *table = vq_case_value(c, "table");
    double *sums = vq_case_value(c, "sums"), *counts = vq_case_value(c, "counts"), *order = d[4] ? NULL : vq_case_value(c, "order"),
           *usage = vq_case_value(c, "usage");
    size_t at = 0, D = (size_t)d[1];
    for (int k = 0; k < d[2]; k++) {
        double *sum = sums + (size_t)k * D;
        counts[k] = 0;
        for (size_t j = 0; j < D; j++)
            sum[j] = 0;
        for (size_t m = 0; m < (size_t)d[0]; m++)
            if (codes[m] == k && table[4 * m] < 4) {
                counts[k]++;
                if (order)
                    order[at++] = (double)m;
                for (size_t j = 0; j < D; j++)
                    sum[j] += h[m * D + j];
            }
        usage[k] = 2 * counts[k];
    }
}

static double flops(const int *d) {
    return (double)d[0] * d[1];
}

static double bytes(const int *d) {
    return 4.0 * d[1] * ((double)d[0] + d[2]);
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, 0}},
    {{1, 17, 5, 0}},
    {{300, 3, 1, 0}},
    {{70, 16, 9, 1}},
    {{300, 18, 7, 0, 1}},
    {{700, 5, 40, 0, 1}},
    {{600, 5, 50, 0}, .known = VQ_USE_TRAINING},
    {{129, 33, 300, 0}},
    {{1100, 1, 1500, 0}},
    {{2048, 64, 1024, 0}, true},
    {{4096, 384, 1024, 0}, true},
    {{8192, 64, 1024, 1}, true},
    {{0}},
};

const vq_case_table vq_cases_codesum = {
    .operation = "codesum",
    .dims = "M D K one masked",
    .shapes = shapes,
    .tunables = {&vq_codesum_tunables},
    .tolerance = 1e-5,
    .declare = declare,
    .forward = forward,
    .reference = reference,
    .flops = flops,
    .bytes = bytes,
};

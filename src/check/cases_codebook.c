#include "ops/codebook.h"

#include "check/case.h"

static const vq_codebook_rates rates = {
    .decay = 0.93, .use_decay = 0.9, .expire = 0.1, .epsilon = 0.05}; /* large enough to be seen */
static const int32_t reseeded_before = 5;

/* dims: M D K dead; dead: 0 no code, 1 some, 2 all (none was given to a row) */
static vq_status declare(vq_case *c, const int *d) {
    const size_t M = (size_t)d[0], D = (size_t)d[1], K = (size_t)d[2];
    vq_case_input(c, "h", M * D, -1, 1);
    vq_case_input(c, "sums", K * D, -3, 3);
    vq_case_indices(c, "counts", VQ_I32, K, 0, d[3] == 2 ? 0 : 3);
    vq_case_indices(c, "rows", VQ_I32, K, 0, d[0] - 1);
    vq_case_inout(c, "n", K, 0.5, 1.5);
    vq_case_inout(c, "s", K * D, -1, 1);
    vq_case_inout(c, "f", K, d[3] ? 0 : 1, d[3] == 1 ? 0.2 : d[3] ? 0.1 : 2);
    vq_case_output(c, "e", VQ_F32, K * D);
    vq_case_output(c, "reseeded", VQ_I32, 1);
    vq_case_output(c, "start_n", VQ_F32, K);
    vq_case_output(c, "start_s", VQ_F32, K * D);
    vq_case_output(c, "start_f", VQ_F32, K);
    vq_case_scratch(c, "scratch", vq_codebook_scratch(vq_case_device(c), d[2]));
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    const vq_view reseeded = vq_case_view(c, "reseeded");
    VQ_TRY(vq_write(device, reseeded, 0, &reseeded_before, sizeof reseeded_before));
    VQ_TRY(vq_codebook_start(device, vq_case_view(c, "start_n"), vq_case_view(c, "start_s"), vq_case_view(c, "start_f"),
                             vq_case_view(c, "sums"), d[1], d[2]));
    return vq_codebook_update(device, vq_case_view(c, "e"), vq_case_view(c, "n"), vq_case_view(c, "s"), vq_case_view(c, "f"),
                              reseeded, vq_case_view(c, "counts"), vq_case_view(c, "sums"), vq_case_view(c, "h"),
                              vq_case_view(c, "rows"), vq_case_view(c, "scratch"), d[0], d[1], d[2], rates);
}

static void reference(vq_case *c, const int *d) {
    const size_t D = (size_t)d[1];
    const int K = d[2];
    const double unit = (double)K / d[0], *h = vq_case_value(c, "h"), *sums = vq_case_value(c, "sums"),
                 *counts = vq_case_value(c, "counts"), *rows = vq_case_value(c, "rows");
    double *n = vq_case_value(c, "n"), *s = vq_case_value(c, "s"), *f = vq_case_value(c, "f"), *e = vq_case_value(c, "e"),
           total = 0;
    *vq_case_value(c, "reseeded") = reseeded_before;
    for (int k = 0; k < K; k++) {
        const size_t at = (size_t)k * D;
        const double use = counts[k] * unit;
        n[k] = rates.decay * vq_case_before(c, "n")[k] + (1 - rates.decay) * use;
        f[k] = rates.use_decay * vq_case_before(c, "f")[k] + (1 - rates.use_decay) * use;
        for (size_t j = 0; j < D; j++)
            s[at + j] = rates.decay * vq_case_before(c, "s")[at + j] + (1 - rates.decay) * sums[at + j] * unit;
        if (f[k] < rates.expire) {
            n[k] = f[k] = 1;
            for (size_t j = 0; j < D; j++)
                s[at + j] = h[(size_t)rows[k] * D + j];
            *vq_case_value(c, "reseeded") += 1;
        }
        total += n[k];
        vq_case_value(c, "start_n")[k] = vq_case_value(c, "start_f")[k] = 1;
    }
    for (int k = 0; k < K; k++)
        for (size_t j = 0; j < D; j++) {
            const size_t at = (size_t)k * D + j;
            e[at] = s[at] / ((n[k] + rates.epsilon) / (total + K * rates.epsilon) * total);
            vq_case_value(c, "start_s")[at] = sums[at];
        }
}

/* s and e; n and f are few. */
static double flops(const int *d) {
    return 5.0 * d[1] * d[2];
}

static double bytes(const int *d) {
    return 4.0 * d[1] * d[2] * (4 + 2);
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, 0}},
    {{1, 5, 1, 2}},
    {{7, 17, 3, 2}},
    {{60, 16, 40, 1}},
    {{90, 7, 300, 1}, .known = VQ_USE_TRAINING},
    {{500, 3, 530, 0}},
    {{64, 33, 18, 1}},
    {{2048, 64, 1024, 1}, true},
    {{4096, 384, 1024, 0}, true},
    {{0}},
};

const vq_case_table vq_cases_codebook = {
    .operation = "codebook",
    .dims = "M D K dead",
    .shapes = shapes,
    .tunables = {&vq_codebook_tunables},
    .tolerance = 1e-5,
    .declare = declare,
    .forward = forward,
    .reference = reference,
    .flops = flops,
    .bytes = bytes,
};

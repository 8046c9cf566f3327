#include "ops/quantize.h"

#include "check/case.h"

/* All levels in a row, as the quantizer block calls them. zhat does not depend on z by its value, so the straight-through gradient
 * is checked on `through`, the mean of n z_n, which differs from zhat by what counts as constant. */
enum { SLOT = 2, SLOTS = 4, MAX_N = 3 };

static const char *const z_name[] = {"z1", "z2", "z3"}, *const e_name[] = {"e1", "e2", "e3"},
                         *const code_name[] = {"codes1", "codes2", "codes3"}, *const h_name[] = {"h1", "h2", "h3"},
                         *const dz_name[] = {"dz1", "dz2", "dz3"};

/* dims: M D K N */
static vq_status declare(vq_case *c, const int *d) {
    const size_t M = (size_t)d[0], D = (size_t)d[1], K = (size_t)d[2];
    for (int n = 0; n < d[3]; n++) {
        vq_case_input(c, z_name[n], M * D, -1, 1);
        vq_case_input(c, e_name[n], K * D, -1, 1);
        vq_case_indices(c, code_name[n], VQ_I32, M, 0, d[2] - 1);
        vq_case_output(c, h_name[n], VQ_F32, M * D);
    }
    vq_case_indices(c, "rows", VQ_U8, 4 * M, 0, 5); /* bases 4 and 5 are unknown */
    if (d[3] > 1)
        vq_case_output(c, "total", VQ_F32, M * D);
    vq_case_output(c, "zhat", VQ_F32, M * D);
    vq_case_output(c, "through", VQ_F32, M * D);
    vq_case_output(c, "mean", VQ_F32, M * D);
    vq_case_inout(c, "metrics", SLOTS, -1, 1);
    vq_case_scratch(c, "scaled", M * D * sizeof(float));
    vq_case_scratch(c, "scratch", vq_quantize_scratch(vq_case_device(c), d[0]));
    vq_case_seed(c, "dzhat", "through");
    vq_case_seed(c, "dmean", "mean");
    vq_case_seed(c, "dmetrics", "metrics");
    for (int n = 0; n < d[3]; n++)
        vq_case_gradient(c, dz_name[n], z_name[n], n % 2);
    return VQDNA_OK;
}

static float scale(const int *d) {
    return 1.0f / ((float)d[0] * (float)d[1]);
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    const int M = d[0], D = d[1], N = d[3];
    const vq_view zhat = vq_case_view(c, "zhat"), through = vq_case_view(c, "through"), scaled = vq_case_view(c, "scaled"),
                  rows = vq_case_view(c, "rows"), total = N > 1 ? vq_case_view(c, "total") : VQ_NO_VIEW;
    for (int n = 1; n <= N; n++) {
        const vq_view z = vq_case_view(c, z_name[n - 1]), h = vq_case_view(c, h_name[n - 1]);
        VQ_TRY(vq_quantize_residual(device, h, z, n > 1 ? total : VQ_NO_VIEW, M, D, n));
        VQ_TRY(vq_quantize_gather(device, n == N ? zhat : VQ_NO_VIEW, total, vq_case_view(c, "metrics"),
                                  vq_case_view(c, e_name[n - 1]), h, vq_case_view(c, code_name[n - 1]), rows,
                                  vq_case_view(c, "scratch"), M, D, n, N, SLOT, scale(d)));
        VQ_TRY(vq_quantize_residual(device, scaled, z, VQ_NO_VIEW, M, D, n));
        VQ_TRY(vq_quantize_mean(device, through, scaled, rows, M, D, n, N));
        VQ_TRY(vq_quantize_mean(device, vq_case_view(c, "mean"), z, rows, M, D, n, N));
    }
    return VQDNA_OK;
}

static vq_status backward(vq_case *c, vq_device *device, const int *d) {
    const vq_view rows = vq_case_view(c, "rows");
    const float commit = (float)(2 * vq_case_value(c, "dmetrics")[SLOT]) * scale(d);
    for (int n = 1; n <= d[3]; n++) {
        const vq_view dz = vq_case_view(c, dz_name[n - 1]);
        const bool adds = (n - 1) % 2;
        VQ_TRY(vq_quantize_mean_backward(device, dz, vq_case_view(c, "dmean"), rows, d[0], d[1], d[3], adds));
        VQ_TRY(vq_quantize_backward(device, dz, vq_case_view(c, "dzhat"), vq_case_view(c, h_name[n - 1]),
                                    vq_case_view(c, e_name[n - 1]), vq_case_view(c, code_name[n - 1]), rows, d[0], d[1], n, d[3],
                                    commit, true));
    }
    return VQDNA_OK;
}

static void reference(vq_case *c, const int *d) {
    const size_t M = (size_t)d[0], D = (size_t)d[1];
    const int N = d[3];
    const double *rows = vq_case_value(c, "rows");
    double *zhat = vq_case_value(c, "zhat"), *through = vq_case_value(c, "through"), *mean = vq_case_value(c, "mean"),
           *metrics = vq_case_value(c, "metrics"), *total = N > 1 ? vq_case_value(c, "total") : NULL;
    const double *z[MAX_N], *e[MAX_N], *codes[MAX_N];
    double *h[MAX_N];
    for (int n = 0; n < N; n++) {
        z[n] = vq_case_value(c, z_name[n]);
        e[n] = vq_case_value(c, e_name[n]);
        codes[n] = vq_case_value(c, code_name[n]);
        h[n] = vq_case_value(c, h_name[n]);
    }
    for (int i = 0; i < SLOTS; i++)
        metrics[i] = vq_case_before(c, "metrics")[i];
    for (size_t m = 0; m < M; m++)
        for (size_t j = 0; j < D; j++) {
            const size_t i = m * D + j;
            double sum = 0, linear = 0, taps = 0;
            for (int n = 0; n < N; n++) {
                const double q = e[n][(size_t)codes[n][m] * D + j];
                h[n][i] = (n + 1) * z[n][i] - sum;
                if (rows[4 * m] < 4)
                    metrics[SLOT] += (h[n][i] - q) * (h[n][i] - q) / ((double)d[0] * d[1]);
                sum += q;
                linear += (n + 1) * z[n][i];
                taps += z[n][i];
                if (n == N - 2)
                    total[i] = sum;
            }
            const double seen = (rows[4 * m + 3] > 0) / (double)N;
            zhat[i] = seen * sum;
            through[i] = seen * linear;
            mean[i] = seen * taps;
        }
}

static double bytes(const int *d) {
    return 4.0 * d[0] * d[1] * (5 + 3 + 2 + 3) * d[3]; /* residual, gather, and the two means with their scaling */
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, 1}},
    {{1, 17, 3, 2}},
    {{5, 16, 1, 3}},
    {{33, 7, 4, 2}, .known = VQ_USE_TRAINING},
    {{270, 5, 9, 2}},
    {{259, 33, 6, 1}},
    {{40, 64, 20, 3}},
    {{2048, 64, 512, 2}, true},
    {{4096, 384, 1024, 2}, true},
    {{0}},
};

const vq_case_table vq_cases_quantize = {
    .operation = "quantize",
    .dims = "M D K N",
    .shapes = shapes,
    .tunables = {&vq_quantize_tunables},
    .tolerance = 1e-5,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .bytes = bytes,
};

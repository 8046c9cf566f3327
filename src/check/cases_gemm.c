#include "ops/gemm.h"

#include "check/case.h"
#include "device/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* dims: M N K ta tb end how. how NO_PRE: no view for pre; ALONE: the last row is computed once more as a product of one row, and
 * must be the same bit for bit. */
enum { M_, N_, K_, TA_, TB_, END_, HOW_ };
enum { NO_PRE = 1, ALONE = 2 };

static bool has_bias(const int *d) {
    return d[END_] == VQ_GEMM_BIAS || d[END_] == VQ_GEMM_BIAS_GELU || d[END_] == VQ_GEMM_BIAS_RESIDUAL;
}

static vq_status declare(vq_case *c, const int *d) {
    size_t M = (size_t)d[M_], N = (size_t)d[N_], K = (size_t)d[K_];
    vq_case_input(c, "A", M * K, -1, 1);
    vq_case_input(c, "B", K * N, -1, 1);
    vq_case_input(c, "bias", N, -1, 1);
    if (d[END_] == VQ_GEMM_ADD)
        vq_case_inout(c, "C", M * N, -1, 1);
    else
        vq_case_output(c, "C", VQ_F32, M * N);
    if (d[END_] == VQ_GEMM_BIAS_GELU && d[HOW_] != NO_PRE)
        vq_case_output(c, "pre", VQ_F32, M * N);
    if (d[END_] == VQ_GEMM_GELU_GRAD)
        vq_case_inout(c, "pre", M * N, -4, 4);
    if (d[END_] == VQ_GEMM_BIAS_RESIDUAL)
        vq_case_input(c, "residual", M * N, -1, 1);
    if (d[HOW_] == ALONE)
        vq_case_output(c, "differing", VQ_I32, 1);
    vq_case_scratch(c, "scratch", vq_gemm_scratch(vq_case_device(c), d[M_], d[N_], d[K_], d[TA_], d[TB_]));
    return VQDNA_OK;
}

/* Writes how many floats of the last row differ when it is a product of its own; A is not transposed and the end has no tensors of
 * M rows. CLBlast picks its kernel by size, so it is not asked. */
static vq_status compare_last_row(vq_case *c, vq_device *device, const int *d, vq_gemm_end end) {
    const size_t M = (size_t)d[M_], N = (size_t)d[N_], K = (size_t)d[K_];
    int32_t differing = 0;
    vq_view a = VQ_NO_VIEW, y = VQ_NO_VIEW;
    float *row = NULL, *alone = NULL;
    vq_status status = VQDNA_OK;
    if (!vq_gemm_is_ours(device, d[N_], d[K_], false))
        return vq_write(device, vq_case_view(c, "differing"), 0, &differing, sizeof differing);
    end.pre = VQ_NO_VIEW;
    VQ_TRY_OR(done, vq_alloc(&row, N, sizeof(float)));
    VQ_TRY_OR(done, vq_alloc(&alone, N, sizeof(float)));
    VQ_TRY_OR(done, vq_view_create(device, &a, K * sizeof(float)));
    VQ_TRY_OR(done, vq_view_create(device, &y, N * sizeof(float)));
    VQ_TRY_OR(done, vq_copy(device, a, 0, vq_case_view(c, "A"), (M - 1) * K * sizeof(float), K * sizeof(float)));
    VQ_TRY_OR(done, vq_gemm(device, y, a, vq_case_view(c, "B"), vq_case_view(c, "scratch"), 1, d[N_], d[K_], false, d[TB_], end));
    VQ_TRY_OR(done, vq_read(device, alone, y, 0, N * sizeof(float)));
    VQ_TRY_OR(done, vq_read(device, row, vq_case_view(c, "C"), (M - 1) * N * sizeof(float), N * sizeof(float)));
    for (size_t n = 0; n < N; n++)
        differing += memcmp(&row[n], &alone[n], sizeof(float)) != 0;
    status = vq_write(device, vq_case_view(c, "differing"), 0, &differing, sizeof differing);
done:
    vq_view_destroy(&a);
    vq_view_destroy(&y);
    free(row);
    free(alone);
    return status;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    vq_gemm_end end = {.kind = (vq_gemm_kind)d[END_]};
    if (has_bias(d))
        end.bias = vq_case_view(c, "bias");
    if ((d[END_] == VQ_GEMM_BIAS_GELU && d[HOW_] != NO_PRE) || d[END_] == VQ_GEMM_GELU_GRAD)
        end.pre = vq_case_view(c, "pre");
    if (d[END_] == VQ_GEMM_BIAS_RESIDUAL)
        end.residual = vq_case_view(c, "residual");
    VQ_TRY(vq_gemm(device, vq_case_view(c, "C"), vq_case_view(c, "A"), vq_case_view(c, "B"), vq_case_view(c, "scratch"), d[M_],
                   d[N_], d[K_], d[TA_], d[TB_], end));
    return d[HOW_] == ALONE ? compare_last_row(c, device, d, end) : VQDNA_OK;
}

static double gelu(double x) {
    return 0.5 * x * erfc(-x / sqrt(2));
}

static double gelu_gradient(double x) {
    return 0.5 * erfc(-x / sqrt(2)) + x * exp(-0.5 * x * x) / sqrt(2 * acos(-1));
}

static void reference(vq_case *c, const int *d) {
    const size_t M = (size_t)d[M_], N = (size_t)d[N_], K = (size_t)d[K_];
    const double *A = vq_case_value(c, "A"), *B = vq_case_value(c, "B"), *bias = vq_case_value(c, "bias");
    double *C = vq_case_value(c, "C");
    if (d[HOW_] == ALONE)
        vq_case_value(c, "differing")[0] = 0;
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            const size_t at = m * N + n;
            double sum = 0;
            for (size_t k = 0; k < K; k++)
                sum += A[d[TA_] ? k * M + m : m * K + k] * B[d[TB_] ? n * K + k : k * N + n];
            if (has_bias(d))
                sum += bias[n];
            switch (d[END_]) {
            case VQ_GEMM_ADD:
                sum += vq_case_before(c, "C")[at];
                break;
            case VQ_GEMM_BIAS_GELU:
                if (d[HOW_] != NO_PRE)
                    vq_case_value(c, "pre")[at] = sum;
                sum = gelu(sum);
                break;
            case VQ_GEMM_BIAS_RESIDUAL:
                sum += vq_case_value(c, "residual")[at];
                break;
            case VQ_GEMM_GELU_GRAD:
                sum *= gelu_gradient(vq_case_before(c, "pre")[at]);
                vq_case_value(c, "pre")[at] = gelu(vq_case_before(c, "pre")[at]);
                break;
            }
            C[at] = sum;
        }
}

static double flops(const int *d) {
    return 2.0 * d[M_] * d[N_] * d[K_];
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, 0, 0, VQ_GEMM_STORE}},
    {{1, 33, 7, 0, 1, VQ_GEMM_BIAS}},
    {{13, 31, 5, 1, 0, VQ_GEMM_ADD}},
    {{25, 17, 300, 0, 0, VQ_GEMM_BIAS_RESIDUAL}},
    {{7, 65, 19, 1, 1, VQ_GEMM_BIAS_GELU}},
    {{12, 32, 8, 0, 1, VQ_GEMM_BIAS_GELU, NO_PRE}},
    {{29, 70, 3, 0, 0, VQ_GEMM_GELU_GRAD}, .known = VQ_USE_TRAINING},
    {{150, 96, 257, 0, 1, VQ_GEMM_BIAS_GELU, NO_PRE}, .known = VQ_USE_CODES},
    {{150, 96, 257, 0, 1, VQ_GEMM_BIAS_GELU, ALONE}},
    {{301, 40, 64, 0, 1, VQ_GEMM_BIAS_RESIDUAL}, .known = VQ_USE_CODES},
    {{64, 256, 600, 1, 0, VQ_GEMM_ADD}, .known = VQ_USE_TRAINING},
    {{40, 33, 513, 1, 1, VQ_GEMM_GELU_GRAD}},
    {{300, 40, 270, 1, 0, VQ_GEMM_ADD}}, /* rows enough for B to be packed whole on a CPU */
    {{37, 1100, 20, 0, 0, VQ_GEMM_STORE}},
    {{161, 45, 530, 0, 0, VQ_GEMM_BIAS, ALONE}},
    {{4096, 1536, 384, 0, 1, VQ_GEMM_BIAS_GELU}, true},
    {{4096, 384, 1536, 0, 1, VQ_GEMM_BIAS_RESIDUAL}, true},
    {{4096, 1536, 384, 0, 0, VQ_GEMM_GELU_GRAD}, true},
    {{1536, 384, 4096, 1, 0, VQ_GEMM_ADD}, true},
    {{2048, 256, 64, 0, 1, VQ_GEMM_BIAS_GELU}, true},
    {{64, 256, 2048, 1, 0, VQ_GEMM_ADD}, true},
    {{0}},
};

const vq_case_table vq_cases_gemm = {
    .operation = "gemm",
    .dims = "M N K ta tb end how",
    .shapes = shapes,
    .tunables = {&vq_gemm_tunables, &vq_blas_tunables},
    .tolerance = 1e-5,
    .declare = declare,
    .forward = forward,
    .reference = reference,
    .flops = flops,
};

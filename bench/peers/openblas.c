/* OpenBLAS: products, and GELU by a pass of ours over its result. A bias is laid into C first and added to, as PyTorch does it. */
#include "worker.h"

#include <stdio.h>
#include <string.h>

#ifdef HAVE_OPENBLAS
#include "ops/gelu.h"

#include <cblas.h>
void openblas_set_num_threads(int);
char *openblas_get_config(void);
char *openblas_get_corename(void);

static vq_status open_library(vq_device *device, int threads, char *text, size_t size) {
    (void)device;
    openblas_set_num_threads(threads);
    const char *config = openblas_get_config(), *version = strchr(config, ' '); /* "OpenBLAS 0.3.21 ..." */
    snprintf(text, size, "OpenBLAS %.*s, %s kernels", version ? (int)strcspn(version + 1, " ") : 0, version ? version + 1 : "",
             openblas_get_corename());
    return VQDNA_OK;
}

static bool offers(const job *j) {
    return strcmp(j->workload, "gemm") == 0;
}

static vq_status run(vq_device *device, job *j) {
    const int M = j->dims[GEMM_M], N = j->dims[GEMM_N], K = j->dims[GEMM_K], ta = j->dims[GEMM_TA], tb = j->dims[GEMM_TB];
    const int kind = j->dims[GEMM_END];
    const bool bias = kind == VQ_GEMM_BIAS || kind == VQ_GEMM_BIAS_GELU;
    const vq_view *t = j->tensors;
    float *C = j->host[kind == VQ_GEMM_BIAS_GELU ? GEMM_PRE : GEMM_C];
    for (size_t m = 0; m < (size_t)M && bias; m++)
        memcpy(C + m * (size_t)N, j->host[GEMM_BIAS], (size_t)N * sizeof(float));
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, M, N, K, 1, j->host[GEMM_A],
                ta ? M : K, j->host[GEMM_B], tb ? K : N, bias || kind == VQ_GEMM_ADD, C, N);
    if (kind == VQ_GEMM_BIAS_GELU)
        VQ_TRY(vq_gelu_forward(device, t[GEMM_C], t[GEMM_PRE], (size_t)M * (size_t)N));
    if (kind == VQ_GEMM_GELU_GRAD)
        VQ_TRY(vq_gelu_backward(device, t[GEMM_C], t[GEMM_C], t[GEMM_PRE], (size_t)M * (size_t)N));
    return vq_device_finish(device);
}
#else
static vq_status open_library(vq_device *device, int threads, char *text, size_t size) {
    (void)device, (void)threads, (void)text, (void)size;
    return vq_fail(VQDNA_ERR_DEVICE, "OpenBLAS was not found when ops_peers was built");
}

static bool offers(const job *j) {
    (void)j;
    return false;
}

static vq_status run(vq_device *device, job *j) {
    (void)device, (void)j;
    return VQDNA_OK;
}
#endif

static vq_status start(vq_device *device, job *j) {
    (void)device, (void)j;
    return VQDNA_OK;
}

static void stop(job *j) {
    (void)j;
}

const contender contender_openblas = {"openblas", true, open_library, offers, start, run, stop};

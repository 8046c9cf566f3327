/* oneDNN 2: matmul on row-major tensors with bias or sum inside, GELU by its own element-wise primitive. */
#include "worker.h"

#include <stdio.h>
#include <string.h>

#ifdef HAVE_ONEDNN
#include <oneapi/dnnl/dnnl.h>

enum { ARGUMENTS = 4, MEMORIES = 5 };

typedef struct primitive {
    dnnl_primitive_t handle;
    dnnl_exec_arg_t arguments[ARGUMENTS];
    int count;
} primitive;

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static dnnl_memory_t memories[MEMORIES]; /* GEMM_A ... */
static primitive product, activation;    /* activation.handle NULL: none */

static vq_status check(dnnl_status_t status, const char *what) {
    return status == dnnl_success ? VQDNA_OK : vq_fail(VQDNA_ERR_DEVICE, "oneDNN: %s: error %d", what, (int)status);
}

static const char *isa_name(dnnl_cpu_isa_t isa) {
    switch (isa) {
    case dnnl_cpu_isa_sse41:
        return "SSE4.1";
    case dnnl_cpu_isa_avx:
        return "AVX";
    case dnnl_cpu_isa_avx2:
        return "AVX2";
    case dnnl_cpu_isa_avx2_vnni:
        return "AVX2 VNNI";
    case dnnl_cpu_isa_avx512_mic:
        return "AVX-512 MIC";
    case dnnl_cpu_isa_avx512_core:
        return "AVX-512 core";
    case dnnl_cpu_isa_avx512_core_vnni:
        return "AVX-512 VNNI";
    case dnnl_cpu_isa_avx512_core_bf16:
        return "AVX-512 BF16";
    default:
        return "another instruction set";
    }
}

static vq_status open_library(vq_device *device, int threads, char *text, size_t size) {
    (void)device, (void)threads; /* $OMP_NUM_THREADS */
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, size, "oneDNN %d.%d.%d, %s", v->major, v->minor, v->patch, isa_name(dnnl_get_effective_cpu_isa()));
    VQ_TRY(check(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine"));
    return check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
}

static bool offers(const job *j) {
    return strcmp(j->workload, "gemm") == 0;
}

static vq_status memory(job *j, int which, dnnl_dim_t rows, dnnl_dim_t columns, bool transposed, dnnl_memory_desc_t *desc) {
    const dnnl_dims_t dims = {rows, columns}, strides = {transposed ? 1 : columns, transposed ? rows : 1};
    VQ_TRY(check(dnnl_memory_desc_init_by_strides(desc, 2, dims, dnnl_f32, strides), "tensor"));
    return check(dnnl_memory_create(&memories[which], desc, engine, j->host[which]), "tensor");
}

static vq_status build(primitive *p, const_dnnl_op_desc_t desc, const_dnnl_primitive_attr_t attributes,
                       const_dnnl_primitive_desc_t hint) {
    dnnl_primitive_desc_t made;
    VQ_TRY(check(dnnl_primitive_desc_create(&made, desc, attributes, engine, hint), "primitive"));
    vq_status status = check(dnnl_primitive_create(&p->handle, made), "primitive");
    dnnl_primitive_desc_destroy(made);
    return status;
}

static void argument(primitive *p, int role, int which) {
    p->arguments[p->count++] = (dnnl_exec_arg_t){role, memories[which]};
}

static vq_status start_product(const job *j, dnnl_memory_desc_t *desc) {
    const int kind = j->dims[GEMM_END];
    const bool bias = kind == VQ_GEMM_BIAS || kind == VQ_GEMM_BIAS_GELU;
    const int to = kind == VQ_GEMM_BIAS_GELU ? GEMM_PRE : GEMM_C;
    dnnl_matmul_desc_t matmul;
    dnnl_primitive_attr_t attributes;
    dnnl_post_ops_t after;
    const dnnl_memory_desc_t *with = bias ? &desc[GEMM_BIAS] : NULL;
    VQ_TRY(check(dnnl_matmul_desc_init(&matmul, &desc[GEMM_A], &desc[GEMM_B], with, &desc[to]), "matmul"));
    VQ_TRY(check(dnnl_primitive_attr_create(&attributes), "attributes"));
    VQ_TRY(check(dnnl_post_ops_create(&after), "attributes"));
    if (kind == VQ_GEMM_ADD)
        VQ_TRY(check(dnnl_post_ops_append_sum(after, 1), "sum"));
    VQ_TRY(check(dnnl_primitive_attr_set_post_ops(attributes, after), "attributes"));
    vq_status status = build(&product, &matmul, attributes, NULL);
    dnnl_post_ops_destroy(after);
    dnnl_primitive_attr_destroy(attributes);
    argument(&product, DNNL_ARG_SRC, GEMM_A);
    argument(&product, DNNL_ARG_WEIGHTS, GEMM_B);
    argument(&product, DNNL_ARG_DST, to);
    if (bias)
        argument(&product, DNNL_ARG_BIAS, GEMM_BIAS);
    return status;
}

static vq_status start_activation(const job *j, const dnnl_memory_desc_t *matrix) {
    dnnl_eltwise_desc_t forward, backward;
    if (j->dims[GEMM_END] != VQ_GEMM_BIAS_GELU && j->dims[GEMM_END] != VQ_GEMM_GELU_GRAD)
        return VQDNA_OK;
    VQ_TRY(check(dnnl_eltwise_forward_desc_init(&forward, dnnl_forward_training, dnnl_eltwise_gelu_erf, matrix, 0, 0), "GELU"));
    argument(&activation, DNNL_ARG_SRC, GEMM_PRE);
    if (j->dims[GEMM_END] == VQ_GEMM_BIAS_GELU) {
        argument(&activation, DNNL_ARG_DST, GEMM_C);
        return build(&activation, &forward, NULL, NULL);
    }
    argument(&activation, DNNL_ARG_DIFF_DST, GEMM_C);
    argument(&activation, DNNL_ARG_DIFF_SRC, GEMM_C);
    VQ_TRY(check(dnnl_eltwise_backward_desc_init(&backward, dnnl_eltwise_gelu_erf, matrix, matrix, 0, 0), "GELU"));
    dnnl_primitive_desc_t hint;
    VQ_TRY(check(dnnl_primitive_desc_create(&hint, &forward, NULL, engine, NULL), "GELU"));
    vq_status status = build(&activation, &backward, NULL, hint);
    dnnl_primitive_desc_destroy(hint);
    return status;
}

static vq_status start(vq_device *device, job *j) {
    (void)device;
    const int *d = j->dims;
    dnnl_memory_desc_t desc[MEMORIES];
    VQ_TRY(memory(j, GEMM_A, d[GEMM_M], d[GEMM_K], d[GEMM_TA], &desc[GEMM_A]));
    VQ_TRY(memory(j, GEMM_B, d[GEMM_K], d[GEMM_N], d[GEMM_TB], &desc[GEMM_B]));
    VQ_TRY(memory(j, GEMM_C, d[GEMM_M], d[GEMM_N], false, &desc[GEMM_C]));
    VQ_TRY(memory(j, GEMM_PRE, d[GEMM_M], d[GEMM_N], false, &desc[GEMM_PRE]));
    VQ_TRY(memory(j, GEMM_BIAS, 1, d[GEMM_N], false, &desc[GEMM_BIAS]));
    VQ_TRY(start_product(j, desc));
    return start_activation(j, &desc[GEMM_C]);
}

static vq_status run(vq_device *device, job *j) {
    (void)device, (void)j;
    VQ_TRY(check(dnnl_primitive_execute(product.handle, stream, product.count, product.arguments), "matmul"));
    if (activation.handle)
        VQ_TRY(check(dnnl_primitive_execute(activation.handle, stream, activation.count, activation.arguments), "GELU"));
    return check(dnnl_stream_wait(stream), "stream");
}

static void stop(job *j) {
    (void)j;
    dnnl_primitive_destroy(product.handle);
    dnnl_primitive_destroy(activation.handle);
    for (int i = 0; i < MEMORIES; i++)
        dnnl_memory_destroy(memories[i]);
    product = activation = (primitive){0};
}
#else
static vq_status open_library(vq_device *device, int threads, char *text, size_t size) {
    (void)device, (void)threads, (void)text, (void)size;
    return vq_fail(VQDNA_ERR_DEVICE, "oneDNN 2 was not found when ops_peers was built");
}

static bool offers(const job *j) {
    (void)j;
    return false;
}

static vq_status start(vq_device *device, job *j) {
    (void)device, (void)j;
    return VQDNA_OK;
}

static vq_status run(vq_device *device, job *j) {
    (void)device, (void)j;
    return VQDNA_OK;
}

static void stop(job *j) {
    (void)j;
}
#endif

const contender contender_onednn = {"onednn", true, open_library, offers, start, run, stop};

/* The hot operations against their bounds and peers, one thread, by process CPU time, alternated in one run:
 *     ops_peers [repeats]
 * the peak of fused multiply-adds measured by OpenCL kernels on the same device; the products of ops/gemm.h against OpenBLAS; a
 * Linear layer with GELU against OpenBLAS and a pass of ours; the nearest-code search against the peak. Other load on the machine
 * stretches wall time, not these figures, as long as caches and clocks are left alone. */
#include "ops/assign.h"
#include "ops/gemm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef HAVE_OPENBLAS
#include <cblas.h>
void openblas_set_num_threads(int);
char *openblas_get_corename(void);
#endif

enum { MAX_REPEATS = 99 };
static int repeats = 9;
static double peak;
static vq_device *device;

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(vq_status status) {
    if (status < 0) {
        fprintf(stderr, "%s\n", vq_error());
        exit(3);
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, (size_t)repeats, sizeof *values, by_value);
    return values[repeats / 2];
}

static vq_view random_view(float *host, size_t count) {
    vq_view view;
    for (size_t i = 0; i < count; i++)
        host[i] = (float)(i * 2654435761u >> 8 & 0xffff) / 32768.0f - 1.0f;
    must(vq_view_create(device, &view, count * sizeof(float)));
    must(vq_write(device, view, 0, host, count * sizeof(float)));
    return view;
}

/* ---- Peak ---------------------------------------------------------------------------------------------------------------------
 */

static const char *const chain_text =
    "kernel __attribute__((reqd_work_group_size(1, 1, 1))) void chains(global float *out, int n) {\n"
    "    V c[CHAINS];\n"
    "    const V x = (V)(out[0]), y = (V)(out[1]);\n"
    "    _Pragma(\"unroll\") for (int i = 0; i < CHAINS; i++) c[i] = (V)(out[i]);\n"
    "    for (int k = 0; k < n; k++)\n"
    "        _Pragma(\"unroll\") for (int u = 0; u < 4; u++)\n"
    "            _Pragma(\"unroll\") for (int i = 0; i < CHAINS; i++) c[i] = fma(x, c[i], y);\n"
    "    V sum = (V)(0.0f);\n"
    "    _Pragma(\"unroll\") for (int i = 0; i < CHAINS; i++) sum += c[i];\n"
    "    float lanes[W];\n"
    "    STORE(sum, 0, lanes);\n"
    "    for (int i = 0; i < W; i++) out[64 + i] = lanes[i];\n"
    "}\n";

static double chain_rate(int width, int chains, vq_view out) {
    enum { STEPS = 1500000 };
    char options[128];
    snprintf(options, sizeof options, "-DV=float%d -DW=%d -DSTORE=vstore%d -DCHAINS=%d", width, width, width, chains);
    cl_int err;
    cl_program program = clCreateProgramWithSource(device->context, 1, (const char **)&chain_text, NULL, &err);
    if (err != CL_SUCCESS || clBuildProgram(program, 1, &device->id, options, NULL, NULL) != CL_SUCCESS)
        exit((fprintf(stderr, "the peak kernel does not build\n"), 3));
    cl_kernel kernel = clCreateKernel(program, "chains", &err);
    const size_t one = 1;
    const int steps = STEPS;
    double best = 0;
    clSetKernelArg(kernel, 0, sizeof out.mem, &out.mem);
    clSetKernelArg(kernel, 1, sizeof steps, &steps);
    for (int i = 0; i < 4; i++) {
        double start = cpu_seconds();
        clEnqueueNDRangeKernel(device->queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL);
        clFinish(device->queue);
        double rate = 2.0 * width * chains * 4 * STEPS / (cpu_seconds() - start) / 1e9;
        best = i > 0 && rate > best ? rate : best; /* the first run compiles */
    }
    clReleaseKernel(kernel);
    clReleaseProgram(program);
    return best;
}

static void measure_peak(void) {
    static const int widths[] = {8, 16}, counts[] = {8, 10, 12, 16, 24};
    float values[128] = {0.5f, 0.25f};
    vq_view out;
    must(vq_view_create(device, &out, sizeof values));
    must(vq_write(device, out, 0, values, sizeof values));
    for (size_t w = 0; w < 2; w++) {
        double best = 0;
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            double rate = chain_rate(widths[w], counts[c], out);
            best = rate > best ? rate : best;
        }
        printf("FMA peak, float%-2d chains: %.1f GFLOP/s\n", widths[w], best);
        peak = best > peak ? best : peak;
    }
    vq_view_destroy(&out);
}

/* ---- Products -----------------------------------------------------------------------------------------------------------------
 */

typedef struct {
    int M, N, K;
    bool ta, tb;
    vq_gemm_kind kind;
} shape;

typedef struct {
    float *A, *B, *C;
    vq_view a, b, c, bias, pre, scratch;
} operands;

static operands make(const shape *s) {
    size_t M = (size_t)s->M, N = (size_t)s->N, K = (size_t)s->K;
    operands o = {malloc(M * K * 4), malloc(K * N * 4), malloc(M * N * 4)};
    if (!o.A || !o.B || !o.C)
        exit((fprintf(stderr, "out of memory\n"), 3));
    o.bias = random_view(o.C, N);
    o.pre = random_view(o.C, M * N);
    o.c = random_view(o.C, M * N);
    o.a = random_view(o.A, M * K);
    o.b = random_view(o.B, K * N);
    must(vq_view_create(device, &o.scratch, vq_gemm_scratch(device, s->M, s->N, s->K, s->ta, s->tb)));
    return o;
}

static void drop(operands *o) {
    vq_view *views[] = {&o->a, &o->b, &o->c, &o->bias, &o->pre, &o->scratch};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        vq_view_destroy(views[i]);
    free(o->A);
    free(o->B);
    free(o->C);
}

static double ours(const shape *s, const operands *o) {
    double start = cpu_seconds();
    must(vq_gemm(device, o->c, o->a, o->b, o->scratch, s->M, s->N, s->K, s->ta, s->tb,
                 (vq_gemm_end){.kind = s->kind, .bias = o->bias, .pre = o->pre}));
    must(vq_device_finish(device));
    return cpu_seconds() - start;
}

/* OpenBLAS, then for an end a pass of ours over its result: as good a pass as ours is. */
static double theirs(const shape *s, const operands *o) {
#ifdef HAVE_OPENBLAS
    double start = cpu_seconds();
    cblas_sgemm(CblasRowMajor, s->ta ? CblasTrans : CblasNoTrans, s->tb ? CblasTrans : CblasNoTrans, s->M, s->N, s->K, 1, o->A,
                s->ta ? s->M : s->K, o->B, s->tb ? s->K : s->N, s->kind == VQ_GEMM_ADD, o->C, s->N);
    if (s->kind > VQ_GEMM_ADD) {
        char options[32];
        snprintf(options, sizeof options, "-DEND=%d", s->kind);
        size_t groups = (size_t)((s->N + device->vector_width - 1) / device->vector_width);
        must(vq_run(device, "gemm", "gemm_end", options, vq_grid2(1, (size_t)s->M, groups, 1), vq_in(o->c), vq_in(o->bias),
                    vq_in(o->pre), vq_in(VQ_NO_VIEW), vq_int(s->N)));
        must(vq_device_finish(device));
    }
    return cpu_seconds() - start;
#else
    (void)s, (void)o;
    return NAN;
#endif
}

static void products(const char *title, const shape *shapes, int count) {
    double logs = 0, least = INFINITY;
    printf("\n%s\n%6s %6s %6s %4s %10s %8s %10s %8s\n", title, "M", "N", "K", "", "GFLOP/s", "of peak", "OpenBLAS", "ratio");
    for (int i = 0; i < count; i++) {
        const shape *s = &shapes[i];
        operands o = make(s);
        double mine[MAX_REPEATS], peer[MAX_REPEATS], flops = 2e-9 * s->M * s->N * s->K;
        ours(s, &o), theirs(s, &o);
        for (int r = 0; r < repeats; r++) {
            mine[r] = ours(s, &o);
            peer[r] = theirs(s, &o);
        }
        double a = median(mine), b = median(peer);
        printf("%6d %6d %6d %c%c   %10.1f %7.0f%% %10.1f %8.2f\n", s->M, s->N, s->K, s->ta ? 'T' : 'N', s->tb ? 'T' : 'N',
               flops / a, 100 * flops / a / peak, flops / b, b / a);
        fflush(stdout);
        logs += log(b / a);
        least = b / a < least ? b / a : least;
        drop(&o);
    }
    printf("geometric mean %.3f, least %.2f\n", exp(logs / count), least);
}

/* ---- Nearest code -------------------------------------------------------------------------------------------------------------
 */

static void search(int M, int D, int K) {
    float *host = malloc((size_t)(M > K ? M : K) * (size_t)D * sizeof(float));
    if (!host)
        exit((fprintf(stderr, "out of memory\n"), 3));
    vq_view h = random_view(host, (size_t)M * (size_t)D), e = random_view(host, (size_t)K * (size_t)D), packed, codes;
    must(vq_view_create(device, &packed, vq_assign_packed_bytes(device, D, K)));
    must(vq_view_create(device, &codes, (size_t)M * sizeof(int32_t)));
    must(vq_assign_pack(device, packed, e, D, K));
    double seconds[MAX_REPEATS];
    for (int r = -1; r < repeats; r++) {
        double start = cpu_seconds();
        must(vq_assign_forward(device, codes, h, packed, M, D, K));
        must(vq_device_finish(device));
        seconds[r < 0 ? 0 : r] = cpu_seconds() - start;
    }
    double t = median(seconds), rate = 2e-9 * M * D * K / t;
    printf("%6d %6d %6d %13.1f %10.1f %7.0f%%\n", M, D, K, M / t / 1e3, rate, 100 * rate / peak);
    vq_view_destroy(&h);
    vq_view_destroy(&e);
    vq_view_destroy(&packed);
    vq_view_destroy(&codes);
    free(host);
}

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

int main(int argc, char **argv) {
    static const shape plain[] = {{4096, 512, 256}, {4096, 1024, 256}, {8192, 256, 256},   {8192, 1024, 256},
                                  {2048, 768, 768}, {2048, 3072, 768}, {1024, 1024, 1024}, {2048, 2048, 2048}};
    static const shape gelu[] = {{2048, 256, 64, false, true, VQ_GEMM_BIAS_GELU},
                                 {4096, 768, 192, false, true, VQ_GEMM_BIAS_GELU},
                                 {4096, 1536, 384, false, true, VQ_GEMM_BIAS_GELU}};
    static const shape training[] = {
        {2048, 64, 256, false, true, VQ_GEMM_BIAS},       {4096, 384, 1536, false, true, VQ_GEMM_BIAS},
        {2048, 256, 64, false, false, VQ_GEMM_GELU_GRAD}, {4096, 1536, 384, false, false, VQ_GEMM_GELU_GRAD},
        {2048, 64, 256, false, false, VQ_GEMM_STORE},     {4096, 384, 1536, false, false, VQ_GEMM_STORE},
        {256, 64, 2048, true, false, VQ_GEMM_ADD},        {64, 256, 2048, true, false, VQ_GEMM_ADD},
        {1536, 384, 4096, true, false, VQ_GEMM_ADD},      {384, 1536, 4096, true, false, VQ_GEMM_ADD}};
    static const int searches[][3] = {{16384, 256, 512}, {16384, 64, 512}, {8192, 384, 512},  {8192, 64, 1024}, {8192, 256, 1024},
                                      {4096, 384, 1024}, {4096, 64, 4096}, {4096, 256, 4096}, {4096, 384, 4096}};
    setenv("POCL_MAX_PTHREAD_COUNT", "1", 1); /* before the first OpenCL call */
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    if (argc > 1)
        repeats = atoi(argv[1]) < 1 ? 1 : atoi(argv[1]) > MAX_REPEATS ? MAX_REPEATS : atoi(argv[1]);
    must(vq_device_open(&device, NULL, 1));
    printf("%s, %s kernels, float%d\n", device->info.name, device->info.family, device->vector_width);
#ifdef HAVE_OPENBLAS
    openblas_set_num_threads(1);
    printf("OpenBLAS kernels: %s ($OPENBLAS_CORETYPE overrules)\n", openblas_get_corename());
#else
    printf("built without OpenBLAS: no peer\n");
#endif
    measure_peak();
    products("C = A B", plain, COUNT(plain));
    products("Linear with bias and GELU, against OpenBLAS and then a pass for them", gelu, COUNT(gelu));
    products("the other products of a training step, ends included", training, COUNT(training));
    printf("\nnearest code\n%6s %6s %6s %13s %10s %8s\n", "M", "D", "K", "1000 rows/s", "GFLOP/s", "of peak");
    for (int i = 0; i < COUNT(searches); i++)
        search(searches[i][0], searches[i][1], searches[i][2]);
    vq_device_close(device);
    return 0;
}

/* Workloads that are one or two operations, on the tensors of their case tables. */
#include "bench/bench.h"
#include "check/case.h"
#include "ops/gemm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SPOTS = 256 };

/* ---- Answers where a whole reference would take minutes ---------------------------------------------------------------------- */

/* dims: M N K ta tb end how. The inputs are uniform in -1..1, so a product of K of them is sqrt(K)/3 in the mean square. */
static double gemm_error(vq_case *c, const int *d, size_t i, double got) {
    size_t M = (size_t)d[0], N = (size_t)d[1], K = (size_t)d[2], m = i / N, n = i % N;
    const double *A = vq_case_value(c, "A"), *B = vq_case_value(c, "B");
    double want = d[5] == VQ_GEMM_BIAS_GELU ? vq_case_value(c, "bias")[n] : 0;
    for (size_t k = 0; k < K; k++)
        want += A[d[3] ? k * M + m : m * K + k] * B[d[4] ? n * K + k : k * N + n];
    if (d[5] == VQ_GEMM_BIAS_GELU)
        want = 0.5 * want * erfc(-want / sqrt(2));
    return fabs(got - want) / (1e-5 * (sqrt((double)K) / 3 + fabs(want)));
}

/* dims: M D K kind. A code is right if none is nearer by more than float32 can tell. */
static double assign_error(vq_case *c, const int *d, size_t m, double got) {
    size_t D = (size_t)d[1], K = (size_t)d[2];
    const double *h = vq_case_value(c, "h") + m * D, *e = vq_case_value(c, "e");
    double least = INFINITY, chosen = INFINITY, norm = 0;
    for (size_t k = 0; k < K; k++) {
        double sum = 0;
        for (size_t j = 0; j < D; j++)
            sum += (h[j] - e[k * D + j]) * (h[j] - e[k * D + j]);
        least = fmin(least, sum);
        if ((double)k == got)
            chosen = sum;
    }
    for (size_t j = 0; j < D; j++)
        norm += h[j] * h[j];
    return (chosen - least) / (1e-6 * (norm + least));
}

/* dims: B H L d masked one; q, k and v apart or side by side in one buffer, no mask. The inputs are uniform in -2..2, so that a
 * result, an average of L values, is some 2 / sqrt(L). */
static double attention_error(vq_case *c, const int *dims, size_t i, double got) {
    const size_t L = (size_t)dims[2], d = (size_t)dims[3], width = (size_t)dims[1] * d, stride = dims[5] ? 3 * width : width;
    const size_t first = i / width / L * L, head = i % width / d * d;
    const double *x[3];
    for (size_t n = 0; n < 3; n++)
        x[n] = (dims[5] ? vq_case_value(c, "qkv") + n * width : vq_case_value(c, n == 0 ? "q" : n == 1 ? "k" : "v")) + head;
    double weighed = 0, total = 0;
    for (size_t j = first; j < first + L; j++) {
        double score = 0;
        for (size_t n = 0; n < d; n++)
            score += x[0][i / width * stride + n] * x[1][j * stride + n];
        total += exp(score / sqrt((double)d));
        weighed += exp(score / sqrt((double)d)) * x[2][j * stride + i % d];
    }
    return fabs(got - weighed / total) / (1e-5 * (2 / sqrt((double)L) + fabs(weighed / total)));
}

/* dims: B N C sign. The inputs are uniform in -1..1, so that a part of a result is sqrt(2 N / 3) in the mean square. */
static double fft_error(vq_case *c, const int *d, size_t i, double got) {
    const size_t N = (size_t)d[1], C = (size_t)d[2], plane = (size_t)d[0] * N * C, at = i % plane / (N * C) * N * C + i % C;
    const double *in = vq_case_value(c, "in"), k = (double)(i % plane / C % N);
    double want = 0;
    for (size_t n = 0; n < N; n++) {
        const double angle = d[3] * 2 * M_PI * fmod(k * (double)n, (double)N) / (double)N, re = in[at + n * C],
                     im = in[plane + at + n * C];
        want += i < plane ? re * cos(angle) - im * sin(angle) : re * sin(angle) + im * cos(angle);
    }
    return fabs(got - want) / (1e-6 * (sqrt(2.0 / 3 * (double)N) + fabs(want)));
}

/* dims: B L C how, x0, x1 and v side by side in x, no mask, centred. The inputs are uniform in -1..1: a sum over L products of three, gated,
 * is some sqrt(L) / 9, and float32 leaks in proportion. */
static double longconv_error(vq_case *c, const int *d, size_t i, double got) {
    const size_t L = (size_t)d[1], C = (size_t)d[2], ch = i % C, l = i / C % L;
    const double *x = vq_case_value(c, "x") + i / C / L * L * 3 * C + ch, *h = vq_case_value(c, "h") + ch;
    double want = vq_case_value(c, "bias")[ch] * x[(3 * l + 2) * C] * x[(3 * l + 1) * C];
    for (size_t from = 0; from < L; from++)
        want += h[(l + L - 1 - from) * C] * x[(3 * from + 2) * C] * x[(3 * from + 1) * C];
    want *= x[3 * l * C];
    return fabs(got - want) / (1e-5 * (sqrt((double)L) / 9 + fabs(want)));
}

static const vq_case_spot gemm_spot = {"C", gemm_error}, assign_spot = {"codes", assign_error},
                          attention_spot = {"o", attention_error}, fft_spot = {"out", fft_error},
                          longconv_spot = {"y", longconv_error};

/* ---- Shapes ------------------------------------------------------------------------------------------------------------------ */

typedef struct shape {
    const char *name; /* NULL ends */
    vq_case_shape of;
    bool long_only; /* left out of a quick run */
} shape;

static const shape gemm_shapes[] = {
    {"4096x512x256", {{4096, 512, 256}}, false},
    {"4096x1024x256", {{4096, 1024, 256}}, false},
    {"8192x256x256", {{8192, 256, 256}}, true},
    {"8192x1024x256", {{8192, 1024, 256}}, true},
    {"2048x768x768", {{2048, 768, 768}}, false},
    {"2048x3072x768", {{2048, 3072, 768}}, true},
    {"1024x1024x1024", {{1024, 1024, 1024}}, false},
    {"2048x2048x2048", {{2048, 2048, 2048}}, true},
    {"4096x1536x384 bias+gelu", {{4096, 1536, 384, 0, 1, VQ_GEMM_BIAS_GELU}}, false},
    {"2048x256x64 bias+gelu", {{2048, 256, 64, 0, 1, VQ_GEMM_BIAS_GELU}}, true},
    {0},
};
static const shape assign_shapes[] = {
    {"4096x64 K 512", {{4096, 64, 512}}, true},     {"4096x64 K 1024", {{4096, 64, 1024}}, false},
    {"4096x64 K 4096", {{4096, 64, 4096}}, true},   {"4096x256 K 512", {{4096, 256, 512}}, true},
    {"4096x256 K 1024", {{4096, 256, 1024}}, true}, {"4096x256 K 4096", {{4096, 256, 4096}}, true},
    {"4096x384 K 512", {{4096, 384, 512}}, true},   {"4096x384 K 1024", {{4096, 384, 1024}}, false},
    {"4096x384 K 4096", {{4096, 384, 4096}}, true}, {0},
};
static const shape codesum_shapes[] = {
    {"2048x64 K 512", {{2048, 64, 512}}, false},
    {"4096x384 K 1024", {{4096, 384, 1024}}, false},
    {"4096x384 K 2048", {{4096, 384, 2048}}, true},
    {0},
};
static const shape attention_shapes[] = {
    {"8x12 L 512 d 64", {{8, 12, 512, 64, 0, 1}}, false},
    {"8x12 L 512 d 32", {{8, 12, 512, 32, 0, 1}}, true},
    {"2x6 L 512 d 128", {{2, 6, 512, 128, 0, 1}}, true},
    {"1x2 L 4096 d 64", {{1, 2, 4096, 64, 0, 1}}, true},
    {0},
};
static const shape fft_shapes[] = {
    {"16x1024 C 128", {{16, 1024, 128, -1}}, false},  {"4x4096 C 128", {{4, 4096, 128, -1}}, true},
    {"1x16384 C 128", {{1, 16384, 128, -1}}, false},  {"1x65536 C 128", {{1, 65536, 128, -1}}, true},
    {"1x131072 C 256", {{1, 131072, 256, -1}}, true}, {0},
};
enum { SIDE_BY_SIDE = 17 }; /* and centred: of cases_longconv.c */
static const shape longconv_shapes[] = {
    {"8x1024x128", {{8, 1024, 128, SIDE_BY_SIDE}}, false},
    {"1x32768x128", {{1, 32768, 128, SIDE_BY_SIDE}}, false},
    {"1x131072x64", {{1, 131072, 64, SIDE_BY_SIDE}}, true},
    {"1x1048576x16", {{1, 1048576, 16, SIDE_BY_SIDE}}, true},
    {0},
};
static const shape conv_shapes[] = {
    /* of layernorm too, which looks at the first two */
    {"4096x64", {{4096, 64, 0, 7}}, false},
    {"4096x192", {{4096, 192, 0, 7}}, true},
    {"4096x384", {{4096, 384, 0, 7}}, false},
    {"16384x384", {{16384, 384, 0, 7}}, true},
    {0},
};
static const shape stem_shapes[] = {
    {"4096x32", {{4096, 32}}, true},
    {"4096x128", {{4096, 128}}, true},
    {"4096x256", {{4096, 256}}, false},
    {0},
};

/* Work of backward in units of forward's: the gradients of both operands, the tensors read again and the gradients written. */
typedef struct timed {
    const char *workload, *name, *both; /* `both`: the name of forward and backward together, NULL: forward alone is timed */
    const shape *shapes;
    const vq_case_spot *spot; /* NULL: every value is compared */
    double backward_flops, backward_bytes;
} timed;

static const timed operations[] = {
    {"gemm", "gemm", NULL, gemm_shapes, &gemm_spot},
    {"assign", "assign", NULL, assign_shapes, &assign_spot},
    {"codebook", "codesum", NULL, codesum_shapes, NULL},
    {"codebook", "codebook", NULL, codesum_shapes, NULL},
    {"attention", "attention", "attention+backward", attention_shapes, &attention_spot, 2.5, 2},
    {"fft", "fft", NULL, fft_shapes, &fft_spot},
    {"longconv", "longconv", "longconv+backward", longconv_shapes, &longconv_spot, 1.5, 2},
    {"conv", "dwconv", "dwconv+backward", conv_shapes, NULL, 2, 1.5},
    {"conv", "stem", "stem+backward", stem_shapes, NULL, 1, 1},
    {"layernorm", "layernorm", "layernorm+backward", conv_shapes, NULL, 2, 1.5},
};

/* ---- Running ----------------------------------------------------------------------------------------------------------------- */

static const vq_case_table *find_table(const char *name) {
    for (const vq_case_table *const *t = vq_case_tables; *t; t++)
        if (strcmp((*t)->operation, name) == 0)
            return *t;
    return NULL;
}

/* Of the shapes with a reference for values and gradients, the one that shares most dims with `of`, for those choose the kernel; of
 * equals the largest. */
static const vq_case_shape *most_alike(const vq_case_table *table, const vq_case_shape *of) {
    const vq_case_shape *best = NULL;
    int most_shared = -1;
    double largest = 0;
    for (const vq_case_shape *s = table->shapes; s->dims[0]; s++) {
        int shared = 0;
        double product = 1;
        for (int i = 0; i < VQ_CASE_DIMS; i++) {
            shared += s->dims[i] == of->dims[i];
            product *= s->dims[i] > 1 ? s->dims[i] : 1;
        }
        if (s->large || shared < most_shared || (shared == most_shared && product <= largest))
            continue;
        best = s;
        most_shared = shared;
        largest = product;
    }
    return best;
}

typedef struct runner {
    vq_case *tensors;
    bool backward;
} runner;

static vq_status run_case(void *self) {
    runner *r = self;
    return vq_case_enqueue(r->tensors, r->backward);
}

/* Times a shape, forward or both ways. Forward comes first and is what is compared at this shape. */
static vq_status measure(vq_bench *b, const timed *o, runner *r) {
    if (!r->backward)
        VQ_TRY(vq_case_check(r->tensors, o->spot, SPOTS));
    b->result.flops = vq_case_flops(r->tensors) * (r->backward ? 1 + o->backward_flops : 1);
    b->result.bytes = vq_case_bytes(r->tensors) * (r->backward ? 1 + o->backward_bytes : 1);
    return vq_bench_measure(b, run_case, r, r->backward ? 0.6 : 1);
}

/* What was compared: here as far as a reference reaches, and the case table's shape most alike. */
static void say_verified(vq_bench *b, const timed *o, const vq_case_table *table, const vq_case_shape *known, bool backward) {
    char label[96], here[48] = "all values here";
    vq_case_label(table, known, label, sizeof label);
    if (o->spot)
        snprintf(here, sizeof here, "%d random values here", SPOTS);
    snprintf(b->verified, sizeof b->verified, "%s%s, %s at %s", backward ? "forward's " : "", here,
             backward ? "values and gradients" : "values", label);
}

static vq_status run_shape(vq_bench *b, const timed *o, const vq_case_table *table, const shape *s, const vq_case_shape *known,
                           vq_status known_status) {
    runner r = {0};
    vq_status ready = known_status, status = VQDNA_OK;
    if (ready >= 0)
        ready = vq_case_open(&r.tensors, table, &s->of, b->device);
    for (int both = 0; both < (o->both ? 2 : 1) && status >= 0; both++) {
        r.backward = both;
        vq_bench_begin(b, both ? o->both : o->name, s->name);
        say_verified(b, o, table, known, both);
        if (ready >= 0)
            ready = measure(b, o, &r);
        status = vq_bench_give(b, ready);
    }
    vq_case_close(r.tensors);
    return status;
}

static vq_status run_operation(vq_bench *b, const timed *o) {
    const vq_case_table *table = find_table(o->name);
    if (!table) {
        vq_bench_begin(b, o->name, "");
        b->result.message = "this build has no such operation";
        return vq_bench_give(b, VQDNA_END);
    }
    const vq_case_shape *known = NULL;
    vq_status known_status = VQDNA_OK;
    for (const shape *s = o->shapes; s->name; s++) {
        if (s->long_only && b->options.quick)
            continue;
        const vq_case_shape *alike = most_alike(table, &s->of);
        double error;
        if (alike != known)
            known_status = vq_case_run(table, alike, b->device, &error);
        known = alike;
        VQ_TRY(run_shape(b, o, table, s, known, known_status));
    }
    return VQDNA_OK;
}

vq_status vq_bench_operation(vq_bench *b) {
    const char *workload = b->result.workload;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].workload, workload) == 0)
            VQ_TRY(run_operation(b, &operations[i]));
    return VQDNA_OK;
}

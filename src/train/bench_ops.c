/* Workloads that are one or two operations, on the tensors of their case tables. */
#include "ops/case.h"
#include "ops/gemm.h"
#include "train/bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SPOTS = 256 };

/* ---- Answers where a whole reference would take minutes ----------------------------------------------------------------------- */

/* dims: M N K ta tb end how. The inputs are uniform in -1..1, so a product of K of them is sqrt(K)/3 in the mean square. */
static double gemm_error(vq_case *c, const int *d, size_t i, double got) {
    size_t M = (size_t)d[0], N = (size_t)d[1], K = (size_t)d[2], m = i / N, n = i % N;
    const double *A = vq_case_value(c, "A"), *B = vq_case_value(c, "B");
    double want = d[5] == VQ_GEMM_BIAS_GELU ? vq_case_value(c, "bias")[n] : 0;
    for (size_t k = 0; k < K; k++)
        want += A[d[3] ? k * M + m : m * K + k] * B[d[4] ? n * K + k : k * N + n];
    if (d[5] == VQ_GEMM_BIAS_GELU)
        want = 0.5 * want * erfc(-want / sqrt(2));
    double error = fabs(got - want) / (1e-5 * (sqrt((double)K) / 3 + fabs(want)));
    return error;
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

static const vq_case_spot gemm_spot = {"C", gemm_error}, assign_spot = {"codes", assign_error};

/* ---- Shapes ------------------------------------------------------------------------------------------------------------------- */

typedef struct shape {
    const char *name; /* NULL ends */
    vq_case_shape of;
    bool long_only;   /* left out of a quick run */
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
    {"4096x64 K 512", {{4096, 64, 512}}, true},   {"4096x64 K 1024", {{4096, 64, 1024}}, false},
    {"4096x64 K 4096", {{4096, 64, 4096}}, true}, {"4096x256 K 512", {{4096, 256, 512}}, true},
    {"4096x256 K 1024", {{4096, 256, 1024}}, true}, {"4096x256 K 4096", {{4096, 256, 4096}}, true},
    {"4096x384 K 512", {{4096, 384, 512}}, true}, {"4096x384 K 1024", {{4096, 384, 1024}}, false},
    {"4096x384 K 4096", {{4096, 384, 4096}}, true}, {0},
};
static const shape codesum_shapes[] = {
    {"2048x64 K 512", {{2048, 64, 512}}, false},
    {"4096x384 K 1024", {{4096, 384, 1024}}, false},
    {"4096x384 K 2048", {{4096, 384, 2048}}, true},
    {0},
};
static const shape conv_shapes[] = {
    {"4096x64", {{4096, 64}}, false}, {"4096x192", {{4096, 192}}, true}, {"4096x384", {{4096, 384}}, false},
    {"16384x384", {{16384, 384}}, true}, {0},
};
static const shape stem_shapes[] = {
    {"4096x32", {{4096, 32}}, true}, {"4096x128", {{4096, 128}}, true}, {"4096x256", {{4096, 256}}, false}, {0},
};

/* Work of backward in units of forward's: the gradients of both operands, the tensors read again and the gradients written. */
typedef struct operation {
    const char *workload, *name, *both; /* `both`: the name of forward and backward together, NULL: forward alone is timed */
    const shape *shapes;                /* NULL: the large ones of the case table */
    const vq_case_spot *spot;           /* NULL: every value is compared */
    double backward_flops, backward_bytes;
    bool cases_only; /* the timed shape is too large for any reference */
} operation;

static const operation operations[] = {
    {"gemm", "gemm", NULL, gemm_shapes, &gemm_spot},
    {"assign", "assign", NULL, assign_shapes, &assign_spot},
    {"codebook", "codesum", NULL, codesum_shapes, NULL},
    {"codebook", "codebook", NULL, codesum_shapes, NULL},
    {"attention", "attention", "attention+backward", NULL, NULL, 2.5, 2, true},
    {"conv", "dwconv", "dwconv+backward", conv_shapes, NULL, 2, 1.5},
    {"conv", "stem", "stem+backward", stem_shapes, NULL, 1, 1},
    {"layernorm", "layernorm", "layernorm+backward", conv_shapes, NULL, 2, 1.5},
};

/* ---- Running ------------------------------------------------------------------------------------------------------------------ */

static const vq_case_table *find_table(const char *name) {
    for (const vq_case_table *const *t = vq_case_tables; *t; t++)
        if (strcmp((*t)->operation, name) == 0)
            return *t;
    return NULL;
}

/* The largest shape that has a reference for its gradients too. */
static const vq_case_shape *largest_checked(const vq_case_table *table) {
    const vq_case_shape *best = NULL;
    double most = 0;
    for (const vq_case_shape *s = table->shapes; s->dims[0]; s++) {
        double product = 1;
        for (int i = 0; i < VQ_CASE_DIMS; i++)
            product *= s->dims[i] > 1 ? s->dims[i] : 1;
        if (s->large || product <= most)
            continue;
        best = s;
        most = product;
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

/* Times a shape forward, or both ways; *checked: its values have been compared. */
static vq_status measure(vq_bench *b, const operation *o, runner *r, bool *checked) {
    if (!o->cases_only && !*checked)
        VQ_TRY(vq_case_check(r->tensors, o->spot, SPOTS));
    *checked = true;
    b->result.flops = vq_case_flops(r->tensors) * (r->backward ? 1 + o->backward_flops : 1);
    b->result.bytes = vq_case_bytes(r->tensors) * (r->backward ? 1 + o->backward_bytes : 1);
    if (o->cases_only)
        VQ_TRY(vq_case_check(r->tensors, o->spot, SPOTS));
    return vq_bench_measure(b, run_case, r, r->backward ? 0.6 : 1);
}

/* What was compared: the case table's largest checked shape, and this one as far as a reference reaches. */
static void say_verified(vq_bench *b, const operation *o, const vq_case_table *table, const vq_case_shape *known, bool backward) {
    char label[96], here[48] = "";
    vq_case_label(table, known, label, sizeof label);
    if (o->spot)
        snprintf(here, sizeof here, "%d random values here, ", SPOTS);
    else if (!o->cases_only)
        snprintf(here, sizeof here, "all values here, ");
    snprintf(b->verified, sizeof b->verified, "%s%s at %s", here, backward ? "values and gradients" : "values", label);
}

static vq_status run_shape(vq_bench *b, const operation *o, const vq_case_table *table, const vq_case_shape *of, const char *name,
                           const vq_case_shape *known, vq_status known_status) {
    runner r = {0};
    bool checked = false;
    vq_status opened = known_status < 0 ? known_status : vq_case_open(&r.tensors, table, of, b->device), status = VQDNA_OK;
    for (int both = 0; both < (o->both && table->backward ? 2 : 1) && status >= 0; both++) {
        r.backward = both;
        vq_bench_begin(b, both ? o->both : o->name, name);
        say_verified(b, o, table, known, both);
        status = vq_bench_give(b, opened >= 0 ? measure(b, o, &r, &checked) : opened);
    }
    vq_case_close(r.tensors);
    return status;
}

static vq_status run_operation(vq_bench *b, const operation *o) {
    const vq_case_table *table = find_table(o->name);
    const vq_case_shape *known = table ? largest_checked(table) : NULL;
    if (!known) {
        vq_bench_begin(b, o->name, "");
        b->result.message = "this build has no such operation";
        return vq_bench_give(b, VQDNA_END);
    }
    double error;
    vq_status known_status = vq_case_run(table, known, b->device, &error);
    if (o->shapes) {
        for (const shape *s = o->shapes; s->name; s++)
            if (!(s->long_only && b->options.quick))
                VQ_TRY(run_shape(b, o, table, &s->of, s->name, known, known_status));
        return VQDNA_OK;
    }
    for (const vq_case_shape *s = table->shapes; s->dims[0]; s++) {
        char label[96];
        vq_case_label(table, s, label, sizeof label);
        if (s->large)
            VQ_TRY(run_shape(b, o, table, s, label, known, known_status));
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

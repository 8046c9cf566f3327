#include "bench/bench.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A sample is long enough for a clock, for a queue to fill and for every worker of the device to wake up. */
static const double sample_seconds = 0.01;
/* Time for the samples of one shape, and how many there are at least: fewer than five could never show a difference. */
static const double full_seconds = 1.5, quick_seconds = 0.35;
enum { FULL_LEAST = 9, QUICK_LEAST = 5, MOST_RUNS = 256, SLOW = 1 /* second: of such runs fewer must do */ };

static const struct {
    const char *name, *summary;
    int version; /* one more whenever a shape, or the work done at one, changes */
    vq_status (*run)(vq_bench *bench);
} workloads[] = {
    {"peak", "the device's limits: arithmetic, memory, launches, copies", 1, vq_bench_peak},
    {"gemm", "matrix products", 1, vq_bench_operation},
    {"assign", "nearest codes", 1, vq_bench_operation},
    {"codebook", "sums of the vectors of a code, moving averages", 1, vq_bench_operation},
    {"attention", "softmax attention, forward and with backward", 1, vq_bench_operation},
    {"fft", "Fourier transforms of channels side by side", 1, vq_bench_operation},
    {"longconv", "gated convolution along whole sequences, forward and with backward", 1, vq_bench_operation},
    {"conv", "depth-wise and stem convolution", 1, vq_bench_operation},
    {"layernorm", "layer normalization", 1, vq_bench_operation},
    {"train-step", "a training step of each preset at its batch", 1, vq_bench_train_step},
    {"tokenize", "codes of a FASTA file, from end to end", 1, vq_bench_tokenize},
};
enum { WORKLOADS = sizeof workloads / sizeof *workloads };

const char *vq_bench_workload(size_t index, const char **summary) {
    if (index >= WORKLOADS)
        return NULL;
    if (summary)
        *summary = workloads[index].summary;
    return workloads[index].name;
}

vq_status vq_bench_poll(vq_bench *b) {
    if (b->options.interrupted && b->options.interrupted(b->options.user))
        return vq_fail(VQDNA_ERR_INTERRUPTED, "interrupted");
    return VQDNA_OK;
}

void vq_bench_begin(vq_bench *b, const char *operation, const char *shape) {
    snprintf(b->shape, sizeof b->shape, "%s", shape);
    b->verified[0] = b->detail[0] = '\0';
    b->result = (vqdna_bench_result){.workload = b->result.workload,
                                     .version = b->result.version,
                                     .operation = operation,
                                     .shape = b->shape,
                                     .message = "",
                                     .verified = b->verified,
                                     .detail = b->detail,
                                     .runs = 1,
                                     .seconds = b->seconds};
}

static vq_status sample(vq_bench *b, vq_bench_work work, void *self, int runs, double *seconds) {
    VQ_TRY(vq_bench_poll(b));
    double start = vq_clock();
    for (int i = 0; i < runs; i++)
        VQ_TRY(work(self));
    VQ_TRY(vq_device_finish(b->device));
    *seconds = (vq_clock() - start) / runs;
    return VQDNA_OK;
}

vq_status vq_bench_measure(vq_bench *b, vq_bench_work work, void *self, double budget) {
    double once;
    VQ_TRY(sample(b, work, self, 1, &once)); /* compiles, and wakes the workers */
    if (once < SLOW)
        VQ_TRY(sample(b, work, self, 1, &once));
    int runs = (int)fmin(fmax(ceil(sample_seconds / once), 1), MOST_RUNS);
    if (runs > 1) { /* one run alone is mostly the wait for it */
        VQ_TRY(sample(b, work, self, runs, &once));
        runs = (int)fmin(fmax(ceil(sample_seconds / once), 1), MOST_RUNS);
    }
    double wanted = budget * (b->options.quick ? quick_seconds : full_seconds) / (once * runs);
    int least = b->options.quick || once >= SLOW ? QUICK_LEAST : FULL_LEAST;
    size_t count = (size_t)fmin(fmax(wanted, least), VQ_BENCH_SAMPLES);
    for (size_t i = 0; i < count; i++)
        VQ_TRY(sample(b, work, self, runs, &b->seconds[i]));
    b->result.runs = runs;
    b->result.samples = count;
    return VQDNA_OK;
}

vq_status vq_bench_give(vq_bench *b, vq_status status) {
    if (status == VQDNA_ERR_INTERRUPTED)
        return status;
    b->result.status = status;
    if (status != VQDNA_OK) {
        b->result.samples = 0;
        b->verified[0] = '\0';
        if (status < 0)
            b->result.message = vq_error();
    }
    b->failed += status < 0;
    b->fn(b->user, &b->result);
    return VQDNA_OK;
}

vq_status vq_bench_run(vq_device *device, const char *workload, const vqdna_bench_options *options, vqdna_bench_fn fn, void *user) {
    static const vqdna_bench_options none;
    for (size_t i = 0; i < WORKLOADS; i++) {
        if (strcmp(workloads[i].name, workload) != 0)
            continue;
        vq_bench *b;
        VQ_TRY(vq_alloc(&b, 1, sizeof *b));
        b->device = device;
        b->options = options ? *options : none;
        b->fn = fn;
        b->user = user;
        b->result.workload = workloads[i].name;
        b->result.version = workloads[i].version;
        vq_status status = workloads[i].run(b);
        if (status >= 0 && b->failed)
            status = vq_fail(VQDNA_ERR_DEVICE, "%d shape%s of %s failed on %s", b->failed, b->failed == 1 ? "" : "s", workload,
                             device->info.name);
        free(b);
        return status;
    }
    return vq_fail(VQDNA_ERR_USAGE, "there is no workload '%s'", workload);
}

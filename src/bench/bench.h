/* The portable benchmark. A workload is a function that, for each of its shapes, checks the answer, takes samples and gives a
 * result. */
#ifndef VQ_BENCH_BENCH_H
#define VQ_BENCH_BENCH_H

#include "device/memory.h"

/* As their public namesakes in vqdna.h. */
const char *vq_bench_workload(size_t index, const char **summary);
vq_status vq_bench_run(vq_device *device, const char *workload, const vqdna_bench_options *options, vqdna_bench_fn fn, void *user);

/* -- for the workloads: bench_peak.c, bench_ops.c, bench_end.c -- */

enum { VQ_BENCH_SAMPLES = 51 };

typedef struct vq_bench {
    vq_device *device;
    vqdna_bench_options options;
    vqdna_bench_fn fn;
    void *user;
    vqdna_bench_result result; /* being filled; workload and version are set */
    double seconds[VQ_BENCH_SAMPLES];
    char shape[96], verified[200], detail[96];
    int failed; /* shapes */
} vq_bench;

/* Starts the result of a shape. */
void vq_bench_begin(vq_bench *bench, const char *operation, const char *shape);

/* One run, enqueued or done. */
typedef vq_status (*vq_bench_work)(void *self);

/* Takes samples of `work`: after one run for warmth, as many as the time allows, each long enough for the clock. `budget` scales
 * the time. */
vq_status vq_bench_measure(vq_bench *bench, vq_bench_work work, void *self, double budget);

/* Tells of the result; a `status` that failed is told with its sentence. Returns what ends the benchmark as a whole: an
 * interruption. */
vq_status vq_bench_give(vq_bench *bench, vq_status status);

/* VQDNA_ERR_INTERRUPTED if the caller wants no more. */
vq_status vq_bench_poll(vq_bench *bench);

vq_status vq_bench_peak(vq_bench *bench);
vq_status vq_bench_operation(vq_bench *bench); /* every workload that is one or two operations: told apart by result.workload */
vq_status vq_bench_train_step(vq_bench *bench);
vq_status vq_bench_tokenize(vq_bench *bench);

#endif

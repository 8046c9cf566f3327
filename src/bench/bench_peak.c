/* The limits the other workloads are held against. */
#include "base/clock.h"
#include "bench/bench.h"
#include "check/case.h"
#include "ops/peak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Multiples of this many bytes are past every cache; the largest that memory allows is taken. */
static const size_t array_bytes = (size_t)128 << 20, transfer_bytes = (size_t)64 << 20;
enum { LAUNCHES = 500, PILOTS = 2 };
static const float factor = 0.999f, summand = 0.125f;

/* ---- Fused multiply-adds ----------------------------------------------------------------------------------------------------- */

typedef struct chains {
    vq_device *device;
    vq_view registers;
    int items, width, count, steps;
} chains;

static vq_status step_chains(void *self) {
    chains *c = self;
    return vq_peak_fma(c->device, c->registers, c->registers, c->items, c->width, c->count, factor, summand, c->steps);
}

static double fma_flops(const chains *c) {
    return 2.0 * c->items * c->width * c->count * c->steps;
}

/* Steps for a run of about `seconds`. */
static vq_status pace(chains *c, double seconds) {
    for (c->steps = 1000;; c->steps *= 4) {
        VQ_TRY(step_chains(c));
        VQ_TRY(vq_device_finish(c->device));
        double start = vq_clock();
        VQ_TRY(step_chains(c));
        VQ_TRY(vq_device_finish(c->device));
        double took = vq_clock() - start;
        if (took > seconds / 8 || c->steps > 100000000) {
            c->steps = (int)(c->steps * seconds / took);
            return VQDNA_OK;
        }
    }
}

/* One register width, with the count of chains that turns out best. */
static vq_status measure_chains(vq_bench *b, chains *c, size_t floats) {
    static const int counts[] = {4, 8, 12, 16, 24};
    double best = 0;
    int chosen = counts[0];
    float *values;
    VQ_TRY(vq_alloc(&values, floats, sizeof *values));
    for (size_t i = 0; i < floats; i++)
        values[i] = (float)(i % 1024) / 64;
    vq_status status = vq_write(b->device, c->registers, 0, values, floats * sizeof *values);
    for (size_t n = 0; n < sizeof counts / sizeof *counts && status >= 0; n++) {
        c->count = counts[n];
        VQ_TRY_OR(done, vq_bench_poll(b));
        VQ_TRY_OR(done, pace(c, 0.02));
        for (int i = 0; i < PILOTS; i++) {
            double start = vq_clock();
            VQ_TRY_OR(done, step_chains(c));
            VQ_TRY_OR(done, vq_device_finish(b->device));
            double rate = fma_flops(c) / (vq_clock() - start);
            chosen = rate > best ? c->count : chosen;
            best = rate > best ? rate : best;
        }
    }
    /* The answer at few steps, where each of them still shows. */
    enum { STEPS = 37 };
    c->count = chosen;
    c->steps = STEPS;
    size_t used = (size_t)c->items * (size_t)(c->width * c->count);
    VQ_TRY_OR(done, vq_write(b->device, c->registers, 0, values, floats * sizeof *values));
    VQ_TRY_OR(done, step_chains(c));
    VQ_TRY_OR(done, vq_read(b->device, values, c->registers, 0, floats * sizeof *values));
    for (size_t i = 0; i < used; i++) {
        double want = (double)(i % 1024) / 64;
        for (int s = 0; s < STEPS; s++)
            want = (double)factor * want + summand;
        if (!(values[i] - want < 1e-4 && want - values[i] < 1e-4)) {
            status = vq_fail(VQDNA_ERR_DEVICE, "a chain of multiply-adds ended at %g, not %g", values[i], want);
            goto done;
        }
    }
    snprintf(b->verified, sizeof b->verified, "all %zu registers after %d steps", used / (size_t)c->width, STEPS);
    snprintf(b->detail, sizeof b->detail, "%d chains", chosen);
    VQ_TRY_OR(done, pace(c, 0.04));
    b->result.flops = fma_flops(c);
    status = vq_bench_measure(b, step_chains, c, 2);
done:
    free(values);
    return status;
}

static vq_status peak_fma(vq_bench *b) {
    enum { MOST_CHAINS = 24 };
    bool cpu = b->device->family == VQ_FAMILY_CPU;
    int widest = cpu ? b->device->vector_width : 2;
    for (int width = widest / 2; width <= widest; width *= 2) {
        char shape[32];
        snprintf(shape, sizeof shape, "float%.0d", width == 1 ? 0 : width);
        chains c = {.device = b->device, .items = vq_peak_items(b->device), .width = width};
        size_t floats = (size_t)c.items * (size_t)width * MOST_CHAINS;
        vq_bench_begin(b, "fma", shape);
        vq_status status = vq_view_create(b->device, &c.registers, floats * sizeof(float));
        if (status >= 0)
            status = measure_chains(b, &c, floats);
        vq_view_destroy(&c.registers);
        VQ_TRY(vq_bench_give(b, status));
    }
    return VQDNA_OK;
}

/* ---- Memory ------------------------------------------------------------------------------------------------------------------ */

typedef struct arrays {
    vq_device *device;
    vq_view y, a, b;
    float *host;
    size_t bytes;
    int n;
} arrays;

static const float scale = 0.5f;

static vq_status run_copy(void *self) {
    arrays *m = self;
    return vq_peak_copy(m->device, m->y, m->a, m->n);
}

static vq_status run_triad(void *self) {
    arrays *m = self;
    return vq_peak_triad(m->device, m->y, m->a, m->b, scale, m->n);
}

static vq_status run_upload(void *self) {
    arrays *m = self;
    return vq_write(m->device, m->a, 0, m->host, m->bytes);
}

static vq_status run_download(void *self) {
    arrays *m = self;
    return vq_read(m->device, m->host, m->y, 0, m->bytes);
}

/* Small integers, so that sums and halves of them are exact. */
static float pattern(size_t i, int which) {
    return (float)((i * (which ? 40503u : 2654435761u) >> 4) % 4096);
}

static void fill(arrays *m, int which) {
    for (size_t i = 0; i < m->bytes / sizeof(float); i++)
        m->host[i] = pattern(i, which);
}

/* What y must hold after `work`, element by element. */
static vq_status check_arrays(vq_bench *b, arrays *m, vq_bench_work work, bool triad) {
    memset(m->host, 0xff, m->bytes);
    VQ_TRY(vq_write(b->device, m->y, 0, m->host, m->bytes));
    VQ_TRY(work(m));
    VQ_TRY(vq_read(b->device, m->host, m->y, 0, m->bytes));
    for (size_t i = 0; i < (size_t)m->n; i++) {
        float want = pattern(i, 0) + (triad ? scale * pattern(i, 1) : 0);
        if (m->host[i] != want)
            return vq_fail(VQDNA_ERR_DEVICE, "element %zu of %d is %g, not %g", i, m->n, m->host[i], want);
    }
    snprintf(b->verified, sizeof b->verified, "all %d values", m->n);
    return VQDNA_OK;
}

static vq_status open_arrays(arrays *m, size_t bytes, int count) {
    m->bytes = bytes;
    m->n = (int)(bytes / sizeof(float));
    VQ_TRY(vq_alloc(&m->host, bytes, 1));
    vq_view *views[] = {&m->y, &m->a, &m->b};
    for (int i = 0; i < count; i++) {
        VQ_TRY(vq_view_create(m->device, views[i], bytes));
        if (i > 0) {
            fill(m, i - 1);
            VQ_TRY(vq_write(m->device, *views[i], 0, m->host, bytes));
        }
    }
    return VQDNA_OK;
}

static void close_arrays(arrays *m) {
    vq_view_destroy(&m->y);
    vq_view_destroy(&m->a);
    vq_view_destroy(&m->b);
    free(m->host);
}

static size_t within(const vq_device *device, size_t bytes, size_t parts) {
    while (bytes > device->info.max_allocation || bytes > device->info.global_bytes / parts)
        bytes /= 2;
    return bytes;
}

static void megabytes(char out[32], size_t bytes) {
    snprintf(out, 32, "%zu MiB", bytes >> 20);
}

static vq_status peak_memory(vq_bench *b) {
    arrays m = {.device = b->device};
    size_t bytes = within(b->device, array_bytes, 6);
    vq_status opened = open_arrays(&m, bytes, 3), status = VQDNA_OK;
    char shape[32];
    megabytes(shape, bytes);
    for (int triad = 0; triad < 2 && status >= 0; triad++) {
        vq_bench_work work = triad ? run_triad : run_copy;
        vq_bench_begin(b, triad ? "triad" : "copy", shape);
        b->result.bytes = (double)bytes * (triad ? 3 : 2);
        b->result.flops = triad ? 2.0 * m.n : 0;
        vq_status done = opened >= 0 ? check_arrays(b, &m, work, triad) : opened;
        if (done >= 0)
            done = vq_bench_measure(b, work, &m, 1);
        status = vq_bench_give(b, done);
    }
    close_arrays(&m);
    return status;
}

static vq_status measure_transfers(vq_bench *b, arrays *m, bool up) {
    b->result.bytes = (double)m->bytes;
    fill(m, 0);
    VQ_TRY(run_upload(m));
    VQ_TRY(check_arrays(b, m, run_copy, false)); /* up, across and down again */
    return vq_bench_measure(b, up ? run_upload : run_download, m, 1);
}

static vq_status peak_transfers(vq_bench *b) {
    arrays m = {.device = b->device};
    size_t bytes = within(b->device, transfer_bytes, 4);
    vq_status opened = open_arrays(&m, bytes, 2), status = VQDNA_OK;
    char shape[32];
    megabytes(shape, bytes);
    for (int up = 1; up >= 0 && status >= 0; up--) {
        vq_bench_begin(b, up ? "upload" : "download", shape);
        status = vq_bench_give(b, opened >= 0 ? measure_transfers(b, &m, up) : opened);
    }
    close_arrays(&m);
    return status;
}

/* ---- Launches ---------------------------------------------------------------------------------------------------------------- */

typedef struct launches {
    vq_device *device;
    vq_view count;
    bool wait;
} launches;

static vq_status run_launch(void *self) {
    launches *l = self;
    VQ_TRY(vq_peak_count(l->device, l->count));
    return l->wait ? vq_device_finish(l->device) : VQDNA_OK;
}

static vq_status measure_launches(vq_bench *b, launches *l) {
    int32_t count = 0;
    VQ_TRY(vq_write(b->device, l->count, 0, &count, sizeof count));
    for (int i = 0; i < LAUNCHES; i++)
        VQ_TRY(run_launch(l));
    VQ_TRY(vq_read(b->device, &count, l->count, 0, sizeof count));
    if (count != LAUNCHES)
        return vq_fail(VQDNA_ERR_DEVICE, "%d launches left a count of %d", LAUNCHES, (int)count);
    snprintf(b->verified, sizeof b->verified, "the count after %d launches", LAUNCHES);
    return vq_bench_measure(b, run_launch, l, 0.5);
}

static vq_status peak_launches(vq_bench *b) {
    launches l = {.device = b->device};
    vq_status opened = vq_view_create(b->device, &l.count, sizeof(int32_t)), status = VQDNA_OK;
    for (int wait = 0; wait < 2 && status >= 0; wait++) {
        l.wait = wait;
        vq_bench_begin(b, wait ? "finish" : "launch", "1");
        status = vq_bench_give(b, opened >= 0 ? measure_launches(b, &l) : opened);
    }
    vq_view_destroy(&l.count);
    return status;
}

vq_status vq_bench_peak(vq_bench *b) {
    VQ_TRY(peak_fma(b));
    VQ_TRY(peak_memory(b));
    VQ_TRY(peak_launches(b));
    return peak_transfers(b);
}

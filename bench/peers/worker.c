/* The process of one contender. Reads a line "WORKLOAD REPEATS DIMS..." and answers with one line of JSON:
 *     {"cpu": [...], "wall": [...], "answer": [...]}
 * seconds of each repeat after a warm-up, of more than asked for if they are short; and, once a shape, values of the result (of
 * floats a sample at hashed places). Inputs are functions of their index, so that every contender has the same. The first line it
 * writes says who it is.
 * usage: ops_peers ours|openblas|onednn|fftw|fftw-contiguous THREADS */
#include "worker.h"

#include "device/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_REPEATS = 99, SAMPLES = 256, LINE = 256 };
static const double settled = 0.01; /* seconds of warm-up, and of repeats, at least: caches and clocks come back within */

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(vq_status status) {
    if (status < 0) {
        fprintf(stderr, "%s\n", vq_error());
        exit(3);
    }
}

/* ---- Tensors ----------------------------------------------------------------------------------------------------------------- */

/* Element i of tensor `which`, in [-1, 1): the finalizer of MurmurHash3. */
static float value_of(uint32_t i, uint32_t which) {
    uint32_t x = i + 0x9e3779b9u * (which + 1);
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    x ^= x >> 16;
    return (float)(x >> 8) / 8388608.0f - 1.0f;
}

static vq_status fill(vq_device *device, const contender *who, job *j, int which, size_t count) {
    vq_view *view = &j->tensors[which];
    float *values = malloc(count * sizeof *values);
    if (!values)
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        values[i] = value_of((uint32_t)i, (uint32_t)which);
    vq_status status = vq_view_create(device, view, count * sizeof *values);
    if (status >= 0)
        status = vq_write(device, *view, 0, values, count * sizeof *values);
    free(values);
    VQ_TRY(status);
    if (!who->outside)
        return VQDNA_OK;
    /* Held mapped: a CPU driver leaves the buffer where it is, and the comparison of answers would show if it did not. */
    cl_int err;
    j->host[which] =
        clEnqueueMapBuffer(device->queue, view->mem, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, view->bytes, 0, NULL, NULL, &err);
    return err == CL_SUCCESS ? VQDNA_OK : vq_fail_cl(err, "mapping a buffer");
}

static vq_status fill_all(vq_device *device, const contender *who, job *j) {
    const size_t d[] = {(size_t)j->dims[0], (size_t)j->dims[1], (size_t)j->dims[2], (size_t)j->dims[3]};
    const size_t gemm[] = {d[0] * d[2], d[1] * d[2], d[0] * d[1], d[1], d[0] * d[1]}; /* GEMM_A ... */
    const size_t search[] = {d[0] * d[1], d[2] * d[1]}, heads = d[0] * d[1] * d[2] * d[3];
    int count = strcmp(j->workload, "gemm") == 0 ? GEMM_TENSORS : strcmp(j->workload, "assign") == 0 ? 2 : 0;
    for (int i = 0; i < count; i++)
        VQ_TRY(fill(device, who, j, i, count == 2 ? search[i] : gemm[i]));
    if (strcmp(j->workload, "attention") == 0)
        for (int i = 0; i < 8; i++) /* q, k, v, do, o, dq, dk, dv */
            VQ_TRY(fill(device, who, j, i, heads));
    if (strcmp(j->workload, "fft") == 0)
        for (int i = 0; i < 2; i++)
            VQ_TRY(fill(device, who, j, i, 2 * d[0] * d[1] * d[2]));
    const size_t rows = d[0] * d[1] * d[2], filter = d[1] * d[2];
    const size_t longconv[] = {rows, rows, rows, rows, filter, d[2],
                               rows, rows, rows, rows, filter}; /* x0 x1 v dy h bias y dx0 dx1 dv dh */
    for (int i = 0; i < 11 && strcmp(j->workload, "longconv") == 0; i++)
        VQ_TRY(fill(device, who, j, i, longconv[i]));
    return VQDNA_OK;
}

static vq_status print_sample(vq_device *device, vq_view view) {
    size_t count = view.bytes / sizeof(float);
    float *values = malloc(view.bytes);
    if (!values)
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory");
    vq_status status = vq_read(device, values, view, 0, view.bytes);
    for (uint64_t i = 0; i < SAMPLES && status >= 0; i++)
        printf("%s%.7g", i ? ", " : "", values[i * 2654435761u % count]);
    free(values);
    return status;
}

static vq_status print_answer(vq_device *device, const job *j) {
    if (strcmp(j->workload, "gemm") == 0)
        return print_sample(device, j->tensors[GEMM_C]);
    if (strcmp(j->workload, "fft") == 0)
        return print_sample(device, j->tensors[FFT_OUT]);
    if (strcmp(j->workload, "attention") == 0) {
        if (!j->dims[4])
            return print_sample(device, j->tensors[4]);
        for (int i = 5; i < 8; i++) {
            VQ_TRY(print_sample(device, j->tensors[i]));
            printf(i < 7 ? ", " : "");
        }
    }
    if (strcmp(j->workload, "longconv") == 0) {
        if (!j->dims[3])
            return print_sample(device, j->tensors[6]);
        for (int i = 7; i < 11; i++) {
            VQ_TRY(print_sample(device, j->tensors[i]));
            printf(i < 10 ? ", " : "");
        }
    }
    if (strcmp(j->workload, "assign") == 0) {
        int32_t *codes = malloc(j->tensors[2].bytes);
        if (!codes)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory");
        vq_status status = vq_read(device, codes, j->tensors[2], 0, j->tensors[2].bytes);
        for (int i = 0; i < j->dims[0] && status >= 0; i++)
            printf("%s%d", i ? ", " : "", (int)codes[i]);
        free(codes);
        return status;
    }
    if (strcmp(j->workload, "peak") == 0) /* operations of a run */
        printf("%.0f", 2.0 * PEAK_STEPS * (double)(j->tensors[0].bytes / sizeof(float)));
    return VQDNA_OK;
}

/* ---- Requests ---------------------------------------------------------------------------------------------------------------- */

static void clear(vq_device *device, const contender *who, job *j) {
    if (*j->workload)
        who->stop(j);
    for (int i = 0; i < JOB_TENSORS; i++) {
        if (j->host[i])
            clEnqueueUnmapMemObject(device->queue, j->tensors[i].mem, j->host[i], 0, NULL, NULL);
        if (j->tensors[i].mem)
            vq_view_destroy(&j->tensors[i]);
    }
    *j = (job){{0}};
}

static void print_seconds(const char *name, const double *seconds, int count) {
    printf(", \"%s\": [", name);
    for (int i = 0; i < count; i++)
        printf("%s%.9f", i ? ", " : "", seconds[i]);
    printf("]");
}

static void serve(vq_device *device, const contender *who, const char *line, job *j) {
    job asked = {{0}};
    double cpu[MAX_REPEATS], wall[MAX_REPEATS];
    int repeats, *d = asked.dims;
    if (sscanf(line, "%15s %d %d %d %d %d %d %d", asked.workload, &repeats, d, d + 1, d + 2, d + 3, d + 4, d + 5) < 3 ||
        repeats < 1 || repeats > MAX_REPEATS) {
        fprintf(stderr, "cannot read the request '%s'\n", line);
        exit(2);
    }
    if (!who->offers(&asked)) {
        printf("{}\n");
        return;
    }
    bool fresh = strcmp(asked.workload, j->workload) != 0 || memcmp(asked.dims, j->dims, sizeof j->dims) != 0;
    if (fresh) {
        clear(device, who, j);
        *j = asked;
        must(fill_all(device, who, j));
        must(who->start(device, j));
        must(who->run(device, j));
    }
    printf("{\"answer\": [");
    if (fresh)
        must(print_answer(device, j));
    printf("]");
    double start = now(CLOCK_MONOTONIC);
    do
        must(who->run(device, j));
    while (now(CLOCK_MONOTONIC) < start + settled);
    int count = 0;
    start = now(CLOCK_MONOTONIC);
    for (; count < repeats || (count < MAX_REPEATS && now(CLOCK_MONOTONIC) < start + settled); count++) {
        double c = now(CLOCK_PROCESS_CPUTIME_ID), w = now(CLOCK_MONOTONIC);
        must(who->run(device, j));
        cpu[count] = now(CLOCK_PROCESS_CPUTIME_ID) - c;
        wall[count] = now(CLOCK_MONOTONIC) - w;
    }
    print_seconds("cpu", cpu, count);
    print_seconds("wall", wall, count);
    printf("}\n");
}

int main(int argc, char **argv) {
    const contender *known[] = {&contender_ours, &contender_openblas, &contender_onednn, &contender_fftw,
                                &contender_fftw_contiguous},
                    *who = NULL;
    char text[LINE] = "", line[LINE];
    for (size_t i = 0; i < sizeof known / sizeof *known && argc == 3; i++)
        if (strcmp(argv[1], known[i]->name) == 0)
            who = known[i];
    if (!who) {
        fprintf(stderr, "usage: ops_peers ours|openblas|onednn|fftw|fftw-contiguous THREADS\n");
        return 2;
    }
    vq_device *device;
    must(vq_device_open(&device, NULL, atoi(argv[2])));
    if (who->open(device, atoi(argv[2]), text, sizeof text) < 0) {
        printf("{\"skip\": \"%s\"}\n", vq_error());
        return 0;
    }
    printf("{\"name\": \"%s\"}\n", text);
    fflush(stdout);
    job j = {{0}};
    while (fgets(line, sizeof line, stdin)) {
        serve(device, who, line, &j);
        fflush(stdout);
    }
    clear(device, who, &j);
    vq_device_close(device);
    return 0;
}

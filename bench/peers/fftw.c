/* FFTW 3, single precision, one thread, plans by measurement: the transforms of our layout as it lies, and the same ones with each series
 * contiguous and its real and imaginary parts beside each other, which is the layout that FFTW likes best. */
#include "worker.h"

#include <stdio.h>
#include <string.h>

#ifdef HAVE_FFTW
#include <fftw3.h>

static fftwf_plan plan;
static float *own; /* of the contiguous contender: input, then output */

static vq_status open_library(vq_device *device, int threads, char *text, size_t size, const char *layout) {
    (void)device;
    if (threads != 1)
        return vq_fail(VQDNA_ERR_DEVICE, "FFTW is compared on one thread");
    snprintf(text, size, "%s, %s", fftwf_version, layout);
    return VQDNA_OK;
}

static bool offers(const job *j) {
    return strcmp(j->workload, "fft") == 0;
}

static vq_status allocate(float **out, size_t floats) {
    *out = fftwf_malloc(floats * sizeof(float));
    return *out ? VQDNA_OK : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
}

static void release(job *j) {
    (void)j;
    if (plan)
        fftwf_destroy_plan(plan);
    fftwf_free(own);
    plan = NULL;
    own = NULL;
}

/* ---- Side by side -------------------------------------------------------------------------------------------------------------- */

static vq_status open_ours(vq_device *device, int threads, char *text, size_t size) {
    return open_library(device, threads, text, size, "channels side by side");
}

/* Planning overwrites what it plans for. */
static vq_status start_ours(vq_device *device, job *j) {
    (void)device;
    const int B = j->dims[0], N = j->dims[1], C = j->dims[2];
    const size_t plane = (size_t)B * (size_t)N * (size_t)C;
    const fftwf_iodim dim = {N, C, C}, many[2] = {{B, N * C, N * C}, {C, 1, 1}};
    float *in, *out;
    VQ_TRY(allocate(&in, 4 * plane));
    out = in + 2 * plane;
    plan = fftwf_plan_guru_split_dft(1, &dim, 2, many, in, in + plane, out, out + plane, FFTW_MEASURE);
    fftwf_free(in);
    return plan ? VQDNA_OK : vq_fail(VQDNA_ERR_DEVICE, "FFTW has no plan");
}

static vq_status run_ours(vq_device *device, job *j) {
    (void)device;
    const size_t plane = (size_t)j->dims[0] * (size_t)j->dims[1] * (size_t)j->dims[2];
    float *in = j->host[FFT_IN], *out = j->host[FFT_OUT];
    fftwf_execute_split_dft(plan, in, in + plane, out, out + plane);
    return VQDNA_OK;
}

/* ---- Contiguous ---------------------------------------------------------------------------------------------------------------- */

static vq_status open_contiguous(vq_device *device, int threads, char *text, size_t size) {
    return open_library(device, threads, text, size, "series contiguous");
}

static void move_all(const job *j, bool back) {
    const size_t B = (size_t)j->dims[0], N = (size_t)j->dims[1], C = (size_t)j->dims[2], plane = B * N * C;
    for (size_t b = 0; b < B; b++)
        for (size_t n = 0; n < N; n++)
            for (size_t c = 0; c < C; c++)
                for (size_t part = 0; part < 2; part++) {
                    const size_t ours = part * plane + (b * N + n) * C + c, theirs = 2 * ((b * C + c) * N + n) + part;
                    if (back)
                        j->host[FFT_OUT][ours] = own[2 * plane + theirs];
                    else
                        own[theirs] = j->host[FFT_IN][ours];
                }
}

/* The answer is of this run, for its comparison. */
static vq_status start_contiguous(vq_device *device, job *j) {
    (void)device;
    const int N = j->dims[1], many = j->dims[0] * j->dims[2];
    VQ_TRY(allocate(&own, 4 * (size_t)many * (size_t)N));
    fftwf_complex *in = (fftwf_complex *)own, *out = in + (size_t)many * (size_t)N;
    plan = fftwf_plan_many_dft(1, &N, many, in, NULL, 1, N, out, NULL, 1, N, FFTW_FORWARD, FFTW_MEASURE);
    if (!plan)
        return vq_fail(VQDNA_ERR_DEVICE, "FFTW has no plan");
    move_all(j, false);
    fftwf_execute(plan);
    move_all(j, true);
    return VQDNA_OK;
}

static vq_status run_contiguous(vq_device *device, job *j) {
    (void)device, (void)j;
    fftwf_execute(plan);
    return VQDNA_OK;
}
#else
static vq_status open_none(vq_device *device, int threads, char *text, size_t size) {
    (void)device, (void)threads, (void)text, (void)size;
    return vq_fail(VQDNA_ERR_DEVICE, "FFTW was not found when ops_peers was built");
}
#define open_ours open_none
#define open_contiguous open_none

static bool offers(const job *j) {
    (void)j;
    return false;
}

static vq_status run_none(vq_device *device, job *j) {
    (void)device, (void)j;
    return VQDNA_OK;
}
#define start_ours run_none
#define start_contiguous run_none
#define run_ours run_none
#define run_contiguous run_none

static void release(job *j) {
    (void)j;
}
#endif

const contender contender_fftw = {"fftw", true, open_ours, offers, start_ours, run_ours, release};
const contender contender_fftw_contiguous = {"fftw-contiguous", true,           open_contiguous, offers,
                                             start_contiguous,  run_contiguous, release};

/* One length of clFFT against ours, as a row of a table: fft_faults N C. Errors are the largest of any value, forward against sums in double
 * precision over the mean square of a result, and there and back over the largest of the input; milliseconds are CPU time of a forward
 * transform, the least of several. The verdict is that of the check at first use: right, wrong, no plan, or why there is none.
 * usage: fft_faults N C        prints N, C, ours: forward, back, ms; clFFT: verdict, forward, back, ms */
#include "base/log.h"
#include "base/rng.h"
#include "check/dft.h"
#include "device/clfft.h"
#include "device/open.h"
#include "ops/fft.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPEATS = 5, SERIES = 3 };

static char said[1024];

static void hear(void *user, vqdna_message_level level, const char *text) {
    (void)user;
    if (level == VQDNA_WARNING)
        snprintf(said, sizeof said, "%s", text);
}

static void must(vq_status status) {
    if (status < 0) {
        fprintf(stderr, "%s\n", vq_error());
        exit(3);
    }
}

static void *take(size_t bytes) {
    void *memory = malloc(bytes);
    if (!memory) {
        fprintf(stderr, "out of memory\n");
        exit(3);
    }
    return memory;
}

static vq_device *device;
static vq_fft_shape s = {1, 0, 0};
static vq_view in, out, scratch;
static float *x, *got;
static size_t plane;

static vq_status transform(bool clfft, vq_view to, vq_view from, int sign) {
    return clfft ? vq_clfft(device, to, from, scratch, 1, s.N, s.C, sign) : vq_fft(device, to, from, scratch, &s, sign);
}

static double forward_error(void) {
    const size_t N = (size_t)s.N, C = (size_t)s.C;
    double(*series)[2] = take(2 * N * sizeof *series), worst = 0;
    for (size_t i = 0; i < SERIES; i++) {
        const size_t c = i * (C - 1) / (SERIES - 1);
        for (size_t n = 0; n < N; n++) {
            series[n][0] = x[n * C + c];
            series[n][1] = x[plane + n * C + c];
        }
        must(vq_dft(series + N, (const double(*)[2])series, s.N, -1));
        for (size_t n = 0; n < N; n++) {
            const double e = hypot(got[n * C + c] - series[N + n][0], got[plane + n * C + c] - series[N + n][1]);
            worst = e <= worst ? worst : e; /* NaN stays */
        }
    }
    free(series);
    return worst / sqrt(2.0 / 3 * s.N);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void measure(bool clfft) {
    const size_t bytes = 2 * plane * sizeof *x;
    double back = 0, least = INFINITY;
    must(vq_view_create(device, &scratch, clfft ? vq_clfft_scratch(device, s.N, s.C) : vq_fft_scratch(device, &s)));
    must(transform(clfft, out, in, -1));
    must(vq_read(device, got, out, 0, bytes));
    const double forward = forward_error();
    must(transform(clfft, out, out, 1));
    must(vq_read(device, got, out, 0, bytes));
    for (size_t i = 0; i < 2 * plane; i++) {
        const double e = fabs(got[i] / (double)s.N - x[i]);
        back = e <= back ? back : e;
    }
    for (int i = 0; i < REPEATS; i++) {
        const double start = now();
        must(transform(clfft, out, in, -1));
        must(vq_device_finish(device));
        least = fmin(least, now() - start);
    }
    printf("\t%.2e\t%.2e\t%.3f", forward, back, 1e3 * least);
    vq_view_destroy(&scratch);
}

int main(int argc, char **argv) {
    if (argc != 3 || (s.N = atoi(argv[1])) < 1 || vq_fft_length(s.N) != s.N || (s.C = atoi(argv[2])) < 1) {
        fprintf(stderr, "usage: fft_faults N C        N a product of powers of 2, 3 and 5\n");
        return 2;
    }
    setenv("VQDNA_FFT", "own", 1);
    vq_log_handler(hear, NULL);
    must(vq_device_open(&device, NULL, 0));
    plane = (size_t)s.N * (size_t)s.C;
    x = take(2 * plane * sizeof *x);
    got = take(2 * plane * sizeof *got);
    for (size_t i = 0; i < 2 * plane; i++)
        x[i] = (float)(2 * vq_rng_uniform(1, VQ_STREAM_TEST, 0, i) - 1);
    must(vq_view_create(device, &in, 2 * plane * sizeof *x));
    must(vq_view_create(device, &out, 2 * plane * sizeof *x));
    must(vq_write(device, in, 0, x, 2 * plane * sizeof *x));
    printf("%d\t%d", s.N, s.C);
    measure(false);
    fflush(stdout);
    const bool usable = vq_clfft_usable(device, s.N, s.C);
    if (vq_clfft_missing() || (!usable && (!*said || strstr(said, "makes no plan"))))
        printf("\t%s\t\t\t", vq_clfft_missing() ? vq_clfft_missing() : *said ? "no plan" : "not aligned");
    else {
        printf("\t%s", usable ? "right" : "wrong");
        measure(true);
    }
    printf("\n");
    vq_device_close(device);
    return 0;
}

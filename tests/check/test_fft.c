/* Transforms: lengths, what is refused, a series past one pass and two, and batches past a round. */
#include "check/case.h"
#include "check/dft.h"
#include "fixture.h"
#include "ops/fft.h"

#include <math.h>
#include <stdlib.h>

START_TEST(lengths) {
    static const int asked[][2] = {{1, 1},       {2, 2},       {7, 8},         {11, 12},         {13, 15},          {17, 18},
                                   {1009, 1024}, {1025, 1080}, {65537, 65610}, {199999, 200000}, {4194301, 4194304}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        ck_assert_int_eq(vq_fft_length(asked[i][0]), asked[i][1]);
    ck_assert_int_eq(vq_fft_length(VQ_FFT_LONGEST), VQ_FFT_LONGEST);
    ck_assert_int_eq(vq_fft_length(VQ_FFT_LONGEST + 1), 0);
    ck_assert_int_eq(vq_fft_length(0), 0);
    ck_assert_int_eq(vq_fft_length(-5), 0);
    for (int n = 1; n < 3000; n++) {
        int rest = vq_fft_length(n);
        ck_assert_int_ge(rest, n);
        static const int primes[] = {2, 3, 5};
        for (int p = 0; p < 3; p++)
            while (rest % primes[p] == 0)
                rest /= primes[p];
        ck_assert_int_eq(rest, 1);
    }
}
END_TEST

START_TEST(a_prime_is_refused) {
    static const int wrong[] = {7, 1009, 0, -4, 2 * VQ_FFT_LONGEST};
    vq_view one;
    ck_ok(vq_view_create(device, &one, 1 << 16));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_fails(vq_fft(device, one, one, one, &(vq_fft_shape){1, wrong[i], 1}, -1), VQDNA_ERR_USAGE, "2, 3 and 5");
    ck_ok(vq_fft(device, one, one, one, &(vq_fft_shape){0, 8, 1}, -1)); /* nothing to do */
    ck_ok(vq_fft(device, one, one, one, &(vq_fft_shape){1, 8, 0}, -1));
    vq_view_destroy(&one);
}
END_TEST

/* The largest error of the transform of noise over the root of its length. */
static double error_of(vq_fft_shape s, int sign) {
    const size_t C = (size_t)s.C, N = (size_t)s.N, plane = (size_t)s.B * N * C;
    float *x = malloc(2 * plane * sizeof *x), *got = malloc(2 * plane * sizeof *got);
    double(*series)[2] = malloc(2 * N * sizeof *series), error = 0;
    ck_assert(x && got && series);
    for (size_t i = 0; i < 2 * plane; i++)
        x[i] = (float)fixture_uniform(7, i, -1, 1);
    vq_view in, out, scratch;
    ck_ok(vq_view_create(device, &in, 2 * plane * sizeof *x));
    ck_ok(vq_view_create(device, &out, 2 * plane * sizeof *x));
    ck_ok(vq_view_create(device, &scratch, vq_fft_scratch(device, &s)));
    ck_ok(vq_write(device, in, 0, x, 2 * plane * sizeof *x));
    ck_ok(vq_fft(device, out, in, scratch, &s, sign));
    ck_ok(vq_read(device, got, out, 0, 2 * plane * sizeof *x));
    for (int b = 0; b<s.B; b += s.B> 1 ? s.B - 1 : 1)
        for (size_t c = 0; c<C; c += C> 1 ? C - 1 : 1) {
            const size_t at = (size_t)b * N * C + c;
            for (size_t n = 0; n < N; n++) {
                series[n][0] = x[at + n * C];
                series[n][1] = x[plane + at + n * C];
            }
            ck_ok(vq_dft(series + N, (const double(*)[2])series, s.N, sign));
            for (size_t n = 0; n < N; n++) {
                error = fmax(error, fabs(got[at + n * C] - series[N + n][0]));
                error = fmax(error, fabs(got[plane + at + n * C] - series[N + n][1]));
            }
        }
    vq_view_destroy(&in);
    vq_view_destroy(&out);
    vq_view_destroy(&scratch);
    free(x);
    free(got);
    free(series);
    return error / sqrt(s.N);
}

START_TEST(three_passes) {
    const vq_choice brief = {"fft", "long", "longest", 64};
    vq_tuning_impose(device, &brief);
    static const vq_fft_shape shapes[] = {{1, 8192, 16}, {2, 5000, 3}, {1, 19440, 1}, {1, 262144, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int sign = -1; sign <= 1; sign += 2)
            ck_assert_double_lt(error_of(shapes[i], sign), 2e-6);
    vq_tuning_impose(device, NULL);
}
END_TEST

/* Of three rounds, the last one short. */
START_TEST(more_than_a_round) {
    ck_assert_double_lt(error_of((vq_fft_shape){37, 4096, 72}, -1), 2e-6);
    ck_assert_double_lt(error_of((vq_fft_shape){37, 4096, 72}, 1), 2e-6);
}
END_TEST

/* The sums of the reference itself: by definition, at a length with every kind of factor. */
START_TEST(reference) {
    enum { N = 2 * 3 * 5 * 7 };
    double x[N][2], got[N][2];
    for (int n = 0; n < N; n++)
        for (int part = 0; part < 2; part++)
            x[n][part] = fixture_uniform(8, (uint64_t)(2 * n + part), -1, 1);
    ck_ok(vq_dft(got, (const double(*)[2])x, N, -1));
    for (int k = 0; k < N; k++) {
        double re = 0, im = 0;
        for (int n = 0; n < N; n++) {
            const double angle = -2 * M_PI * k * n / N;
            re += x[n][0] * cos(angle) - x[n][1] * sin(angle);
            im += x[n][0] * sin(angle) + x[n][1] * cos(angle);
        }
        ck_assert_double_lt(fabs(re - got[k][0]) + fabs(im - got[k][1]), 1e-10);
    }
}
END_TEST

START_TEST(past_the_devices_memory) {
    const vq_fft_shape s = {1 << 14, VQ_FFT_LONGEST, 1 << 10};
    const size_t bytes = 2 * sizeof(float) * (size_t)s.B * (size_t)s.N * (size_t)s.C;
    vq_view all;
    ck_assert_uint_lt(vq_fft_scratch(device, &s), bytes);
    ck_fails(vq_view_create(device, &all, bytes), VQDNA_ERR_MEMORY, "allocating");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("fft");
    TCase *t = fixture_case(suite, "transform");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, lengths);
    tcase_add_test(t, a_prime_is_refused);
    tcase_add_test(t, three_passes);
    tcase_add_test(t, more_than_a_round);
    tcase_add_test(t, reference);
    tcase_add_test(t, past_the_devices_memory);
    return scratch_run(suite);
}

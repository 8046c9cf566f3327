/* clFFT behind our transforms, through a library that breaks it ($VQDNA_CLFFT_LIBRARY, tests/clfft_fault.c): what is wrong is not used, and
 * said once. With $VQ_CLFFT_FAULT=absent there is no such library at all. */
#include "device/clfft.h"
#include "fixture.h"
#include "ops/fft.h"

#include <math.h>
#include <pthread.h>

static void open_with(const char *what) {
    setenv("VQ_CLFFT_FAULT", what, 1);
    setenv("VQDNA_FFT", "clfft", 1);
    *scratch_log = 0;
    fixture_open();
}

static int warnings(void) {
    int count = 0;
    for (const char *p = scratch_log; (p = strstr(p, "kernels of our own are used")); p++)
        count++;
    return count;
}

/* Transforms an impulse at row 1 of each of two entries, whose frequency k is exp(sign 2 pi i k / N). */
static void check_impulse(int sign) {
    enum { B = 2, N = 60, C = 32, PLANE = B * N * C };
    const vq_fft_shape s = {B, N, C};
    static float x[2 * PLANE];
    vq_view data, scratch;
    for (int i = 0; i < 2 * PLANE; i++)
        x[i] = i < PLANE && i / C % N == 1 ? 1.0f : 0.0f;
    ck_ok(vq_view_create(device, &data, sizeof x));
    ck_ok(vq_view_create(device, &scratch, vq_fft_scratch(device, &s)));
    ck_ok(vq_write(device, data, 0, x, sizeof x));
    ck_ok(vq_fft(device, data, data, scratch, &s, sign));
    ck_ok(vq_read(device, x, data, 0, sizeof x));
    for (int i = 0; i < PLANE; i++) {
        const double angle = sign * 2 * M_PI * (i / C % N) / N;
        ck_assert_double_lt(fabs(x[i] - cos(angle)) + fabs(x[PLANE + i] - sin(angle)), 1e-5);
    }
    vq_view_destroy(&data);
    vq_view_destroy(&scratch);
}

START_TEST(a_right_plan_is_used) {
    open_with("");
    ck_assert_ptr_null(vq_clfft_missing());
    ck_assert(vq_clfft_usable(device, 60, 32));
    check_impulse(-1);
    check_impulse(1);
    ck_assert_int_eq(warnings(), 0);
    ck_assert(!vq_clfft_usable(device, 7, 3)); /* entries of 84 bytes cannot be cut from a buffer */
    check_impulse(-1);
    fixture_close();
    open_with(""); /* plans of a device that was closed are not those of the next */
    check_impulse(-1);
    fixture_close();
}
END_TEST

START_TEST(a_wrong_plan_is_not_used) {
    static const char *const faults[][2] = {
        {"turned", "forward transforms of length 60 of 32 channels are wrong"},
        {"idle", "backward transforms of length 60 of 32 channels are wrong"},
        {"bake", "makes no plan of length 60"},
        {"enqueue", "failed with code"},
    };
    open_with(faults[_i][0]);
    for (int i = 0; i < 2; i++) {
        check_impulse(-1);
        check_impulse(1);
    }
    ck_assert(!vq_clfft_usable(device, 60, 32));
    ck_assert_msg(strstr(scratch_log, faults[_i][1]) && warnings() == 1, "%s", scratch_log);
    fixture_close();
}
END_TEST

static void *use(void *opened) {
    for (int n = 1; n <= 4; n++)
        if (!vq_clfft_usable(opened, 15 * n, 64))
            return opened;
    return NULL;
}

START_TEST(two_devices_at_once) {
    vq_device *both[2];
    pthread_t threads[2];
    open_with("");
    both[0] = device;
    ck_ok(vq_device_open(&both[1], NULL, 0));
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use, both[i]), 0);
    for (int i = 0; i < 2; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    vq_device_close(both[1]);
    ck_assert(vq_clfft_usable(device, 30, 64));
    fixture_close();
}
END_TEST

START_TEST(absent) {
    setenv("VQDNA_FFT", "clfft", 1);
    ck_fails(vq_device_open(&device, NULL, 0), VQDNA_ERR_DEVICE, "which VQDNA_FFT=clfft asks for");
    ck_assert_ptr_null(device);
    setenv("VQDNA_FFT", "cufft", 1);
    ck_fails(vq_device_open(&device, NULL, 0), VQDNA_ERR_USAGE, "choose own");
    for (int i = 0; i < 2; i++) {
        setenv("VQDNA_FFT", i ? "own" : "", 1);
        fixture_open();
        ck_assert_ptr_nonnull(vq_clfft_missing());
        ck_assert(!vq_clfft_usable(device, 60, 32));
        check_impulse(-1);
        fixture_close();
    }
    ck_assert_int_eq(warnings(), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("clfft");
    TCase *t = tcase_create("library");
    const char *fault = getenv("VQ_CLFFT_FAULT");
    tcase_set_timeout(t, 300);
    if (fault && strcmp(fault, "absent") == 0) {
        tcase_add_test(t, absent);
    } else {
        tcase_add_test(t, a_right_plan_is_used);
        tcase_add_loop_test(t, a_wrong_plan_is_not_used, 0, 4);
        tcase_add_test(t, two_devices_at_once);
    }
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}

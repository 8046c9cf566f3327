/* Launches at the limits of a device: refused with a sentence, or cut into several with the same bits. */
#include "device/launch.h"
#include "fixture.h"
#include "ops/dwconv.h"
#include "ops/rows.h"

START_TEST(more_than_there_is) {
    const size_t local = device->info.local_bytes;
    vq_kernel *kernel;
    vq_view n;
    ck_ok(vq_view_create(device, &n, 4));
    ck_ok(vq_kernel_get(device, &kernel, "peak", "peak_count", ""));
    ck_fails(vq_launch(device, kernel, vq_grid1(1, device->info.max_work_group * 2), vq_in(n)), VQDNA_ERR_DEVICE, "peak_count");
    ck_fails(vq_launch(device, kernel, vq_grid1(1, 1), vq_in(n), vq_local(local + 4)), VQDNA_ERR_DEVICE, "bytes of local memory");
    ck_ok(vq_launch(device, kernel, vq_grid1(1, 1), vq_in(n)));
    vq_view_destroy(&n);
}
END_TEST

/* Rows past 65,535 work-groups. */
START_TEST(many_rows) {
    enum { M = (1 << 20) + 77 };
    float *x, *y[2];
    vq_row *rows;
    vq_view in, table, w, bias, scratch, out;
    ck_ok(vq_alloc(&x, M, sizeof *x));
    ck_ok(vq_alloc(&rows, M, sizeof *rows));
    for (size_t i = 0; i < M; i++) {
        x[i] = (float)(i % 1021);
        rows[i] = (vq_row){.left = i % 9 < 3 ? 3 : 0, .right = 3, .seen = 1};
    }
    rows[M - 1].right = rows[M - 2].right = rows[M - 3].right = 0;
    rows[0].left = rows[1].left = rows[2].left = 0;
    const float taps[7] = {1, 2, 3, 4, 5, 6, 7}, zero = 0;
    ck_ok(vq_view_create(device, &in, M * sizeof *x));
    ck_ok(vq_view_create(device, &out, M * sizeof *x));
    ck_ok(vq_view_create(device, &table, M * sizeof *rows));
    ck_ok(vq_view_create(device, &w, sizeof taps));
    ck_ok(vq_view_create(device, &bias, sizeof zero));
    ck_ok(vq_view_create(device, &scratch, vq_dwconv_scratch(device, M, 1)));
    ck_ok(vq_write(device, in, 0, x, M * sizeof *x));
    ck_ok(vq_write(device, table, 0, rows, M * sizeof *rows));
    ck_ok(vq_write(device, w, 0, taps, sizeof taps));
    ck_ok(vq_write(device, bias, 0, &zero, sizeof zero));
    const size_t most = device->most_groups;
    for (int cut = 0; cut < 2; cut++) {
        device->most_groups = cut ? 65535 : 0;
        ck_ok(vq_alloc(&y[cut], M, sizeof **y));
        ck_ok(vq_zero(device, out));
        ck_ok(vq_dwconv_forward(device, out, scratch, in, table, w, bias, M, 1));
        ck_ok(vq_read(device, y[cut], out, 0, M * sizeof **y));
    }
    device->most_groups = most;
    ck_assert_mem_eq(y[0], y[1], M * sizeof **y);
    ck_assert(y[1][M - 1] == 4 * x[M - 1] && y[1][M - 2] == 4 * x[M - 2]);
    vq_view *views[] = {&in, &out, &table, &w, &bias, &scratch};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        vq_view_destroy(views[i]);
    free(x);
    free(rows);
    free(y[0]);
    free(y[1]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("launch");
    TCase *t = fixture_case(suite, "launch");
    tcase_add_test(t, more_than_there_is);
    tcase_add_test(t, many_rows);
    return scratch_run(suite);
}

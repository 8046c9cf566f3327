/* Launches at the limits of a device: refused with a sentence, or cut into several with the same bits. */
#include "device/launch.h"
#include "fixture.h"
#include "ops/assign.h"
#include "ops/dwconv.h"
#include "ops/rows.h"

#include <dlfcn.h>

/* A driver whose compiler finds registers for so many work-items only, if not 0, of those a device takes. */
static size_t registers_for;

cl_int clGetKernelWorkGroupInfo(cl_kernel k, cl_device_id d, cl_kernel_work_group_info what, size_t size, void *out, size_t *n) {
    cl_int (*real)(cl_kernel, cl_device_id, cl_kernel_work_group_info, size_t, void *, size_t *);
    *(void **)&real = dlsym(RTLD_NEXT, "clGetKernelWorkGroupInfo");
    cl_int err = real(k, d, what, size, out, n);
    if (err == CL_SUCCESS && what == CL_KERNEL_WORK_GROUP_SIZE && registers_for)
        *(size_t *)out = registers_for;
    return err;
}

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

START_TEST(few_registers) {
    enum { M = 70, D = 5, K = 9 };
    float e[K][D], h[M][D];
    int32_t codes[M];
    vq_view in, book, packed, out;
    vq_device *own = device;
    registers_for = 64;
    ck_ok(vq_device_open(&device, NULL, 0)); /* one that has not asked yet */
    if (device->family == VQ_FAMILY_GPU)
        ck_assert_uint_eq(vq_group_fit(device, "adamw", "", 256, 256).across, 64);
    for (int i = 0; i < K * D; i++)
        e[i / D][i % D] = (float)(i * i % 37);
    for (int m = 0; m < M; m++)
        memcpy(h[m], e[m * 5 % K], sizeof h[m]);
    ck_ok(vq_view_create(device, &in, sizeof h));
    ck_ok(vq_view_create(device, &book, sizeof e));
    ck_ok(vq_view_create(device, &packed, vq_assign_packed_bytes(device, D, K)));
    ck_ok(vq_view_create(device, &out, sizeof codes));
    ck_ok(vq_write(device, in, 0, h, sizeof h));
    ck_ok(vq_write(device, book, 0, e, sizeof e));
    ck_ok(vq_assign_pack(device, packed, book, D, K));
    ck_ok(vq_assign_forward(device, out, in, packed, M, D, K));
    ck_ok(vq_read(device, codes, out, 0, sizeof codes));
    for (int m = 0; m < M; m++)
        ck_assert_int_eq(codes[m], m * 5 % K);
    vq_view *views[] = {&in, &book, &packed, &out};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        vq_view_destroy(views[i]);
    vq_device_close(device);
    device = own;
    registers_for = 0;
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
    ck_ok(vq_view_create(device, &scratch, vq_dwconv_scratch(device, M, 1, 7)));
    ck_ok(vq_write(device, in, 0, x, M * sizeof *x));
    ck_ok(vq_write(device, table, 0, rows, M * sizeof *rows));
    ck_ok(vq_write(device, w, 0, taps, sizeof taps));
    ck_ok(vq_write(device, bias, 0, &zero, sizeof zero));
    const size_t most = device->most_groups;
    for (int cut = 0; cut < 2; cut++) {
        device->most_groups = cut ? 65535 : 0;
        ck_ok(vq_alloc(&y[cut], M, sizeof **y));
        ck_ok(vq_zero(device, out));
        ck_ok(vq_dwconv_forward(device, out, scratch, in, table, w, bias, M, 1, 7));
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
    tcase_add_test(t, few_registers);
    tcase_add_test(t, many_rows);
    return scratch_run(suite);
}

/* CLBlast where it cannot be used: this suite's own stands in for the library's, and refuses. */
#include "device/blas.h"
#include "fixture.h"

#include <clblast_c.h>

CLBlastStatusCode CLBlastOverrideParameters(const cl_device_id id, const char *kernel, const CLBlastPrecision precision,
                                            const size_t count, const char **names, const size_t *values) {
    (void)id, (void)kernel, (void)precision, (void)count, (void)names, (void)values;
    return CLBlastInvalidOverrideKernel;
}

static void check_refused(const char *choice, vq_status status, const char *word) {
    setenv("VQDNA_GEMM", choice, 1);
    ck_fails(vq_device_open(&device, NULL, 0), status, word);
    ck_assert_ptr_null(device);
}

START_TEST(choice_is_held) {
    check_refused("clblast", VQDNA_ERR_DEVICE, "CLBlast cannot be used");
    check_refused("CLBlast", VQDNA_ERR_USAGE, "'CLBlast'");
    check_refused("cublas", VQDNA_ERR_USAGE, "choose tile");
    for (int i = 0; i < 2; i++) {
        setenv("VQDNA_GEMM", i ? "tile" : "", 1);
        ck_ok(vq_device_open(&device, NULL, 0));
        ck_assert(!vq_blas_usable(device));
        fixture_close();
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("blas");
    TCase *t = tcase_create("choice");
    tcase_add_test(t, choice_is_held);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}

/* Two groups of aligned records, code by code; Fisher's test against SciPy's hypergeometric tails (1.10). */
#include "judge/contrast.h"
#include "scratch.h"

#include <math.h>
#include <string.h>

START_TEST(fisher) {
    static const struct {
        uint64_t a, A, b, B;
        double p;
    } cases[] = {
        {0, 5, 0, 5, 1}, {5, 5, 0, 5, 0.00793650793651},       {3, 10, 7, 12, 0.369849964277},
        {1, 2, 1, 2, 1}, {30, 40, 10, 400, 4.09247207181e-29},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double p = vq_fisher_p(cases[i].a, cases[i].A, cases[i].b, cases[i].B);
        ck_assert_msg(fabs(p - cases[i].p) <= 1e-8 * cases[i].p + 1e-300, "%.12g instead of %.12g", p, cases[i].p);
    }
}
END_TEST

enum { LENGTH = 40, RECORDS = 12 };

/* Records in two pieces, as a stream may give them: one level, code = position, but for B's codes at 20 to 24, which are 100 more. */
static vq_status add(vq_contrast *c, int group, const char *name, size_t length, int unknown) {
    uint16_t codes[LENGTH + 1];
    uint8_t bases[LENGTH + 1] = {0};
    for (size_t i = 0; i < length; i++)
        codes[i] = (uint16_t)(i + (group && i >= 20 && i < 25 ? 100 : 0));
    if (unknown >= 0)
        bases[unknown] = 4;
    vqdna_codes run = {.contig = name, .count = 13, .levels = 1, .codes = codes, .bases = bases};
    vq_contrast_group(c, group);
    VQ_TRY(vq_contrast_add(c, &run));
    run = (vqdna_codes){
        .contig = name, .start = 13, .count = length - 13, .levels = 1, .codes = codes + 13, .bases = bases + 13, .last = true};
    return vq_contrast_add(c, &run);
}

START_TEST(differences) {
    vq_contrast *c;
    size_t rows, calls;
    ck_assert_int_eq(vq_contrast_create(&c), VQDNA_OK);
    for (int r = 0; r < RECORDS; r++) {
        ck_assert_int_eq(add(c, 0, "a", LENGTH, r < 3 ? 22 : -1), VQDNA_OK);
        ck_assert_int_eq(add(c, 1, "b", LENGTH, -1), VQDNA_OK);
    }
    ck_assert_int_eq(vq_contrast_end(c, 0.5, 0.01), VQDNA_OK);
    const vqdna_contrast_row *row = vq_contrast_rows(c, &rows);
    ck_assert_uint_eq(rows, 5);
    for (size_t i = 0; i < rows; i++) {
        ck_assert_uint_eq(row[i].position, 20 + i);
        ck_assert_int_eq(row[i].level, 1);
        ck_assert_uint_eq(row[i].code[0], 20 + i);
        ck_assert_uint_eq(row[i].code[1], 120 + i);
        ck_assert_uint_eq(row[i].known[0], i == 2 ? 9 : 12); /* three records have an unknown base there */
        ck_assert_uint_eq(row[i].count[0][0], row[i].known[0]);
        ck_assert_uint_eq(row[i].count[0][1], 0);
        ck_assert_uint_eq(row[i].count[1][1], 12);
        ck_assert_double_eq(row[i].difference, 1);
        ck_assert_double_eq_tol(row[i].p, fmin(1, 2 * LENGTH * vq_fisher_p(0, row[i].known[0], 12, 12)), 1e-12);
    }
    const vqdna_contrast_call *call = vq_contrast_calls(c, 3, &calls);
    ck_assert_uint_eq(calls, 1);
    ck_assert(call->start == 20 && call->end == 25 && call->rows == 5);
    ck_assert_int_eq(vq_contrast_end(c, 0.5, 1e-12), VQDNA_OK); /* too few records for such a p */
    vq_contrast_rows(c, &rows);
    ck_assert_uint_eq(rows, 0);
    vq_contrast_calls(c, 3, &calls);
    ck_assert_uint_eq(calls, 0);
    vq_contrast_destroy(c);
}
END_TEST

START_TEST(refusals) {
    vq_contrast *c;
    ck_assert_int_eq(vq_contrast_create(&c), VQDNA_OK);
    ck_assert_int_eq(add(c, 0, "first", LENGTH, -1), VQDNA_OK);
    ck_assert_int_eq(add(c, 0, "short", LENGTH - 1, -1), VQDNA_ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(vq_error(), "short"));
    ck_assert_int_eq(add(c, 0, "long", LENGTH + 1, -1), VQDNA_ERR_INPUT);
    ck_assert_int_eq(add(c, 1, "second", LENGTH, -1), VQDNA_OK);
    ck_assert_int_eq(vq_contrast_end(c, 0.5, 0.01), VQDNA_ERR_INPUT); /* a group of one */
    vq_contrast_destroy(c);
    vq_contrast_destroy(NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("contrast");
    TCase *tests = tcase_create("contrast");
    tcase_add_test(tests, fisher);
    tcase_add_test(tests, differences);
    tcase_add_test(tests, refusals);
    suite_add_tcase(suite, tests);
    return scratch_run(suite);
}

#include "base/rng.h"
#include "judge/census.h"
#include "scratch.h"

#include <math.h>

enum { COUNT = 20000, REACH = 2, LEVELS = 2 };

static uint8_t bases[COUNT];
static uint16_t codes[COUNT][LEVELS];

/* Level 1 is the next base, level 2 is chance; bases are chance. */
static void make(void) {
    for (size_t i = 0; i < COUNT; i++)
        bases[i] = (uint8_t)vq_rng_below(4, 1, VQ_STREAM_TEST, 0, i);
    for (size_t i = 0; i < COUNT; i++) {
        codes[i][0] = i + 1 < COUNT ? bases[i + 1] : 0;
        codes[i][1] = (uint16_t)vq_rng_below(50, 3, VQ_STREAM_TEST, 0, i);
    }
}

static vq_census *count(size_t piece) {
    static const int sizes[] = {4, 64};
    vq_census *c;
    ck_ok(vq_census_create(&c, LEVELS, sizes, REACH));
    for (size_t at = 0; at < COUNT; at += piece) {
        size_t n = COUNT - at < piece ? COUNT - at : piece;
        vqdna_codes run = {"a", at, n, LEVELS, codes[at], bases + at, at + n == COUNT};
        ck_ok(vq_census_add(c, &run));
    }
    return c;
}

START_TEST(information_is_found_where_it_is) {
    vqdna_codebook_report r;
    make();
    vq_census *c = count(COUNT);
    ck_ok(vq_census_report(c, &r));
    ck_assert_uint_eq(r.bases, COUNT);
    ck_assert_int_eq(r.level[0].used, 4);
    ck_assert_int_eq(r.level[1].used, 50);
    ck_assert_double_eq_tol(r.level[0].entropy, 2, 1e-3);
    ck_assert_double_eq_tol(r.level[1].perplexity, 50, 0.2);
    for (int o = 0; o < 2 * REACH + 1; o++) {
        ck_assert_double_eq_tol(r.level[0].information[o], o == REACH + 1 ? 2 : 0, 1e-3);
        ck_assert_double_eq_tol(r.level[1].information[o], 0, 1.2e-3); /* a plug-in estimate alone would be 5e-3 */
        ck_assert_double_eq_tol(r.level[1].bias[o], 49 * 3 / (2 * COUNT * M_LN2), 1e-5);
        ck_assert_double_eq_tol(r.joint[o], o == REACH + 1 ? 2 : 0, 4e-3);
    }
    ck_assert_double_eq_tol(r.level[1].of_first, 0, 1e-3);
    ck_assert(isnan(r.level[0].of_first));
    const uint64_t *motif = vq_census_motif(c, 0, 2);
    ck_assert_uint_eq(motif[4 * (REACH + 1) + 2], r.level[0].counts[2]);
    ck_assert_uint_eq(motif[4 * (REACH + 1) + 1], 0);
    vq_census_destroy(c);
}
END_TEST

START_TEST(cuts_and_unknown_bases) {
    static const size_t pieces[] = {1, 2, 3, 7, 4096};
    vqdna_codebook_report a, b;
    make();
    for (size_t i = 100; i < COUNT; i += 100)
        bases[i] = bases[i + 1 < COUNT ? i + 1 : i] = 4;
    vq_census *whole = count(COUNT);
    ck_ok(vq_census_report(whole, &a));
    ck_assert_uint_eq(a.unknown, 2 * (COUNT / 100 - 1));
    ck_assert_uint_eq(a.bases + a.unknown, COUNT);
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        vq_census *c = count(pieces[p]);
        ck_ok(vq_census_report(c, &b));
        for (int n = 0; n < LEVELS; n++) {
            ck_assert_mem_eq(a.level[n].counts, b.level[n].counts, (size_t)a.level[n].codes * sizeof(uint64_t));
            for (int k = 0; k < a.level[n].codes; k++)
                ck_assert_mem_eq(vq_census_motif(whole, n, k), vq_census_motif(c, n, k), (2 * REACH + 1) * 4 * sizeof(uint64_t));
        }
        ck_assert_mem_eq(a.joint, b.joint, (2 * REACH + 1) * sizeof(double));
        vq_census_destroy(c);
    }
    vq_census_destroy(whole);
}
END_TEST

/* The ends of records are not neighbours of each other. */
START_TEST(records_end) {
    static const int sizes[] = {4};
    static const uint8_t first[] = {0, 1}, second[] = {2};
    static const uint16_t zero[2] = {0, 0};
    vq_census *c;
    ck_ok(vq_census_create(&c, 1, sizes, REACH));
    ck_ok(vq_census_add(c, &(vqdna_codes){"a", 0, 2, 1, zero, first, true}));
    ck_ok(vq_census_add(c, &(vqdna_codes){"empty", 0, 0, 1, zero, first, true}));
    ck_ok(vq_census_add(c, &(vqdna_codes){"b", 0, 1, 1, zero, second, true}));
    const uint64_t *m = vq_census_motif(c, 0, 0);
    uint64_t expected[5][4] = {{0}, {1, 0, 0, 0}, {1, 1, 1, 0}, {0, 1, 0, 0}, {0}};
    ck_assert_mem_eq(m, expected, sizeof expected);
    vq_census_destroy(c);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("census");
    TCase *tests = tcase_create("census");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, information_is_found_where_it_is);
    tcase_add_test(tests, cuts_and_unknown_bases);
    tcase_add_test(tests, records_end);
    suite_add_tcase(suite, tests);
    return scratch_run(suite);
}

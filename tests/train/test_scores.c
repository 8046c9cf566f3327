#include "base/rng.h"
#include "train/scores.h"
#include "scratch.h"

#include <math.h>

/* Two classes: the textbook's (Matthews 1975). */
START_TEST(mcc_of_two_classes_is_matthews) {
    static const int truth[] = {1, 1, 1, 1, 0, 0, 0, 0, 0, 1}, told[] = {1, 1, 1, 0, 0, 0, 0, 1, 1, 1};
    double tp = 4, fn = 1, fp = 2, tn = 3;
    vq_scores s;
    ck_ok(vq_scores_of(&s, truth, told, 10, 2));
    ck_assert_double_eq_tol(s.mcc, (tp * tn - fp * fn) / sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)), 1e-12);
    ck_assert_double_eq_tol(s.accuracy, 0.7, 1e-12);
    ck_assert_double_eq_tol(s.f1_macro, (2 * tp / (2 * tp + fp + fn) + 2 * tn / (2 * tn + fp + fn)) / 2, 1e-12);
}
END_TEST

/* Worked by hand: confusion [[2 1 0] [0 2 1] [1 0 3]]. */
START_TEST(three_classes) {
    static const int truth[] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 2}, told[] = {0, 0, 1, 1, 1, 2, 0, 2, 2, 2};
    vq_scores s;
    ck_ok(vq_scores_of(&s, truth, told, 10, 4)); /* the fourth is met nowhere */
    ck_assert_double_eq_tol(s.mcc, (7 * 10 - (3 * 3 + 3 * 3 + 4 * 4)) / sqrt((100.0 - 34) * (100 - 34)), 1e-12);
    ck_assert_double_eq_tol(s.f1_macro, (4.0 / 6 + 4.0 / 6 + 6.0 / 8) / 3, 1e-12);
}
END_TEST

START_TEST(a_constant_gets_nothing_and_truth_all) {
    static const int truth[] = {0, 1, 1, 0, 1}, constant[] = {1, 1, 1, 1, 1};
    vq_scores s;
    ck_ok(vq_scores_of(&s, truth, constant, 5, 2));
    ck_assert_double_eq(s.mcc, 0);
    ck_ok(vq_scores_of(&s, truth, truth, 5, 2));
    ck_assert_double_eq_tol(s.mcc, 1, 1e-12);
    ck_assert_double_eq(s.f1_macro, 1);
}
END_TEST

/* Rows told right with a known chance: the interval of the accuracy is that of the binomial, to some percent. */
START_TEST(bootstrap_is_as_wide_as_the_binomial) {
    enum { ROWS = 1000 };
    int truth[ROWS], told[ROWS];
    double right = 0;
    for (int i = 0; i < ROWS; i++) {
        truth[i] = i % 2;
        told[i] = vq_rng_uniform(7, VQ_STREAM_TEST, 0, (uint64_t)i) < 0.8 ? truth[i] : 1 - truth[i];
        right += told[i] == truth[i];
    }
    double mean = right / ROWS, sd = sqrt(mean * (1 - mean) / ROWS);
    vq_scores_interval b;
    ck_ok(vq_scores_bootstrap(&b, truth, told, ROWS, 2, 1000, 1));
    ck_assert_double_eq_tol(b.accuracy.low, mean - 1.96 * sd, 0.25 * sd);
    ck_assert_double_eq_tol(b.accuracy.high, mean + 1.96 * sd, 0.25 * sd);
    ck_assert(b.mcc.low < 2 * mean - 1 && 2 * mean - 1 < b.mcc.high);
}
END_TEST

START_TEST(paired_differences) {
    enum { ROWS = 2000 };
    int truth[ROWS], better[ROWS], worse[ROWS], as_good[ROWS];
    for (int i = 0; i < ROWS; i++) {
        double u = vq_rng_uniform(3, VQ_STREAM_TEST, 7, (uint64_t)i), v = vq_rng_uniform(3, VQ_STREAM_TEST, 5, (uint64_t)i);
        truth[i] = i % 2;
        better[i] = u < 0.8 ? truth[i] : 1 - truth[i];
        worse[i] = u < 0.76 ? truth[i] : 1 - truth[i];
        as_good[i] = v < 0.8 ? truth[i] : 1 - truth[i];
    }
    vq_difference d;
    ck_ok(vq_scores_compare(&d, truth, better, worse, ROWS, 2, 1000, 1));
    ck_assert(d.interval.low > 0 && d.p < 0.01); /* paired: 4 points are seen through 2000 rows */
    ck_ok(vq_scores_compare(&d, truth, worse, better, ROWS, 2, 1000, 1));
    ck_assert(d.interval.high < 0 && d.mcc < 0);
    ck_ok(vq_scores_compare(&d, truth, better, as_good, ROWS, 2, 1000, 1));
    ck_assert_msg(d.interval.low < 0 && d.interval.high > 0 && d.p > 0.05, "%g in %g to %g, p %g", d.mcc, d.interval.low, d.interval.high, d.p);
    ck_ok(vq_scores_compare(&d, truth, better, better, ROWS, 2, 100, 1));
    ck_assert(d.mcc == 0 && d.p == 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("scores");
    TCase *tests = tcase_create("scores");
    tcase_add_test(tests, mcc_of_two_classes_is_matthews);
    tcase_add_test(tests, three_classes);
    tcase_add_test(tests, a_constant_gets_nothing_and_truth_all);
    tcase_add_test(tests, bootstrap_is_as_wide_as_the_binomial);
    tcase_add_test(tests, paired_differences);
    suite_add_tcase(suite, tests);
    return scratch_run(suite);
}

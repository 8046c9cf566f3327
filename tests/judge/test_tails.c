/* Tails of distributions against SciPy's (1.10). */
#include "judge/tails.h"
#include "scratch.h"

#include <math.h>

static void near(double value, double expected) {
    ck_assert_msg(fabs(value - expected) <= 1e-9 * fabs(expected) + 1e-300, "%.15g instead of %.15g", value, expected);
}

START_TEST(student) {
    static const struct {
        double t, degrees, p;
    } cases[] = {
        {0, 5, 1},
        {1, 1, 0.5},
        {2.5, 3, 0.0877066470080655},
        {-2.5, 3, 0.0877066470080655},
        {6, 30, 1.39427687672047e-06},
        {12, 999, 4.34310390771621e-31},
        {40, 200, 2.24873965352023e-97},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        near(vq_student_p(cases[i].t, cases[i].degrees), cases[i].p);
    ck_assert(vq_student_p(NAN, 5) == 1 && vq_student_p(3, 0) == 1 && vq_student_p(INFINITY, 5) == 0);
}
END_TEST

START_TEST(binomial) {
    static const struct {
        uint64_t count, trials;
        double p, above, below;
    } cases[] = {
        {0, 10, 0.3, 1, 0.0282475249}, {3, 10, 0.3, 0.6172172136, 0.6496107184},
        {10, 10, 0.3, 5.9049e-06, 1},  {50, 4000, 0.002, 1.50133997032509e-23, 1},
        {900, 1000, 0.1, 0, 1},        {1, 100000, 0.001, 1, 3.57745503498466e-42},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        near(vq_binomial_above(cases[i].count, cases[i].trials, cases[i].p), cases[i].above);
        near(vq_binomial_below(cases[i].count, cases[i].trials, cases[i].p), cases[i].below);
    }
}
END_TEST

START_TEST(clusters) {
    double d[] = {1, 2, 3, 6}, sum = 0, squares = 0;
    for (int i = 0; i < 4; i++) {
        sum += d[i];
        squares += d[i] * d[i];
    }
    near(vq_clusters_t(sum, squares, 4), 3 / (sqrt(14.0 / 3) / 2));
    ck_assert(isnan(vq_clusters_t(4, 4, 4)) && isnan(vq_clusters_t(1, 1, 1)));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tails");
    TCase *t = tcase_create("all");
    tcase_add_test(t, student);
    tcase_add_test(t, binomial);
    tcase_add_test(t, clusters);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}

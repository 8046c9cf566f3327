#include "base/rng.h"
#include "judge/logistic.h"
#include "scratch.h"

#include <math.h>

enum { ROWS = 200, COLUMNS = 30 };

/* Rows of some features each, with values of both signs; classes by a hidden linear rule and noise. */
static vq_sparse make(int *classes, int count, uint64_t seed) {
    vq_sparse x = {.rows = ROWS, .columns = COLUMNS};
    ck_ok(vq_alloc(&x.start, ROWS + 1, sizeof *x.start));
    ck_ok(vq_alloc(&x.column, ROWS * COLUMNS, sizeof *x.column));
    ck_ok(vq_alloc(&x.value, ROWS * COLUMNS, sizeof *x.value));
    size_t used = 0;
    for (size_t row = 0; row < ROWS; row++) {
        double sum[8] = {0};
        for (uint32_t c = 0; c < COLUMNS; c++) {
            if (vq_rng_uniform(seed, VQ_STREAM_TEST, row, c) > 0.3)
                continue;
            x.column[used] = c;
            x.value[used] = (float)(2 * vq_rng_uniform(seed, VQ_STREAM_TEST, row, 100 + c) - 1);
            for (int k = 0; k < count; k++)
                sum[k] += x.value[used] * (4 * vq_rng_uniform(seed, VQ_STREAM_TEST, 1000 + (uint64_t)k, c) - 2);
            used++;
        }
        x.start[row + 1] = used;
        classes[row] = 0;
        for (int k = 0; k < count; k++) {
            sum[k] += vq_rng_uniform(seed, VQ_STREAM_TEST, row, 200 + (uint64_t)k);
            classes[row] = sum[k] > sum[classes[row]] ? k : classes[row];
        }
    }
    return x;
}

/* The header's formula, written down plainly. */
static double loss_of(const vq_logistic *m, const vq_sparse *x, const int *classes, double C) {
    double sum = 0, square = 0;
    size_t wide = m->columns + 1;
    for (size_t row = 0; row < x->rows; row++) {
        double z[8] = {0}, all = 0;
        for (int k = 0; k < m->classes; k++) {
            const double *w = m->outputs == 1 ? m->weights : m->weights + (size_t)k * wide;
            if (m->outputs == 1 && k == 0)
                continue; /* the first of two classes has odds of 0 */
            z[k] = w[m->columns];
            for (size_t i = x->start[row]; i < x->start[row + 1]; i++)
                z[k] += w[x->column[i]] * (double)x->value[i];
        }
        for (int k = 0; k < m->classes; k++)
            all += exp(z[k]);
        sum += log(all) - z[classes[row]];
    }
    for (int k = 0; k < m->outputs; k++)
        for (size_t i = 0; i < m->columns; i++)
            square += m->weights[(size_t)k * wide + i] * m->weights[(size_t)k * wide + i];
    return (sum + square / (2 * C)) / (double)x->rows;
}

/* The loss is convex: where no weight can be moved for the better, the optimum is found. */
static void ck_optimal(int classes_count, double C) {
    int classes[ROWS];
    vq_sparse x = make(classes, classes_count, 5);
    vq_logistic m;
    ck_ok(vq_logistic_create(&m, COLUMNS, classes_count));
    ck_ok(vq_logistic_fit(&m, &x, classes, C, 1000, NULL, NULL));
    double found = loss_of(&m, &x, classes, C);
    ck_assert_double_eq_tol(m.loss, found, 1e-12);
    for (size_t i = 0; i < (size_t)m.outputs * (COLUMNS + 1); i++) {
        double before = m.weights[i], h = 1e-4;
        m.weights[i] = before + h;
        double up = loss_of(&m, &x, classes, C);
        m.weights[i] = before - h;
        double down = loss_of(&m, &x, classes, C);
        m.weights[i] = before;
        ck_assert_msg(fabs(up - down) / (2 * h) < 1e-5, "weight %zu: slope %g", i, (up - down) / (2 * h));
    }
    vq_logistic_destroy(&m);
    vq_sparse_free(&x);
}

START_TEST(no_weight_can_be_moved_for_the_better) {
    for (double C = 1e-3; C < 1e3; C *= 100) {
        ck_optimal(2, C);
        ck_optimal(3, C);
        ck_optimal(7, C);
    }
}
END_TEST

START_TEST(a_path_ends_where_a_fresh_start_does) {
    int classes[ROWS], a[ROWS], b[ROWS];
    double loss_a, loss_b;
    vq_sparse x = make(classes, 3, 9);
    vq_logistic path, fresh;
    ck_ok(vq_logistic_create(&path, COLUMNS, 3));
    ck_ok(vq_logistic_create(&fresh, COLUMNS, 3));
    for (double C = 0.01; C < 20; C *= 10)
        ck_ok(vq_logistic_fit(&path, &x, classes, C, 1000, NULL, NULL));
    ck_ok(vq_logistic_fit(&fresh, &x, classes, 10, 1000, NULL, NULL));
    ck_assert_double_eq_tol(path.loss, fresh.loss, 1e-7);
    vq_logistic_predict(&path, &x, a, classes, &loss_a);
    vq_logistic_predict(&fresh, &x, b, classes, &loss_b);
    ck_assert_double_eq_tol(loss_a, loss_b, 1e-4);
    int right = 0;
    for (int i = 0; i < ROWS; i++)
        right += a[i] == classes[i];
    ck_assert_int_gt(right, ROWS * 8 / 10);
    vq_logistic_destroy(&path);
    vq_logistic_destroy(&fresh);
    vq_sparse_free(&x);
}
END_TEST

static int stop_at_once(void *user) {
    return ++*(int *)user > 2;
}

START_TEST(rows_without_features_and_a_stop) {
    int classes[ROWS], calls = 0;
    vq_sparse x = make(classes, 2, 1);
    for (size_t i = 0; i <= ROWS; i++)
        x.start[i] = 0;
    vq_logistic m;
    ck_ok(vq_logistic_create(&m, COLUMNS, 2));
    ck_ok(vq_logistic_fit(&m, &x, classes, 1, 100, NULL, NULL)); /* the bias alone: log odds of the classes */
    double ones = 0;
    for (int i = 0; i < ROWS; i++)
        ones += classes[i];
    ck_assert_double_eq_tol(m.weights[COLUMNS], log(ones / (ROWS - ones)), 1e-3);
    vq_logistic_destroy(&m);
    vq_sparse_free(&x);
    x = make(classes, 2, 1);
    ck_ok(vq_logistic_create(&m, COLUMNS, 2));
    ck_fails(vq_logistic_fit(&m, &x, classes, 1, 100, stop_at_once, &calls), VQDNA_ERR_INTERRUPTED, "interrupted");
    vq_logistic_destroy(&m);
    vq_sparse_free(&x);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("logistic");
    TCase *tests = tcase_create("logistic");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, no_weight_can_be_moved_for_the_better);
    tcase_add_test(tests, a_path_ends_where_a_fresh_start_does);
    tcase_add_test(tests, rows_without_features_and_a_stop);
    suite_add_tcase(suite, tests);
    return scratch_run(suite);
}

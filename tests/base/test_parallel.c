#include "base/parallel.h"
#include "scratch.h"

#include <sched.h>
#include <stdatomic.h>

enum { COUNT = 1000 };

typedef struct tally {
    atomic_int calls[COUNT];
    atomic_int all;
    size_t fails; /* the index at which the body does */
} tally;

static vq_status body(void *user, size_t i) {
    tally *t = user;
    atomic_fetch_add(&t->calls[i], 1);
    atomic_fetch_add(&t->all, 1);
    return i == t->fails ? vq_fail(VQDNA_ERR_NUMERIC, "number %zu is not one", i) : VQDNA_OK;
}

START_TEST(each_once) {
    static const int threads[] = {0, 1, 2, 3, 7, -1};
    static const size_t counts[] = {0, 1, 2, COUNT};
    for (size_t n = 0; n < sizeof threads / sizeof *threads; n++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            tally t = {.fails = COUNT};
            ck_ok(vq_parallel(counts[c], VQ_THREADS(threads[n]), body, &t));
            for (size_t i = 0; i < COUNT; i++)
                ck_assert_int_eq(t.calls[i], i < counts[c]);
        }
}
END_TEST

START_TEST(failure) {
    for (int threads = 1; threads <= 4; threads++) {
        tally t = {.fails = 17};
        vq_fail(VQDNA_ERR_INPUT, "an older sentence");
        ck_fails(vq_parallel(COUNT, VQ_THREADS(threads), body, &t), VQDNA_ERR_NUMERIC, "number 17 is not one");
        for (int i = 0; i <= 17; i++) /* what began before it failed is finished */
            ck_assert_int_eq(t.calls[i], 1);
        if (threads == 1)
            ck_assert_int_eq(t.all, 18);
    }
}
END_TEST

static vq_status all_fail(void *user, size_t i) {
    atomic_int *arrived = user;
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < 2)
        sched_yield();
    return vq_fail(VQDNA_ERR_INPUT, "record %zu", i);
}

START_TEST(several_failures) {
    atomic_int arrived = 0;
    ck_fails(vq_parallel(2, VQ_THREADS(2), all_fail, &arrived), VQDNA_ERR_INPUT, "record 0");
}
END_TEST

static vq_status ends(void *user, size_t i) {
    (void)user;
    return i == 3 ? VQDNA_END : VQDNA_OK;
}

START_TEST(positive_is_no_failure) {
    ck_assert_int_eq(vq_parallel(10, VQ_THREADS(2), ends, NULL), VQDNA_OK);
}
END_TEST

static int interrupted(void *user) {
    return ++*(int *)user > 5;
}

static vq_status nothing(void *user, size_t i) {
    (void)i;
    atomic_fetch_add((atomic_int *)user, 1);
    return VQDNA_OK;
}

START_TEST(interruption) {
    for (int threads = 1; threads <= 3; threads++) {
        atomic_int calls = 0;
        int asked = 0;
        const vq_workers w = {.threads = threads, .interrupted = interrupted, .user = &asked};
        const vq_status status = vq_parallel(1000000, &w, nothing, &calls);
        ck_assert_int_eq(status, VQDNA_ERR_INTERRUPTED);
        ck_assert_str_eq(vq_error(), "interrupted");
        ck_assert(asked == 6 && (threads > 1 || calls == 5));
        ck_fails(vq_workers_attend(&w), VQDNA_ERR_INTERRUPTED, "interrupted");
    }
    ck_ok(vq_workers_attend(VQ_THREADS(1)));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("parallel");
    TCase *t = tcase_create("all");
    tcase_add_test(t, each_once);
    tcase_add_test(t, failure);
    tcase_add_test(t, several_failures);
    tcase_add_test(t, interruption);
    tcase_add_test(t, positive_is_no_failure);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}

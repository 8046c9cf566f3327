/* What is hidden in masked pre-training, and what counting makes of it. */
#include "fixture.h"
#include "train/mask.h"

#include <math.h>

enum { COUNT = 1000 };

START_TEST(spans) {
    static const double means[] = {1, 6, 36};
    uint8_t bases[COUNT], hidden[COUNT], again[COUNT];
    for (int i = 0; i < 3; i++) {
        size_t chosen, total = 0, runs = 0, known = 0;
        for (uint64_t w = 0; w < 50; w++) {
            fixture_bases(bases, COUNT, w, 500);
            vq_mask_spans(hidden, &chosen, bases, COUNT, 0.25, means[i], COUNT, 7, 3, w);
            vq_mask_spans(again, &total, bases, COUNT, 0.25, means[i], COUNT, 7, 3, w);
            ck_assert_mem_eq(hidden, again, COUNT);
            known = total = 0;
            for (int j = 0; j < COUNT; j++) {
                known += bases[j] < 4;
                total += hidden[j];
                ck_assert(!hidden[j] || bases[j] < 4);
                runs += hidden[j] && (j == 0 || !hidden[j - 1]);
            }
            ck_assert_uint_eq(chosen, total);
            ck_assert_uint_eq(chosen, (size_t)(0.25 * (double)known + 0.5));
        }
        /* Spans that touch, and unknown bases within them, move the mean of runs about. */
        const double mean = 50.0 * 0.25 * COUNT / (double)runs;
        ck_assert_msg(mean > 0.4 * means[i] && mean < 1.7 * means[i], "spans of mean %g: %g", means[i], mean);
    }
    size_t chosen;
    vq_mask_spans(hidden, &chosen, bases, COUNT, 0.5, 6, 100, 7, 3, 1);
    ck_assert_uint_eq(chosen, 100);
    memset(bases, 4, COUNT);
    vq_mask_spans(hidden, &chosen, bases, COUNT, 0.5, 6, 100, 7, 3, 1);
    ck_assert_uint_eq(chosen, 0);
}
END_TEST

START_TEST(guesses) {
    vq_baseline *b;
    ck_ok(vq_baseline_create(&b));
    ck_assert_int_eq(vq_baseline_guess(b, 0, 3, 4), -1);
    for (int i = 0; i < 3; i++)
        vq_baseline_count(b, 0, 3, 4, 9);
    for (int i = 0; i < 2; i++)
        vq_baseline_count(b, 0, 3, 4, 8);
    vq_baseline_count(b, 1, 3, 4, 7);
    vq_baseline_count(b, 0, -1, 4, 6);
    ck_assert_int_eq(vq_baseline_guess(b, 0, 3, 4), 9);
    ck_assert_int_eq(vq_baseline_guess(b, 1, 3, 4), 7);
    ck_assert_int_eq(vq_baseline_guess(b, 0, -1, 4), 6);
    ck_assert_int_eq(vq_baseline_guess(b, 0, 4, 3), -1);
    for (int i = 0; i < 2; i++)
        vq_baseline_count(b, 0, 3, 4, 8);
    ck_assert_int_eq(vq_baseline_guess(b, 0, 3, 4), 8);
    vq_baseline_destroy(b);
}
END_TEST

/* Bases that follow from both neighbours are learned; those that follow from nothing cost no more than chance and a little. */
START_TEST(order_six) {
    vq_baseline *b;
    uint8_t bases[COUNT], hidden[COUNT];
    ck_ok(vq_baseline_create(&b));
    double told[2] = {0}, chance[2] = {0};
    int count[2] = {0};
    for (uint64_t w = 0; w < 400; w++) {
        size_t chosen;
        fixture_bases(bases, COUNT, w, 0);
        const bool rule = w % 2;
        for (int i = 1; rule && i + 1 < COUNT; i += 2)
            bases[i] = (uint8_t)((bases[i - 1] + 2 * bases[i + 1]) % 4);
        vq_mask_spans(hidden, &chosen, bases, COUNT, 0.1, 1, COUNT, 7, 3, w);
        for (size_t i = 1; i + 1 < COUNT; i++)
            if (hidden[i] && !hidden[i - 1] && !hidden[i + 1] && rule == (i % 2 == 1)) {
                const double nats = vq_baseline_nats(b, bases, hidden, COUNT, i, w < 300);
                if (w >= 300) {
                    *(rule ? &told[0] : &chance[0]) += nats;
                    count[!rule]++;
                }
            }
    }
    ck_assert_double_lt(told[0] / count[0], 0.9); /* half of what is counted under a context is chance */
    ck_assert_double_lt(chance[0] / count[1], log(4) + 0.6);
    vq_baseline_destroy(b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("mask");
    TCase *t = tcase_create("mask");
    tcase_add_test(t, spans);
    tcase_add_test(t, guesses);
    tcase_add_test(t, order_six);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}

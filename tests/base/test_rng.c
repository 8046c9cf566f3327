/* Philox against the known answers published with Random123 (kat_vectors), then what is made of its words. */
#include "base/rng.h"
#include "scratch.h"

#include <math.h>

static void ck_block(vq_rng_block block, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    ck_assert_uint_eq(block.v[0], a);
    ck_assert_uint_eq(block.v[1], b);
    ck_assert_uint_eq(block.v[2], c);
    ck_assert_uint_eq(block.v[3], d);
}

START_TEST(known_answers) {
    ck_block(vq_rng(0, 0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    ck_block(vq_rng(UINT64_MAX, 0xffff, UINT64_MAX, 0xffffffffffff), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    /* counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0 */
    ck_block(vq_rng(0x299f31d0a4093822, 0x85a3, 0x0370734413198a2e, 0x08d3243f6a88), 0xd16cfe09, 0x94fdcceb, 0x5001e420,
             0x24126ea1);
}
END_TEST

START_TEST(every_argument_counts) {
    uint64_t here = vq_rng_u64(1, VQ_STREAM_TEST, 2, 3);
    ck_assert_uint_eq(here, vq_rng_u64(1, VQ_STREAM_TEST, 2, 3));
    for (int bit = 0; bit < 64; bit++) {
        ck_assert_uint_ne(here, vq_rng_u64(1 ^ 1ull << bit, VQ_STREAM_TEST, 2, 3));
        ck_assert_uint_ne(here, vq_rng_u64(1, VQ_STREAM_TEST, 2 ^ 1ull << bit, 3));
        if (bit < 48)
            ck_assert_uint_ne(here, vq_rng_u64(1, VQ_STREAM_TEST, 2, 3 ^ 1ull << bit));
    }
    for (uint32_t stream = 0; stream < VQ_STREAM_TEST; stream++)
        ck_assert_uint_ne(here, vq_rng_u64(1, stream, 2, 3));
}
END_TEST

START_TEST(ranges) {
    ck_assert_double_eq(vq_rng_unit(0), 0);
    ck_assert_double_lt(vq_rng_unit(UINT64_MAX), 1);
    ck_assert_float_eq(vq_rng_unitf(0), 0);
    ck_assert_float_lt(vq_rng_unitf(UINT32_MAX), 1);
    ck_assert_uint_eq(vq_rng_bound(0, 7), 0);
    ck_assert_uint_eq(vq_rng_bound(UINT64_MAX, 7), 6);
    ck_assert_uint_eq(vq_rng_bound(UINT64_MAX, UINT64_MAX), UINT64_MAX - 1);
    ck_assert_uint_eq(vq_rng_bound(UINT64_MAX, 1), 0);
}
END_TEST

/* 10 and 16 cells with 100,000 draws: chi-square above these bounds has a probability below 1e-6. */
START_TEST(uniform) {
    enum { DRAWS = 100000 };
    double below[10] = {0}, unit[16] = {0}, sum = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        double u = vq_rng_uniform(5, VQ_STREAM_TEST, 1, (uint64_t)i);
        below[vq_rng_below(10, 5, VQ_STREAM_TEST, (uint64_t)i, 0)]++;
        unit[(int)(u * 16)]++;
        sum += u;
        squares += u * u;
    }
    double chi_below = 0, chi_unit = 0;
    for (int i = 0; i < 10; i++)
        chi_below += pow(below[i] - DRAWS / 10.0, 2) / (DRAWS / 10.0);
    for (int i = 0; i < 16; i++)
        chi_unit += pow(unit[i] - DRAWS / 16.0, 2) / (DRAWS / 16.0);
    ck_assert_double_lt(chi_below, 45);
    ck_assert_double_lt(chi_unit, 56);
    ck_assert_double_eq_tol(sum / DRAWS, 0.5, 0.005);
    ck_assert_double_eq_tol(squares / DRAWS, 1.0 / 3, 0.005);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rng");
    TCase *tests = tcase_create("rng");
    tcase_add_test(tests, known_answers);
    tcase_add_test(tests, every_argument_counts);
    tcase_add_test(tests, ranges);
    tcase_add_test(tests, uniform);
    suite_add_tcase(suite, tests);
    return scratch_run(suite);
}

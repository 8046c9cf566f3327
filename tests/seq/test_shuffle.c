/* The dinucleotide shuffle: the same pairs of neighbours in another order. */
#include "scratch.h"
#include "seq/shuffle.h"

static void pairs(int counts[16], const uint8_t *bases, size_t count) {
    memset(counts, 0, 16 * sizeof *counts);
    for (size_t i = 0; i + 1 < count; i++)
        counts[bases[i] * 4 + bases[i + 1]]++;
}

START_TEST(pairs_stay) {
    enum { MOST = 300 };
    uint8_t bases[MOST], shuffled[MOST], room[MOST];
    uint32_t state = 7;
    for (int round = 0; round < 2000; round++) {
        size_t count = (size_t)round % MOST, moved = 0;
        int letters = 1 + round % 4, before[16], after[16];
        for (size_t i = 0; i < count; i++) {
            state = state * 1664525 + 1013904223;
            bases[i] = (uint8_t)((state >> 24) % (uint32_t)letters);
        }
        memcpy(shuffled, bases, count);
        vq_shuffle(shuffled, room, count, 5, (uint64_t)round);
        pairs(before, bases, count);
        pairs(after, shuffled, count);
        ck_assert_mem_eq(before, after, sizeof before);
        for (size_t i = 0; i < count; i++)
            moved += bases[i] != shuffled[i];
        if (count)
            ck_assert(bases[0] == shuffled[0] && bases[count - 1] == shuffled[count - 1]);
        if (letters == 4 && count > 200)
            ck_assert_uint_gt(moved, count / 2);
    }
}
END_TEST

/* Every order with the same pairs is as likely: all three of AACAGA, by brute force AACAGA, AAGACA, ACAAGA, ACAGAA, AGAACA, AGACAA. */
START_TEST(orders_are_as_likely) {
    static const char *const orders[] = {"AACAGA", "AAGACA", "ACAAGA", "ACAGAA", "AGAACA", "AGACAA"};
    int met[6] = {0}, rounds = 12000;
    for (int round = 0; round < rounds; round++) {
        uint8_t bases[] = {0, 0, 1, 0, 2, 0}, room[6];
        char text[7] = "";
        vq_shuffle(bases, room, 6, 3, (uint64_t)round);
        for (int i = 0; i < 6; i++)
            text[i] = "ACG"[bases[i]];
        int found = -1;
        for (int i = 0; i < 6; i++)
            found = strcmp(text, orders[i]) ? found : i;
        ck_assert_msg(found >= 0, "%s", text);
        met[found]++;
    }
    for (int i = 0; i < 6; i++) /* 2000 +- 41 */
        ck_assert_msg(abs(met[i] - rounds / 6) < 200, "%s %d times", orders[i], met[i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("shuffle");
    TCase *t = tcase_create("all");
    tcase_add_test(t, pairs_stay);
    tcase_add_test(t, orders_are_as_likely);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}

/* What a sequence of bases becomes in each vocabulary, and what names there are. */
#include "fixture.h"
#include "train/vocabulary.h"

static const vq_config tokenizer = {.levels = 2, .codes = {8, 16}, .dim = 4};
enum { COUNT = 12, ROW = 16 };
static const uint8_t bases[COUNT] = {0, 1, 2, 3, 4, 0, 1, 2, 3, 0, 1, 2}; /* 4: unknown */

START_TEST(names) {
    static const char *const right[][2] = {{"codes", "codes"},
                                           {"codes:stride=3:tuned", "codes:tuned:stride=3"},
                                           {"codes:stride=2:pairs=4:fresh", "codes:fresh:pairs=4:stride=2"},
                                           {"codes:tuned:pairs=64", "codes:tuned:pairs=64"},
                                           {"kmer:4:stride=4", "kmer:4:stride=4"},
                                           {"conv:15", "conv:15"},
                                           {"ids:65536", "ids:65536"}};
    static const char *const wrong[] = {"",
                                        "code",
                                        "codes:",
                                        "codes:pairs=4",
                                        "codes:tuned:fresh",
                                        "kmer:9",
                                        "kmer:4:tuned",
                                        "conv:4",
                                        "codes:tuned:pairs=0",
                                        "codes:tuned:pairs=65",
                                        "onehot:pairs=2",
                                        "kmer:4:pairs=2",
                                        "ids:1",
                                        "codes:tuned:pairs"};
    vq_vocabulary v;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        ck_assert_int_eq(vq_vocabulary_parse(&v, right[i][0], &tokenizer), VQDNA_OK);
        ck_assert_str_eq(v.name, right[i][1]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(vq_vocabulary_parse(&v, wrong[i], &tokenizer) == VQDNA_ERR_USAGE, "'%s' is taken", wrong[i]);
    ck_assert_int_eq(vq_vocabulary_parse(&v, "codes", NULL), VQDNA_ERR_USAGE);
}
END_TEST

static vq_vocabulary named(const char *name) {
    vq_vocabulary v;
    ck_assert_int_eq(vq_vocabulary_parse(&v, name, &tokenizer), VQDNA_OK);
    return v;
}

static void make_codes(uint16_t codes[COUNT * 2]) {
    for (int i = 0; i < COUNT; i++) {
        codes[2 * i] = (uint16_t)(i % 8);
        codes[2 * i + 1] = (uint16_t)(3 * i % 16);
    }
}

/* The levels' codes, none for an unknown base; and of pairs, none where either is unknown or the sequence ends. */
START_TEST(pairs) {
    enum { D = 3 };
    const vq_vocabulary v = named("codes:tuned:pairs=3");
    uint16_t codes[COUNT * 2], other[COUNT * 2];
    int32_t ids[3 * ROW], changed[3 * ROW], place[ROW];
    make_codes(codes);
    ck_assert_int_eq(v.tables, 3);
    ck_assert_int_eq(v.entries[2], VQ_PAIR_ENTRIES);
    vq_vocabulary_ids(&v, ids, ROW, place, bases, codes, COUNT, 0);
    for (int i = 0; i < COUNT; i++) {
        const bool known = bases[i] < 4, both = known && i + D < COUNT && bases[i + D] < 4;
        ck_assert_int_eq(place[i], i);
        ck_assert_int_eq(ids[i], known ? codes[2 * i] : v.entries[0]);
        ck_assert_int_eq(ids[ROW + i], known ? codes[2 * i + 1] : v.entries[1]);
        ck_assert_msg((ids[2 * ROW + i] == VQ_PAIR_ENTRIES) == !both, "pair at %d", i);
        for (int k = 0; both && k < 4; k++) { /* each of the four codes counts */
            memcpy(other, codes, sizeof codes);
            other[2 * (i + (k & 2 ? D : 0)) + (k & 1)] ^= 1;
            vq_vocabulary_ids(&v, changed, ROW, place, bases, other, COUNT, 0);
            ck_assert_int_ne(changed[2 * ROW + i], ids[2 * ROW + i]);
        }
    }
    /* Equal codes at other places are the same pair. */
    memset(other, 0, sizeof other);
    vq_vocabulary_ids(&v, ids, ROW, place, bases, other, COUNT, 0);
    ck_assert_int_eq(ids[2 * ROW + 5], ids[2 * ROW + 6]);
}
END_TEST

/* Tokens of a stride are every S-th of all, from the phase on. */
START_TEST(strides) {
    static const char *const all[] = {"codes:fresh:pairs=2", "kmer:3", "codes"};
    static const char *const every[] = {"codes:fresh:pairs=2:stride=3", "kmer:3:stride=3", "codes:stride=3"};
    uint16_t codes[COUNT * 2];
    int32_t whole[3 * ROW], ids[3 * ROW], place[ROW];
    make_codes(codes);
    for (size_t n = 0; n < 3; n++)
        for (int phase = 0; phase < 3; phase++) {
            const vq_vocabulary a = named(all[n]), v = named(every[n]);
            vq_vocabulary_ids(&a, whole, ROW, place, bases, codes, COUNT, 0);
            vq_vocabulary_ids(&v, ids, ROW, place, bases, codes, COUNT, phase);
            const size_t tokens = vq_vocabulary_tokens(&v, COUNT, phase);
            ck_assert_uint_eq(tokens, (vq_vocabulary_tokens(&a, COUNT, 0) - (size_t)phase + 2) / 3);
            for (size_t i = 0; i < tokens; i++) {
                ck_assert_int_eq(place[i], phase + 3 * (int)i);
                for (int t = 0; t < v.tables; t++)
                    ck_assert_int_eq(ids[t * ROW + (int)i], whole[t * ROW + phase + 3 * (int)i]);
            }
        }
}
END_TEST

/* Bases whose pairs are silent, or none, are no tokens; one that is nothing stands for a sequence without any. */
START_TEST(silent_pairs) {
    static uint8_t silent[VQ_PAIR_ENTRIES];
    vq_vocabulary v = named("codes:tuned:pairs=3"), strided = named("codes:tuned:pairs=3:stride=2");
    uint16_t codes[COUNT * 2];
    int32_t whole[3 * ROW], ids[3 * ROW], place[ROW];
    make_codes(codes);
    vq_vocabulary_ids(&v, whole, ROW, place, bases, codes, COUNT, 0);
    silent[whole[2 * ROW + 5]] = silent[whole[2 * ROW]] = 1;
    v.silent = strided.silent = silent;
    for (int stride = 1; stride <= 2; stride++)
        for (int phase = 0; phase < stride; phase++) {
            const vq_vocabulary *of = stride == 1 ? &v : &strided;
            size_t expected = 0;
            const size_t tokens = vq_vocabulary_ids(of, ids, ROW, place, bases, codes, COUNT, phase);
            for (int at = phase; at < COUNT; at += stride) {
                const int32_t pair = whole[2 * ROW + at];
                if (pair == VQ_PAIR_ENTRIES || silent[pair])
                    continue;
                ck_assert_int_eq(place[expected], at);
                for (int t = 0; t < 3; t++)
                    ck_assert_int_eq(ids[t * ROW + (int)expected], whole[t * ROW + at]);
                expected++;
            }
            ck_assert_uint_gt(expected, 0);
            ck_assert_uint_eq(tokens, expected);
            ck_assert_uint_eq(vq_vocabulary_count(of, bases, codes, COUNT, phase), expected);
        }
    memset(silent, 1, sizeof silent);
    ck_assert_uint_eq(vq_vocabulary_ids(&v, ids, ROW, place, bases, codes, COUNT, 0), 1);
    ck_assert_uint_eq(vq_vocabulary_count(&v, bases, codes, COUNT, 0), 1);
    for (int t = 0; t < 3; t++)
        ck_assert_int_eq(ids[t * ROW], v.entries[t]);
    ck_assert_uint_eq(vq_vocabulary_ids(&v, ids, ROW, place, bases, codes, 0, 0), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("vocabulary");
    TCase *t = tcase_create("vocabulary");
    tcase_add_test(t, names);
    tcase_add_test(t, pairs);
    tcase_add_test(t, strides);
    tcase_add_test(t, silent_pairs);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}

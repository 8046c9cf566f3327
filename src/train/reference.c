#include "train/reference.h"

#include "base/integer.h"

#include <stdlib.h>

static void mark(uint8_t *silent, const vq_examples *e) {
    const vq_vocabulary *v = e->vocabulary;
    const uint8_t *bases = e->turned ? e->turned : e->set->bases;
    for (size_t row = 0; row < e->set->rows; row++) {
        const size_t start = e->set->start[row], count = e->set->start[row + 1] - start;
        for (size_t at = 0; at < count; at++) {
            const int32_t pair = vq_vocabulary_pair(v, bases + start, e->codes + start * (size_t)v->levels, count, at);
            if (pair < VQ_PAIR_ENTRIES)
                silent[pair] = 1;
        }
    }
}

vq_status vq_reference_pairs(uint8_t **out, const vq_vocabulary *vocabulary, const vq_labelled *reference, vq_model *tokenizer,
                             bool both_strands, const char *path) {
    vq_vocabulary v = *vocabulary;
    uint8_t *silent;
    if (!v.pairs)
        return vq_fail(VQDNA_ERR_USAGE,
                       "a reference is for a vocabulary of pairs of codes, and %s is none: give it as "
                       "codes:tuned:pairs=4, or leave the reference out",
                       v.name);
    v.silent = NULL;
    VQ_TRY(vq_alloc(&silent, VQ_PAIR_ENTRIES, 1));
    vq_status status;
    for (int reverse = 0; reverse < (both_strands ? 2 : 1); reverse++) {
        vq_examples e;
        VQ_TRY_OR(failed, vq_examples_create(&e, &v, reference, tokenizer, reverse));
        mark(silent, &e);
        vq_examples_destroy(&e);
    }
    size_t taken = 0;
    for (size_t i = 0; i < VQ_PAIR_ENTRIES; i++)
        taken += silent[i];
    if (!taken)
        status = vq_fail(VQDNA_ERR_INPUT, "%s has no two known bases %d apart: give the sequence of a reference", path, v.pairs);
    if (taken > VQ_PAIR_ENTRIES / 8 * 7)
        status = vq_fail(
            VQDNA_ERR_INPUT,
            "%s takes %zu of the %d entries of pairs of codes, and too few are left to learn from: give a shorter reference, "
            "of up to %d bases",
            path, taken, VQ_PAIR_ENTRIES, both_strands ? 50000 : 100000);
failed:
    if (status < 0)
        free(silent);
    else
        *out = silent;
    return status;
}

#include "train/reference.h"

#include "base/integer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static vq_status mark(uint8_t *silent, const vq_examples *e) {
    const vq_vocabulary *v = e->vocabulary;
    const uint8_t *bases = e->turned ? e->turned : e->set->bases;
    for (size_t row = 0; row < e->set->rows; row++) {
        const size_t start = e->set->start[row], count = e->set->start[row + 1] - start, tokens = vq_vocabulary_tokens(v, count, 0);
        int32_t *ids;
        VQ_TRY(vq_alloc(&ids, tokens * (size_t)(v->tables + 1), sizeof *ids));
        int32_t *place = ids + tokens * (size_t)v->tables, *pairs = ids + tokens * (size_t)v->levels;
        vq_vocabulary_ids(v, ids, tokens, place, bases + start, e->codes + start * (size_t)v->levels, count, 0);
        for (size_t i = 0; i < tokens; i++)
            if (pairs[i] < VQ_PAIR_ENTRIES)
                silent[pairs[i]] = 1;
        free(ids);
    }
    return VQDNA_OK;
}

vq_status vq_reference_pairs(uint8_t **out, const vq_vocabulary *vocabulary, const vq_labelled *reference, vq_model *tokenizer,
                             bool both_strands) {
    vq_vocabulary v = *vocabulary;
    uint8_t *silent;
    if (!v.pairs)
        return vq_fail(VQDNA_ERR_USAGE,
                       "a reference is for a vocabulary of pairs of codes, and %s is none: give it as "
                       "codes:tuned:pairs=4, or leave the reference out",
                       v.name);
    v.stride = 1; /* wherever a sequence's first token stands */
    VQ_TRY(vq_alloc(&silent, VQ_PAIR_ENTRIES, 1));
    vq_status status = VQDNA_OK;
    for (int reverse = 0; reverse < (both_strands ? 2 : 1) && status >= 0; reverse++) {
        vq_examples e;
        VQ_TRY_OR(failed, vq_examples_create(&e, &v, reference, tokenizer, reverse));
        status = mark(silent, &e);
        vq_examples_destroy(&e);
    }
    size_t taken = 0;
    for (size_t i = 0; i < VQ_PAIR_ENTRIES; i++)
        taken += silent[i];
    if (status >= 0 && taken > VQ_PAIR_ENTRIES / 8 * 7)
        status = vq_fail(
            VQDNA_ERR_INPUT,
            "the reference takes %zu of the %d entries of pairs of codes, and too few are left to learn from: give a shorter "
            "one, of up to 100,000 bases",
            taken, VQ_PAIR_ENTRIES);
failed:
    if (status < 0)
        free(silent);
    else
        *out = silent;
    return status;
}

void vq_reference_silence(vq_state *state, const vq_vocabulary *v, const uint8_t *silent) {
    char name[32];
    snprintf(name, sizeof name, "input.%d.weight", v->levels);
    vq_state_tensor *table = vq_state_find(state, name);
    const size_t width = table->shape[1];
    for (size_t i = 0; i < VQ_PAIR_ENTRIES; i++)
        if (silent[i])
            memset(table->data + i * width, 0, width * sizeof *table->data);
}

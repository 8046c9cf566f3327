#include "train/examples.h"

#include "base/integer.h"
#include "base/rng.h"
#include "train/infer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- Sequences --------------------------------------------------------------------------------------------------------------- */

static const uint8_t *bases_of(const vq_examples *e) {
    return e->turned ? e->turned : e->set->bases;
}

static size_t count_of(const vq_labelled *set, size_t row) {
    return set->start[row + 1] - set->start[row];
}

/* Ids are wanted where the vocabulary is of ids, and then are its own. */
static vq_status check_ids(const vq_vocabulary *v, const vq_labelled *set, bool reverse) {
    if ((v->kind == VQ_OF_IDS) != (set->ids != NULL))
        return vq_fail(VQDNA_ERR_USAGE, "the vocabulary is %s, and the rows are %s", v->name,
                       set->ids ? "an array of ids: use ids:V" : "sequences");
    if (set->ids && reverse)
        return vq_fail(VQDNA_ERR_USAGE, "ids have no other strand");
    for (size_t row = 0; set->ids && row < set->rows; row++)
        for (size_t i = set->start[row]; i < set->start[row + 1]; i++)
            if (set->ids[i] >= v->entries[0])
                return vq_fail(VQDNA_ERR_INPUT, "row %zu has the id %d, and the vocabulary %s ends at %d", row + 1, set->ids[i],
                               v->name, v->entries[0] - 1);
    return VQDNA_OK;
}

static vq_status turn(vq_examples *e) {
    const vq_labelled *s = e->set;
    VQ_TRY(vq_alloc(&e->turned, vq_max(s->start[s->rows], 1), 1));
    for (size_t i = 0; i < s->rows; i++)
        for (size_t j = s->start[i], end = s->start[i + 1]; j < end; j++) {
            const uint8_t base = s->bases[s->start[i] + end - 1 - j];
            e->turned[j] = base < VQ_UNKNOWN_BASE ? 3 - base : base;
        }
    return VQDNA_OK;
}

static vq_status encode(vq_examples *e, vq_model *tokenizer) {
    const vq_labelled *s = e->set;
    const size_t levels = (size_t)e->vocabulary->levels;
    size_t *counts = NULL;
    uint16_t **codes = NULL;
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&e->codes, vq_max(s->start[s->rows], 1) * levels, sizeof *e->codes));
    VQ_TRY_OR(done, vq_alloc(&counts, s->rows, sizeof *counts));
    VQ_TRY_OR(done, vq_alloc(&codes, s->rows, sizeof *codes));
    for (size_t i = 0; i < s->rows; i++) {
        counts[i] = count_of(s, i);
        codes[i] = e->codes + s->start[i] * levels;
    }
    status = vq_encode(tokenizer, s->rows, bases_of(e), counts, codes, NULL);
done:
    free(counts);
    free(codes);
    return status;
}

/* Tokens of `count` bases from `start` on. */
static size_t tokens_of(const vq_examples *e, size_t start, size_t count, int phase) {
    const vq_vocabulary *v = e->vocabulary;
    return v->silent ? vq_vocabulary_count(v, bases_of(e) + start, e->codes + start * (size_t)v->levels, count, phase)
                     : vq_vocabulary_tokens(v, count, phase);
}

vq_status vq_examples_create(vq_examples *out, const vq_vocabulary *vocabulary, const vq_labelled *set, vq_model *tokenizer,
                             bool reverse) {
    *out = (vq_examples){.vocabulary = vocabulary, .set = set};
    VQ_TRY(check_ids(vocabulary, set, reverse));
    vq_status status = reverse ? turn(out) : VQDNA_OK;
    if (status >= 0 && vocabulary->kind == VQ_OF_CODES)
        status = encode(out, tokenizer);
    if (status < 0) {
        vq_examples_destroy(out);
        return status;
    }
    for (size_t i = 0; i < set->rows; i++)
        for (int phase = 0; phase < vocabulary->stride; phase++) {
            const size_t tokens = tokens_of(out, set->start[i], count_of(set, i), phase);
            out->longest = vq_max(out->longest, tokens);
            out->token_count += phase ? 0 : tokens;
        }
    return VQDNA_OK;
}

size_t vq_examples_longest(const vq_examples *views, int count) {
    size_t longest = 0;
    for (int i = 0; i < count; i++)
        longest = vq_max(longest, views[i].longest);
    return longest;
}

void vq_examples_destroy(vq_examples *e) {
    free(e->turned);
    free(e->codes);
    *e = (vq_examples){0};
}

/* ---- Batches ----------------------------------------------------------------------------------------------------------------- */

vq_status vq_token_batch_create(vq_token_batch *out, int tables, size_t room) {
    *out = (vq_token_batch){.room = room};
    vq_status status = vq_alloc(&out->ids, room * (size_t)tables, sizeof *out->ids);
    if (status >= 0)
        status = vq_alloc(&out->place, room, sizeof *out->place);
    if (status >= 0)
        status = vq_alloc(&out->there, room, 1);
    if (status < 0)
        vq_token_batch_destroy(out);
    return status;
}

void vq_token_batch_destroy(vq_token_batch *batch) {
    free(batch->ids);
    free(batch->place);
    free(batch->there);
    *batch = (vq_token_batch){0};
}

/* Where the bases of a row begin, and how many are read. */
static size_t stretch(const vq_examples *e, size_t row, const vq_reading *drawn, size_t *count) {
    const size_t all = count_of(e->set, row);
    *count = drawn ? vq_min(all, drawn->most) : all;
    return e->set->start[row] + (all > *count ? vq_rng_below(all - *count + 1, drawn->seed, VQ_STREAM_CUT, drawn->step, row) : 0);
}

static const vq_examples *strand_of(const vq_examples *e, size_t row, const vq_reading *drawn) {
    const bool turned = drawn && drawn->turned && vq_rng_u32(drawn->seed, VQ_STREAM_STRAND, drawn->step, row) >> 31;
    return turned ? drawn->turned : e;
}

void vq_examples_batch(const vq_examples *e, vq_token_batch *out, const size_t *rows, int B, int phase, int positions,
                       const vq_reading *drawn) {
    const vq_vocabulary *v = e->vocabulary;
    size_t longest = 1, count;
    out->bases = 0;
    for (int b = 0; b < B; b++) {
        const size_t start = stretch(e, rows[b], drawn, &count);
        longest = vq_max(longest, tokens_of(strand_of(e, rows[b], drawn), start, count, phase));
    }
    const size_t M = (size_t)B * longest;
    assert(M <= out->room);
    out->B = B;
    out->L = (int)longest;
    out->padded = false;
    for (int b = 0; b < B; b++) {
        const vq_examples *strand = strand_of(e, rows[b], drawn);
        const size_t start = stretch(e, rows[b], drawn, &count), first = (size_t)b * longest;
        size_t tokens = count;
        if (e->set->ids)
            for (size_t i = 0; i < count; i++) {
                out->ids[first + i] = e->set->ids[start + i];
                out->place[first + i] = (int32_t)i;
            }
        else
            tokens = vq_vocabulary_ids(v, out->ids + first, M, out->place + first, bases_of(strand) + start,
                                       e->codes ? strand->codes + start * (size_t)v->levels : NULL, count, phase);
        memset(out->there + first, 1, tokens);
        memset(out->there + first + tokens, 0, longest - tokens);
        for (size_t i = first + tokens; i < first + longest; i++) {
            out->place[i] = positions;
            for (int t = 0; t < v->tables; t++)
                out->ids[(size_t)t * M + i] = v->entries[t];
        }
        out->padded |= tokens < longest;
        out->bases += count;
    }
}

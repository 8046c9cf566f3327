#include "train/pretrain_batch.h"

#include "base/integer.h"
#include "base/rng.h"
#include "train/infer.h"

#include <stdlib.h>
#include <string.h>

/* ---- Memory ------------------------------------------------------------------------------------------------------------------ */

static size_t longest(const vq_pretrain_task *t) {
    return vq_max(1, vq_vocabulary_tokens(&t->predictor->vocabulary, (size_t)t->options.window, 0));
}

int vq_pretrain_tokens(const vq_pretrain_task *t, int windows) {
    return (int)longest(t) * windows;
}

/* A word is hidden if any of its bases is. */
int vq_pretrain_most_hidden(const vq_pretrain_task *t, int windows) {
    const int each = (int)(t->options.mask * t->options.window) + 1, tokens = vq_pretrain_tokens(t, windows);
    return t->predictor->vocabulary.kind == VQ_OF_WORDS ? tokens : vq_min_int(each * windows, tokens);
}

vq_status vq_pretrain_batch_open(vq_pretrain_task *t) {
    const vq_vocabulary *v = &t->predictor->vocabulary;
    const size_t B = (size_t)t->options.batch, bases = B * (size_t)t->options.window, M = (size_t)vq_pretrain_tokens(t, (int)B);
    const size_t H = (size_t)vq_pretrain_most_hidden(t, (int)B), tables = (size_t)v->tables;
    VQ_TRY(vq_alloc(&t->lengths, B, sizeof *t->lengths));
    VQ_TRY(vq_alloc(&t->phases, B, sizeof *t->phases));
    VQ_TRY(vq_alloc(&t->bases, bases, 1));
    VQ_TRY(vq_alloc(&t->shown, bases, 1));
    VQ_TRY(vq_alloc(&t->hidden, bases, 1));
    for (int i = 0; i < 2 && v->kind == VQ_OF_CODES; i++)
        VQ_TRY(vq_alloc(&t->codes[i], bases * tables, sizeof *t->codes[i]));
    VQ_TRY(vq_token_batch_create(&t->tokens, v->tables, M));
    VQ_TRY(vq_alloc(&t->truth, M * tables, sizeof *t->truth));
    VQ_TRY(vq_alloc(&t->mark, M, sizeof *t->mark));
    VQ_TRY(vq_alloc(&t->back, M, sizeof *t->back));
    VQ_TRY(vq_alloc(&t->picked, H, sizeof *t->picked));
    return vq_alloc(&t->targets, H * (tables + 1), sizeof *t->targets);
}

void vq_pretrain_batch_close(vq_pretrain_task *t) {
    void *const blocks[] = {t->lengths,  t->phases, t->bases, t->shown,  t->hidden, t->codes[0],
                            t->codes[1], t->truth,  t->mark,  t->picked, t->back,   t->targets};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    vq_token_batch_destroy(&t->tokens);
}

/* ---- Windows ----------------------------------------------------------------------------------------------------------------- */

static uint8_t *window_of(uint8_t *all, const vq_pretrain_task *t, int b) {
    return all + (size_t)b * (size_t)t->options.window;
}

static vq_status draw(vq_pretrain_task *t, const vq_dataset *dataset, uint64_t step, int window, double span) {
    const vqdna_pretrain_options *o = &t->options;
    const int stride = t->predictor->vocabulary.stride;
    const size_t most = (size_t)(o->mask * window) + 1;
    for (int b = 0; b < t->count; b++) {
        uint8_t *bases = window_of(t->bases, t, b), *shown = window_of(t->shown, t, b), *hidden = window_of(t->hidden, t, b);
        size_t chosen;
        VQ_TRY(vq_dataset_window(dataset, o->seed, step, (uint32_t)b, window, !o->forward_only, bases, &t->lengths[b]));
        t->phases[b] = (int)(vq_rng_u32(o->seed, VQ_STREAM_PHASE, step, (uint64_t)b) % (uint32_t)stride);
        vq_mask_spans(hidden, &chosen, bases, (size_t)t->lengths[b], o->mask, o->mask_codes ? 1 : span, most, o->seed, step,
                      (uint64_t)b);
        for (int i = 0; i < t->lengths[b]; i++)
            shown[i] = hidden[i] ? VQ_UNKNOWN_BASE : bases[i];
    }
    return VQDNA_OK;
}

/* Codes of all windows, of their bases or of what is shown of them. */
static vq_status encode(vq_pretrain_task *t, uint8_t *from, uint16_t *to) {
    const size_t B = (size_t)t->count, width = (size_t)t->options.window, levels = (size_t)t->predictor->vocabulary.tables;
    uint8_t *packed;
    size_t *counts = NULL, used = 0;
    uint16_t **codes = NULL;
    VQ_TRY(vq_alloc(&packed, B * width, 1));
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&counts, B, sizeof *counts));
    VQ_TRY_OR(done, vq_alloc(&codes, B, sizeof *codes));
    for (size_t b = 0; b < B; b++) {
        counts[b] = (size_t)t->lengths[b];
        codes[b] = to + b * width * levels;
        memcpy(packed + used, from + b * width, counts[b]);
        used += counts[b];
    }
    status = vq_encode(t->tokenizer, B, packed, counts, codes, NULL);
done:
    free(packed);
    free(counts);
    free(codes);
    return status;
}

static bool is_hidden(const vq_pretrain_task *t, const uint8_t *hidden, int length, int place) {
    const int width = t->predictor->vocabulary.kind == VQ_OF_WORDS ? t->predictor->vocabulary.width : 1;
    for (int i = place; i < place + width && i < length; i++)
        if (hidden[i])
            return true;
    return false;
}

/* Tokens of one window, from row `first` on. */
static void make_tokens(vq_pretrain_task *t, int b, size_t first, size_t M) {
    const vq_vocabulary *v = &t->predictor->vocabulary;
    const size_t row = (size_t)b * (size_t)t->options.window, levels = (size_t)v->tables, length = (size_t)t->lengths[b];
    const uint16_t *truth = t->codes[0] ? t->codes[0] + row * levels : NULL,
                   *shown = t->codes[1] ? t->codes[1] + row * levels : NULL;
    const uint8_t *hidden = t->hidden + row;
    const size_t tokens = vq_vocabulary_tokens(v, length, t->phases[b]), L = (size_t)t->tokens.L;
    const int positions = t->predictor->config.body.positions;
    vq_vocabulary_ids(v, t->truth + first, M, t->tokens.place + first, t->bases + row, truth, length, t->phases[b]);
    /* A hidden base is unknown to a vocabulary of bases; a tokenizer that did not see it gives a code all the same. */
    vq_vocabulary_ids(v, t->tokens.ids + first, M, t->tokens.place + first, (v->kind == VQ_OF_CODES ? t->bases : t->shown) + row,
                      t->options.mask_codes ? truth : shown, length, t->phases[b]);
    for (size_t i = 0; i < L; i++) {
        const size_t m = first + i;
        const bool there = i < tokens, hide = there && is_hidden(t, hidden, t->lengths[b], t->tokens.place[m]);
        t->tokens.there[m] = there;
        t->tokens.padded |= !there;
        t->mark[m] = !hide;
        if (!there)
            t->tokens.place[m] = positions;
        for (int k = 0; k < v->tables && (!there || (hide && t->options.mask_codes)); k++) {
            t->tokens.ids[(size_t)k * M + m] = v->entries[k];
            if (!there)
                t->truth[(size_t)k * M + m] = v->entries[k];
        }
    }
}

void vq_pretrain_pick(vq_pretrain_task *t, int first, int count) {
    const int heads = t->model->config.heads, most = vq_pretrain_most_hidden(t, count);
    const size_t L = (size_t)t->tokens.L, M = (size_t)t->tokens.B * L, from = (size_t)first * L, rows = (size_t)count * L;
    t->H = 0;
    for (size_t m = 0; m < rows; m++)
        if (!t->mark[from + m] && t->H < most)
            t->picked[t->H++] = (int32_t)m;
    for (size_t m = 0; m < rows; m++)
        t->back[m] = t->H;
    for (int i = 0; i < t->H; i++) {
        const size_t m = (size_t)t->picked[i], row = from + m, b = row / L;
        t->back[m] = i;
        for (int k = 0; k < heads; k++)
            t->targets[k * t->H + i] = t->truth[(size_t)k * M + row];
        t->targets[heads * t->H + i] = t->bases[b * (size_t)t->options.window + (size_t)t->tokens.place[row]];
    }
}

vq_status vq_pretrain_batch(vq_pretrain_task *t, const vq_dataset *dataset, uint64_t step, int count, int window, double span) {
    const vq_vocabulary *v = &t->predictor->vocabulary;
    t->count = count;
    VQ_TRY(draw(t, dataset, step, window, span));
    if (v->kind == VQ_OF_CODES) {
        VQ_TRY(encode(t, t->bases, t->codes[0]));
        if (!t->options.mask_codes)
            VQ_TRY(encode(t, t->shown, t->codes[1]));
    }
    size_t L = 1;
    for (int b = 0; b < count; b++)
        L = vq_max(L, vq_vocabulary_tokens(v, (size_t)t->lengths[b], t->phases[b]));
    const size_t M = (size_t)count * L;
    t->tokens.B = count;
    t->tokens.L = (int)L;
    t->tokens.padded = false;
    for (int b = 0; b < count; b++)
        make_tokens(t, b, (size_t)b * L, M);
    vq_pretrain_pick(t, 0, count);
    t->hidden_tokens = t->H;
    return VQDNA_OK;
}

/* ---- Baselines --------------------------------------------------------------------------------------------------------------- */

/* The nearest token from row m on that is seen, -1 for none. */
static int32_t neighbour(const vq_pretrain_task *t, size_t m, int step, int table) {
    const size_t L = (size_t)t->tokens.L, M = (size_t)t->count * L, b = m / L;
    for (int64_t i = (int64_t)m + step; i >= (int64_t)(b * L) && i < (int64_t)((b + 1) * L) && t->tokens.there[i]; i += step)
        if (t->mark[i])
            return t->tokens.ids[(size_t)table * M + (size_t)i];
    return -1;
}

void vq_pretrain_baselines(vq_pretrain_task *t, vq_pretrain_sums *sums, bool learn) {
    const size_t L = (size_t)t->tokens.L;
    for (int i = 0; i < t->H; i++) {
        const size_t m = (size_t)t->picked[i], b = m / L, row = b * (size_t)t->options.window;
        for (int k = 0; k < t->model->config.heads; k++) {
            const int32_t left = neighbour(t, m, -1, k), right = neighbour(t, m, 1, k), token = t->targets[k * t->H + i];
            if (sums)
                sums->right[k] += vq_baseline_guess(t->baseline, k, left, right) == token;
            if (learn)
                vq_baseline_count(t->baseline, k, left, right, token);
        }
        if (t->targets[t->model->config.heads * t->H + i] >=
            VQ_UNKNOWN_BASE) /* the first base of a word that is hidden for others */
            continue;
        const double nats = vq_baseline_nats(t->baseline, t->bases + row, t->hidden + row, (size_t)t->lengths[b],
                                             (size_t)t->tokens.place[m], learn);
        if (sums)
            sums->nats += nats;
    }
    if (sums)
        sums->tokens += (uint64_t)t->H;
}

#include "train/body_vectors.h"

#include "base/integer.h"
#include "seq/alphabet.h"
#include "seq/source.h"
#include "train/examples.h"
#include "train/watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct work {
    vq_classifier *model;
    const vq_predictor *predictor;
    vq_model *tokenizer;
    vq_token_batch batch;
    uint8_t *bases; /* of the record under way */
    size_t count, room, starts;
    size_t *start, *rows; /* of its parts; of those in a batch */
    float *states;        /* [B][L][width] */
    double *sum;          /* [width] */
    float *mean, *max;    /* [width] */
    uint64_t known;
    vqdna_stream_stats stats;
    vq_watch watch;
} work;

/* The states of a batch into the pools. */
static void pool(work *k, const vq_labelled *set) {
    const size_t W = (size_t)k->model->config.body.layer.width, L = (size_t)k->batch.L;
    for (size_t b = 0; b < (size_t)k->batch.B; b++)
        for (size_t i = 0; i < L; i++) {
            const float *state = k->states + (b * L + i) * W;
            if (!k->batch.there[b * L + i] ||
                set->bases[set->start[k->rows[b]] + (size_t)k->batch.place[b * L + i]] >= VQ_BASE_UNKNOWN)
                continue;
            k->known++;
            for (size_t w = 0; w < W; w++) {
                k->sum[w] += (double)state[w];
                k->max[w] = fmaxf(k->max[w], state[w]);
            }
        }
}

static vq_status run_parts(work *k, const vq_examples *e) {
    vq_classifier *m = k->model;
    const size_t W = (size_t)m->config.body.layer.width, most = (size_t)m->body.planned_B;
    for (size_t at = 0; at < e->set->rows;) {
        const size_t B = vq_min(most, e->set->rows - at);
        for (size_t b = 0; b < B; b++)
            k->rows[b] = at + b;
        VQ_TRY(vq_watch_attend(&k->watch, &k->stats));
        vq_examples_batch(e, &k->batch, k->rows, (int)B, 0, m->config.body.positions, NULL);
        vq_body_use(&m->body, (int)B, k->batch.L);
        VQ_TRY(vq_body_upload(&m->body, k->batch.ids, k->batch.place, NULL, k->batch.padded ? k->batch.there : NULL));
        VQ_TRY(vq_body_forward(&m->body, 0, (vq_draws){0}));
        VQ_TRY(vq_read(m->device, k->states, m->body.out.view, 0, B * (size_t)k->batch.L * W * sizeof *k->states));
        pool(k, e->set);
        at += B;
    }
    return VQDNA_OK;
}

/* The record in equal parts, as few as the positions allow. */
static vq_status embed_record(work *k, const char *name, vq_body_vectors_sink sink, void *user) {
    const size_t W = (size_t)k->model->config.body.layer.width,
                 parts = vq_max(1, vq_ceil_div(k->count, (size_t)k->predictor->config.body.positions));
    if (parts + 1 > k->starts) {
        k->starts = 2 * (parts + 1);
        size_t *larger = realloc(k->start, k->starts * sizeof *larger);
        if (!larger)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for %zu parts of a record", parts);
        k->start = larger;
    }
    for (size_t i = 0; i <= parts; i++)
        k->start[i] = k->count / parts * i + k->count % parts * i / parts;
    k->known = 0;
    for (size_t w = 0; w < W; w++) {
        k->sum[w] = 0;
        k->max[w] = -INFINITY;
    }
    const vq_labelled set = {.rows = parts, .bases = k->bases, .start = k->start};
    vq_examples e = {0};
    vq_status status = VQDNA_OK;
    if (k->count) {
        status = vq_examples_create(&e, &k->predictor->vocabulary, &set, k->tokenizer, false);
        if (status >= 0)
            status = run_parts(k, &e);
        vq_examples_destroy(&e);
    }
    for (size_t w = 0; w < W; w++) {
        k->mean[w] = k->known ? (float)(k->sum[w] / (double)k->known) : 0;
        k->max[w] = k->known ? k->max[w] : 0;
    }
    const vq_body_vectors vectors = {name, k->count, k->known, k->mean, k->max};
    return status < 0 ? status : sink(user, &vectors);
}

static vq_status take(work *k, const vq_piece *piece) {
    k->count = piece->start ? k->count : 0;
    if (k->count + piece->count > k->room) {
        k->room = 2 * (k->count + piece->count);
        uint8_t *larger = realloc(k->bases, k->room);
        if (!larger)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for a record of %zu bases", k->count + piece->count);
        k->bases = larger;
    }
    if (piece->count)
        memcpy(k->bases + k->count, piece->codes, piece->count);
    k->count += piece->count;
    return VQDNA_OK;
}

static vq_status open_work(work *k) {
    const size_t W = (size_t)k->model->config.body.layer.width, B = (size_t)k->model->body.planned_B,
                 tokens = B * (size_t)k->model->body.planned_L;
    VQ_TRY(vq_token_batch_create(&k->batch, k->predictor->vocabulary.tables, tokens));
    VQ_TRY(vq_alloc(&k->rows, B, sizeof *k->rows));
    VQ_TRY(vq_alloc(&k->states, tokens * W, sizeof *k->states));
    VQ_TRY(vq_alloc(&k->sum, W, sizeof *k->sum));
    VQ_TRY(vq_alloc(&k->mean, W, sizeof *k->mean));
    return vq_alloc(&k->max, W, sizeof *k->max);
}

vq_status vq_embed_body(vq_classifier *model, const vq_predictor *predictor, vq_model *tokenizer, const char *const *paths,
                        size_t count, const vqdna_stream_options *stream, vq_body_vectors_sink sink, void *user,
                        vqdna_stream_stats *stats) {
    work k = {.model = model, .predictor = predictor, .tokenizer = tokenizer, .watch = vq_watch_start(stream)};
    vq_source *source = NULL;
    vq_piece piece;
    vq_status status, read = VQDNA_OK;
    if (predictor->vocabulary.kind == VQ_OF_IDS)
        return vq_fail(VQDNA_ERR_USAGE, "the model reads ids made elsewhere, and records of bases have none");
    VQ_TRY_OR(done, open_work(&k));
    VQ_TRY_OR(done, vq_source_open(&source, paths, count, stream ? stream->input : NULL, stream ? stream->read_bytes : 0));
    while (status >= 0 && (read = vq_source_next(source, &piece)) == VQDNA_OK) {
        k.stats = vq_source_describe(source);
        status = take(&k, &piece);
        if (status >= 0 && piece.last)
            status = embed_record(&k, piece.name, sink, user);
    }
    status = status < 0 ? status : read < 0 ? read : VQDNA_OK;
    k.stats.seconds = vq_watch_seconds(&k.watch);
    if (stats)
        *stats = k.stats;
done:
    vq_source_close(source);
    vq_token_batch_destroy(&k.batch);
    free(k.bases);
    free(k.start);
    free(k.rows);
    free(k.states);
    free(k.sum);
    free(k.mean);
    free(k.max);
    return status;
}

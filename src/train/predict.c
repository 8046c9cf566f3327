#include "train/predict.h"

#include "base/integer.h"
#include "seq/alphabet.h"
#include "seq/ids.h"
#include "seq/source.h"
#include "train/infer.h"
#include "train/mutate.h"
#include "train/watch.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENS_AT_ONCE = 8192, MOST_AT_ONCE = 256 };

int vq_predict_at_once(size_t tokens) {
    return (int)vq_max(1, vq_min(MOST_AT_ONCE, TOKENS_AT_ONCE / vq_max(tokens, 1)));
}

/* The record that is being read: bases from `first` on, and the codes of both strands of those before `coded`, each at its base. */
typedef struct record {
    char *name;
    size_t name_room;
    uint64_t first, length; /* of the first base that is kept; bases read so far */
    uint8_t *bases;
    uint16_t *codes[2];
    size_t room, coded; /* bases there is room for; bases of those kept that have codes */
    uint64_t next;      /* where the next window begins */
} record;

/* Sequences that wait until there are enough for a batch. */
typedef struct waiting {
    vq_labelled set;
    uint16_t *codes[2]; /* of windows, on both strands; records are encoded when they are enough */
    struct {
        char *name;
        uint64_t start;
    } * at;
    size_t rows, bases; /* there is room for */
} waiting;

typedef struct work {
    vq_classifier *model;
    const vq_predictor *predictor;
    vq_model *tokenizer;
    const vqdna_stream_options *stream;
    vqdna_predict_options o;
    vqdna_predictions_sink sink;
    vqdna_mutations_sink mutations; /* in place of it */
    void *user;
    vq_token_batch batch;
    size_t levels, halo; /* of codes; 0: there are none */
    record r;
    waiting w;
    float *outputs;
    vqdna_stream_stats stats;
    vq_watch watch;
} work;

/* ---- A batch ----------------------------------------------------------------------------------------------------------------- */

/* The other strand of what waits, with its codes. */
static vq_status turn(vq_examples *out, const work *k) {
    const vq_labelled *s = &k->w.set;
    const size_t N = k->levels;
    *out = (vq_examples){.vocabulary = &k->predictor->vocabulary, .set = s};
    VQ_TRY(vq_alloc(&out->turned, s->start[s->rows], 1));
    if (N)
        VQ_TRY(vq_alloc(&out->codes, s->start[s->rows] * N, sizeof *out->codes));
    for (size_t i = 0; i < s->rows; i++)
        for (size_t j = s->start[i], end = s->start[i + 1]; j < end; j++) {
            const size_t from = s->start[i] + end - 1 - j;
            out->turned[j] = vq_complement(s->bases[from]);
            if (N)
                memcpy(out->codes + j * N, k->w.codes[1] + from * N, N * sizeof *out->codes);
        }
    return VQDNA_OK;
}

static vq_status make_views(vq_examples views[2], const work *k) {
    const vq_vocabulary *v = &k->predictor->vocabulary;
    const int strands = k->o.both_strands ? 2 : 1;
    if (!k->o.window) {
        for (int i = 0; i < strands; i++)
            VQ_TRY(vq_examples_create(&views[i], v, &k->w.set, k->tokenizer, i == 1));
        return VQDNA_OK;
    }
    const size_t codes = k->w.set.start[k->w.set.rows] * k->levels;
    views[0] = (vq_examples){.vocabulary = v, .set = &k->w.set};
    if (codes) {
        VQ_TRY(vq_alloc(&views[0].codes, codes, sizeof *views[0].codes));
        memcpy(views[0].codes, k->w.codes[0], codes * sizeof *views[0].codes);
    }
    return strands == 2 ? turn(&views[1], k) : VQDNA_OK;
}

static vq_status send(work *k) {
    const int C = k->model->outputs;
    const vq_labelled *s = &k->w.set;
    for (size_t i = 0; i < s->rows; i++) {
        float *own = k->outputs + i * (size_t)C;
        vqdna_prediction p = {.contig = k->w.at[i].name, .start = k->w.at[i].start, .outputs = own, .count = C, .label = -1};
        p.end = p.start + (s->start[i + 1] - s->start[i]);
        if (k->model->config.classes)
            vq_classify_best(&p.label, own, 1, C);
        else
            *own = (float)(*own * k->predictor->deviation + k->predictor->mean);
        VQ_TRY(k->sink(k->user, &p));
    }
    return VQDNA_OK;
}

/* Predicts what waits. */
static vq_status flush(work *k) {
    vq_examples views[2] = {{0}};
    vq_labelled *s = &k->w.set;
    if (!s->rows)
        return VQDNA_OK;
    vq_status status = vq_watch_attend(&k->watch, &k->stats);
    if (status >= 0)
        status = make_views(views, k);
    if (status >= 0)
        status = vq_classify(k->outputs, k->model, views, k->o.both_strands ? 2 : 1, k->o.phases, &k->batch);
    vq_examples_destroy(&views[0]);
    vq_examples_destroy(&views[1]);
    if (status >= 0)
        status = send(k);
    for (size_t i = 0; i < s->rows; i++)
        free(k->w.at[i].name);
    s->rows = 0;
    return status;
}

static vq_status grow(void **block, size_t count, size_t width) {
    void *larger = realloc(*block, vq_max(count, 1) * width);
    if (!larger)
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory for sequences");
    *block = larger;
    return VQDNA_OK;
}

/* Bases [from, from + count) of the record wait for their batch. */
static vq_status add(work *k, size_t from, size_t count) {
    waiting *w = &k->w;
    vq_labelled *s = &w->set;
    const size_t used = s->rows ? s->start[s->rows] : 0, N = k->levels;
    if (used + count > w->bases) {
        w->bases = 2 * (used + count);
        VQ_TRY(grow((void **)&s->bases, w->bases, 1));
        for (int i = 0; i < 2 && k->o.window && N; i++)
            VQ_TRY(grow((void **)&w->codes[i], w->bases * N, sizeof(uint16_t)));
    }
    char *name;
    VQ_TRY(vq_alloc(&name, strlen(k->r.name) + 1, 1));
    strcpy(name, k->r.name);
    w->at[s->rows].name = name;
    w->at[s->rows].start = k->r.first + from;
    memcpy(s->bases + used, k->r.bases + from, count);
    for (int i = 0; i < 2 && k->o.window && N; i++)
        memcpy(w->codes[i] + used * N, k->r.codes[i] + from * N, count * N * sizeof(uint16_t));
    s->start[s->rows] = used;
    s->start[++s->rows] = used + count;
    return (int)s->rows == k->model->body.planned_B ? flush(k) : VQDNA_OK;
}

/* ---- Records and windows ----------------------------------------------------------------------------------------------------- */

/* Codes of the bases up to `end` that have none, on both strands, each base once but for the halo. */
static vq_status encode(work *k, size_t end, size_t have) {
    record *r = &k->r;
    const size_t N = k->levels, from = r->coded - vq_min(r->coded, k->halo), to = vq_min(have, end + k->halo), count = to - from;
    uint8_t *turned;
    uint16_t *codes = NULL;
    if (!N || end <= r->coded)
        return VQDNA_OK;
    VQ_TRY(vq_alloc(&turned, count, 1));
    vq_status status = vq_alloc(&codes, count * N, sizeof *codes);
    for (int strand = 0; strand < (k->o.both_strands ? 2 : 1) && status >= 0; strand++) {
        for (size_t i = 0; i < count; i++)
            turned[i] = strand ? vq_complement(r->bases[to - 1 - i]) : r->bases[from + i];
        status = vq_encode(k->tokenizer, 1, turned, &count, &codes, NULL);
        for (size_t i = r->coded; status >= 0 && i < end; i++)
            memcpy(r->codes[strand] + i * N, codes + (strand ? to - 1 - i : i - from) * N, N * sizeof *codes);
    }
    free(turned);
    free(codes);
    r->coded = end;
    return status;
}

/* Windows that are whole, and at a record's end the last one, which ends there too; then what no window needs is forgotten. */
static vq_status slide(work *k, bool last) {
    record *r = &k->r;
    const size_t have = (size_t)(r->length - r->first), sure = last ? have : have - vq_min(have, k->halo);
    VQ_TRY(encode(k, sure, have));
    for (; r->next + k->o.window <= r->first + sure; r->next += k->o.step)
        VQ_TRY(add(k, (size_t)(r->next - r->first), k->o.window));
    const uint64_t covered = r->next + k->o.window - k->o.step; /* by the window before */
    if (last && have && (r->next == 0 || covered < r->length)) {
        const uint64_t start = r->length > k->o.window ? r->length - k->o.window : 0;
        VQ_TRY(add(k, (size_t)(start - r->first), (size_t)(r->length - start)));
    }
    const uint64_t needed = vq_min(r->next > k->o.window ? r->next - k->o.window : 0, r->first + r->coded);
    const size_t drop = needed > r->first + k->halo ? (size_t)(needed - r->first) - k->halo : 0;
    if (drop > have / 2) {
        memmove(r->bases, r->bases + drop, have - drop);
        for (int i = 0; i < 2 && k->levels; i++)
            memmove(r->codes[i], r->codes[i] + drop * k->levels, (have - drop) * k->levels * sizeof(uint16_t));
        r->first += drop;
        r->coded -= vq_min(r->coded, drop);
    }
    return VQDNA_OK;
}

/* The record with each of its bases changed. */
static vq_status mutate(work *k) {
    const size_t count = (size_t)k->r.length;
    vqdna_mutations m = {.contig = k->r.name, .count = count, .bases = k->r.bases};
    float(*effects)[4];
    VQ_TRY(vq_alloc(&effects, count, sizeof *effects));
    vq_status status = vq_watch_attend(&k->watch, &k->stats);
    if (status >= 0)
        status = vq_mutate(effects, &m.value, &m.label, k->model, k->predictor, k->tokenizer, k->r.bases, count, &k->o, &k->batch,
                           k->outputs);
    m.effects = (const float(*)[4])effects;
    if (status >= 0)
        status = k->mutations(k->user, &m);
    free(effects);
    return status;
}

static vq_status begin_record(work *k, const char *name) {
    record *r = &k->r;
    if (strlen(name) + 1 > r->name_room) {
        r->name_room = 2 * strlen(name) + 64;
        VQ_TRY(grow((void **)&r->name, r->name_room, 1));
    }
    strcpy(r->name, name);
    r->first = r->length = r->next = 0;
    r->coded = 0;
    return VQDNA_OK;
}

static vq_status take(work *k, const vq_piece *piece) {
    record *r = &k->r;
    const size_t most = (size_t)k->predictor->config.body.positions;
    if (piece->start == 0)
        VQ_TRY(begin_record(k, piece->name));
    const size_t have = (size_t)(r->length - r->first);
    if (!k->o.window && have + piece->count > most)
        return vq_fail(VQDNA_ERR_INPUT, "%s is longer than the %zu bases that the model reads: have windows slide over it",
                       r->name[0] ? r->name : "a record", most);
    if (have + piece->count > r->room) {
        r->room = 2 * (have + piece->count);
        VQ_TRY(grow((void **)&r->bases, r->room, 1));
        for (int i = 0; i < 2 && k->o.window && k->levels; i++)
            VQ_TRY(grow((void **)&r->codes[i], r->room * k->levels, sizeof(uint16_t)));
    }
    if (piece->count) /* there is no buffer before the first base */
        memcpy(r->bases + have, piece->codes, piece->count);
    r->length += piece->count;
    if (k->o.window)
        return slide(k, piece->last);
    if (!piece->last || !r->length)
        return VQDNA_OK;
    return k->mutations ? mutate(k) : add(k, 0, (size_t)r->length);
}

/* A row of ids waits for its batch. */
static vq_status add_ids(work *k, const vq_ids_row *row, const char *path) {
    waiting *w = &k->w;
    vq_labelled *s = &w->set;
    const size_t used = s->rows ? s->start[s->rows] : 0, most = (size_t)k->predictor->config.body.positions;
    if (row->count > most)
        return vq_fail(VQDNA_ERR_INPUT, "%s.tsv, line %llu: %zu ids, and the model reads %zu at most", path,
                       (unsigned long long)row->line, row->count, most);
    if (used + row->count > w->bases) {
        w->bases = 2 * (used + row->count);
        VQ_TRY(grow((void **)&s->ids, w->bases, sizeof *s->ids));
    }
    memcpy(s->ids + used, row->ids, row->count * sizeof *row->ids);
    VQ_TRY(vq_alloc(&w->at[s->rows].name, strlen(row->name) + 1, 1));
    strcpy(w->at[s->rows].name, row->name);
    w->at[s->rows].start = 0;
    s->start[s->rows] = used;
    s->start[++s->rows] = used + row->count;
    k->stats.records++;
    k->stats.bases += row->count;
    return (int)s->rows == k->model->body.planned_B ? flush(k) : VQDNA_OK;
}

/* ---- A stream ---------------------------------------------------------------------------------------------------------------- */

static vq_status open_work(work *k) {
    const size_t B = (size_t)k->model->body.planned_B;
    VQ_TRY(vq_token_batch_create(&k->batch, k->predictor->vocabulary.tables, B * (size_t)k->model->body.planned_L));
    VQ_TRY(vq_alloc(&k->w.set.start, B + 1, sizeof *k->w.set.start));
    VQ_TRY(vq_alloc(&k->w.at, B, sizeof *k->w.at));
    return vq_alloc(&k->outputs, B * (size_t)k->model->outputs, sizeof *k->outputs);
}

static void close_work(work *k) {
    for (size_t i = 0; k->w.at && i < k->w.set.rows; i++)
        free(k->w.at[i].name);
    free(k->w.at);
    vq_labelled_free(&k->w.set);
    for (int i = 0; i < 2; i++) {
        free(k->w.codes[i]);
        free(k->r.codes[i]);
    }
    free(k->r.name);
    free(k->r.bases);
    free(k->outputs);
    vq_token_batch_destroy(&k->batch);
}

/* Arrays of ids, row by row. */
static vq_status run_ids(work *k, const char *const *paths, size_t count) {
    vq_ids *ids;
    vq_ids_row row;
    if (k->mutations || k->o.window)
        return vq_fail(VQDNA_ERR_USAGE, "the model reads ids made elsewhere, row by row: it has no windows and no bases to change");
    for (size_t i = 0; i < count; i++) {
        if (!vq_ids_are_in(paths[i]))
            return vq_fail(VQDNA_ERR_INPUT, "%s is no array of ids (.npy), which the model reads", paths[i]);
        VQ_TRY(vq_ids_open(&ids, paths[i], NULL));
        vq_status status;
        while ((status = vq_ids_next(ids, &row)) == VQDNA_OK)
            VQ_TRY_OR(done, add_ids(k, &row, paths[i]));
    done:
        vq_ids_close(ids);
        VQ_TRY(status);
    }
    return flush(k);
}

static vq_status run(work k, const char *const *paths, size_t count, vqdna_stream_stats *stats) {
    k.watch = vq_watch_start(k.stream);
    vq_source *source = NULL;
    vq_piece piece;
    if (k.tokenizer && k.o.window) {
        k.levels = (size_t)k.predictor->vocabulary.levels;
        k.halo = (size_t)vq_config_encoder_halo(&k.tokenizer->config);
    }
    vq_status status, read = VQDNA_OK;
    VQ_TRY_OR(done, open_work(&k));
    if (k.predictor->vocabulary.kind == VQ_OF_IDS) {
        status = run_ids(&k, paths, count);
        k.stats.seconds = vq_watch_seconds(&k.watch);
        if (stats)
            *stats = k.stats;
        goto done;
    }
    VQ_TRY_OR(done, vq_source_open(&source, paths, count, k.stream->input, k.stream->read_bytes));
    while (status >= 0 && (read = vq_source_next(source, &piece)) == VQDNA_OK) {
        k.stats = vq_source_describe(source);
        status = take(&k, &piece);
    }
    status = status < 0 ? status : read < 0 ? read : flush(&k);
    k.stats = vq_source_describe(source);
    k.stats.seconds = vq_watch_seconds(&k.watch);
    if (stats)
        *stats = k.stats;
done:
    vq_source_close(source);
    close_work(&k);
    return status < 0 ? status : VQDNA_OK;
}

vq_status vq_predict(vq_classifier *model, const vq_predictor *predictor, vq_model *tokenizer, const char *const *paths,
                     size_t count, const vqdna_stream_options *stream, const vqdna_predict_options *options,
                     vqdna_predictions_sink sink, void *user, vqdna_stream_stats *stats) {
    const work k = {.model = model,
                    .predictor = predictor,
                    .tokenizer = tokenizer,
                    .stream = stream,
                    .o = *options,
                    .sink = sink,
                    .user = user};
    return run(k, paths, count, stats);
}

vq_status vq_predict_mutations(vq_classifier *model, const vq_predictor *predictor, vq_model *tokenizer, const char *const *paths,
                               size_t count, const vqdna_stream_options *stream, const vqdna_predict_options *options,
                               vqdna_mutations_sink sink, void *user, vqdna_stream_stats *stats) {
    const work k = {.model = model,
                    .predictor = predictor,
                    .tokenizer = tokenizer,
                    .stream = stream,
                    .o = *options,
                    .mutations = sink,
                    .user = user};
    return run(k, paths, count, stats);
}

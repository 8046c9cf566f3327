#include "train/infer.h"

#include "base/clock.h"
#include "seq/source.h"
#include "train/cutter.h"
#include "train/metrics.h"

#include <stdlib.h>
#include <string.h>

/* One stream being worked on. */
typedef struct {
    vq_model *model;
    const vqdna_stream_options *options;
    vqdna_stream_stats stats;
    double began, told;
    vq_cutter *cutter;
    vq_row *rows;                     /* [M] */
    int32_t *codes[VQDNA_MAX_LEVELS]; /* [M] of each level */
    uint16_t *out;  /* [M][levels + 1]: codes of a segment's core; codes to decode, and whether the base is unknown */
    uint8_t *bases; /* [M], from the decoder */
    char *letters;  /* [M] */
    float *taps;    /* [M][D] of the last level, where they are asked for */
    const void *elements; /* of the batch under way */

    vqdna_codes_sink codes_sink;
    vqdna_bases_sink bases_sink;
    void *user;

    uint64_t *usage[VQDNA_MAX_LEVELS]; /* evaluation */
    uint64_t correct, compared;
} stream;

int vq_infer_least_rows(const vq_config *config) {
    return vq_cutter_least_rows(vq_config_encoder_halo(config) + vq_config_decoder_halo(config));
}

int vq_infer_usual_rows(const vq_device *device) {
    return device->family == VQ_FAMILY_CPU ? 4096 : 32768;
}

static void close_stream(stream *s) {
    vq_cutter_destroy(s->cutter);
    for (int i = 0; i < VQDNA_MAX_LEVELS; i++) {
        free(s->codes[i]);
        free(s->usage[i]);
    }
    free(s->rows);
    free(s->out);
    free(s->bases);
    free(s->letters);
    free(s->taps);
}

static vq_status open_stream(stream *s, vq_model *model, const vqdna_stream_options *options, size_t width, int halo,
                             vq_batch_sink sink) {
    static const vqdna_stream_options none;
    size_t M = (size_t)model->planned;
    *s = (stream){.model = model, .options = options ? options : &none, .began = vq_clock()};
    s->told = s->began;
    VQ_TRY(vq_alloc(&s->rows, M, sizeof *s->rows));
    VQ_TRY(vq_alloc(&s->bases, M, 1));
    VQ_TRY(vq_alloc(&s->letters, M, 1));
    VQ_TRY(vq_alloc(&s->out, M * (size_t)(model->config.levels + 1), sizeof *s->out));
    for (int i = 0; i < model->config.levels; i++) {
        VQ_TRY(vq_alloc(&s->codes[i], M, sizeof *s->codes[i]));
        VQ_TRY(vq_alloc(&s->usage[i], (size_t)model->config.codes[i], sizeof *s->usage[i]));
    }
    return vq_cutter_create(&s->cutter, model->planned, width, halo, sink, s);
}

/* Between batches: asks whether to stop and tells how far it is. */
static vq_status attend(stream *s) {
    const vqdna_stream_options *o = s->options;
    double at = vq_clock();
    s->stats.seconds = at - s->began;
    if (o->interrupted && o->interrupted(o->user))
        return vq_fail(VQDNA_ERR_INTERRUPTED, "interrupted");
    if (o->progress && at - s->told >= 0.2) {
        s->told = at;
        o->progress(o->user, &s->stats);
    }
    return VQDNA_OK;
}

/* ---- The device's part ------------------------------------------------------------------------------------------------------- */

/* Work follows what the batch holds: no row is padding. */
static vq_status upload_rows(stream *s, const vq_batch *batch) {
    vq_model_use_rows(s->model, batch->used ? batch->used : 1);
    vq_rows_padding(s->rows + batch->used, s->model->M - batch->used);
    return vq_model_upload(s->model, s->rows);
}

static vq_status upload_bases(stream *s, const vq_batch *batch) {
    const uint8_t *bases = batch->elements;
    for (int i = 0; i < batch->segment_count; i++) {
        const vq_segment *g = &batch->segments[i];
        vq_rows_piece(s->rows + g->row, bases + g->row, g->rows, g->start - (uint64_t)g->left, s->model->config.decoder_stride);
    }
    return upload_rows(s, batch);
}

static vq_status read_codes(stream *s) {
    vq_model *m = s->model;
    for (int i = 0; i < m->config.levels; i++)
        VQ_TRY(vq_read(m->device, s->codes[i], m->quantizer.level[i].codes.view, 0, (size_t)m->M * sizeof(int32_t)));
    return VQDNA_OK;
}

static vq_status read_bases(stream *s) {
    return vq_read(s->model->device, s->bases, s->model->bases.view, 0, (size_t)s->model->M);
}

/* ---- Tokenize ---------------------------------------------------------------------------------------------------------------- */

static vq_status send_codes(stream *s, const vq_batch *batch) {
    int N = s->model->config.levels;
    for (int i = 0; i < batch->segment_count; i++) {
        const vq_segment *g = &batch->segments[i];
        int first = g->row + g->left;
        for (int j = 0; j < g->count; j++)
            for (int n = 0; n < N; n++)
                s->out[j * N + n] = (uint16_t)s->codes[n][first + j];
        vqdna_codes run = {g->record, g->start, (size_t)g->count, N, s->out, (const uint8_t *)batch->elements + first, g->last};
        vq_status status = s->codes_sink(s->user, &run);
        if (status != VQDNA_OK)
            return status;
    }
    return VQDNA_OK;
}

static vq_status tokenize_batch(void *user, const vq_batch *batch) {
    stream *s = user;
    VQ_TRY(attend(s));
    VQ_TRY(upload_bases(s, batch));
    VQ_TRY(vq_model_encode(s->model));
    VQ_TRY(read_codes(s));
    if (s->taps)
        VQ_TRY(vq_read(s->model->device, s->taps, vq_encoder_tap(&s->model->encoder, s->model->config.levels - 1), 0,
                       (size_t)s->model->M * (size_t)s->model->config.dim * sizeof(float)));
    s->elements = batch->elements;
    return send_codes(s, batch);
}

/* Pushes the files' records through the stream's cutter. A sink may end the stream early, with VQDNA_END too. */
static vq_status push_files(stream *s, const char *const *paths, size_t count) {
    vq_source *source;
    vq_piece piece;
    VQ_TRY(vq_source_open(&source, paths, count, s->options->input, s->options->read_bytes));
    vq_status status = VQDNA_OK, read = VQDNA_OK;
    while (status == VQDNA_OK && (read = vq_source_next(source, &piece)) == VQDNA_OK) {
        s->stats = vq_source_describe(source);
        status = vq_cutter_push(s->cutter, piece.name, piece.start, piece.codes, piece.count, piece.last);
    }
    s->stats = vq_source_describe(source);
    vq_source_close(source);
    return read < 0 ? read : status;
}

static vq_status finish(stream *s, vqdna_stream_stats *stats) {
    vq_status status = vq_cutter_finish(s->cutter);
    s->stats.seconds = vq_clock() - s->began;
    if (stats)
        *stats = s->stats;
    return status;
}

vq_status vq_tokenize(vq_model *model, const char *const *paths, size_t count, const vqdna_stream_options *options,
                      vqdna_codes_sink sink, void *user, vqdna_stream_stats *stats) {
    stream s;
    vq_status status = open_stream(&s, model, options, 1, vq_config_encoder_halo(&model->config), tokenize_batch);
    s.codes_sink = sink;
    s.user = user;
    if (status == VQDNA_OK)
        status = push_files(&s, paths, count);
    if (status == VQDNA_OK)
        status = finish(&s, stats);
    close_stream(&s);
    return status;
}

/* Codes, and taps, of several sequences in memory: they come in order, each record's last run ends it. */
typedef struct {
    stream *s;
    uint16_t *const *out;
    float *const *taps;
    size_t sequence;
} kept;

static vq_status keep_codes(void *user, const vqdna_codes *run) {
    kept *k = user;
    memcpy(k->out[k->sequence] + run->start * (uint64_t)run->levels, run->codes,
           run->count * (size_t)run->levels * sizeof(uint16_t));
    if (k->taps) {
        size_t D = (size_t)k->s->model->config.dim, row = (size_t)(run->bases - (const uint8_t *)k->s->elements);
        memcpy(k->taps[k->sequence] + run->start * D, k->s->taps + row * D, run->count * D * sizeof(float));
    }
    k->sequence += run->last;
    return VQDNA_OK;
}

vq_status vq_encode(vq_model *model, size_t sequences, const uint8_t *bases, const size_t *counts, uint16_t *const *codes,
                    float *const *taps) {
    stream s;
    kept k = {&s, codes, taps, 0};
    vq_status status = open_stream(&s, model, NULL, 1, vq_config_encoder_halo(&model->config), tokenize_batch);
    s.codes_sink = keep_codes;
    s.user = &k;
    if (taps && status == VQDNA_OK)
        status = vq_alloc(&s.taps, (size_t)model->planned * (size_t)model->config.dim, sizeof *s.taps);
    for (size_t i = 0; i < sequences && status == VQDNA_OK; bases += counts[i++])
        status = vq_cutter_push(s.cutter, "", 0, bases, counts[i], true);
    if (status == VQDNA_OK)
        status = finish(&s, NULL);
    close_stream(&s);
    return status;
}

/* ---- Detokenize -------------------------------------------------------------------------------------------------------------- */

static vq_status decode_batch(void *user, const vq_batch *batch) {
    stream *s = user;
    vq_model *m = s->model;
    int N = m->config.levels;
    const uint16_t *codes = batch->elements;
    VQ_TRY(attend(s));
    memset(s->bases, VQ_UNKNOWN_BASE, (size_t)m->planned);
    for (int i = 0; i < batch->segment_count; i++) {
        const vq_segment *g = &batch->segments[i];
        vq_rows_piece(s->rows + g->row, s->bases, g->rows, g->start - (uint64_t)g->left, m->config.decoder_stride);
    }
    VQ_TRY(upload_rows(s, batch));
    for (int n = 0; n < N; n++) {
        for (int j = 0; j < m->M; j++)
            s->codes[n][j] = j < batch->used ? codes[j * (N + 1) + n] : 0;
        VQ_TRY(vq_upload(m->device, m->quantizer.level[n].codes.view, s->codes[n], (size_t)m->M * sizeof(int32_t)));
    }
    VQ_TRY(vq_model_embed(m));
    VQ_TRY(vq_model_decode(m));
    VQ_TRY(read_bases(s));
    for (int i = 0; i < batch->segment_count; i++) {
        const vq_segment *g = &batch->segments[i];
        for (int j = 0, row = g->row + g->left; j < g->count; j++, row++)
            s->letters[j] = codes[row * (N + 1) + N] ? 'N' : "ACGT"[s->bases[row] & 3];
        vq_status status = s->bases_sink(s->user, g->record, g->start, s->letters, (size_t)g->count, g->last);
        if (status != VQDNA_OK)
            return status;
    }
    return VQDNA_OK;
}

/* A code from outside must lie in its codebook: a kernel would read past the end. */
static vq_status check_run(const vq_config *config, const vqdna_codes *run) {
    if (run->levels != config->levels)
        return vq_fail(VQDNA_ERR_INPUT, "the tokens have %d levels, the model has %d", run->levels, config->levels);
    for (size_t i = 0; i < run->count; i++)
        for (int n = 0; n < run->levels; n++)
            if (run->codes[i * (size_t)run->levels + (size_t)n] >= config->codes[n])
                return vq_fail(VQDNA_ERR_INPUT, "record %s, base %llu: code %u of level %d is outside its codebook of %d",
                               run->contig, (unsigned long long)(run->start + i), run->codes[i * (size_t)run->levels + (size_t)n],
                               n + 1, config->codes[n]);
    return VQDNA_OK;
}

/* Each base goes with its mark, in pieces that fit s->out. */
static vq_status push_run(stream *s, const vqdna_codes *run) {
    size_t N = (size_t)run->levels, at = 0, n;
    vq_status status = VQDNA_OK;
    do {
        n = run->count - at < (size_t)s->model->M ? run->count - at : (size_t)s->model->M;
        uint16_t *to = s->out;
        for (size_t i = at; i < at + n; i++, to += N + 1) {
            memcpy(to, run->codes + i * N, N * sizeof *to);
            to[N] = run->bases && run->bases[i] >= VQ_UNKNOWN_BASE;
            s->stats.unknown += to[N];
        }
        status = vq_cutter_push(s->cutter, run->contig, run->start + at, s->out, n, run->last && at + n == run->count);
        at += n;
    } while (status == VQDNA_OK && at < run->count);
    return status;
}

vq_status vq_detokenize(vq_model *model, const vqdna_stream_options *options, vqdna_codes_source source, vqdna_bases_sink sink,
                        void *user, vqdna_stream_stats *stats) {
    stream s;
    size_t width = (size_t)(model->config.levels + 1) * sizeof(uint16_t);
    vq_status status = open_stream(&s, model, options, width, vq_config_decoder_halo(&model->config), decode_batch);
    s.bases_sink = sink;
    s.user = user;
    bool inside = false, over = false;
    uint64_t next = 0;
    while (status == VQDNA_OK) {
        vqdna_codes run = {0};
        status = source(user, &run);
        over = status == VQDNA_END;
        if (status != VQDNA_OK)
            break;
        if (inside && run.start != next) {
            status = vq_fail(VQDNA_ERR_INPUT, "record %s: base %llu follows base %llu: tokens are missing or out of order",
                             run.contig, (unsigned long long)run.start, (unsigned long long)(next - 1));
            break;
        }
        status = check_run(&model->config, &run);
        if (status == VQDNA_OK)
            status = push_run(&s, &run);
        inside = !run.last;
        next = run.start + run.count;
        s.stats.bases += run.count;
        s.stats.records += run.last;
    }
    if (over)
        status = inside ? vq_fail(VQDNA_ERR_INPUT, "the tokens end within a record") : finish(&s, stats);
    close_stream(&s);
    return status;
}

/* ---- Evaluate ---------------------------------------------------------------------------------------------------------------- */

static vq_status evaluate_batch(void *user, const vq_batch *batch) {
    stream *s = user;
    const uint8_t *bases = batch->elements;
    VQ_TRY(attend(s));
    VQ_TRY(upload_bases(s, batch));
    VQ_TRY(vq_model_encode(s->model));
    VQ_TRY(vq_model_decode(s->model));
    VQ_TRY(read_codes(s));
    VQ_TRY(read_bases(s));
    for (int i = 0; i < batch->segment_count; i++) {
        const vq_segment *g = &batch->segments[i];
        for (int row = g->row + g->left; row < g->row + g->left + g->count; row++) {
            if (bases[row] >= VQ_UNKNOWN_BASE)
                continue;
            s->compared++;
            s->correct += s->bases[row] == bases[row];
            for (int n = 0; n < s->model->config.levels; n++)
                s->usage[n][s->codes[n][row]]++;
        }
    }
    return VQDNA_OK;
}

vq_status vq_evaluate(vq_model *model, const char *const *paths, size_t count, const vqdna_stream_options *options,
                      vqdna_metrics *out) {
    stream s;
    int halo = vq_config_encoder_halo(&model->config) + vq_config_decoder_halo(&model->config);
    vq_status status = open_stream(&s, model, options, 1, halo, evaluate_batch);
    if (status == VQDNA_OK)
        status = push_files(&s, paths, count);
    if (status == VQDNA_OK)
        status = finish(&s, NULL);
    if (status == VQDNA_OK && !s.compared)
        status = vq_fail(VQDNA_ERR_INPUT, "%s%s: none of the %llu bases is A, C, G or T, so there is nothing to judge the model by",
                         count ? paths[0] : "no file", count > 1 ? " and the others" : "", (unsigned long long)s.stats.bases);
    if (status == VQDNA_OK) {
        vqdna_metrics m = {
            .correct = s.correct, .bases = s.stats.bases, .skipped = s.stats.bases - s.compared, .left_out = s.stats.left_out, .seconds = s.stats.seconds};
        m.reconstruction_accuracy = (double)s.correct / (double)s.compared;
        m.bases_per_second = s.stats.seconds > 0 ? (double)s.stats.bases / s.stats.seconds : 0;
        m.levels = model->config.levels;
        for (int n = 0; n < m.levels; n++) {
            m.level[n].codes = model->config.codes[n];
            vq_code_use(s.usage[n], m.level[n].codes, &m.level[n].used, &m.level[n].perplexity);
        }
        *out = m;
    }
    close_stream(&s);
    return status;
}

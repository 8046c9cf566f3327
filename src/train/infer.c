#include "train/infer.h"

#include "base/log.h"
#include "seq/alphabet.h"
#include "train/metrics.h"
#include "train/stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One stream being worked on, and what becomes of it. */
typedef struct {
    vq_stream s;
    uint8_t *bases;                /* [M], from the decoder */
    char *letters;                 /* [M] */
    float *taps[VQDNA_MAX_LEVELS]; /* [M][D] of levels where they are asked for */
    const void *elements;          /* of the batch under way */

    vqdna_codes_sink codes_sink;
    vqdna_bases_sink bases_sink;
    void *user;

    uint64_t *usage[VQDNA_MAX_LEVELS]; /* evaluation */
    uint64_t correct, compared;
    float *logits; /* [M][4] */
    double cross_entropy;
} work;

int vq_infer_least_rows(const vq_config *config) {
    return vq_cutter_least_rows(vq_config_encoder_halo(config) + vq_config_decoder_halo(config));
}

int vq_infer_usual_rows(const vq_device *device) {
    return device->family == VQ_FAMILY_CPU ? 4096 : 32768;
}

static void close_work(work *w) {
    vq_stream_close(&w->s);
    for (int i = 0; i < VQDNA_MAX_LEVELS; i++) {
        free(w->usage[i]);
        free(w->taps[i]);
    }
    free(w->bases);
    free(w->letters);
    free(w->logits);
}

static vq_status open_work(work *w, vq_model *model, const vqdna_stream_options *options, size_t width, int halo,
                           vq_batch_sink sink) {
    *w = (work){0};
    VQ_TRY(vq_stream_open(&w->s, model, options, width, halo, sink, w));
    VQ_TRY(vq_alloc(&w->bases, (size_t)model->planned, 1));
    VQ_TRY(vq_alloc(&w->letters, (size_t)model->planned, 1));
    for (int i = 0; i < model->config.levels; i++)
        VQ_TRY(vq_alloc(&w->usage[i], (size_t)model->config.codes[i], sizeof *w->usage[i]));
    return VQDNA_OK;
}

static vq_status read_bases(work *w) {
    return vq_read(w->s.model->device, w->bases, w->s.model->bases.view, 0, (size_t)w->s.model->M);
}

/* ---- Tokenize ---------------------------------------------------------------------------------------------------------------- */

/* What of a run lies in the slice that is asked for. */
static vq_status send_run(void *user, const vqdna_codes *whole) {
    work *w = user;
    vq_stream *s = &w->s;
    uint64_t at = s->position, skip = at < s->first ? s->first - at : 0;
    uint64_t cut = at + (uint64_t)whole->count > s->end ? at + (uint64_t)whole->count - s->end : 0;
    s->position += (uint64_t)whole->count;
    if (whole->count ? skip + cut >= (uint64_t)whole->count : at < s->first || at >= s->end)
        return VQDNA_OK;
    vqdna_codes run = *whole;
    run.start += skip;
    run.count -= (size_t)(skip + cut);
    run.codes += skip * (uint64_t)run.levels;
    run.bases += skip;
    run.last = run.last && !cut;
    return w->codes_sink(w->user, &run);
}

static vq_status send_codes(work *w, const vq_batch *batch) {
    vq_stream *s = &w->s;
    const int N = s->model->config.levels;
    for (int i = 0; i < batch->segment_count; i++) {
        const vq_segment *g = &batch->segments[i];
        const int first = g->row + g->left;
        for (int j = 0; j < g->count; j++)
            for (int n = 0; n < N; n++)
                s->out[j * N + n] = (uint16_t)s->codes[n][first + j];
        const vqdna_codes run = {g->record, g->start, (size_t)g->count, N, s->out, (const uint8_t *)batch->elements + first,
                                 g->last};
        vq_status status = s->repeats ? vq_repeats_take(s->repeats, s->out, (size_t)g->count) : send_run(w, &run);
        if (status != VQDNA_OK)
            return status;
    }
    return VQDNA_OK;
}

static vq_status tokenize_batch(void *user, const vq_batch *batch) {
    work *w = user;
    vq_stream *s = &w->s;
    VQ_TRY(vq_stream_attend(s));
    VQ_TRY(vq_stream_upload_bases(s, batch));
    VQ_TRY(vq_model_encode(s->model));
    VQ_TRY(vq_stream_read_codes(s));
    for (int n = 0; n < s->model->config.levels; n++)
        if (w->taps[n])
            VQ_TRY(vq_read(s->model->device, w->taps[n], vq_encoder_tap(&s->model->encoder, n), 0,
                           (size_t)s->model->M * (size_t)s->model->config.dim * sizeof(float)));
    w->elements = batch->elements;
    return send_codes(w, batch);
}

vq_status vq_tokenize(vq_model *model, const char *const *paths, size_t count, const vqdna_stream_options *options,
                      vqdna_codes_sink sink, void *user, vqdna_stream_stats *stats) {
    work w;
    vq_status status = open_work(&w, model, options, 1, vq_config_encoder_halo(&model->config), tokenize_batch);
    w.codes_sink = sink;
    w.user = user;
    if (status == VQDNA_OK)
        status = vq_stream_skip_repeats(&w.s, send_run, &w);
    if (status == VQDNA_OK)
        status = vq_stream_push_files(&w.s, paths, count);
    if (status == VQDNA_OK)
        status = vq_stream_finish(&w.s, stats);
    close_work(&w);
    return status;
}

static vq_status want_taps(work *w, int level) {
    const vq_model *m = w->s.model;
    return vq_alloc(&w->taps[level], (size_t)m->planned * (size_t)m->config.dim, sizeof *w->taps[level]);
}

/* Of a run's first base; a run lies in the batch's rows. */
static const float *taps_of(const work *w, int level, const vqdna_codes *run) {
    const size_t row = (size_t)(run->bases - (const uint8_t *)w->elements);
    return w->taps[level] + row * (size_t)w->s.model->config.dim;
}

typedef struct {
    work *w;
    bool with_taps;
    vq_taps_sink sink;
    void *user;
} tapped;

static vq_status send_taps(void *user, const vqdna_codes *run) {
    const tapped *t = user;
    const float *taps[VQDNA_MAX_LEVELS];
    for (int n = 0; t->with_taps && n < run->levels; n++)
        taps[n] = taps_of(t->w, n, run);
    return t->sink(t->user, run, t->with_taps ? taps : NULL);
}

vq_status vq_tokenize_taps(vq_model *model, const char *const *paths, size_t count, const vqdna_stream_options *options,
                           bool with_taps, vq_taps_sink sink, void *user, vqdna_stream_stats *stats) {
    work w;
    tapped t = {&w, with_taps, sink, user};
    vq_status status = open_work(&w, model, options, 1, vq_config_encoder_halo(&model->config), tokenize_batch);
    w.codes_sink = send_taps;
    w.user = &t;
    for (int n = 0; with_taps && n < model->config.levels && status == VQDNA_OK; n++)
        status = want_taps(&w, n);
    if (!with_taps && status == VQDNA_OK)
        status = vq_stream_skip_repeats(&w.s, send_run, &w);
    if (status == VQDNA_OK)
        status = vq_stream_push_files(&w.s, paths, count);
    if (status == VQDNA_OK)
        status = vq_stream_finish(&w.s, stats);
    close_work(&w);
    return status;
}

/* Codes, and taps, of several sequences in memory: they come in order, each record's last run ends it. */
typedef struct {
    work *w;
    uint16_t *const *out;
    float *const *taps;
    size_t sequence;
} kept;

static vq_status keep_codes(void *user, const vqdna_codes *run) {
    kept *k = user;
    memcpy(k->out[k->sequence] + run->start * (uint64_t)run->levels, run->codes,
           run->count * (size_t)run->levels * sizeof(uint16_t));
    if (k->taps) {
        size_t D = (size_t)k->w->s.model->config.dim;
        memcpy(k->taps[k->sequence] + run->start * D, taps_of(k->w, run->levels - 1, run), run->count * D * sizeof(float));
    }
    k->sequence += run->last;
    return VQDNA_OK;
}

vq_status vq_encode(vq_model *model, size_t sequences, const uint8_t *bases, const size_t *counts, uint16_t *const *codes,
                    float *const *taps) {
    work w;
    kept k = {&w, codes, taps, 0};
    vq_status status = open_work(&w, model, NULL, 1, vq_config_encoder_halo(&model->config), tokenize_batch);
    w.codes_sink = keep_codes;
    w.user = &k;
    if (taps && status == VQDNA_OK)
        status = want_taps(&w, model->config.levels - 1);
    for (size_t i = 0; i < sequences && status == VQDNA_OK; bases += counts[i++])
        status = vq_cutter_push(w.s.cutter, "", 0, bases, counts[i], true);
    if (status == VQDNA_OK)
        status = vq_stream_finish(&w.s, NULL);
    close_work(&w);
    return status;
}

/* ---- Detokenize -------------------------------------------------------------------------------------------------------------- */

/* A decoder is as good as its training was like its use. */
static void warn_of_stride(const vq_stream *s) {
    if (s->every != (uint64_t)s->model->config.decoder_stride)
        vq_log(VQDNA_WARNING, "the decoder sees one code in %llu, and was trained with one in %d (decoder_stride)",
               (unsigned long long)s->every, s->model->config.decoder_stride);
}

static vq_status decode_batch(void *user, const vq_batch *batch) {
    work *w = user;
    vq_stream *s = &w->s;
    vq_model *m = s->model;
    int N = m->config.levels;
    const uint16_t *codes = batch->elements;
    VQ_TRY(vq_stream_attend(s));
    memset(w->bases, VQ_UNKNOWN_BASE, (size_t)m->planned);
    for (int i = 0; i < batch->segment_count; i++)
        vq_stream_rows(s, &batch->segments[i], w->bases);
    VQ_TRY(vq_stream_upload_rows(s, batch));
    for (int n = 0; n < N; n++) {
        for (int j = 0; j < m->M; j++)
            s->codes[n][j] = j < batch->used ? codes[j * (N + 1) + n] : 0;
        VQ_TRY(vq_upload(m->device, m->quantizer.level[n].codes.view, s->codes[n], (size_t)m->M * sizeof(int32_t)));
    }
    VQ_TRY(vq_model_embed(m));
    VQ_TRY(vq_model_decode(m));
    VQ_TRY(read_bases(w));
    for (int i = 0; i < batch->segment_count; i++) {
        const vq_segment *g = &batch->segments[i];
        for (int j = 0, row = g->row + g->left; j < g->count; j++, row++)
            w->letters[j] = codes[row * (N + 1) + N] ? 'N' : "ACGT"[w->bases[row] & 3];
        vq_status status = w->bases_sink(w->user, g->record, g->start, w->letters, (size_t)g->count, g->last);
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
static vq_status push_run(vq_stream *s, const vqdna_codes *run) {
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
    work w;
    size_t width = (size_t)(model->config.levels + 1) * sizeof(uint16_t);
    vq_status status = open_work(&w, model, options, width, vq_config_decoder_halo(&model->config), decode_batch);
    w.bases_sink = sink;
    w.user = user;
    if (status == VQDNA_OK)
        warn_of_stride(&w.s);
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
            status = push_run(&w.s, &run);
        inside = !run.last;
        next = run.start + run.count;
        w.s.stats.bases += run.count;
        w.s.stats.records += run.last;
    }
    if (over)
        status = inside ? vq_fail(VQDNA_ERR_INPUT, "the tokens end within a record") : vq_stream_finish(&w.s, stats);
    close_work(&w);
    return status;
}

/* ---- Evaluate ---------------------------------------------------------------------------------------------------------------- */

/* -log of the probability that the decoder gives a base. */
static double nats(const float logits[4], int base) {
    double most = fmax(fmax(logits[0], logits[1]), fmax(logits[2], logits[3])), sum = 0;
    for (int b = 0; b < 4; b++)
        sum += exp(logits[b] - most);
    return most + log(sum) - logits[base];
}

static vq_status evaluate_batch(void *user, const vq_batch *batch) {
    work *w = user;
    vq_stream *s = &w->s;
    const uint8_t *bases = batch->elements;
    VQ_TRY(vq_stream_attend(s));
    VQ_TRY(vq_stream_upload_bases(s, batch));
    VQ_TRY(vq_model_encode(s->model));
    VQ_TRY(vq_model_decode(s->model));
    VQ_TRY(vq_read(s->model->device, w->logits, s->model->decoder.logits.view, 0, (size_t)s->model->M * 4 * sizeof(float)));
    VQ_TRY(vq_stream_read_codes(s));
    VQ_TRY(read_bases(w));
    for (int i = 0; i < batch->segment_count; i++) {
        const vq_segment *g = &batch->segments[i];
        for (int row = g->row + g->left; row < g->row + g->left + g->count; row++) {
            if (bases[row] >= VQ_UNKNOWN_BASE)
                continue;
            w->compared++;
            w->cross_entropy += nats(w->logits + (size_t)row * 4, bases[row]);
            w->correct += w->bases[row] == bases[row];
            for (int n = 0; n < s->model->config.levels; n++)
                w->usage[n][s->codes[n][row]]++;
        }
    }
    return VQDNA_OK;
}

vq_status vq_evaluate(vq_model *model, const char *const *paths, size_t count, const vqdna_stream_options *options,
                      vqdna_metrics *out) {
    work w;
    int halo = vq_config_encoder_halo(&model->config) + vq_config_decoder_halo(&model->config);
    vq_status status = open_work(&w, model, options, 1, halo, evaluate_batch);
    if (status == VQDNA_OK)
        status = vq_alloc(&w.logits, (size_t)model->planned * 4, sizeof *w.logits);
    if (status == VQDNA_OK)
        warn_of_stride(&w.s);
    if (status == VQDNA_OK)
        status = vq_stream_push_files(&w.s, paths, count);
    if (status == VQDNA_OK)
        status = vq_stream_finish(&w.s, NULL);
    if (status == VQDNA_OK && !w.compared)
        status = vq_fail(VQDNA_ERR_INPUT, "%s%s: none of the %llu bases is A, C, G or T, so there is nothing to judge the model by",
                         count ? paths[0] : "no file", count > 1 ? " and the others" : "", (unsigned long long)w.s.stats.bases);
    if (status == VQDNA_OK) {
        vqdna_metrics m = {.correct = w.correct,
                           .bases = w.s.stats.bases,
                           .skipped = w.s.stats.bases - w.compared,
                           .left_out = w.s.stats.left_out,
                           .seconds = w.s.stats.seconds};
        m.reconstruction_accuracy = (double)w.correct / (double)w.compared;
        m.cross_entropy = w.cross_entropy / (double)w.compared;
        m.bases_per_second = w.s.stats.seconds > 0 ? (double)w.s.stats.bases / w.s.stats.seconds : 0;
        m.levels = model->config.levels;
        for (int n = 0; n < m.levels; n++) {
            m.level[n].codes = model->config.codes[n];
            vq_code_use(w.usage[n], m.level[n].codes, &m.level[n].used, &m.level[n].perplexity);
        }
        *out = m;
    }
    close_work(&w);
    return status;
}

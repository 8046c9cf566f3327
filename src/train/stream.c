#include "train/stream.h"

#include "seq/source.h"

#include <stdlib.h>

enum { REMEMBERED = 1 << 24 }; /* bases */

void vq_stream_close(vq_stream *s) {
    vq_repeats_destroy(s->repeats);
    vq_cutter_destroy(s->cutter);
    for (int i = 0; i < VQDNA_MAX_LEVELS; i++)
        free(s->codes[i]);
    free(s->rows);
    free(s->out);
}

vq_status vq_stream_open(vq_stream *s, vq_model *model, const vqdna_stream_options *options, size_t width, int halo,
                         vq_batch_sink sink, void *user) {
    static const vqdna_stream_options none;
    size_t M = (size_t)model->planned;
    *s = (vq_stream){.model = model, .options = options ? options : &none, .watch = vq_watch_start(options)};
    s->every = s->options->every ? s->options->every : (uint64_t)model->config.decoder_stride;
    s->phase = s->options->every ? s->options->phase % s->every : 0;
    s->first = s->options->first;
    s->end = s->options->bases && s->options->bases < UINT64_MAX - s->first ? s->first + s->options->bases : UINT64_MAX;
    VQ_TRY(vq_alloc(&s->rows, M, sizeof *s->rows));
    VQ_TRY(vq_alloc(&s->out, M * (size_t)(model->config.levels + 1), sizeof *s->out));
    for (int i = 0; i < model->config.levels; i++)
        VQ_TRY(vq_alloc(&s->codes[i], M, sizeof *s->codes[i]));
    return vq_cutter_create(&s->cutter, model->planned, width, halo, sink, user);
}

vq_status vq_stream_skip_repeats(vq_stream *s, vq_run_sink sink, void *user) {
    const vq_config *c = &s->model->config;
    return vq_repeats_create(&s->repeats, s->cutter, vq_config_encoder_halo(c), c->levels, REMEMBERED, sink, user);
}

vq_status vq_stream_attend(vq_stream *s) {
    return vq_watch_attend(&s->watch, &s->stats);
}

vq_status vq_stream_upload_rows(vq_stream *s, const vq_batch *batch) {
    vq_model_use_rows(s->model, batch->used ? batch->used : 1);
    vq_rows_padding(s->rows + batch->used, s->model->M - batch->used);
    return vq_model_upload(s->model, s->rows);
}

void vq_stream_rows(vq_stream *s, const vq_segment *g, const uint8_t *bases) {
    vq_rows_piece(s->rows + g->row, bases, g->rows, g->start - (uint64_t)g->left + s->every - s->phase, s->every);
}

vq_status vq_stream_upload_bases(vq_stream *s, const vq_batch *batch) {
    const uint8_t *bases = batch->elements;
    for (int i = 0; i < batch->segment_count; i++)
        vq_stream_rows(s, &batch->segments[i], bases + batch->segments[i].row);
    return vq_stream_upload_rows(s, batch);
}

vq_status vq_stream_read_codes(vq_stream *s) {
    vq_model *m = s->model;
    for (int i = 0; i < m->config.levels; i++)
        VQ_TRY(vq_read(m->device, s->codes[i], m->quantizer.level[i].codes.view, 0, (size_t)m->M * sizeof(int32_t)));
    return VQDNA_OK;
}

/* Pushes what of a piece the slice needs: with a halo, for codes depend on their neighbours. `at` is its place among all bases. */
static vq_status push_piece(vq_stream *s, const vq_piece *piece, uint64_t at) {
    uint64_t halo = (uint64_t)vq_config_encoder_halo(&s->model->config);
    uint64_t from = s->first > halo ? s->first - halo : 0, to = s->end < UINT64_MAX - halo ? s->end + halo : s->end;
    uint64_t end = at + piece->count, skip = at < from ? from - at : 0, cut = end > to ? end - to : 0;
    bool empty = piece->count == 0 && piece->start == 0;
    if (at >= to || (end <= from && !(empty && at >= from)))
        return VQDNA_OK;
    if (s->position == UINT64_MAX)
        s->position = at + skip;
    const uint8_t *bases = piece->codes + skip;
    const size_t count = piece->count - (size_t)(skip + cut);
    const bool last = piece->last || cut > 0 || end == to;
    return s->repeats ? vq_repeats_push(s->repeats, piece->name, piece->start + skip, bases, count, last)
                      : vq_cutter_push(s->cutter, piece->name, piece->start + skip, bases, count, last);
}

/* Whether nothing that is still to come can matter to the slice. */
static bool over(const vq_stream *s, uint64_t at) {
    uint64_t halo = (uint64_t)vq_config_encoder_halo(&s->model->config);
    return s->end < UINT64_MAX - halo && at >= s->end + halo;
}

vq_status vq_stream_push_files(vq_stream *s, const char *const *paths, size_t count) {
    vq_source *source;
    vq_piece piece;
    uint64_t at = 0;
    s->position = UINT64_MAX;
    VQ_TRY(vq_source_open(&source, paths, count, s->options->input, s->options->read_bytes));
    vq_status status = VQDNA_OK, read = VQDNA_OK;
    while (status == VQDNA_OK && !over(s, at) && (read = vq_source_next(source, &piece)) == VQDNA_OK) {
        s->stats = vq_source_describe(source);
        status = vq_stream_attend(s); /* of what repeats itself there may be no batch for long */
        if (status == VQDNA_OK)
            status = push_piece(s, &piece, at);
        at += piece.count;
    }
    s->stats = vq_source_describe(source);
    vq_source_close(source);
    return read < 0 ? read : status;
}

vq_status vq_stream_finish(vq_stream *s, vqdna_stream_stats *stats) {
    vq_status status = s->repeats ? vq_repeats_finish(s->repeats) : vq_cutter_finish(s->cutter);
    s->stats.seconds = vq_watch_seconds(&s->watch);
    if (stats)
        *stats = s->stats;
    return status;
}

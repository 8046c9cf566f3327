#include "train/vectors.h"

#include "train/stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    vq_stream s;
    const vqdna_embed_options *how;
    int first, levels; /* those that are used */
    int width;
    float *book[VQDNA_MAX_LEVELS]; /* [K][D], or from the encoder [M][D] of the batch */
    float *rows;                   /* [M][width] of a segment */
    double *pool;                  /* [width] of the record under way */
    uint64_t bases, known;         /* of it */
    vqdna_vectors_sink sink;
    void *user;
} vectors;

static void close_vectors(vectors *v) {
    vq_stream_close(&v->s);
    for (int n = 0; n < VQDNA_MAX_LEVELS; n++)
        free(v->book[n]);
    free(v->rows);
    free(v->pool);
}

static void clear_pool(vectors *v) {
    for (int d = 0; d < v->width; d++)
        v->pool[d] = v->how->pool == VQDNA_POOL_MAX ? -INFINITY : 0;
    v->bases = v->known = 0;
}

/* The vector of a row of the batch. */
static void vector_of(const vectors *v, float *out, int row) {
    int D = v->s.model->config.dim;
    bool beside = v->how->all_levels;
    if (!beside)
        memset(out, 0, (size_t)D * sizeof *out);
    for (int i = 0; i < v->levels; i++) {
        int n = v->first + i;
        const float *from = v->book[n] + (size_t)(v->how->from_encoder ? row : v->s.codes[n][row]) * (size_t)D;
        if (beside)
            memcpy(out + i * D, from, (size_t)D * sizeof *out);
        else
            for (int d = 0; d < D; d++)
                out[d] += from[d];
    }
    for (int d = 0; !beside && v->levels > 1 && d < D; d++)
        out[d] /= (float)v->levels;
}

static void add_to_pool(vectors *v, const float *row) {
    if (v->how->pool == VQDNA_POOL_MAX)
        for (int d = 0; d < v->width; d++)
            v->pool[d] = fmax(v->pool[d], row[d]);
    else
        for (int d = 0; d < v->width; d++)
            v->pool[d] += row[d];
}

static vq_status send_segment(vectors *v, const vq_segment *g, const uint8_t *bases) {
    bool each = v->how->pool == VQDNA_POOL_NONE;
    for (int j = 0; j < g->count; j++) {
        int row = g->row + g->left + j;
        float *out = v->rows + (each ? (size_t)j * (size_t)v->width : 0);
        bool known = bases[row] < VQ_UNKNOWN_BASE;
        if (each || known)
            vector_of(v, out, row);
        if (!each && known)
            add_to_pool(v, out);
        v->known += known;
    }
    v->bases += (uint64_t)g->count;
    vqdna_vectors run = {g->record, each ? g->start : 0, each ? (size_t)g->count : 1, v->width, v->rows, v->bases, v->known,
                         g->last};
    if (!each && !g->last)
        return VQDNA_OK;
    double share = v->how->pool == VQDNA_POOL_MAX || !v->known ? 1 : 1 / (double)v->known;
    for (int d = 0; !each && d < v->width; d++)
        v->rows[d] = v->known ? (float)(v->pool[d] * share) : 0;
    vq_status status = v->sink(v->user, &run);
    if (g->last)
        clear_pool(v);
    return status;
}

static vq_status embed_batch(void *user, const vq_batch *batch) {
    vectors *v = user;
    vq_stream *s = &v->s;
    VQ_TRY(vq_stream_attend(s));
    VQ_TRY(vq_stream_upload_bases(s, batch));
    VQ_TRY(v->how->from_encoder ? vq_encoder_forward(&s->model->encoder, s->model->device, s->model->rows.view)
                                : vq_model_encode(s->model));
    for (int n = v->first; v->how->from_encoder && n < v->first + v->levels; n++)
        VQ_TRY(vq_read(s->model->device, v->book[n], vq_encoder_tap(&s->model->encoder, n), 0,
                       (size_t)s->model->M * (size_t)s->model->config.dim * sizeof(float)));
    if (!v->how->from_encoder)
        VQ_TRY(vq_stream_read_codes(s));
    for (int i = 0; i < batch->segment_count; i++) {
        vq_status status = send_segment(v, &batch->segments[i], batch->elements);
        if (status != VQDNA_OK)
            return status;
    }
    return VQDNA_OK;
}

static vq_status open_vectors(vectors *v, vq_model *model, const vqdna_stream_options *options) {
    const vq_config *c = &model->config;
    size_t D = (size_t)c->dim, M = (size_t)model->planned;
    VQ_TRY(vq_stream_open(&v->s, model, options, 1, vq_config_encoder_halo(c), embed_batch, v));
    bool every = v->how->all_levels || (v->how->level == 0 && !v->how->from_encoder);
    v->first = every ? 0 : v->how->level ? v->how->level - 1 : c->levels - 1;
    v->levels = every ? c->levels : 1;
    v->width = (v->how->all_levels ? c->levels : 1) * c->dim;
    for (int n = v->first; n < v->first + v->levels; n++) {
        size_t rows = v->how->from_encoder ? M : (size_t)c->codes[n];
        VQ_TRY(vq_alloc(&v->book[n], rows * D, sizeof(float)));
        if (!v->how->from_encoder)
            VQ_TRY(vq_read(model->device, v->book[n], model->quantizer.level[n].e.view, 0, rows * D * sizeof(float)));
    }
    VQ_TRY(vq_alloc(&v->rows, (v->how->pool == VQDNA_POOL_NONE ? M : 1) * (size_t)v->width, sizeof(float)));
    VQ_TRY(vq_alloc(&v->pool, (size_t)v->width, sizeof *v->pool));
    clear_pool(v);
    return VQDNA_OK;
}

vq_status vq_embed(vq_model *model, const char *const *paths, size_t count, const vqdna_stream_options *options,
                   const vqdna_embed_options *embed, vqdna_vectors_sink sink, void *user, vqdna_stream_stats *stats) {
    vectors v = {.how = embed, .sink = sink, .user = user};
    vq_status status = open_vectors(&v, model, options);
    if (status == VQDNA_OK)
        status = vq_stream_push_files(&v.s, paths, count);
    if (status == VQDNA_OK)
        status = vq_stream_finish(&v.s, stats);
    close_vectors(&v);
    return status;
}

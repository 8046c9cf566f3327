/* Features of a body, the mean and the largest of its states being had in one pass. */
#include "judge/gather_rows.h"

#include <stdlib.h>
#include <string.h>

typedef struct work {
    size_t count; /* features */
    const vq_map_feature *f;
    vq_gathered *g;
    size_t *room;
} work;

static vq_status add_record(void *user, const vq_body_vectors *v) {
    const work *k = user;
    if (!v->known)
        return vq_gathered_no_bases(v->contig);
    for (size_t i = 0; i < k->count; i++) {
        float *row;
        VQ_TRY(vq_gathered_add(&k->g[i], &k->room[i], v->contig, &row));
        memcpy(row, k->f[i].max ? v->max : v->mean, (size_t)k->g[i].width * sizeof *row);
    }
    return VQDNA_OK;
}

vq_status vq_gather_body(vq_gathered *out, const char *const *features, size_t count, vq_classifier *model,
                         const vq_predictor *predictor, vq_model *tokenizer, const char *const *paths, size_t files,
                         const vqdna_stream_options *options, vqdna_stream_stats *stats) {
    work k = {.count = count, .g = out};
    vq_map_feature *f = NULL;
    vq_record_set *none = NULL;
    vq_status status;
    memset(out, 0, count * sizeof *out);
    VQ_TRY_OR(done, vq_alloc(&f, count, sizeof *f));
    VQ_TRY_OR(done, vq_alloc(&k.room, count, sizeof *k.room));
    k.f = f;
    for (size_t i = 0; i < count; i++) {
        VQ_TRY_OR(done, vq_map_feature_parse(&f[i], features[i]));
        out[i].width = model->config.body.layer.width;
    }
    VQ_TRY_OR(done, vq_embed_body(model, predictor, tokenizer, paths, files, options, add_record, &k, stats));
    for (size_t i = 0; i < count; i++)
        VQ_TRY_OR(done, vq_gathered_end(&out[i], &none, files ? paths[0] : NULL));
done:
    free(f);
    free(k.room);
    for (size_t i = 0; i < count && status < 0; i++)
        vq_gathered_destroy(&out[i]);
    return status;
}

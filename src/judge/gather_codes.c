/* Features of a tokenizer. Of a record under way the counts of its codes are kept, from which come frequencies and pooled vectors of codes,
 * and pools of what the encoder gives each level; so one pass serves all features. */
#include "judge/gather_rows.h"
#include "train/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BASES = 4 };

typedef struct work {
    vq_config *config;
    size_t count;                       /* features */
    const vq_map_feature *f;            /* [count] */
    vq_gathered *g;                     /* [count] */
    size_t *room;                       /* [count] */
    bool tapped;                        /* some are of the encoder */
    uint64_t known;                     /* bases of the record under way; */
    uint64_t *counts[VQDNA_MAX_LEVELS]; /* of each code, */
    double *sum[VQDNA_MAX_LEVELS];      /* [D] of what the encoder gives, */
    float *max[VQDNA_MAX_LEVELS];       /* [D] */
    float *book[VQDNA_MAX_LEVELS];      /* [K][D] */
} work;

static bool has_level(const vq_map_feature *f, int level) {
    return !f->number || f->number == level + 1;
}

/* Fills a feature's row; returns where the next level's part begins. */
static float *put_level(const work *k, const vq_map_feature *f, int level, float *row) {
    const size_t D = (size_t)k->config->dim, K = (size_t)k->config->codes[level];
    const uint64_t *counts = k->counts[level];
    const double share = 1 / (double)k->known;
    if (f->kind == VQ_MAP_CODES) {
        for (size_t c = 0; c < K; c++)
            row[c] = (float)((double)counts[c] / (double)k->known);
        return row + K;
    }
    for (size_t d = 0; d < D; d++) {
        double sum = f->kind == VQ_MAP_ENCODER ? k->sum[level][d] : 0;
        float most = f->kind == VQ_MAP_ENCODER ? k->max[level][d] : -INFINITY;
        for (size_t c = 0; c < K && f->kind == VQ_MAP_EMBEDDING; c++)
            if (counts[c]) {
                sum += (double)counts[c] * (double)k->book[level][c * D + d];
                most = fmaxf(most, k->book[level][c * D + d]);
            }
        row[d] = f->max ? most : (float)(sum * share);
    }
    return row + D;
}

static vq_status end_record(work *k, const char *name) {
    if (!k->known)
        return vq_gathered_no_bases(name);
    for (size_t i = 0; i < k->count; i++) {
        float *row;
        VQ_TRY(vq_gathered_add(&k->g[i], &k->room[i], name, &row));
        for (int n = 0; n < k->config->levels; n++)
            if (has_level(&k->f[i], n))
                row = put_level(k, &k->f[i], n, row);
    }
    return VQDNA_OK;
}

static void begin_record(work *k) {
    k->known = 0;
    for (int n = 0; n < k->config->levels; n++) {
        memset(k->counts[n], 0, (size_t)k->config->codes[n] * sizeof *k->counts[n]);
        for (int d = 0; d < k->config->dim && k->tapped; d++) {
            k->sum[n][d] = 0;
            k->max[n][d] = -INFINITY;
        }
    }
}

static vq_status add_run(void *user, const vqdna_codes *run, const float *const *taps) {
    work *k = user;
    const size_t levels = (size_t)run->levels, D = (size_t)k->config->dim;
    for (size_t i = 0; i < run->count; i++) {
        if (run->bases[i] >= BASES)
            continue;
        k->known++;
        for (size_t n = 0; n < levels; n++) {
            k->counts[n][run->codes[i * levels + n]]++;
            for (size_t d = 0; d < D && taps; d++) {
                k->sum[n][d] += (double)taps[n][i * D + d];
                k->max[n][d] = fmaxf(k->max[n][d], taps[n][i * D + d]);
            }
        }
    }
    if (!run->last)
        return VQDNA_OK;
    VQ_TRY(end_record(k, run->contig));
    begin_record(k);
    return VQDNA_OK;
}

static vq_status read_feature(work *k, vq_map_feature *f, vq_gathered *g, const char *text) {
    VQ_TRY(vq_map_feature_parse(f, text));
    if (f->number > k->config->levels)
        return vq_fail(VQDNA_ERR_USAGE, "level %d: the model has %d", f->number, k->config->levels);
    for (int n = 0; n < k->config->levels; n++)
        if (has_level(f, n))
            g->width += f->kind == VQ_MAP_CODES ? k->config->codes[n] : k->config->dim;
    k->tapped |= f->kind == VQ_MAP_ENCODER;
    return VQDNA_OK;
}

static vq_status open_levels(work *k, vq_model *model) {
    const size_t D = (size_t)k->config->dim;
    for (int n = 0; n < k->config->levels; n++) {
        const size_t K = (size_t)k->config->codes[n];
        VQ_TRY(vq_alloc(&k->counts[n], K, sizeof *k->counts[n]));
        VQ_TRY(vq_alloc(&k->sum[n], D, sizeof *k->sum[n]));
        VQ_TRY(vq_alloc(&k->max[n], D, sizeof *k->max[n]));
        VQ_TRY(vq_alloc(&k->book[n], K * D, sizeof *k->book[n]));
        VQ_TRY(vq_read(model->device, k->book[n], model->quantizer.level[n].e.view, 0, K * D * sizeof *k->book[n]));
    }
    begin_record(k);
    return VQDNA_OK;
}

vq_status vq_gather_codes(vq_gathered *out, const char *const *features, size_t count, vq_model *model, const char *const *paths,
                          size_t files, const vqdna_stream_options *options, vqdna_stream_stats *stats) {
    work k = {.config = &model->config, .count = count, .g = out};
    vq_map_feature *f = NULL;
    vq_record_set *none = NULL;
    vq_status status;
    memset(out, 0, count * sizeof *out);
    VQ_TRY_OR(done, vq_alloc(&f, count, sizeof *f));
    VQ_TRY_OR(done, vq_alloc(&k.room, count, sizeof *k.room));
    k.f = f;
    for (size_t i = 0; i < count; i++)
        VQ_TRY_OR(done, read_feature(&k, &f[i], &out[i], features[i]));
    VQ_TRY_OR(done, open_levels(&k, model));
    VQ_TRY_OR(done, vq_tokenize_taps(model, paths, files, options, k.tapped, add_run, &k, stats));
    for (size_t i = 0; i < count; i++)
        VQ_TRY_OR(done, vq_gathered_end(&out[i], &none, files ? paths[0] : NULL));
done:
    for (int n = 0; n < VQDNA_MAX_LEVELS; n++) {
        free(k.counts[n]);
        free(k.sum[n]);
        free(k.max[n]);
        free(k.book[n]);
    }
    free(f);
    free(k.room);
    for (size_t i = 0; i < count && status < 0; i++)
        vq_gathered_destroy(&out[i]);
    return status;
}

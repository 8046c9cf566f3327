#include "api/handles.h"

#include "base/integer.h"
#include "judge/clusters.h"
#include "judge/gather.h"
#include "judge/neighbours.h"
#include "judge/tsne.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PURITY = 10, LEAST_CLUSTER = 10 };

struct vqdna_map {
    vq_gathered records;
    uint64_t seed;
    vq_workers workers;
    int k; /* neighbours there are; 0: none yet */
    int32_t *index;
    float *distance;
    float *components, *xy; /* [rows][2]; NULL: not yet */
    double share[2];
    int *cluster, clusters;
};

/* ---- Features ---------------------------------------------------------------------------------------------------------------- */

/* "random:TERM": what of the untrained tokenizer; NULL: the feature is not of it. */
static const char *of_untrained(const char *feature) {
    static const char prefix[] = "random";
    const size_t length = sizeof prefix - 1;
    if (strncmp(feature, prefix, length) != 0 || (feature[length] && feature[length] != ':'))
        return NULL;
    return feature[length] ? feature + length + 1 : "codes";
}

vqdna_status vqdna_map_source_of(vqdna_map_source *out, const char *feature) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(feature);
    const char *term = of_untrained(feature);
    vq_gather_source source;
    VQ_TRY(vq_gather_source_of(&source, term ? term : feature));
    if (term && source != VQ_GATHER_CODES)
        return vq_fail(VQDNA_ERR_USAGE, "the feature %s is not of a tokenizer, so an untrained one does not change it", feature);
    *out = source == VQ_GATHER_BASES  ? VQDNA_MAP_BASES
           : source == VQ_GATHER_BODY ? VQDNA_MAP_BODY
           : term                     ? VQDNA_MAP_UNTRAINED
                                      : VQDNA_MAP_TOKENIZER;
    return VQDNA_OK;
}

/* What the maps are made from. */
typedef struct input {
    vqdna_tokenizer *tokenizer;
    vqdna_predictor *body;
    const char *const *paths;
    size_t count;
    const vqdna_stream_options *stream;
    vqdna_stream_stats *stats;
    uint64_t seed;
} input;

static vq_status gather_codes(vq_gathered *out, const char *const *features, size_t count, vqdna_tokenizer *t, const input *in) {
    VQ_HOLD(t->device);
    VQ_TRY(vq_tokenizer_prepare(t, in->stream));
    return vq_gather_codes(out, features, count, t->model, in->paths, in->count, in->stream, in->stats);
}

static vq_status gather_untrained(vq_gathered *out, const char *const *features, size_t count, const input *in) {
    vqdna_dataset *dataset;
    vqdna_tokenizer *untrained = NULL;
    VQ_TRY(vq_dataset_create(&dataset));
    vq_status status = vq_dataset_add_files(dataset, in->paths, in->count, in->stream ? in->stream->input : NULL);
    if (status >= 0)
        status = vqdna_tokenizer_untrained(&untrained, in->tokenizer, dataset, in->seed);
    vqdna_dataset_destroy(dataset);
    if (status >= 0)
        status = gather_codes(out, features, count, untrained, in);
    vqdna_tokenizer_destroy(untrained);
    return status;
}

static vq_status gather_body(vq_gathered *out, const char *const *features, size_t count, const input *in) {
    vqdna_predictor *p = in->body;
    vq_classifier *model = NULL;
    VQ_HOLD(p->device);
    vq_status status = vq_predictor_load_body(&model, p);
    if (status >= 0)
        status = vq_gather_body(out, features, count, model, &p->card, p->tokenizer ? p->tokenizer->model : NULL, in->paths,
                                in->count, in->stream, in->stats);
    vq_classifier_destroy(model);
    return status;
}

static vq_status gather(vq_gathered *out, vqdna_map_source source, const char *const *features, size_t count, const input *in) {
    if (source == VQDNA_MAP_BASES)
        return vq_gather_bases(out, features[0], in->paths, in->count, in->stream, in->stats);
    if (source == VQDNA_MAP_BODY && !in->body)
        return vq_fail(VQDNA_ERR_USAGE,
                       in->tokenizer ? "the feature %s is of a body, and the model is a tokenizer, which has none: name "
                                       "one that pretrain or finetune made"
                                     : "the feature %s is of a body: name a model that pretrain or finetune made",
                       features[0]);
    if (source == VQDNA_MAP_BODY)
        return gather_body(out, features, count, in);
    if (!in->tokenizer)
        return vq_fail(VQDNA_ERR_USAGE,
                       in->body ? "the feature %s is of a tokenizer, and the model reads none's codes: name a tokenizer's model"
                                : "the feature %s is of a tokenizer: name its model",
                       features[0]);
    return source == VQDNA_MAP_UNTRAINED ? gather_untrained(out, features, count, in)
                                         : gather_codes(out, features, count, in->tokenizer, in);
}

/* The features from `first` on that share its pass, in one pass; their maps are no longer NULL. */
static vq_status create_group(vqdna_map **maps, const char *const *features, const vqdna_map_source *sources, size_t first,
                              size_t count, const input *in) {
    const char **terms = NULL;
    vq_gathered *gathered = NULL;
    size_t *of = NULL, members = 0;
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&terms, count, sizeof *terms));
    VQ_TRY_OR(done, vq_alloc(&gathered, count, sizeof *gathered));
    VQ_TRY_OR(done, vq_alloc(&of, count, sizeof *of));
    for (size_t i = first; i < count; i++) {
        if (i > first && (sources[i] != sources[first] || sources[i] == VQDNA_MAP_BASES))
            continue;
        const char *term = of_untrained(features[i]);
        terms[members] = term ? term : features[i];
        of[members++] = i;
    }
    for (size_t i = 0; i < members; i++)
        VQ_TRY_OR(done, vq_alloc(&maps[of[i]], 1, sizeof **maps));
    VQ_TRY_OR(done, gather(gathered, sources[first], terms, members, in));
    for (size_t i = 0; i < members; i++)
        maps[of[i]]->records = gathered[i];
done:
    free(terms);
    free(gathered);
    free(of);
    return status;
}

vqdna_status vqdna_map_create(vqdna_map **maps, const char *const *features, size_t feature_count, vqdna_tokenizer *tokenizer,
                              vqdna_predictor *body, const char *const *paths, size_t count, const vqdna_stream_options *stream,
                              const vqdna_map_options *options, vqdna_stream_stats *stats) {
    VQ_REQUIRE(maps);
    VQ_REQUIRE_EACH(features, feature_count);
    VQ_REQUIRE_EACH(paths, count);
    vqdna_map_options o = {0};
    vqdna_map_source *sources;
    vq_take_options(&o, sizeof o, options, sizeof o);
    const input in = {.tokenizer = tokenizer ? tokenizer
                                   : body    ? body->tokenizer
                                             : NULL,
                      .body = body,
                      .paths = paths,
                      .count = count,
                      .stream = stream,
                      .stats = stats,
                      .seed = o.seed ? o.seed : 1};
    for (size_t i = 0; i < feature_count; i++)
        maps[i] = NULL;
    VQ_TRY(vq_alloc(&sources, feature_count, sizeof *sources));
    vq_status status = VQDNA_OK;
    for (size_t i = 0; i < feature_count && status >= 0; i++)
        status = vqdna_map_source_of(&sources[i], features[i]);
    for (size_t i = 0; i < feature_count && status >= 0; i++)
        if (!maps[i])
            status = create_group(maps, features, sources, i, feature_count, &in);
    free(sources);
    for (size_t i = 0; i < feature_count; i++) {
        if (status < 0) {
            vqdna_map_destroy(maps[i]);
            maps[i] = NULL;
        } else {
            maps[i]->seed = in.seed;
            maps[i]->workers = (vq_workers){.threads = o.threads, .interrupted = o.interrupted, .user = o.user};
        }
    }
    return status;
}

void vqdna_map_destroy(vqdna_map *m) {
    if (!m)
        return;
    vq_gathered_destroy(&m->records);
    free(m->index);
    free(m->distance);
    free(m->components);
    free(m->xy);
    free(m->cluster);
    free(m);
}

vqdna_map_info vqdna_map_describe(const vqdna_map *m) {
    const vq_gathered *r = &m->records;
    return (vqdna_map_info){r->rows, (const char *const *)r->names, r->width, r->points};
}

/* At least so many neighbours, or all there are. */
static vq_status need_neighbours(vqdna_map *m, int k) {
    const size_t rows = m->records.rows;
    k = (int)vq_min((size_t)k, rows - 1);
    if (k <= m->k)
        return VQDNA_OK;
    free(m->index);
    free(m->distance);
    m->index = NULL;
    m->distance = NULL;
    m->k = 0;
    VQ_TRY(vq_alloc(&m->index, rows * (size_t)k, sizeof *m->index));
    VQ_TRY(vq_alloc(&m->distance, rows * (size_t)k, sizeof *m->distance));
    VQ_TRY(vq_neighbours(m->index, m->distance, &m->records.distances, k, &m->workers));
    m->k = k;
    return VQDNA_OK;
}

vqdna_status vqdna_map_neighbours(vqdna_map *m, int *k, const int32_t **index, const float **distance) {
    VQ_REQUIRE(m);
    VQ_REQUIRE(k);
    if (*k < 1)
        return vq_fail(VQDNA_ERR_USAGE, "%d neighbours: 1 at least", *k);
    VQ_TRY(need_neighbours(m, *k));
    *k = m->k;
    if (index)
        *index = m->index;
    if (distance)
        *distance = m->distance;
    return VQDNA_OK;
}

vqdna_status vqdna_map_components(vqdna_map *m, const float **coordinates, double share[2]) {
    VQ_REQUIRE(m);
    const vq_gathered *r = &m->records;
    if (r->width >= 2 && !m->components) {
        float *components;
        VQ_TRY(vq_alloc(&components, r->rows * 2, sizeof *components));
        vq_status status = vq_pca(components, m->share, r->points, r->rows, r->width, 2, &m->workers);
        if (status < 0) {
            free(components);
            return status;
        }
        m->components = components;
    }
    if (coordinates)
        *coordinates = m->components;
    if (share)
        memcpy(share, m->share, sizeof m->share);
    return VQDNA_OK;
}

/* ---- Layout and clusters ------------------------------------------------------------------------------------------------------ */

static void tell(void *user, int iteration, int iterations) {
    const vqdna_layout_options *o = user;
    if (o->progress)
        o->progress(o->user, (double)iteration / iterations);
}

vqdna_status vqdna_map_layout(vqdna_map *m, const vqdna_layout_options *options, const float **xy) {
    VQ_REQUIRE(m);
    const size_t rows = m->records.rows;
    const float *start;
    vqdna_layout_options o = {0};
    float *to;
    vq_take_options(&o, sizeof o, options, sizeof o);
    if (!(o.perplexity >= 0) || o.iterations < 0)
        return vq_fail(VQDNA_ERR_USAGE, "perplexity and iterations are not negative");
    const vq_tsne_options how = {.perplexity = fmin(o.perplexity > 0 ? o.perplexity : 30, (double)(rows - 1) / 3),
                                 .iterations = o.iterations,
                                 .seed = m->seed,
                                 .workers = m->workers,
                                 .progress = tell,
                                 .user = &o};
    VQ_TRY(need_neighbours(m, (int)vq_max(1, (size_t)(3 * how.perplexity))));
    VQ_TRY(vqdna_map_components(m, &start, NULL));
    VQ_TRY(vq_alloc(&to, rows * 2, sizeof *to));
    vq_status status = vq_tsne(to, m->index, m->distance, rows, m->k, start, &how);
    if (status < 0) {
        free(to);
        return status;
    }
    free(m->xy);
    m->xy = to;
    if (xy)
        *xy = to;
    return VQDNA_OK;
}

vqdna_status vqdna_map_clusters(vqdna_map *m, int least, const int **cluster, int *count) {
    VQ_REQUIRE(m);
    if (least < 0 || least == 1)
        return vq_fail(VQDNA_ERR_USAGE, "a cluster has 2 records at least, not %d", least);
    if (!m->xy)
        VQ_TRY(vqdna_map_layout(m, NULL, NULL));
    if (!m->cluster)
        VQ_TRY(vq_alloc(&m->cluster, m->records.rows, sizeof *m->cluster));
    vq_distances plane;
    VQ_TRY(vq_distances_of_points(&plane, m->xy, m->records.rows, 2));
    vq_status status = vq_hdbscan(m->cluster, &m->clusters, &plane, least ? least : LEAST_CLUSTER, 0, &m->workers);
    vq_distances_destroy(&plane);
    VQ_TRY(status);
    if (cluster)
        *cluster = m->cluster;
    if (count)
        *count = m->clusters;
    return VQDNA_OK;
}

/* ---- Labels ------------------------------------------------------------------------------------------------------------------- */

static vqdna_map_judgement judgement_of(const vqdna_map *m, const int *labels, const vq_agreement *a, const vq_separation *s) {
    const size_t rows = m->records.rows;
    vqdna_map_judgement j = {.purity = vq_purity(m->index, rows, m->k, PURITY, labels),
                             .silhouette = s->silhouette,
                             .v_measure = a->v_measure,
                             .homogeneity = a->homogeneity,
                             .completeness = a->completeness,
                             .adjusted_rand = a->adjusted_rand,
                             .variation = a->variation,
                             .noise = a->noise,
                             .clusters = a->clusters,
                             .auroc = s->auroc};
    for (size_t i = 0; i < rows; i++) {
        j.rows += labels[i] >= 0;
        j.labels = labels[i] >= j.labels ? labels[i] + 1 : j.labels;
    }
    return j;
}

vqdna_status vqdna_map_judge(vqdna_map *m, const int *const *labels, size_t count, vqdna_map_judgement *out) {
    VQ_REQUIRE(m);
    VQ_REQUIRE_EACH(labels, count);
    VQ_REQUIRE(out);
    const size_t rows = m->records.rows;
    vq_separation *separations;
    vq_agreement agreement;
    VQ_TRY(vq_alloc(&separations, count, sizeof *separations));
    vq_status status;
    VQ_TRY_OR(done, need_neighbours(m, (int)vq_min(rows - 1, 90))); /* those without a label are passed over */
    if (!m->cluster)
        VQ_TRY_OR(done, vqdna_map_clusters(m, 0, NULL, NULL));
    VQ_TRY_OR(done, vq_separate(separations, &m->records.distances, labels, count, &m->workers));
    for (size_t i = 0; i < count; i++) {
        VQ_TRY_OR(done, vq_agree(&agreement, labels[i], m->cluster, rows));
        out[i] = judgement_of(m, labels[i], &agreement, &separations[i]);
    }
done:
    free(separations);
    return status;
}

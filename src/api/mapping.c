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
    int threads;
    int k; /* neighbours there are; 0: none yet */
    int32_t *index;
    float *distance;
    float *components, *xy; /* [rows][2]; NULL: not yet */
    double share[2];
    int *cluster, clusters;
};

static const char untrained_prefix[] = "random";

/* "random:TERM": what of the untrained tokenizer; NULL: the feature is not of it. */
static const char *of_untrained(const char *features) {
    const size_t length = sizeof untrained_prefix - 1;
    if (strncmp(features, untrained_prefix, length) != 0 || (features[length] && features[length] != ':'))
        return NULL;
    return features[length] ? features + length + 1 : "codes";
}

vqdna_status vqdna_map_needs_tokenizer(bool *out, const char *feature) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(feature);
    const char *term = of_untrained(feature);
    VQ_TRY(vq_gather_needs_model(out, term ? term : feature));
    *out |= term != NULL;
    return VQDNA_OK;
}

static vq_status make_untrained(vqdna_tokenizer **out, vqdna_tokenizer *like, const char *const *paths, size_t count,
                                const vqdna_stream_options *stream, uint64_t seed) {
    vqdna_dataset *dataset;
    VQ_TRY(vq_dataset_create(&dataset));
    vq_status status = vq_dataset_add_files(dataset, paths, count, stream ? stream->input : NULL);
    if (status >= 0)
        status = vqdna_tokenizer_untrained(out, like, dataset, seed);
    vqdna_dataset_destroy(dataset);
    return status;
}

static vq_status gather(vqdna_map *m, const char *feature, vqdna_tokenizer *t, const char *const *paths, size_t count,
                        const vqdna_stream_options *stream, vqdna_stream_stats *stats) {
    bool needs;
    VQ_TRY(vq_gather_needs_model(&needs, feature));
    if (!needs)
        return vq_gather(&m->records, feature, NULL, paths, count, stream, stats);
    if (!t)
        return vq_fail(VQDNA_ERR_USAGE, "the feature %s is of a tokenizer: name its model", feature);
    VQ_HOLD(t->device);
    VQ_TRY(vq_tokenizer_prepare(t, stream));
    return vq_gather(&m->records, feature, t->model, paths, count, stream, stats);
}

vqdna_status vqdna_map_create(vqdna_map **out, vqdna_tokenizer *tokenizer, const char *const *paths, size_t count,
                              const vqdna_stream_options *stream, const vqdna_map_options *options, vqdna_stream_stats *stats) {
    VQ_REQUIRE(out);
    VQ_REQUIRE_EACH(paths, count);
    vqdna_map_options o = {0};
    vqdna_tokenizer *untrained = NULL;
    vqdna_map *m;
    vq_take_options(&o, sizeof o, options, sizeof o);
    o.features = o.features ? o.features : tokenizer ? "codes" : "kmer:6";
    VQ_TRY(vq_alloc(&m, 1, sizeof *m));
    m->seed = o.seed ? o.seed : 1;
    m->threads = o.threads;
    const char *feature = of_untrained(o.features);
    vq_status status = VQDNA_OK;
    if (feature && !tokenizer)
        status = vq_fail(VQDNA_ERR_USAGE, "the feature %s is of a tokenizer's shape: name its model", o.features);
    else if (feature)
        status = make_untrained(&untrained, tokenizer, paths, count, stream, m->seed);
    if (status >= 0)
        status = gather(m, feature ? feature : o.features, feature ? untrained : tokenizer, paths, count, stream, stats);
    vqdna_tokenizer_destroy(untrained);
    if (status < 0)
        vqdna_map_destroy(m);
    else
        *out = m;
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
    VQ_TRY(vq_neighbours(m->index, m->distance, &m->records.distances, k, m->threads));
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
        vq_status status = vq_pca(components, m->share, r->points, r->rows, r->width, 2, m->threads);
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

typedef struct telling {
    vqdna_layout_options o;
} telling;

static void tell(void *user, int iteration, int iterations) {
    const telling *t = user;
    if (t->o.progress)
        t->o.progress(t->o.user, (double)iteration / iterations);
}

static int stop(void *user) {
    const telling *t = user;
    return t->o.interrupted && t->o.interrupted(t->o.user);
}

vqdna_status vqdna_map_layout(vqdna_map *m, const vqdna_layout_options *options, const float **xy) {
    VQ_REQUIRE(m);
    const size_t rows = m->records.rows;
    const float *start;
    telling t = {{0}};
    float *to;
    vq_take_options(&t.o, sizeof t.o, options, sizeof t.o);
    if (!(t.o.perplexity >= 0) || t.o.iterations < 0)
        return vq_fail(VQDNA_ERR_USAGE, "perplexity and iterations are not negative");
    const vq_tsne_options how = {.perplexity = fmin(t.o.perplexity > 0 ? t.o.perplexity : 30, (double)(rows - 1) / 3),
                                 .iterations = t.o.iterations,
                                 .seed = m->seed,
                                 .threads = m->threads,
                                 .interrupted = stop,
                                 .progress = tell,
                                 .user = &t};
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
    vq_status status = vq_hdbscan(m->cluster, &m->clusters, &plane, least ? least : LEAST_CLUSTER, 0, m->threads);
    vq_distances_destroy(&plane);
    VQ_TRY(status);
    if (cluster)
        *cluster = m->cluster;
    if (count)
        *count = m->clusters;
    return VQDNA_OK;
}

/* ---- Labels ------------------------------------------------------------------------------------------------------------------- */

vqdna_status vqdna_map_judge(vqdna_map *m, const int *labels, vqdna_map_judgement *out) {
    VQ_REQUIRE(m);
    VQ_REQUIRE(labels);
    VQ_REQUIRE(out);
    const size_t rows = m->records.rows;
    vqdna_map_judgement j = {0};
    vq_agreement a;
    VQ_TRY(need_neighbours(m, (int)vq_min(rows - 1, 90))); /* those without a label are passed over */
    j.purity = vq_purity(m->index, rows, m->k, PURITY, labels);
    VQ_TRY(vq_silhouette(&j.silhouette, &m->records.distances, labels, m->threads));
    if (!m->cluster)
        VQ_TRY(vqdna_map_clusters(m, 0, NULL, NULL));
    VQ_TRY(vq_agree(&a, labels, m->cluster, rows));
    for (size_t i = 0; i < rows; i++) {
        j.rows += labels[i] >= 0;
        j.labels = labels[i] >= j.labels ? labels[i] + 1 : j.labels;
    }
    j.v_measure = a.v_measure;
    j.homogeneity = a.homogeneity;
    j.completeness = a.completeness;
    j.adjusted_rand = a.adjusted_rand;
    j.variation = a.variation;
    j.noise = a.noise;
    j.clusters = a.clusters;
    *out = j;
    return VQDNA_OK;
}

vqdna_status vqdna_map_pair(vqdna_map *m, const int *labels, int a, int b, double *silhouette, double *auroc) {
    VQ_REQUIRE(m);
    VQ_REQUIRE(labels);
    VQ_REQUIRE(silhouette);
    VQ_REQUIRE(auroc);
    const vq_distances *d = &m->records.distances;
    const size_t rows = d->rows;
    int *two = NULL;
    float *row = NULL;
    double *score = NULL;
    size_t count[2] = {0};
    vq_status status;
    *silhouette = *auroc = NAN;
    VQ_TRY_OR(done, vq_alloc(&two, rows, sizeof *two));
    VQ_TRY_OR(done, vq_alloc(&row, rows, sizeof *row));
    VQ_TRY_OR(done, vq_alloc(&score, rows, sizeof *score));
    for (size_t i = 0; i < rows; i++) {
        two[i] = labels[i] == a ? 0 : labels[i] == b ? 1 : -1;
        if (two[i] >= 0)
            count[two[i]]++;
    }
    if (count[0] < 2 || count[1] < 2)
        goto done;
    VQ_TRY_OR(done, vq_silhouette(silhouette, d, two, m->threads));
    for (size_t i = 0; i < rows; i++) {
        double sum[2] = {0};
        if (two[i] < 0)
            continue;
        d->row(d->self, i, row);
        for (size_t j = 0; j < rows; j++)
            if (two[j] >= 0)
                sum[two[j]] += row[j];
        for (int k = 0; k < 2; k++) /* itself is none of the others */
            sum[k] /= (double)(count[k] - (two[i] == k));
        score[i] = sum[1] - sum[0];
    }
    *auroc = vq_auroc(score, two, rows, 0, 1);
done:
    free(two);
    free(row);
    free(score);
    return status;
}

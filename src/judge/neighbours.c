#include "judge/neighbours.h"

#include "base/integer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    ROWS = 8
}; /* records whose distances are found together: memory is read an eighth as often, and they stay in the nearest cache */

static size_t piece_rows(const vq_distances *d, size_t piece) {
    return vq_min(ROWS, d->rows - piece * ROWS);
}

/* ---- Nearest neighbours ----------------------------------------------------------------------------------------------------------- */

/* The farthest of those kept is on top of a heap; among equals, the later record is the farther. */
typedef struct heap {
    int32_t *index;
    float *distance;
    int count;
} heap;

static int farther(const heap *h, int a, int b) {
    return h->distance[a] != h->distance[b] ? h->distance[a] > h->distance[b] : h->index[a] > h->index[b];
}

static void swap(heap *h, int a, int b) {
    int32_t index = h->index[a];
    float distance = h->distance[a];
    h->index[a] = h->index[b];
    h->distance[a] = h->distance[b];
    h->index[b] = index;
    h->distance[b] = distance;
}

static void sink(heap *h, int at) {
    for (int child; (child = 2 * at + 1) < h->count; at = child) {
        child += child + 1 < h->count && farther(h, child + 1, child);
        if (!farther(h, child, at))
            return;
        swap(h, at, child);
    }
}

/* The k nearest of a row, in order. */
static void select_nearest(heap *h, const float *row, size_t rows, size_t self, int k) {
    h->count = 0;
    for (size_t j = 0; j < rows; j++) {
        if (j == self || (h->count == k && row[j] >= h->distance[0]))
            continue;
        int at = h->count == k ? 0 : h->count++;
        h->index[at] = (int32_t)j;
        h->distance[at] = row[j];
        if (h->count == k && at == 0)
            sink(h, 0);
        else if (h->count == k) /* full for the first time */
            for (int parent = k / 2; parent-- > 0;)
                sink(h, parent);
    }
    while (h->count > 1) {
        swap(h, 0, --h->count);
        sink(h, 0);
    }
}

typedef struct search {
    const vq_distances *d;
    int32_t *index;
    float *distance;
    int k;
} search;

static vq_status search_piece(void *user, size_t piece) {
    const search *s = user;
    size_t first = piece * ROWS, count = piece_rows(s->d, piece), k = (size_t)s->k;
    float *rows;
    VQ_TRY(vq_alloc(&rows, count * s->d->rows, sizeof *rows));
    vq_distances_block(s->d, first, count, rows);
    for (size_t i = 0; i < count; i++) {
        heap h = {.index = s->index + (first + i) * k, .distance = s->distance + (first + i) * k};
        select_nearest(&h, rows + i * s->d->rows, s->d->rows, first + i, s->k);
    }
    free(rows);
    return VQDNA_OK;
}

vq_status vq_neighbours(int32_t *index, float *distance, const vq_distances *d, int k, const vq_workers *workers) {
    assert(k >= 1 && (size_t)k < d->rows && d->rows <= INT32_MAX);
    search s = {.d = d, .index = index, .distance = distance, .k = k};
    return vq_parallel(vq_ceil_div(d->rows, ROWS), workers, search_piece, &s);
}

/* ---- Labels ------------------------------------------------------------------------------------------------------------------------ */

double vq_purity(const int32_t *index, size_t rows, int of, int k, const int *labels) {
    double sum = 0;
    size_t records = 0;
    for (size_t i = 0; i < rows; i++) {
        int found = 0, same = 0;
        for (int n = 0; n < of && found < k && labels[i] >= 0; n++) {
            int label = labels[index[i * (size_t)of + (size_t)n]];
            found += label >= 0;
            same += label == labels[i];
        }
        if (found) {
            sum += (double)same / found;
            records++;
        }
    }
    return records ? sum / (double)records : NAN;
}

/* A labelling, as its separation is found. */
typedef struct labelling {
    int *cluster; /* labels as numbers without gaps, -1: none */
    size_t *size; /* of each cluster */
    size_t clusters;
    double *silhouette, *score; /* of each record; score: NULL but of two clusters of two records or more */
} labelling;

typedef struct separation {
    const vq_distances *d;
    const labelling *all;
    size_t count, most; /* clusters of one labelling */
} separation;

static void separate_record(const labelling *l, double *sum, const float *row, size_t rows, size_t i) {
    if (l->cluster[i] < 0)
        return;
    for (size_t c = 0; c < l->clusters; c++)
        sum[c] = 0;
    for (size_t j = 0; j < rows; j++)
        if (l->cluster[j] >= 0)
            sum[l->cluster[j]] += (double)row[j];
    size_t own = (size_t)l->cluster[i];
    if (l->size[own] < 2)
        return;
    double within = sum[own] / (double)(l->size[own] - 1), nearest = INFINITY; /* itself is none of the others */
    for (size_t c = 0; c < l->clusters; c++)
        if (c != own)
            nearest = fmin(nearest, sum[c] / (double)l->size[c]);
    double larger = fmax(within, nearest);
    l->silhouette[i] = larger > 0 ? (nearest - within) / larger : 0;
    if (l->score)
        l->score[i] = own == 0 ? nearest - within : within - nearest;
}

static vq_status separate_piece(void *user, size_t piece) {
    const separation *s = user;
    size_t first = piece * ROWS, count = piece_rows(s->d, piece), rows = s->d->rows;
    float *row = NULL;
    double *sum = NULL;
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&row, count * rows, sizeof *row));
    VQ_TRY_OR(done, vq_alloc(&sum, s->most, sizeof *sum));
    vq_distances_block(s->d, first, count, row);
    for (size_t i = 0; i < count; i++)
        for (size_t l = 0; l < s->count; l++)
            if (s->all[l].clusters >= 2)
                separate_record(&s->all[l], sum, row + i * rows, rows, first + i);
done:
    free(row);
    free(sum);
    return status;
}

static int by_label(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* Numbers the labels that there are, in order, and counts their records; returns how many labels. */
static size_t number_labels(int *cluster, size_t *size, int *sorted, const int *labels, size_t rows) {
    size_t known = 0, clusters = 0;
    for (size_t i = 0; i < rows; i++)
        if (labels[i] >= 0)
            sorted[known++] = labels[i];
    qsort(sorted, known, sizeof *sorted, by_label);
    for (size_t i = 0; i < known; i++)
        if (clusters == 0 || sorted[i] != sorted[clusters - 1])
            sorted[clusters++] = sorted[i];
    for (size_t i = 0; i < rows; i++) {
        const int *found = labels[i] < 0 ? NULL : bsearch(&labels[i], sorted, clusters, sizeof *sorted, by_label);
        cluster[i] = found ? (int)(found - sorted) : -1;
        if (found)
            size[found - sorted]++;
    }
    return clusters;
}

static vq_status begin_labelling(labelling *l, int *sorted, const int *labels, size_t rows) {
    VQ_TRY(vq_alloc(&l->cluster, rows, sizeof *l->cluster));
    VQ_TRY(vq_alloc(&l->size, rows, sizeof *l->size));
    VQ_TRY(vq_alloc(&l->silhouette, rows, sizeof *l->silhouette));
    l->clusters = number_labels(l->cluster, l->size, sorted, labels, rows);
    for (size_t i = 0; i < rows; i++)
        l->silhouette[i] = NAN;
    return l->clusters == 2 && l->size[0] > 1 && l->size[1] > 1 ? vq_alloc(&l->score, rows, sizeof *l->score) : VQDNA_OK;
}

static vq_separation end_labelling(const labelling *l, size_t rows) {
    double sum = 0;
    size_t records = 0;
    for (size_t i = 0; i < rows; i++)
        if (!isnan(l->silhouette[i])) {
            sum += l->silhouette[i];
            records++;
        }
    return (vq_separation){.silhouette = records ? sum / (double)records : NAN,
                           .auroc = l->score ? vq_auroc(l->score, l->cluster, rows, 0, 1) : NAN};
}

vq_status vq_separate(vq_separation *out, const vq_distances *d, const int *const *labels, size_t count,
                      const vq_workers *workers) {
    labelling *all = NULL;
    int *sorted = NULL;
    separation s = {.d = d, .count = count};
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&all, count, sizeof *all));
    VQ_TRY_OR(done, vq_alloc(&sorted, d->rows, sizeof *sorted));
    s.all = all;
    for (size_t l = 0; l < count; l++) {
        VQ_TRY_OR(done, begin_labelling(&all[l], sorted, labels[l], d->rows));
        s.most = vq_max(s.most, all[l].clusters);
    }
    if (s.most >= 2)
        VQ_TRY_OR(done, vq_parallel(vq_ceil_div(d->rows, ROWS), workers, separate_piece, &s));
    for (size_t l = 0; l < count; l++)
        out[l] = end_labelling(&all[l], d->rows);
done:
    for (size_t l = 0; all && l < count; l++) {
        free(all[l].cluster);
        free(all[l].size);
        free(all[l].silhouette);
        free(all[l].score);
    }
    free(all);
    free(sorted);
    return status;
}

double vq_auroc(const double *score, const int *labels, size_t rows, int a, int b) {
    uint64_t halves = 0, of_a = 0, of_b = 0;
    for (size_t j = 0; j < rows; j++)
        of_b += labels[j] == b;
    for (size_t i = 0; i < rows; i++) {
        if (labels[i] != a)
            continue;
        of_a++;
        for (size_t j = 0; j < rows; j++)
            halves += (uint64_t)((labels[j] == b) * ((score[i] > score[j]) + (score[i] >= score[j])));
    }
    return of_a && of_b ? (double)halves / 2 / (double)of_a / (double)of_b : NAN;
}

#include "judge/affinity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64, HALVINGS = 200 };
static const double close_enough = 1e-7; /* of the logarithm of the perplexity */

/* Fills p for a width and returns the entropy. Squares are told from the least of them, so that the nearest always has weight 1. */
static double entropy(double *p, const float *distance, int k, double least, double narrow) {
    double sum = 0, moment = 0;
    for (int j = 0; j < k; j++) {
        const double square = (double)distance[j] * (double)distance[j] - least;
        p[j] = exp(-narrow * square);
        sum += p[j];
        moment += p[j] * square;
    }
    for (int j = 0; j < k; j++)
        p[j] /= sum;
    return log(sum) + narrow * moment / sum;
}

double vq_affinity_row(double *p, const float *distance, int k, double perplexity) {
    double least = INFINITY, most = 0;
    if (k == 0) /* a record alone */
        return 0;
    for (int j = 0; j < k; j++) {
        const double square = (double)distance[j] * (double)distance[j];
        least = fmin(least, square);
        most = fmax(most, square);
    }
    /* Without a spread every width is the same, and one near infinity would make 0 x infinity of it. */
    const double spread = most - least, wanted = log(fmax(perplexity, 1));
    if (!(spread > 1e-100) || wanted >= log(k))
        return exp(entropy(p, distance, k, least, 0));
    double low = 0, high = INFINITY, narrow = 1 / spread, reached = 0;
    for (int i = 0; i < HALVINGS; i++) {
        reached = entropy(p, distance, k, least, narrow);
        if (fabs(reached - wanted) <= close_enough)
            break;
        if (reached > wanted)
            low = narrow;
        else
            high = narrow;
        if (isinf(high) && low * spread > 1e30) /* several nearest at one distance: nothing separates them */
            break;
        narrow = isinf(high) ? 2 * low : (low + high) / 2;
    }
    return exp(reached);
}

void vq_affinities_destroy(vq_affinities *a) {
    free(a->start);
    free(a->column);
    free(a->value);
    *a = (vq_affinities){0};
}

typedef struct calibration {
    const float *distance;
    double *p; /* [rows][k] */
    size_t rows;
    int k;
    double perplexity;
} calibration;

static vq_status calibrate(void *user, size_t block) {
    const calibration *c = user;
    const size_t last = (block + 1) * BLOCK, k = (size_t)c->k;
    for (size_t i = block * BLOCK; i < (last < c->rows ? last : c->rows); i++)
        vq_affinity_row(c->p + i * k, c->distance + i * k, c->k, c->perplexity);
    return VQDNA_OK;
}

typedef struct entry {
    int32_t column;
    double value;
} entry;

static int by_column(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return x->column != y->column ? (x->column > y->column) - (x->column < y->column)
                                  : (x->value > y->value) - (x->value < y->value);
}

/* P and its transpose, row after row, where a pair that is in both is there twice; `start` gets where rows begin. */
static void both_ways(entry *all, size_t *start, size_t *next, const int32_t *index, const double *p, size_t rows, size_t k) {
    for (size_t i = 0; i < rows * k; i++)
        start[(size_t)index[i] + 1]++;
    for (size_t i = 0; i < rows; i++)
        start[i + 1] += start[i] + k;
    memcpy(next, start, rows * sizeof *next);
    for (size_t i = 0; i < rows * k; i++) {
        const size_t from = i / k, to = (size_t)index[i];
        all[next[from]++] = (entry){(int32_t)to, p[i]};
        all[next[to]++] = (entry){(int32_t)from, p[i]};
    }
}

/* Sorts each row, adds what is of one pair, and closes the gaps; `start` then says where rows begin after that. Returns how many
 * stay. */
static size_t join_pairs(entry *all, size_t *start, size_t rows) {
    size_t kept = 0, from = 0;
    for (size_t i = 0; i < rows; i++) {
        const size_t first = kept, end = start[i + 1];
        qsort(all + from, end - from, sizeof *all, by_column);
        for (size_t j = from; j < end; j++) {
            if (kept > first && all[kept - 1].column == all[j].column)
                all[kept - 1].value += all[j].value;
            else
                all[kept++] = all[j];
        }
        from = end;
        start[i + 1] = kept;
    }
    return kept;
}

vq_status vq_affinities_create(vq_affinities *out, const int32_t *index, const float *distance, size_t rows, int k,
                               double perplexity, const vq_workers *workers) {
    const size_t pairs = rows * (size_t)k;
    calibration c = {distance, NULL, rows, k, perplexity};
    entry *all = NULL;
    size_t *next = NULL, kept;
    vq_status status;
    *out = (vq_affinities){.rows = rows};
    VQ_TRY_OR(done, vq_alloc(&c.p, pairs, sizeof *c.p));
    VQ_TRY_OR(done, vq_alloc(&all, 2 * pairs, sizeof *all));
    VQ_TRY_OR(done, vq_alloc(&next, rows, sizeof *next));
    VQ_TRY_OR(done, vq_alloc(&out->start, rows + 1, sizeof *out->start));
    VQ_TRY_OR(done, vq_parallel((rows + BLOCK - 1) / BLOCK, workers, calibrate, &c));
    if (pairs)
        both_ways(all, out->start, next, index, c.p, rows, (size_t)k);
    kept = join_pairs(all, out->start, rows);
    VQ_TRY_OR(done, vq_alloc(&out->column, kept, sizeof *out->column));
    VQ_TRY_OR(done, vq_alloc(&out->value, kept, sizeof *out->value));
    for (size_t i = 0; i < kept; i++) {
        out->column[i] = all[i].column;
        out->value[i] = (float)(all[i].value / (2 * (double)rows));
    }
done:
    free(c.p);
    free(all);
    free(next);
    if (status < 0)
        vq_affinities_destroy(out);
    return status;
}

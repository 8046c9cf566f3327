/* Who belongs to whom in t-SNE (van der Maaten and Hinton 2008, sections 2 and 3): how similar records are, by their nearest
 * neighbours. */
#ifndef VQ_JUDGE_AFFINITY_H
#define VQ_JUDGE_AFFINITY_H

#include "base/parallel.h"

/* Of record i those to column[start[i]] and on, before start[i + 1], columns rising; symmetric, all together 1. */
typedef struct vq_affinities {
    size_t rows;
    size_t *start; /* [rows + 1] */
    int32_t *column;
    float *value;
} vq_affinities;

/* Probabilities [k] of one record to take each of its neighbours, a Gaussian of their distance that is as wide as gives them this
 * perplexity; where no width does, the nearest one that some width gives. Returns the perplexity reached. */
double vq_affinity_row(double *p, const float *distance, int k, double perplexity);

/* From the neighbours [rows][k] of each record, no record its own. Takes any perplexity. */
vq_status vq_affinities_create(vq_affinities *out, const int32_t *index, const float *distance, size_t rows, int k,
                               double perplexity, const vq_workers *workers);
void vq_affinities_destroy(vq_affinities *a);

#endif

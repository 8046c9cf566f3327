/* Coordinates to look at: principal components, and t-SNE. */
#ifndef VQ_JUDGE_TSNE_H
#define VQ_JUDGE_TSNE_H

#include "base/parallel.h"
#include "judge/distances.h"

/* The first `count` principal components of points [rows][width] by subspace iteration from a seeded start, as coordinates
 * [rows][count], each component's sign such that its largest coordinate in magnitude is positive; and the share of the variance
 * that each has [count]. A component that the points do not have is 0. */
vq_status vq_pca(float *coordinates, double *share, const float *points, size_t rows, int width, int count,
                 const vq_workers *workers);

typedef struct vq_tsne_options {
    double perplexity;    /* 30; at most (rows - 1) / 3, to which it is cut */
    int iterations;       /* 1000 */
    double exaggeration;  /* 12, of the first quarter of the iterations */
    double learning_rate; /* rows / exaggeration / 4, at least 50 */
    uint64_t seed;        /* 1 */
    vq_workers workers;
    void (*progress)(void *user, int iteration, int iterations);
    void *user; /* of progress */
} vq_tsne_options;

/* t-SNE (van der Maaten and Hinton 2008) to xy [rows][2] from the 3 x perplexity nearest neighbours [rows][k] of each record;
 * forces that push apart are exact. start: [rows][2], scaled to a deviation of 1e-4 of the wider coordinate, and every record
 * moved by a hundredth of that, so that equal records can part; NULL: random. The same on any number of threads. */
vq_status vq_tsne(float *xy, const int32_t *index, const float *distance, size_t rows, int k, const float *start,
                  const vq_tsne_options *options);

#endif

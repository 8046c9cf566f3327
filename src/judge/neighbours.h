/* Nearest neighbours, and what they and distances say of labels. */
#ifndef VQ_JUDGE_NEIGHBOURS_H
#define VQ_JUDGE_NEIGHBOURS_H

#include "base/parallel.h"
#include "judge/distances.h"

/* The k nearest other records of each, nearest first, the first among equals: index and distance [rows][k]; 1 <= k < rows. */
vq_status vq_neighbours(int32_t *index, float *distance, const vq_distances *d, int k, const vq_workers *workers);

/* The share of the first k of `of` neighbours [rows][of] that have their record's label, averaged over the records; labels below 0 are none,
 * and neither counted for nor as neighbours: the first k with a label count, or as many as there are. NAN where no record counts. */
double vq_purity(const int32_t *index, size_t rows, int of, int k, const int *labels);

/* How far apart distances keep labels. */
typedef struct vq_separation {
    /* Mean silhouette (Rousseeuw 1987) over records with a label of at least two records, labels of one record being near to others only.
     * NAN with fewer than two labels, or where no record counts. */
    double silhouette;
    /* Of two labels, the lower a, that have two records each: the area under the ROC curve of a record's mean distance to the others of b,
     * less that to those of a. NAN otherwise. */
    double auroc;
} vq_separation;

/* Of `count` labellings [rows] at once, out [count], as distances take the time; labels below 0 are none. */
vq_status vq_separate(vq_separation *out, const vq_distances *d, const int *const *labels, size_t count, const vq_workers *workers);

/* The area under the ROC curve of a score for records of label a against those of b: the share of pairs where a's is larger, half for ties.
 * NAN where one of the two has no record. Compares all pairs: exact, without memory, and fast enough for some 10,000 of each. */
double vq_auroc(const double *score, const int *labels, size_t rows, int a, int b);

#endif

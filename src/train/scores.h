/* How well labels were told: scores of a classifier, and what chance could have made of them. */
#ifndef VQ_TRAIN_SCORES_H
#define VQ_TRAIN_SCORES_H

#include "base/status.h"

/* Of rows whose true and predicted classes are known.
 *     mcc       correlation of truth and prediction, for any number of classes (Gorodkin 2004): 0 is chance, and what a constant gets
 *     f1_macro  mean over the classes that are met in truth or prediction of 2 tp / (2 tp + fp + fn)
 *     accuracy  share of rows told right */
typedef struct vq_scores {
    double mcc, f1_macro, accuracy;
} vq_scores;

/* classes[rows] of both in [0, classes). */
vq_status vq_scores_of(vq_scores *out, const int *truth, const int *predicted, size_t rows, int classes);

typedef struct vq_interval {
    double low, high; /* 95 % */
} vq_interval;

/* Percentile bootstrap (Efron 1979): rows drawn with replacement `resamples` times, the middle 95 % of each score. */
typedef struct vq_scores_interval {
    vq_interval mcc, f1_macro, accuracy;
} vq_scores_interval;
vq_status vq_scores_bootstrap(vq_scores_interval *out, const int *truth, const int *predicted, size_t rows, int classes,
                              int resamples, uint64_t seed);

/* The same rows drawn for two predictions: the difference a - b of their mcc. p: two-sided, twice the smaller share of resamples on one
 * side of 0, at least 1 / resamples. */
typedef struct vq_difference {
    double mcc, p;
    vq_interval interval;
} vq_difference;
vq_status vq_scores_compare(vq_difference *out, const int *truth, const int *a, const int *b, size_t rows, int classes,
                            int resamples, uint64_t seed);

#endif

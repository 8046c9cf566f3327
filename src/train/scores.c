#include "train/scores.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Counts [truth][predicted]. */
static vq_scores score(const uint64_t *confusion, int classes) {
    double rows = 0, right = 0, both = 0, truths = 0, guesses = 0, f1 = 0;
    int met = 0;
    for (int i = 0; i < classes; i++) {
        double t = 0, p = 0, hit = (double)confusion[(size_t)i * (size_t)classes + (size_t)i];
        for (int j = 0; j < classes; j++) {
            t += (double)confusion[(size_t)i * (size_t)classes + (size_t)j];
            p += (double)confusion[(size_t)j * (size_t)classes + (size_t)i];
        }
        rows += t;
        right += hit;
        both += t * p;
        truths += t * t;
        guesses += p * p;
        if (t + p > 0) {
            f1 += 2 * hit / (t + p);
            met++;
        }
    }
    double spread = (rows * rows - guesses) * (rows * rows - truths);
    return (vq_scores){
        .mcc = spread > 0 ? (right * rows - both) / sqrt(spread) : 0,
        .f1_macro = met ? f1 / met : 0,
        .accuracy = rows > 0 ? right / rows : 0,
    };
}

static void count(uint64_t *confusion, const int *truth, const int *predicted, const uint32_t *pick, size_t rows, int classes) {
    memset(confusion, 0, (size_t)classes * (size_t)classes * sizeof *confusion);
    for (size_t i = 0; i < rows; i++) {
        size_t row = pick ? pick[i] : i;
        confusion[(size_t)truth[row] * (size_t)classes + (size_t)predicted[row]]++;
    }
}

vq_status vq_scores_of(vq_scores *out, const int *truth, const int *predicted, size_t rows, int classes) {
    uint64_t *confusion;
    VQ_TRY(vq_alloc(&confusion, (size_t)classes * (size_t)classes, sizeof *confusion));
    count(confusion, truth, predicted, NULL, rows, classes);
    *out = score(confusion, classes);
    free(confusion);
    return VQDNA_OK;
}

/* ---- Bootstrap --------------------------------------------------------------------------------------------------------------- */

static void draw(uint32_t *pick, size_t rows, uint64_t seed, int resample) {
    for (size_t i = 0; i < rows; i++)
        pick[i] = (uint32_t)vq_rng_below(rows, seed, VQ_STREAM_BOOTSTRAP, (uint64_t)resample, i);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts. */
static vq_interval middle(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return (vq_interval){values[(int)(0.025 * (count - 1) + 0.5)], values[(int)(0.975 * (count - 1) + 0.5)]};
}

vq_status vq_scores_bootstrap(vq_scores_interval *out, const int *truth, const int *predicted, size_t rows, int classes,
                              int resamples, uint64_t seed) {
    uint64_t *confusion = NULL;
    uint32_t *pick = NULL;
    double *values = NULL;
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&confusion, (size_t)classes * (size_t)classes, sizeof *confusion));
    VQ_TRY_OR(done, vq_alloc(&pick, rows, sizeof *pick));
    VQ_TRY_OR(done, vq_alloc(&values, 3 * (size_t)resamples, sizeof *values));
    for (int i = 0; i < resamples; i++) {
        draw(pick, rows, seed, i);
        count(confusion, truth, predicted, pick, rows, classes);
        vq_scores s = score(confusion, classes);
        values[i] = s.mcc;
        values[resamples + i] = s.f1_macro;
        values[2 * resamples + i] = s.accuracy;
    }
    out->mcc = middle(values, resamples);
    out->f1_macro = middle(values + resamples, resamples);
    out->accuracy = middle(values + 2 * resamples, resamples);
done:
    free(confusion);
    free(pick);
    free(values);
    return status;
}

vq_status vq_scores_compare(vq_difference *out, const int *truth, const int *a, const int *b, size_t rows, int classes,
                            int resamples, uint64_t seed) {
    uint64_t *confusion = NULL;
    uint32_t *pick = NULL;
    double *values = NULL;
    int above = 0, below = 0;
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&confusion, (size_t)classes * (size_t)classes, sizeof *confusion));
    VQ_TRY_OR(done, vq_alloc(&pick, rows, sizeof *pick));
    VQ_TRY_OR(done, vq_alloc(&values, (size_t)resamples, sizeof *values));
    count(confusion, truth, a, NULL, rows, classes);
    out->mcc = score(confusion, classes).mcc;
    count(confusion, truth, b, NULL, rows, classes);
    out->mcc -= score(confusion, classes).mcc;
    for (int i = 0; i < resamples; i++) {
        draw(pick, rows, seed, i);
        count(confusion, truth, a, pick, rows, classes);
        values[i] = score(confusion, classes).mcc;
        count(confusion, truth, b, pick, rows, classes);
        values[i] -= score(confusion, classes).mcc;
        above += values[i] >= 0;
        below += values[i] <= 0;
    }
    out->interval = middle(values, resamples);
    out->p = fmin(1, fmax(2.0 * (above < below ? above : below), 1) / resamples);
done:
    free(confusion);
    free(pick);
    free(values);
    return status;
}

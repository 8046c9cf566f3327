#include "check/trial.h"

#include "base/clock.h"
#include "check/case.h"
#include "device/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool vq_tunable_find(vq_tunable_place *out, const vq_choice *choice) {
    vq_tunable_place p;
    for (int n = 0; (p.set = vq_case_tunables(&p.table, n)); n++)
        for (p.which = 0; p.which < p.set->count; p.which++)
            for (p.shape = 0; p.shape < p.set->shape_count; p.shape++)
                if (!strcmp(p.set->operation, choice->operation) && !strcmp(p.set->list[p.which].name, choice->name) &&
                    !strcmp(p.set->shapes[p.shape].name, choice->shape) && vq_tunable_has(&p.set->list[p.which], choice->value)) {
                    *out = p;
                    return true;
                }
    return false;
}

/* ---- Trial ------------------------------------------------------------------------------------------------------------------- */

enum { LEAST_PAIRS = 7, LEAST_SLOW_PAIRS = 3, MOST_PAIRS = 201, MOST_RUNS = 64 };

/* Long enough that the clock and the wait at its end are small beside it. */
static const double SAMPLE = 2e-3;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static vq_case_shape shape_of(const int dims[VQ_TUNABLE_DIMS]) {
    vq_case_shape shape = {{0}};
    memcpy(shape.dims, dims, sizeof shape.dims);
    return shape;
}

/* Seconds of a run, `runs` of them queued back to back. */
static vq_status sample(vq_device *device, vq_case *c, const vq_choice *choice, const vq_tuning_shape *shape, bool warm, int runs,
                        double *seconds) {
    const bool backward = shape->backward;
    vq_tuning_impose(device, choice);
    if (warm) {
        VQ_TRY(vq_case_enqueue(c, backward));
        VQ_TRY(vq_device_finish(device));
    }
    double start = vq_clock();
    for (int i = 0; i < runs; i++)
        VQ_TRY(vq_case_enqueue(c, backward));
    VQ_TRY(vq_device_finish(device));
    *seconds = (vq_clock() - start) / runs;
    return VQDNA_OK;
}

static vq_status verify(vq_device *device, const vq_case_table *table, const vq_tuning_shape *shape, const vq_choice *choice,
                        bool thorough) {
    double error;
    vq_case_shape checked = shape_of(shape->checked);
    vq_tuning_impose(device, choice);
    if (!strcmp(choice->operation, vq_blas_tunables.operation) && !vq_blas_usable(device)) /* or ours would be timed in its place */
        return vq_fail(VQDNA_ERR_DEVICE, "CLBlast cannot be used with it");
    VQ_TRY(vq_case_run(table, &checked, device, &error));
    for (const vq_case_shape *s = table->shapes; thorough && s->dims[0]; s++)
        if (!s->large)
            VQ_TRY(vq_case_run(table, s, device, &error));
    return VQDNA_OK;
}

static vq_status time_both(vq_device *device, vq_case *c[2], const vq_choice *choice, const vq_tunables *set,
                           const vq_tuning_shape *shape, double seconds, vq_trial *out) {
    const bool warm = set->recompiles;
    const int least = warm ? LEAST_SLOW_PAIRS : LEAST_PAIRS;
    const vq_choice *choices[2] = {NULL, choice};
    double times[2][MOST_PAIRS], ratios[MOST_PAIRS], first, end = vq_clock() + seconds;
    for (int i = 0; i < 2; i++) /* buffers are filled and caches warm before the clock counts */
        VQ_TRY(sample(device, c[i], choices[i], shape, false, 1, &first));
    VQ_TRY(sample(device, c[0], choices[0], shape, warm, 1, &first));
    int pairs = 0, runs = (int)fmin(ceil(SAMPLE / fmax(first, 1e-6)), MOST_RUNS);
    while (pairs < least || (pairs < MOST_PAIRS && vq_clock() < end)) {
        for (int turn = 0; turn < 2; turn++) { /* which one is first alternates too */
            int i = (turn + pairs) % 2;
            VQ_TRY(sample(device, c[i], choices[i], shape, warm, runs, &times[i][pairs]));
        }
        ratios[pairs] = times[1][pairs] / times[0][pairs];
        pairs++;
    }
    /* An interval is no use if what it is of has moved: the halves of the time, each sorted, then the whole. */
    const int half = pairs / 2;
    qsort(ratios, (size_t)half, sizeof *ratios, by_value);
    qsort(ratios + half, (size_t)(pairs - half), sizeof *ratios, by_value);
    const double drift = fabs(ratios[half / 2] - ratios[half + (pairs - half) / 2]) / 2;
    qsort(ratios, (size_t)pairs, sizeof *ratios, by_value);
    for (int i = 0; i < 2; i++)
        qsort(times[i], (size_t)pairs, sizeof *times[i], by_value);
    out->before = times[0][pairs / 2];
    out->after = times[1][pairs / 2];
    out->gain = 1 - ratios[pairs / 2];
    out->noise = fmax(drift, 1.57 * (ratios[pairs * 3 / 4] - ratios[pairs / 4]) / sqrt(pairs)); /* McGill, Tukey, Larsen's notch */
    return VQDNA_OK;
}

vq_status vq_trial_run(vq_device *device, const vq_choice *choice, bool thorough, double seconds, vq_trial *out) {
    vq_tunable_place at;
    if (!vq_tunable_find(&at, choice))
        return vq_fail(VQDNA_ERR_USAGE, "%s %s has no tunable %s with a value %d", choice->operation, choice->shape, choice->name,
                       choice->value);
    const vq_tuning_shape *shape = &at.set->shapes[at.shape];
    if (!vq_tuning_allows(device, at.set, at.which, at.shape, choice->value))
        return vq_fail(VQDNA_ERR_DEVICE, "with the other values it is more than the device takes");
    vq_case_shape timed = shape_of(shape->timed);
    vq_case *c[2] = {NULL, NULL};
    double error;
    vq_status status;
    VQ_TRY_OR(done, verify(device, at.table, shape, choice, thorough));
    for (int i = 0; i < 2; i++) { /* scratch sizes may depend on the choice */
        vq_tuning_impose(device, i ? choice : NULL);
        VQ_TRY_OR(done, vq_case_open(&c[i], at.table, &timed, device));
        VQ_TRY_OR(done, vq_case_launch(c[i], shape->backward));
    }
    VQ_TRY_OR(done, vq_case_differ(c[1], c[0], &error));
    if (!(error <= 1)) {
        status = vq_fail(VQ_CASE_WRONG, "its answer is off by %.3g tolerances where it would be timed", error);
        goto done;
    }
    VQ_TRY_OR(done, time_both(device, c, choice, at.set, shape, seconds, out));
done:
    vq_tuning_impose(device, NULL);
    vq_case_close(c[0]);
    vq_case_close(c[1]);
    return status;
}

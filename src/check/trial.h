/* The trial of a tunable's value: is its answer right, and is it faster than the one in force? */
#ifndef VQ_CHECK_TRIAL_H
#define VQ_CHECK_TRIAL_H

#include "check/case.h"

typedef struct vq_tunable_place {
    const vq_case_table *table;
    const vq_tunables *set;
    int which, shape; /* of set's lists */
} vq_tunable_place;

/* Finds the tunable that a choice is of; false if there is none, or if its value is not of the grid. */
bool vq_tunable_find(vq_tunable_place *out, const vq_choice *choice);

typedef struct vq_trial {
    double before, after; /* seconds of a run, medians: the value in force, the value tried */
    double gain;          /* 1 - median of after / before, pair by pair */
    double noise;         /* half the width of that median's 95 % interval; more if the median moved between the trial's halves */
} vq_trial;

/* Tries a choice on the device. First its answers: against the case table's reference at the class's checked shape (with `thorough`
 * at all shapes of the table that are not for timing only), and against the value in force at the timed shape. VQDNA_ERR_DEVICE if
 * one is wrong. Then runs of both alternate for about `seconds`. */
vq_status vq_trial_run(vq_device *device, const vq_choice *choice, bool thorough, double seconds, vq_trial *out);

#endif

/* How far a training is, and its learning rate there. */
#ifndef VQ_TRAIN_SCHEDULE_H
#define VQ_TRAIN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct vq_schedule {
    uint64_t steps;                   /* of the run; or, if above 0, */
    double seconds;                   /* of the run: then it follows the clock */
    int warmup;                       /* steps of a linear rise */
    double learning_rate, final_rate; /* at the peak; at the end, as a share of that */
} vq_schedule;

/* Share of the run that is done after `step` steps in `seconds`, 0 to 1; whether it is over. */
double vq_schedule_progress(const vq_schedule *schedule, uint64_t step, double seconds);
bool vq_schedule_is_over(const vq_schedule *schedule, uint64_t step, double seconds);

/* Of the step that follows: linear warm-up, times half a cosine from the peak to final_rate of it. */
double vq_schedule_rate(const vq_schedule *schedule, uint64_t step, double seconds);

/* Length warm-up (Nguyen et al., arXiv 2306.15794): sequences of `first` bases that double at equal shares of the steps up to `full`; first
 * 0, or no less than full: full throughout. Of a step, and the mean over all. */
int vq_schedule_length(int first, int full, uint64_t step, uint64_t steps);
double vq_schedule_mean_length(int first, int full);

#endif

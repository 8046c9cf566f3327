#include "train/schedule.h"

#include <math.h>

double vq_schedule_progress(const vq_schedule *s, uint64_t step, double seconds) {
    double p = s->seconds > 0 ? seconds / s->seconds : (double)step / (double)s->steps;
    return p < 1 ? p : 1;
}

bool vq_schedule_is_over(const vq_schedule *s, uint64_t step, double seconds) {
    return s->seconds > 0 ? seconds >= s->seconds : step >= s->steps;
}

double vq_schedule_rate(const vq_schedule *s, uint64_t step, double seconds) {
    double warm = step < (uint64_t)s->warmup ? (double)(step + 1) / s->warmup : 1;
    double cosine = 0.5 * (1 + cos(M_PI * vq_schedule_progress(s, step, seconds)));
    return s->learning_rate * warm * (s->final_rate + (1 - s->final_rate) * cosine);
}

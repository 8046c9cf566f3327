#include "train/schedule.h"

#include "base/integer.h"

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

/* How many lengths there are, and the one of a stage. */
static int stages(int first, int full) {
    int count = 1;
    for (int64_t length = first; first > 0 && length < full; length *= 2)
        count++;
    return count;
}

static int stage_length(int first, int full, int stage) {
    return first > 0 ? (int)vq_min((size_t)full, (size_t)first << stage) : full;
}

int vq_schedule_length(int first, int full, uint64_t step, uint64_t steps) {
    const int count = stages(first, full), stage = (int)((double)step / (double)steps * count);
    return stage_length(first, full, vq_min_int(stage, count - 1));
}

double vq_schedule_mean_length(int first, int full) {
    const int count = stages(first, full);
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += stage_length(first, full, i);
    return sum / count;
}

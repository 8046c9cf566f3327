/* Time that passes. */
#ifndef VQ_BASE_CLOCK_H
#define VQ_BASE_CLOCK_H

#include <time.h>

/* Seconds since some moment; never runs backwards. */
static inline double vq_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif

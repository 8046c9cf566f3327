/* Integers, not negative: divided and rounded up, the larger, the smaller. Plain names take size_t. */
#ifndef VQ_BASE_INTEGER_H
#define VQ_BASE_INTEGER_H

#include <stddef.h>

static inline size_t vq_ceil_div(size_t a, size_t b) {
    return a / b + (a % b != 0);
}

static inline int vq_ceil_div_int(int a, int b) {
    return a / b + (a % b != 0);
}

/* The next multiple of `to`. */
static inline size_t vq_round_up(size_t n, size_t to) {
    return vq_ceil_div(n, to) * to;
}

static inline size_t vq_max(size_t a, size_t b) {
    return a > b ? a : b;
}

static inline size_t vq_min(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline int vq_max_int(int a, int b) {
    return a > b ? a : b;
}

static inline int vq_min_int(int a, int b) {
    return a < b ? a : b;
}

#endif

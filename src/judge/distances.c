#include "judge/distances.h"

#include "base/integer.h"
#include "base/vectorize.h"
#include "judge/record_set.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOGETHER = 4 }; /* records whose distances are found side by side */

void vq_distances_block(const vq_distances *d, size_t first, size_t count, float *out) {
    if (d->block)
        d->block(d->self, first, count, out);
    else
        for (size_t i = 0; i < count; i++)
            d->row(d->self, first + i, out + i * d->rows);
}

void vq_distances_destroy(vq_distances *d) {
    if (d && d->destroy)
        d->destroy(d->self);
    if (d)
        *d = (vq_distances){0};
}

/* ---- Points -------------------------------------------------------------------------------------------------------------------- */

typedef struct points {
    size_t rows, width; /* padded with zeros */
    const float *values;
    float *copy; /* NULL: they are borrowed */
} points;

static void points_destroy(void *self) {
    points *p = self;
    if (p)
        free(p->copy);
    free(p);
}

/* Sums of squares of differences from one point to TOGETHER others, which lie `width` apart: as many sums that do not wait for each other,
 * each in VQ_LANES parts, which are shorter, so more exact. */
__attribute__((always_inline)) static inline void square_sums(float out[TOGETHER], const float *from, const float *to,
                                                              size_t width) {
    vq_lanes sum[TOGETHER] = {{0}};
    for (size_t w = 0; w < width; w += VQ_LANES) {
        vq_lanes a, b;
        memcpy(&b, to + w, sizeof b);
        for (int i = 0; i < TOGETHER; i++) {
            memcpy(&a, from + (size_t)i * width + w, sizeof a);
            a -= b;
            sum[i] += a * a;
        }
    }
    for (int i = 0; i < TOGETHER; i++) {
        float part[VQ_LANES];
        memcpy(part, &sum[i], sizeof part);
        for (int n = VQ_LANES / 2; n; n /= 2)
            for (int l = 0; l < n; l++)
                part[l] += part[l + n];
        out[i] = part[0];
    }
}

/* Squares of what is very near or very far leave the range of floats. */
static float exact_distance(const float *a, const float *b, size_t width) {
    double exact = 0;
    for (size_t w = 0; w < width; w++) {
        double d = (double)a[w] - (double)b[w];
        exact += d * d;
    }
    return (float)sqrt(exact);
}

VQ_VECTOR_UNITS static void points_block(const void *self, size_t first, size_t count, float *out) {
    const points *p = self;
    for (size_t j = 0; j < p->rows; j++) {
        const float *to = p->values + j * p->width;
        for (size_t i = 0; i < count; i += TOGETHER) {
            const size_t at = vq_min(first + i, p->rows - vq_min(p->rows, TOGETHER)), last = vq_min(i + TOGETHER, count);
            float sums[TOGETHER] = {0};
            if (p->rows >= TOGETHER)
                square_sums(sums, p->values + at * p->width, to, p->width);
            for (size_t n = i; n < last; n++) {
                const float sum = p->rows >= TOGETHER ? sums[first + n - at] : 0;
                out[n * p->rows + j] =
                    sum > 1e-30f && sum < 1e37f ? sqrtf(sum) : exact_distance(p->values + (first + n) * p->width, to, p->width);
            }
        }
    }
}

static void points_row(const void *self, size_t i, float *out) {
    points_block(self, i, 1, out);
}

static vq_status check_coordinates(const float *values, size_t rows, int width) {
    float largest = 0;
    for (size_t i = 0; i < rows * (size_t)width; i++) {
        if (!isfinite(values[i]))
            return vq_fail(VQDNA_ERR_NUMERIC, "point %zu has a coordinate that is not finite", i / (size_t)width);
        largest = fmaxf(largest, fabsf(values[i]));
    }
    if (2 * (double)largest * sqrt(width) > FLT_MAX)
        return vq_fail(VQDNA_ERR_NUMERIC, "coordinates up to %g are too large for distances", (double)largest);
    return VQDNA_OK;
}

vq_status vq_distances_of_points(vq_distances *out, const float *values, size_t rows, int width) {
    assert(width > 0);
    *out = (vq_distances){0};
    points *p = NULL;
    VQ_TRY(check_coordinates(values, rows, width));
    VQ_TRY(vq_alloc(&p, 1, sizeof *p));
    *p = (points){.rows = rows, .width = vq_round_up((size_t)width, VQ_LANES)};
    vq_status status = VQDNA_OK;
    p->values = values;
    if (p->width > (size_t)width) {
        VQ_TRY_OR(failed, vq_alloc(&p->copy, rows * p->width, sizeof *p->copy));
        for (size_t i = 0; i < rows; i++)
            memcpy(p->copy + i * p->width, values + i * (size_t)width, (size_t)width * sizeof *values);
        p->values = p->copy;
    }
    *out = (vq_distances){.rows = rows, .row = points_row, .block = points_block, .self = p, .destroy = points_destroy};
    return VQDNA_OK;
failed:
    points_destroy(p);
    return status;
}

/* ---- Sets of records ------------------------------------------------------------------------------------------------------------- */

vq_status vq_record_set_grow(void *array, size_t *room, size_t count, size_t size) {
    if (count < *room)
        return VQDNA_OK;
    size_t more = vq_max(vq_max(64, 2 * *room), count + 1);
    void *old, *grown;
    memcpy(&old, array, sizeof old);
    if (more > SIZE_MAX / size || !(grown = realloc(old, more * size)))
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory for %zu records", more);
    memcpy(array, &grown, sizeof grown);
    *room = more;
    return VQDNA_OK;
}

vq_status vq_record_set_add(vq_record_set *set, const char *name, const uint8_t *bases, size_t count) {
    return set->add(set, name, bases, count);
}

vq_status vq_record_set_take(vq_distances *out, vq_record_set *set) {
    *out = (vq_distances){0};
    vq_status status = set->take(out, set);
    set->destroy(set);
    return status;
}

void vq_record_set_destroy(vq_record_set *set) {
    if (set)
        set->destroy(set);
}

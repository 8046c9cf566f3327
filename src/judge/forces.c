#include "judge/forces.h"

#include "base/vectorize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TILE = 64, /* records that are pushed at once, and what a thread takes */
    RUN = 512, /* records whose pushes are added in float: their places stay in the first cache */
};

struct vq_forces {
    const vq_affinities *p;
    vq_workers workers;
    int divergence; /* whether it is asked for */
    size_t rows, blocks;
    float *x, *y;    /* [blocks * TILE]: places */
    double *push;    /* [rows][2] before the division by Z, */
    double *pull;    /* [rows][2] before the exaggeration */
    double *sum;     /* [blocks]: of Z, */
    double *entropy; /* [blocks]: of the sum of p ln(p / w), */
    double *mass;    /* [blocks]: of that of p */
};

/* Pushes on TILE records from `count` others, and the sums of w. A record has a lane, and its sums the order of the others. */
VQ_VECTOR_UNITS static void push_tile(float *restrict px, float *restrict py, float *restrict pw, const float *restrict xi,
                                      const float *restrict yi, const float *restrict xj, const float *restrict yj, int count) {
    for (int i = 0; i < TILE; i += VQ_LANES) {
        vq_lanes x, y, sx = {0}, sy = {0}, sw = {0};
        memcpy(&x, xi + i, sizeof x);
        memcpy(&y, yi + i, sizeof y);
        for (int j = 0; j < count; j++) {
            const vq_lanes dx = x - xj[j], dy = y - yj[j], w = 1 / (1 + dx * dx + dy * dy), ww = w * w;
            sw += w;
            sx += ww * dx;
            sy += ww * dy;
        }
        memcpy(px + i, &sx, sizeof sx);
        memcpy(py + i, &sy, sizeof sy);
        memcpy(pw + i, &sw, sizeof sw);
    }
}

/* The same from records [from, to), added to sums in double. */
static void push_from(double (*sum)[3], const vq_forces *f, size_t first, size_t from, size_t to) {
    float px[TILE], py[TILE], pw[TILE];
    for (size_t j = from; j < to; j += RUN) {
        push_tile(px, py, pw, f->x + first, f->y + first, f->x + j, f->y + j, (int)(to - j < RUN ? to - j : RUN));
        for (int i = 0; i < TILE; i++) {
            sum[i][0] += (double)px[i];
            sum[i][1] += (double)py[i];
            sum[i][2] += (double)pw[i];
        }
    }
}

/* Among themselves, each leaving itself out. Its own w of 1 subtracted later from a sum in float would leave noise in place of a
 * small Z. */
static void push_within(double (*sum)[3], const vq_forces *f, size_t first, size_t last) {
    for (size_t i = first; i < last; i++)
        for (size_t j = first; j < last; j++) {
            const double dx = (double)f->x[i] - (double)f->x[j], dy = (double)f->y[i] - (double)f->y[j],
                         w = 1 / (1 + dx * dx + dy * dy);
            sum[i - first][0] += i == j ? 0 : w * w * dx;
            sum[i - first][1] += i == j ? 0 : w * w * dy;
            sum[i - first][2] += i == j ? 0 : w;
        }
}

static void pull(vq_forces *f, size_t block, size_t first, size_t last) {
    const vq_affinities *p = f->p;
    double entropy = 0, mass = 0;
    for (size_t i = first; i < last; i++) {
        double sx = 0, sy = 0;
        for (size_t e = p->start[i]; e < p->start[i + 1]; e++) {
            const size_t j = (size_t)p->column[e];
            const float dx = f->x[i] - f->x[j], dy = f->y[i] - f->y[j], square = dx * dx + dy * dy, pw = p->value[e] / (1 + square);
            sx += (double)(pw * dx);
            sy += (double)(pw * dy);
            if (f->divergence && p->value[e] > 0) {
                entropy += (double)p->value[e] * (log((double)p->value[e]) + log1p((double)square));
                mass += (double)p->value[e];
            }
        }
        f->pull[2 * i] = sx;
        f->pull[2 * i + 1] = sy;
    }
    f->entropy[block] = entropy;
    f->mass[block] = mass;
}

static vq_status run_block(void *user, size_t block) {
    vq_forces *f = user;
    const size_t first = block * TILE, last = first + TILE < f->rows ? first + TILE : f->rows;
    double sum[TILE][3] = {0};
    push_from(sum, f, first, 0, first);
    push_within(sum, f, first, last);
    push_from(sum, f, first, last, f->rows);
    double z = 0;
    for (size_t i = first; i < last; i++) {
        f->push[2 * i] = sum[i - first][0];
        f->push[2 * i + 1] = sum[i - first][1];
        z += sum[i - first][2];
    }
    f->sum[block] = z;
    pull(f, block, first, last);
    return VQDNA_OK;
}

vq_status vq_forces_gradient(vq_forces *f, double *gradient, double *divergence, const double *xy, double exaggeration) {
    for (size_t i = 0; i < f->rows; i++) {
        f->x[i] = (float)xy[2 * i];
        f->y[i] = (float)xy[2 * i + 1];
    }
    f->divergence = divergence != NULL;
    VQ_TRY(vq_parallel(f->blocks, &f->workers, run_block, f));
    double z = 0, entropy = 0, mass = 0;
    for (size_t b = 0; b < f->blocks; b++) {
        z += f->sum[b];
        entropy += f->entropy[b];
        mass += f->mass[b];
    }
    const double share = z > 0 ? 1 / z : 0; /* one record alone */
    for (size_t i = 0; i < 2 * f->rows; i++)
        gradient[i] = 4 * (exaggeration * f->pull[i] - share * f->push[i]);
    if (divergence)
        *divergence = entropy + (z > 0 ? mass * log(z) : 0);
    return VQDNA_OK;
}

vq_status vq_forces_create(vq_forces **out, const vq_affinities *affinities, const vq_workers *workers) {
    vq_forces *f;
    vq_status status;
    *out = NULL;
    VQ_TRY(vq_alloc(&f, 1, sizeof *f));
    f->p = affinities;
    f->workers = *workers;
    f->rows = affinities->rows;
    f->blocks = (f->rows + TILE - 1) / TILE;
    VQ_TRY_OR(fail, vq_alloc(&f->x, f->blocks * TILE, sizeof *f->x));
    VQ_TRY_OR(fail, vq_alloc(&f->y, f->blocks * TILE, sizeof *f->y));
    VQ_TRY_OR(fail, vq_alloc(&f->push, f->rows, 2 * sizeof *f->push));
    VQ_TRY_OR(fail, vq_alloc(&f->pull, f->rows, 2 * sizeof *f->pull));
    VQ_TRY_OR(fail, vq_alloc(&f->sum, f->blocks, sizeof *f->sum));
    VQ_TRY_OR(fail, vq_alloc(&f->entropy, f->blocks, sizeof *f->entropy));
    VQ_TRY_OR(fail, vq_alloc(&f->mass, f->blocks, sizeof *f->mass));
    *out = f;
    return VQDNA_OK;
fail:
    vq_forces_destroy(f);
    return status;
}

void vq_forces_destroy(vq_forces *f) {
    if (!f)
        return;
    free(f->x);
    free(f->y);
    free(f->push);
    free(f->pull);
    free(f->sum);
    free(f->entropy);
    free(f->mass);
    free(f);
}

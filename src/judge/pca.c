#include "base/rng.h"
#include "judge/tsne.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Blocks do not follow the threads, since sums are added in the order of blocks. Directions beyond those asked for make the rest
 * come sooner: an error shrinks by the ratio of the first variance left out to its own each round. */
enum { BLOCKS = 32, OVERSAMPLE = 8, MOST_ROUNDS = 200, MOST_SWEEPS = 60 };
static const double stands_still = 1e-9, vanished = 1e-12;

typedef struct subspace {
    const float *points;
    size_t rows, width;
    size_t m;         /* directions */
    double *mean;     /* [width] */
    double *q;        /* [width][m], orthonormal or 0 */
    double *z;        /* [width][m]: the scatter times q */
    double *part;     /* [BLOCKS][width][m]: shares of blocks of rows in z */
    double *row;      /* [BLOCKS][width + m]: a centred row, its coordinates */
    double *t, *turn; /* [m][m]: q' z, and its eigenvectors in columns */
    double *value;    /* [m]: its eigenvalues, falling */
    double *swap;     /* [m] */
} subspace;

static void center(double *row, const subspace *s, size_t i) {
    for (size_t d = 0; d < s->width; d++)
        row[d] = (double)s->points[i * s->width + d] - s->mean[d];
}

/* From the first row on, so that where all are equal nothing is left. */
static void average(subspace *s) {
    for (size_t i = 1; i < s->rows; i++)
        for (size_t d = 0; d < s->width; d++)
            s->mean[d] += (double)s->points[i * s->width + d] - (double)s->points[d];
    for (size_t d = 0; d < s->width; d++)
        s->mean[d] = (double)s->points[d] + s->mean[d] / (double)s->rows;
}

/* The trace of the scatter. */
static double variance(subspace *s) {
    double total = 0;
    for (size_t i = 0; i < s->rows; i++) {
        center(s->row, s, i);
        for (size_t d = 0; d < s->width; d++)
            total += s->row[d] * s->row[d];
    }
    return total;
}

/* part = X' (X q) over the rows of a block. */
static vq_status scatter_block(void *user, size_t block) {
    const subspace *s = user;
    const size_t width = s->width, m = s->m;
    double *restrict part = s->part + block * width * m, *restrict row = s->row + block * (width + m), *restrict at = row + width;
    const double *restrict q = s->q;
    memset(part, 0, width * m * sizeof *part);
    for (size_t i = s->rows * block / BLOCKS; i < s->rows * (block + 1) / BLOCKS; i++) {
        center(row, s, i);
        memset(at, 0, m * sizeof *at);
        for (size_t d = 0; d < width; d++)
            for (size_t c = 0; c < m; c++)
                at[c] += row[d] * q[d * m + c];
        for (size_t d = 0; d < width; d++)
            for (size_t c = 0; c < m; c++)
                part[d * m + c] += row[d] * at[c];
    }
    return VQDNA_OK;
}

static vq_status multiply(subspace *s, const vq_workers *workers) {
    const size_t cells = s->width * s->m;
    VQ_TRY(vq_parallel(BLOCKS, workers, scatter_block, s));
    memcpy(s->z, s->part, cells * sizeof *s->z);
    for (size_t b = 1; b < BLOCKS; b++)
        for (size_t i = 0; i < cells; i++)
            s->z[i] += s->part[b * cells + i];
    return VQDNA_OK;
}

/* Gram and Schmidt, twice over, which is enough (Parlett). A column that earlier ones span but for rounding becomes 0: there is
 * no such direction in the points. */
static void orthonormalize(double *q, size_t width, size_t m) {
    for (size_t c = 0; c < m; c++)
        for (int pass = 0; pass < 2; pass++) {
            double before = 0, after = 0;
            for (size_t d = 0; d < width; d++)
                before += q[d * m + c] * q[d * m + c];
            for (size_t b = 0; b < c; b++) {
                double dot = 0;
                for (size_t d = 0; d < width; d++)
                    dot += q[d * m + b] * q[d * m + c];
                for (size_t d = 0; d < width; d++)
                    q[d * m + c] -= dot * q[d * m + b];
            }
            for (size_t d = 0; d < width; d++)
                after += q[d * m + c] * q[d * m + c];
            const double scale = after > vanished * vanished * before ? 1 / sqrt(after) : 0;
            for (size_t d = 0; d < width; d++)
                q[d * m + c] *= scale;
        }
}

/* Eigenvectors of t by Jacobi's rotations (Golub and Van Loan, 8.5), in the columns of turn, by falling value. */
static void diagonalize(subspace *s) {
    const size_t m = s->m;
    double *t = s->t, *v = s->turn;
    for (size_t i = 0; i < m * m; i++)
        v[i] = i % (m + 1) == 0;
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        double off = 0, on = 0;
        for (size_t i = 0; i < m * m; i++)
            *(i % (m + 1) ? &off : &on) += t[i] * t[i];
        if (off <= 1e-32 * on)
            break;
        for (size_t a = 0; a < m; a++)
            for (size_t b = a + 1; b < m; b++) {
                if (t[a * m + b] == 0)
                    continue;
                const double angle = (t[b * m + b] - t[a * m + a]) / (2 * t[a * m + b]);
                const double tangent = (angle < 0 ? -1 : 1) / (fabs(angle) + hypot(angle, 1));
                const double cosine = 1 / hypot(tangent, 1), sine = tangent * cosine;
                for (size_t i = 0; i < m; i++) {
                    const double x = t[i * m + a], y = t[i * m + b];
                    t[i * m + a] = cosine * x - sine * y;
                    t[i * m + b] = sine * x + cosine * y;
                }
                for (size_t i = 0; i < m; i++) {
                    const double x = t[a * m + i], y = t[b * m + i], vx = v[i * m + a], vy = v[i * m + b];
                    t[a * m + i] = cosine * x - sine * y;
                    t[b * m + i] = sine * x + cosine * y;
                    v[i * m + a] = cosine * vx - sine * vy;
                    v[i * m + b] = sine * vx + cosine * vy;
                }
            }
    }
    for (size_t c = 0; c < m; c++)
        s->value[c] = t[c * m + c];
    for (size_t c = 0; c < m; c++) {
        size_t most = c;
        for (size_t b = c + 1; b < m; b++)
            most = s->value[b] > s->value[most] ? b : most;
        const double value = s->value[c];
        s->value[c] = s->value[most];
        s->value[most] = value;
        for (size_t i = 0; i < m; i++) {
            const double x = v[i * m + c];
            v[i * m + c] = v[i * m + most];
            v[i * m + most] = x;
        }
    }
}

/* columns = columns turn. */
static void rotate(double *columns, subspace *s) {
    const size_t m = s->m;
    for (size_t d = 0; d < s->width; d++) {
        memcpy(s->swap, columns + d * m, m * sizeof *s->swap);
        for (size_t c = 0; c < m; c++) {
            double sum = 0;
            for (size_t b = 0; b < m; b++)
                sum += s->swap[b] * s->turn[b * m + c];
            columns[d * m + c] = sum;
        }
    }
}

/* How far z is from value q, the largest of the first `count` directions; an error of a direction is at most this over the
 * distance of its value to the next. */
static double residual(const subspace *s, size_t count) {
    double most = 0;
    for (size_t c = 0; c < count; c++) {
        double sum = 0;
        for (size_t d = 0; d < s->width; d++) {
            const double off = s->z[d * s->m + c] - s->value[c] * s->q[d * s->m + c];
            sum += off * off;
        }
        most = fmax(most, sqrt(sum));
    }
    return most;
}

static vq_status iterate(subspace *s, size_t count, const vq_workers *workers) {
    const size_t m = s->m;
    for (size_t i = 0; i < s->width * m; i++)
        s->q[i] = 2 * vq_rng_uniform(1, VQ_STREAM_MAP, 0, i) - 1;
    orthonormalize(s->q, s->width, m);
    for (int round = 0;; round++) {
        VQ_TRY(multiply(s, workers));
        memset(s->t, 0, m * m * sizeof *s->t);
        for (size_t d = 0; d < s->width; d++)
            for (size_t a = 0; a < m; a++)
                for (size_t b = 0; b < m; b++)
                    s->t[a * m + b] += s->q[d * m + a] * s->z[d * m + b];
        for (size_t a = 0; a < m; a++)
            for (size_t b = a + 1; b < m; b++)
                s->t[a * m + b] = s->t[b * m + a] = (s->t[a * m + b] + s->t[b * m + a]) / 2;
        diagonalize(s);
        rotate(s->q, s);
        rotate(s->z, s);
        if (round == MOST_ROUNDS || residual(s, count < m ? count : m) <= stands_still * s->value[0])
            return VQDNA_OK;
        memcpy(s->q, s->z, s->width * m * sizeof *s->q);
        orthonormalize(s->q, s->width, m);
    }
}

/* Coordinates of all rows in a component, positive where they are largest in magnitude. */
static void project(float *coordinates, const subspace *s, size_t c, size_t count) {
    float most = 0;
    for (size_t i = 0; i < s->rows; i++) {
        double at = 0;
        for (size_t d = 0; d < s->width; d++)
            at += ((double)s->points[i * s->width + d] - s->mean[d]) * s->q[d * s->m + c];
        coordinates[i * count + c] = (float)at;
        most = fabsf((float)at) > fabsf(most) ? (float)at : most;
    }
    for (size_t i = 0; most < 0 && i < s->rows; i++)
        coordinates[i * count + c] *= -1;
}

vq_status vq_pca(float *coordinates, double *share, const float *points, size_t rows, int width, int count,
                 const vq_workers *workers) {
    assert(width > 0 && count > 0);
    const size_t W = (size_t)width, n = (size_t)count, most = rows < W ? rows : W,
                 m = most < n + OVERSAMPLE ? most : n + OVERSAMPLE;
    subspace s = {.points = points, .rows = rows, .width = W, .m = m};
    double total = 0;
    vq_status status = VQDNA_OK;
    memset(coordinates, 0, rows * n * sizeof *coordinates);
    memset(share, 0, n * sizeof *share);
    if (rows == 0)
        return VQDNA_OK;
    VQ_TRY_OR(done, vq_alloc(&s.mean, W, sizeof *s.mean));
    VQ_TRY_OR(done, vq_alloc(&s.q, W * m, sizeof *s.q));
    VQ_TRY_OR(done, vq_alloc(&s.z, W * m, sizeof *s.z));
    VQ_TRY_OR(done, vq_alloc(&s.part, W * m, BLOCKS * sizeof *s.part));
    VQ_TRY_OR(done, vq_alloc(&s.row, W + m, BLOCKS * sizeof *s.row));
    VQ_TRY_OR(done, vq_alloc(&s.t, m * m, sizeof *s.t));
    VQ_TRY_OR(done, vq_alloc(&s.turn, m * m, sizeof *s.turn));
    VQ_TRY_OR(done, vq_alloc(&s.value, m, sizeof *s.value));
    VQ_TRY_OR(done, vq_alloc(&s.swap, m, sizeof *s.swap));
    average(&s);
    total = variance(&s);
    VQ_TRY_OR(done, iterate(&s, n, workers));
    for (size_t c = 0; c < n && c < m && s.value[c] > vanished * total; c++) {
        share[c] = s.value[c] / total;
        project(coordinates, &s, c, n);
    }
done:
    free(s.mean);
    free(s.q);
    free(s.z);
    free(s.part);
    free(s.row);
    free(s.t);
    free(s.turn);
    free(s.value);
    free(s.swap);
    return status;
}

/* Principal components against Jacobi's eigenvalues, and t-SNE: its widths, its gradient, what a map must show, and that it
 * repeats. */
#include "base/rng.h"
#include "judge/forces.h"
#include "judge/tsne.h"
#include "scratch.h"

#include <math.h>

enum { MOST_WIDTH = 64 };

static double normal(uint64_t seed, uint64_t i, uint64_t d) {
    double u = vq_rng_uniform(seed, VQ_STREAM_TEST, i, 2 * d), v = vq_rng_uniform(seed, VQ_STREAM_TEST, i, 2 * d + 1);
    return sqrt(-2 * log(1 - u)) * cos(2 * M_PI * v);
}

static void *room(size_t count, size_t size) {
    void *p;
    ck_ok(vq_alloc(&p, count, size));
    return p;
}

/* ---- Principal components ---------------------------------------------------------------------------------------------------- */

/* Eigenvalues of a symmetric matrix to its diagonal, unsorted, and eigenvectors in the columns of v. */
static void jacobi(double (*a)[MOST_WIDTH], double (*v)[MOST_WIDTH], int n) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            v[i][j] = i == j;
    for (int sweep = 0; sweep < 100; sweep++)
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                if (a[p][q] == 0)
                    continue;
                double angle = atan2(2 * a[p][q], a[p][p] - a[q][q]) / 2, c = cos(angle), s = sin(angle);
                for (int k = 0; k < n; k++) {
                    double x = a[k][p], y = a[k][q];
                    a[k][p] = c * x + s * y;
                    a[k][q] = c * y - s * x;
                }
                for (int k = 0; k < n; k++) {
                    double x = a[p][k], y = a[q][k], vx = v[k][p], vy = v[k][q];
                    a[p][k] = c * x + s * y;
                    a[q][k] = c * y - s * x;
                    v[k][p] = c * vx + s * vy;
                    v[k][q] = c * vy - s * vx;
                }
            }
}

/* Points of falling deviations, turned so that no component is an axis, far from the origin. */
static void tilted(float *points, int rows, int width, double fall) {
    for (int i = 0; i < rows; i++) {
        double x[MOST_WIDTH], sum = 0;
        for (int d = 0; d < width; d++) {
            x[d] = normal(1, (uint64_t)i, (uint64_t)d) * pow(fall, d);
            sum += x[d];
        }
        for (int d = 0; d < width; d++) /* Householder's reflection at (1, ..., 1) */
            points[i * width + d] = (float)(100 + x[d] - 2 * sum / width);
    }
}

static void against_jacobi(int rows, int width, int count, double fall, double tolerance) {
    float *points = room((size_t)rows * (size_t)width, sizeof *points), *at = room((size_t)rows * (size_t)count, sizeof *at);
    static double a[MOST_WIDTH][MOST_WIDTH], v[MOST_WIDTH][MOST_WIDTH];
    double mean[MOST_WIDTH] = {0}, share[MOST_WIDTH], total = 0;
    tilted(points, rows, width, fall);
    for (int i = 0; i < rows; i++)
        for (int d = 0; d < width; d++)
            mean[d] += (double)points[i * width + d] / rows;
    memset(a, 0, sizeof a);
    for (int i = 0; i < rows; i++)
        for (int d = 0; d < width; d++)
            for (int e = 0; e < width; e++)
                a[d][e] += ((double)points[i * width + d] - mean[d]) * ((double)points[i * width + e] - mean[e]);
    jacobi(a, v, width);
    for (int d = 0; d < width; d++)
        total += a[d][d];
    ck_ok(vq_pca(at, share, points, (size_t)rows, width, count, VQ_THREADS(1)));
    for (int c = 0; c < count; c++) {
        int most = 0;
        for (int d = 1; d < width; d++)
            most = a[d][d] > a[most][most] ? d : most;
        ck_assert_double_eq_tol(share[c], a[most][most] / total, 1e-9);
        /* The sign from the reference's own largest coordinate. */
        double sign = 0, deviation = sqrt(a[most][most] / rows);
        for (int pass = 0; pass < 2; pass++)
            for (int i = 0; i < rows; i++) {
                double x = 0;
                for (int d = 0; d < width; d++)
                    x += ((double)points[i * width + d] - mean[d]) * v[d][most];
                if (pass)
                    ck_assert_double_eq_tol(at[i * count + c], sign > 0 ? x : -x, tolerance * deviation);
                else
                    sign = fabs(x) > fabs(sign) ? x : sign;
            }
        a[most][most] = -1;
    }
    free(points);
    free(at);
}

START_TEST(components) {
    against_jacobi(500, 24, 5, 0.8, 1e-4);
    against_jacobi(300, 64, 2, 0.97, 1e-4); /* small gaps: many rounds */
    against_jacobi(9, 40, 3, 0.9, 1e-4);    /* fewer points than coordinates */
    against_jacobi(200, 3, 3, 0.5, 1e-4);   /* all there are */
}
END_TEST

START_TEST(shares_are_all) {
    float *points = room(400 * 12, sizeof *points), *at = room(400 * 12, sizeof *at);
    double share[12], sum = 0;
    tilted(points, 400, 12, 0.9);
    ck_ok(vq_pca(at, share, points, 400, 12, 12, VQ_THREADS(2)));
    for (int c = 0; c < 12; c++) {
        sum += share[c];
        ck_assert(c == 0 || share[c] <= share[c - 1]);
    }
    ck_assert_double_eq_tol(sum, 1, 1e-10);
    free(points);
    free(at);
}
END_TEST

START_TEST(degenerate_points) {
    float points[20 * 3], at[20 * 4];
    double share[4];
    for (int i = 0; i < 60; i++)
        points[i] = 0.1f;
    ck_ok(vq_pca(at, share, points, 20, 3, 4, VQ_THREADS(1))); /* one place, and more components than coordinates */
    for (int i = 0; i < 80; i++)
        ck_assert(at[i] == 0 && share[i % 4] == 0);
    for (int i = 0; i < 20; i++)
        for (int d = 0; d < 3; d++)
            points[i * 3 + d] = (float)(i * (d + 1));
    ck_ok(vq_pca(at, share, points, 20, 3, 4, VQ_THREADS(1))); /* one line */
    ck_assert_double_eq_tol(share[0], 1, 1e-12);
    for (int i = 0; i < 20; i++) {
        ck_assert_double_eq_tol(fabs((double)at[4 * i]), fabs(i - 9.5) * sqrt(14), 1e-4);
        ck_assert(at[4 * i + 1] == 0 && at[4 * i + 2] == 0 && at[4 * i + 3] == 0);
    }
    ck_ok(vq_pca(at, share, points, 1, 3, 2, VQ_THREADS(1)));
    ck_assert(at[0] == 0 && at[1] == 0 && share[0] == 0);
}
END_TEST

START_TEST(components_repeat) {
    float *points = room(1000 * 30, sizeof *points), *one = room(1000 * 2, sizeof *one), *three = room(1000 * 2, sizeof *three);
    double a[2], b[2];
    tilted(points, 1000, 30, 0.95);
    ck_ok(vq_pca(one, a, points, 1000, 30, 2, VQ_THREADS(1)));
    ck_ok(vq_pca(three, b, points, 1000, 30, 2, VQ_THREADS(3)));
    ck_assert(memcmp(one, three, 2000 * sizeof *one) == 0 && memcmp(a, b, sizeof a) == 0);
    free(points);
    free(one);
    free(three);
}
END_TEST

/* ---- t-SNE ------------------------------------------------------------------------------------------------------------------- */

typedef struct crowd {
    int rows, width, k;
    float *points;
    int32_t *index;
    float *distance;
} crowd;

/* The k nearest others of each point, by looking at all. */
static void nearest(int32_t *index, float *distance, const float *points, int rows, int width, int k) {
    double *squares = room((size_t)rows, sizeof *squares);
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < rows; j++) {
            squares[j] = 0;
            for (int d = 0; d < width; d++)
                squares[j] += pow((double)points[i * width + d] - (double)points[j * width + d], 2);
        }
        squares[i] = INFINITY;
        for (int n = 0; n < k; n++) {
            int best = 0;
            for (int j = 1; j < rows; j++)
                best = squares[j] < squares[best] ? j : best;
            index[i * k + n] = best;
            distance[i * k + n] = (float)sqrt(squares[best]);
            squares[best] = INFINITY;
        }
    }
    free(squares);
}

/* Gaussians of deviation 1, one after the other, `apart` from one another. */
static crowd gather(int rows, int width, int groups, double apart, int k) {
    crowd c = {rows, width, k};
    c.points = room((size_t)(rows * width), sizeof *c.points);
    c.index = room((size_t)(rows * k), sizeof *c.index);
    c.distance = room((size_t)(rows * k), sizeof *c.distance);
    for (int i = 0; i < rows; i++)
        for (int d = 0; d < width; d++)
            c.points[i * width + d] = (float)(normal(3, (uint64_t)i, (uint64_t)d) + (i * groups / rows == d ? apart : 0));
    nearest(c.index, c.distance, c.points, rows, width, k);
    return c;
}

static void disperse(crowd *c) {
    free(c->points);
    free(c->index);
    free(c->distance);
}

static vq_status map_of(float *xy, const crowd *c, const float *start, vq_tsne_options o) {
    return vq_tsne(xy, c->index, c->distance, (size_t)c->rows, c->k, start, &o);
}

START_TEST(perplexity_is_reached) {
    crowd c = gather(400, 10, 3, 20, 90);
    double p[90];
    for (int i = 0; i < c.rows; i++)
        for (double wanted = 5; wanted <= 45; wanted += 20) {
            double reached = vq_affinity_row(p, c.distance + i * c.k, c.k, wanted), entropy = 0, sum = 0;
            for (int j = 0; j < c.k; j++) {
                entropy -= p[j] > 0 ? p[j] * log(p[j]) : 0;
                sum += p[j];
            }
            ck_assert_double_eq_tol(exp(entropy), wanted, 1e-3);
            ck_assert_double_eq_tol(reached, wanted, 1e-3);
            ck_assert_double_eq_tol(sum, 1, 1e-12);
        }
    float equal[] = {0, 0, 0, 0}, ties[] = {1, 1, 1, 3}, wide[] = {0, 1e30f};
    ck_assert_double_eq_tol(vq_affinity_row(p, equal, 4, 2), 4, 1e-9);
    ck_assert_double_eq_tol(vq_affinity_row(p, ties, 4, 2), 3, 1e-9); /* not below the number of nearest ones */
    ck_assert_double_eq_tol(vq_affinity_row(p, ties, 4, 30), 4, 1e-9);
    ck_assert_double_eq_tol(vq_affinity_row(p, wide, 2, 1.5), 1.5, 1e-6);
    ck_assert_double_eq_tol(vq_affinity_row(p, wide, 2, 0.3), 1, 1e-6);
    disperse(&c);
}
END_TEST

START_TEST(affinities_are_symmetric) {
    crowd c = gather(300, 4, 3, 5, 30);
    vq_affinities a;
    double *full = room(300 * 300, sizeof *full), p[30], sum = 0;
    for (int i = 0; i < 300; i++) {
        vq_affinity_row(p, c.distance + i * 30, 30, 10);
        for (int j = 0; j < 30; j++) {
            full[i * 300 + c.index[i * 30 + j]] += p[j] / 600;
            full[c.index[i * 30 + j] * 300 + i] += p[j] / 600;
        }
    }
    ck_ok(vq_affinities_create(&a, c.index, c.distance, 300, 30, 10, VQ_THREADS(2)));
    for (size_t i = 0; i < 300; i++)
        for (size_t e = a.start[i]; e < a.start[i + 1]; e++) {
            double *there = &full[i * 300 + (size_t)a.column[e]];
            ck_assert(e == a.start[i] || a.column[e] > a.column[e - 1]);
            ck_assert_double_eq_tol((double)a.value[e], *there, 1e-9);
            sum += (double)a.value[e];
            *there = 0;
        }
    for (int i = 0; i < 300 * 300; i++)
        ck_assert(full[i] == 0);
    ck_assert_double_eq_tol(sum, 1, 1e-6);
    vq_affinities_destroy(&a);
    disperse(&c);
    free(full);
}
END_TEST

/* The divergence as it is written, with p times the exaggeration in it: its gradient is the forces'. */
static double divergence(const vq_affinities *a, const double *xy, double exaggeration) {
    double z = 0, sum = 0;
    for (size_t i = 0; i < a->rows; i++)
        for (size_t j = 0; j < a->rows; j++)
            z += i == j ? 0 : 1 / (1 + pow(xy[2 * i] - xy[2 * j], 2) + pow(xy[2 * i + 1] - xy[2 * j + 1], 2));
    for (size_t i = 0; i < a->rows; i++)
        for (size_t e = a->start[i]; e < a->start[i + 1]; e++) {
            size_t j = (size_t)a->column[e];
            double p = (double)a->value[e], w = 1 / (1 + pow(xy[2 * i] - xy[2 * j], 2) + pow(xy[2 * i + 1] - xy[2 * j + 1], 2));
            sum += exaggeration * p * log(p / w);
        }
    return sum + log(z);
}

/* Several tiles and runs, the last of each cut short. */
START_TEST(gradient) {
    enum { ROWS = 700 };
    crowd c = gather(ROWS, 5, 3, 6, 30);
    vq_affinities a;
    vq_forces *f;
    double *xy = room(2 * ROWS, sizeof *xy), *g = room(2 * ROWS, sizeof *g), most = 0, told;
    ck_ok(vq_affinities_create(&a, c.index, c.distance, ROWS, c.k, 10, VQ_THREADS(1)));
    ck_ok(vq_forces_create(&f, &a, VQ_THREADS(2)));
    for (int i = 0; i < 2 * ROWS; i++) /* what a float can hold, so that both see the same places */
        xy[i] = (double)(float)(3 * normal(9, (uint64_t)i, 0));
    ck_ok(vq_forces_gradient(f, g, &told, xy, 1));
    ck_assert_double_eq_tol(told, divergence(&a, xy, 1), 1e-5);
    for (int exaggeration = 1; exaggeration <= 12; exaggeration += 11) {
        ck_ok(vq_forces_gradient(f, g, NULL, xy, exaggeration));
        most = 0;
        for (int i = 0; i < 2 * ROWS; i++)
            most = fmax(most, fabs(g[i]));
        for (int i = 0; i < 2 * ROWS; i += 2 * ROWS / 25 - 1) {
            double here = xy[i], h = 1e-4;
            xy[i] = here + h;
            double more = divergence(&a, xy, exaggeration);
            xy[i] = here - h;
            double less = divergence(&a, xy, exaggeration);
            xy[i] = here;
            ck_assert_msg(fabs(g[i] - (more - less) / (2 * h)) <= 1e-5 * most, "%d: %g instead of %g, of %g", i, g[i],
                          (more - less) / (2 * h), most);
        }
    }
    vq_forces_destroy(f);
    vq_affinities_destroy(&a);
    disperse(&c);
    free(xy);
    free(g);
}
END_TEST

static double divergence_of(const crowd *c, const float *xy, double perplexity) {
    vq_affinities a;
    vq_forces *f;
    double *at = room(2 * (size_t)c->rows, sizeof *at), *g = room(2 * (size_t)c->rows, sizeof *g), out;
    for (int i = 0; i < 2 * c->rows; i++)
        at[i] = (double)xy[i];
    ck_ok(vq_affinities_create(&a, c->index, c->distance, (size_t)c->rows, c->k, perplexity, VQ_THREADS(1)));
    ck_ok(vq_forces_create(&f, &a, VQ_THREADS(1)));
    ck_ok(vq_forces_gradient(f, g, &out, at, 1));
    vq_forces_destroy(f);
    vq_affinities_destroy(&a);
    free(at);
    free(g);
    return out;
}

START_TEST(clusters_stay_apart) {
    enum { ROWS = 300 };
    crowd c = gather(ROWS, 10, 3, 20, 60);
    float xy[2 * ROWS], begun[2 * ROWS], start[2 * ROWS], near[10 * ROWS];
    int32_t index[10 * ROWS];
    double share[2];
    ck_ok(vq_pca(start, share, c.points, ROWS, c.width, 2, VQ_THREADS(1)));
    for (int given = 0; given < 2; given++) {
        vq_tsne_options o = {.perplexity = 20, .workers = {.threads = 2}, .iterations = 1};
        ck_ok(map_of(begun, &c, given ? start : NULL, o));
        o.iterations = 0;
        ck_ok(map_of(xy, &c, given ? start : NULL, o));
        double first = divergence_of(&c, begun, 20), last = divergence_of(&c, xy, 20);
        ck_assert_msg(last < first / 2 && last > 0, "divergence from %g to %g", first, last);
        nearest(index, near, xy, ROWS, 2, 10);
        for (int i = 0; i < 10 * ROWS; i++)
            ck_assert_int_eq(index[i] / (ROWS / 3), i / 10 / (ROWS / 3));
        double mean[2] = {0};
        for (int i = 0; i < 2 * ROWS; i++)
            mean[i % 2] += (double)xy[i] / ROWS;
        ck_assert(fabs(mean[0]) < 1e-4 && fabs(mean[1]) < 1e-4);
    }
    disperse(&c);
}
END_TEST

START_TEST(map_repeats) {
    enum { ROWS = 250 };
    crowd c = gather(ROWS, 6, 2, 8, 30);
    float one[2 * ROWS], three[2 * ROWS], other[2 * ROWS], scaled[2 * ROWS], start[2 * ROWS];
    vq_tsne_options o = {.perplexity = 10, .iterations = 120, .workers = {.threads = 1}};
    ck_ok(map_of(one, &c, NULL, o));
    o.workers.threads = 3;
    o.seed = 1; /* the default */
    ck_ok(map_of(three, &c, NULL, o));
    ck_assert(memcmp(one, three, sizeof one) == 0);
    o.seed = 2;
    ck_ok(map_of(other, &c, NULL, o));
    ck_assert(memcmp(one, other, sizeof one) != 0);
    for (int i = 0; i < 2 * ROWS; i++)
        start[i] = c.points[i / 2 * c.width + i % 2];
    ck_ok(map_of(one, &c, start, o));
    for (int i = 0; i < 2 * ROWS; i++)
        start[i] *= 1024;
    ck_ok(map_of(scaled, &c, start, o));
    ck_assert(memcmp(one, scaled, sizeof one) == 0 && memcmp(one, other, sizeof one) != 0);
    disperse(&c);
}
END_TEST

/* The first quarter of the iterations, and no other, knows the exaggeration. */
START_TEST(exaggeration_ends) {
    enum { ROWS = 100 };
    crowd c = gather(ROWS, 4, 2, 8, 15);
    float plain[2 * ROWS], more[2 * ROWS];
    for (int iterations = 3; iterations <= 4; iterations++) {
        vq_tsne_options o = {
            .perplexity = 5, .iterations = iterations, .learning_rate = 50, .exaggeration = 1, .workers = {.threads = 1}};
        ck_ok(map_of(plain, &c, NULL, o));
        o.exaggeration = 12;
        ck_ok(map_of(more, &c, NULL, o));
        ck_assert_int_eq(memcmp(plain, more, sizeof plain) == 0, iterations < 4);
    }
    disperse(&c);
}
END_TEST

typedef struct watch {
    int asked, told, stop;
} watch;

static int asked(void *user) {
    watch *w = user;
    return ++w->asked > w->stop;
}

static void told(void *user, int iteration, int iterations) {
    watch *w = user;
    ck_assert_int_eq(iteration, ++w->told);
    ck_assert_int_eq(iterations, 50);
}

START_TEST(interruption) {
    crowd c = gather(60, 3, 2, 8, 15);
    float xy[120];
    watch w = {.stop = 7};
    vq_tsne_options o = {.perplexity = 5,
                         .iterations = 50,
                         .workers = {.threads = 1, .interrupted = asked, .user = &w},
                         .progress = told,
                         .user = &w};
    ck_fails(map_of(xy, &c, NULL, o), VQDNA_ERR_INTERRUPTED, "interrupted");
    ck_assert(w.asked == 8 && w.told == 6); /* once for the affinities, then once an iteration */
    w = (watch){.stop = 1000};
    ck_ok(map_of(xy, &c, NULL, o));
    ck_assert(w.told == 50);
    disperse(&c);
}
END_TEST

static void stays_finite(const crowd *c, const float *start, double perplexity) {
    float *xy = room(2 * (size_t)c->rows, sizeof *xy);
    ck_ok(map_of(xy, c, start,
                 (vq_tsne_options){.perplexity = perplexity, .workers = {.threads = 1}, .iterations = c->rows < 10 ? 0 : 300}));
    for (int i = 0; i < 2 * c->rows; i++)
        ck_assert_msg(isfinite(xy[i]), "%d records, coordinate %d: %g", c->rows, i, (double)xy[i]);
    free(xy);
}

START_TEST(degenerate_maps) {
    for (int rows = 1; rows <= 6; rows++) {
        crowd c = gather(rows, 2, 1, 0, rows - 1);
        stays_finite(&c, NULL, 30);
        stays_finite(&c, NULL, 1);
        memset(c.distance, 0, (size_t)(rows * c.k) * sizeof *c.distance);
        stays_finite(&c, NULL, 0);
        disperse(&c);
    }
    crowd c = gather(150, 4, 2, 9, 7); /* k far below 3 x perplexity, and below the perplexity */
    stays_finite(&c, NULL, 0);
    float *start = room(300, sizeof *start), *xy = room(300, sizeof *xy);
    stays_finite(&c, start, 3); /* a start in one place */
    for (int i = 0; i < 150; i++)
        start[2 * i] = (float)i;
    stays_finite(&c, start, 3); /* and on a line, which must become a plane */
    ck_ok(map_of(xy, &c, start, (vq_tsne_options){.perplexity = 3}));
    double squares[2] = {0};
    for (int i = 0; i < 300; i++)
        squares[i % 2] += (double)(xy[i] * xy[i]);
    ck_assert_double_gt(squares[1], squares[0] / 100);
    memset(c.distance, 0, 150 * 7 * sizeof *c.distance);
    stays_finite(&c, NULL, 30);
    disperse(&c);
    free(start);
    free(xy);

    c = gather(120, 3, 1, 0, 30); /* fifty records that are one */
    for (int i = 1; i < 50; i++)
        memcpy(c.points + 3 * i, c.points, 3 * sizeof *c.points);
    nearest(c.index, c.distance, c.points, 120, 3, 30);
    float at[240];
    double share[2];
    ck_ok(vq_pca(at, share, c.points, 120, 3, 2, VQ_THREADS(1)));
    stays_finite(&c, at, 10);
    stays_finite(&c, NULL, 10);
    disperse(&c);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tsne");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, components);
    tcase_add_test(t, shares_are_all);
    tcase_add_test(t, degenerate_points);
    tcase_add_test(t, components_repeat);
    tcase_add_test(t, perplexity_is_reached);
    tcase_add_test(t, affinities_are_symmetric);
    tcase_add_test(t, gradient);
    tcase_add_test(t, clusters_stay_apart);
    tcase_add_test(t, map_repeats);
    tcase_add_test(t, exaggeration_ends);
    tcase_add_test(t, interruption);
    tcase_add_test(t, degenerate_maps);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}

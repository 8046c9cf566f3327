/* Distances, neighbours and what they say of labels, against plain references in double. */
#include "base/rng.h"
#include "judge/neighbours.h"
#include "scratch.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <xxhash.h>

static uint64_t draws;

static double uniform(void) {
    return vq_rng_uniform(5, VQ_STREAM_TEST, 0, draws++);
}

static size_t below(size_t n) {
    return (size_t)(uniform() * (double)n);
}

static void *room(size_t count, size_t size) {
    void *p;
    ck_ok(vq_alloc(&p, count, size));
    return p;
}

/* All distances [rows][rows], of which the contract's general promises are checked. */
static float *all_distances(const vq_distances *d) {
    float *all = room(d->rows * d->rows, sizeof *all), *block = room(d->rows * d->rows, sizeof *block);
    for (size_t i = 0; i < d->rows; i++)
        d->row(d->self, i, all + i * d->rows);
    for (size_t i = 0; i < d->rows; i++) {
        ck_assert(all[i * d->rows + i] == 0);
        for (size_t j = 0; j < d->rows; j++)
            ck_assert(all[i * d->rows + j] >= 0 && all[i * d->rows + j] <= FLT_MAX && !signbit(all[i * d->rows + j]) &&
                      all[i * d->rows + j] == all[j * d->rows + i]);
    }
    for (size_t first = 0, count; first < d->rows; first += count) {
        count = 1 + first % 5;
        count = count < d->rows - first ? count : d->rows - first;
        vq_distances_block(d, first, count, block + first * d->rows);
    }
    ck_assert_mem_eq(all, block, d->rows * d->rows * sizeof *all);
    free(block);
    return all;
}

/* ---- Points --------------------------------------------------------------------------------------------------------------------- */

static void check_points(const float *points, size_t rows, int width, double tolerance) {
    vq_distances d;
    ck_ok(vq_distances_of_points(&d, points, rows, width));
    ck_assert_uint_eq(d.rows, rows);
    float *all = all_distances(&d);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < rows; j++) {
            double sum = 0;
            for (int w = 0; w < width; w++) {
                double each = (double)points[i * (size_t)width + (size_t)w] - (double)points[j * (size_t)width + (size_t)w];
                sum += each * each;
            }
            ck_assert_msg(fabs(sqrt(sum) - (double)all[i * rows + j]) <= tolerance * sqrt(sum),
                          "%zu %zu of width %d: %g instead of %g", i, j, width, (double)all[i * rows + j], sqrt(sum));
        }
    free(all);
    vq_distances_destroy(&d);
    vq_distances_destroy(&d);
}

START_TEST(points) {
    static const int widths[] = {1, 5, 16, 17, 64, 130, 1536};
    static const struct {
        float offset, scale;
    } kinds[] = {{0, 1}, {1000, 1}, {1e6f, 0.01f}, {0, 1e30f}, {0, 1e-30f}, {-3, 0}, {0, 0}};
    enum { ROWS = 37 };
    for (size_t n = 0; n < sizeof widths / sizeof *widths; n++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            float *p = room(ROWS * (size_t)widths[n], sizeof *p);
            for (size_t i = 0; i < ROWS * (size_t)widths[n]; i++)
                p[i] = kinds[k].offset + kinds[k].scale * (float)(uniform() - 0.5);
            memcpy(p + 3 * widths[n], p + 8 * widths[n], (size_t)widths[n] * sizeof *p);
            check_points(p, ROWS, widths[n], 1e-6);
            check_points(p, 2, widths[n], 1e-6);
            check_points(p, 1, widths[n], 1e-6);
            check_points(p, 0, widths[n], 1e-6);
            free(p);
        }
    float near[] = {1, 1 + FLT_EPSILON, -300};
    check_points(near, 3, 1, 1e-6);
    float small[] = {FLT_TRUE_MIN, 0, 5 * FLT_TRUE_MIN, 0};
    check_points(small, 2, 2, 1e-6);
}
END_TEST

START_TEST(refused_points) {
    vq_distances d;
    float p[] = {1, 2, 3, 4, 5, NAN};
    ck_fails(vq_distances_of_points(&d, p, 3, 2), VQDNA_ERR_NUMERIC, "point 2", "not finite");
    vq_distances_destroy(&d);
    p[5] = -INFINITY;
    ck_fails(vq_distances_of_points(&d, p, 3, 2), VQDNA_ERR_NUMERIC, "point 2", "not finite");
    p[5] = FLT_MAX;
    ck_fails(vq_distances_of_points(&d, p, 3, 2), VQDNA_ERR_NUMERIC, "too large");
    p[5] = FLT_MAX / 3;
    check_points(p, 3, 2, 1e-6);
    vq_distances_destroy(NULL);
}
END_TEST

/* ---- Records -------------------------------------------------------------------------------------------------------------------- */

static void take(vq_distances *d, vq_record_set *set, const uint8_t *bases, size_t rows, size_t stride, const size_t *length) {
    for (size_t i = 0; i < rows; i++) {
        char name[32];
        snprintf(name, sizeof name, "record%zu", i);
        ck_ok(vq_record_set_add(set, name, bases + i * stride, length ? length[i] : stride));
    }
    ck_ok(vq_record_set_take(d, set));
    ck_assert_uint_eq(d->rows, rows);
}

START_TEST(hamming) {
    static const size_t lengths[] = {0, 1, 63, 64, 65, 1000, 5000};
    static const double change[] = {0, 0.01, 1}, unknown[] = {0, 0.1, 1};
    enum { ROWS = 70 }; /* more than there is room for at first */
    for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++)
        for (int kind = 0; kind < 9; kind++) {
            size_t length = lengths[n];
            uint8_t *bases = room(ROWS * length, 1);
            for (size_t i = 0; i < ROWS * length; i++) {
                bases[i] = i < length || uniform() < change[kind % 3] ? (uint8_t)below(4) : bases[i - length];
                if (i >= length && uniform() < unknown[kind / 3])
                    bases[i] = (uint8_t)(4 + below(252)); /* and what follows is then too */
            }
            vq_record_set *set;
            vq_distances d;
            ck_ok(vq_hamming_create(&set));
            take(&d, set, bases, ROWS, length, NULL);
            float *all = all_distances(&d);
            for (size_t i = 0; i < ROWS; i++)
                for (size_t j = 0; j < ROWS; j++) {
                    int expected = 0;
                    for (size_t s = 0; s < length; s++) {
                        uint8_t a = bases[i * length + s], b = bases[j * length + s];
                        expected += a < 4 && b < 4 && a != b;
                    }
                    ck_assert_msg(all[i * ROWS + j] == (float)expected, "%g instead of %d", (double)all[i * ROWS + j], expected);
                }
            free(all);
            free(bases);
            vq_distances_destroy(&d);
        }
}
END_TEST

START_TEST(unaligned) {
    vq_record_set *set;
    vq_distances d;
    uint8_t bases[10] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1}, other[10] = {0, 1, 2, 3, 0, 1, 2, 3, 3, 9};
    ck_ok(vq_hamming_create(&set));
    ck_ok(vq_record_set_add(set, "alpha", bases, 9));
    ck_fails(vq_record_set_add(set, "beta", other, 10), VQDNA_ERR_INPUT, "beta", "10", "alpha", "9");
    ck_ok(vq_record_set_add(set, "gamma", other, 9));
    ck_ok(vq_record_set_take(&d, set));
    float *all = all_distances(&d);
    ck_assert(d.rows == 2 && all[1] == 1);
    free(all);
    vq_distances_destroy(&d);

    ck_ok(vq_hamming_create(&set)); /* none at all */
    take(&d, set, NULL, 0, 0, NULL);
    vq_distances_destroy(&d);
    ck_ok(vq_hamming_create(&set)); /* not taken */
    ck_ok(vq_record_set_add(set, "alpha", bases, 9));
    vq_record_set_destroy(set);
    vq_record_set_destroy(NULL);
}
END_TEST

static int by_hash(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts and drops what is there twice. */
static size_t set_of(uint64_t *hashes, size_t n) {
    size_t kept = 0;
    qsort(hashes, n, sizeof *hashes, by_hash);
    for (size_t i = 0; i < n; i++)
        if (!kept || hashes[i] != hashes[kept - 1])
            hashes[kept++] = hashes[i];
    return kept;
}

static size_t all_words(uint64_t *hashes, const uint8_t *bases, size_t length, int k) {
    size_t n = 0;
    for (size_t i = 0; i + (size_t)k <= length; i++) {
        uint64_t word[2] = {0, 0};
        int known = 1;
        for (int w = 0; w < k; w++) {
            known &= bases[i + (size_t)w] < 4;
            word[0] = word[0] << 2 | bases[i + (size_t)w];
            word[1] = word[1] << 2 | (3u - bases[i + (size_t)(k - 1 - w)]);
        }
        if (known)
            hashes[n++] = XXH3_64bits(word[0] < word[1] ? &word[0] : &word[1], sizeof *word);
    }
    return set_of(hashes, n);
}

static double mash_reference(const uint64_t *a, size_t of_a, const uint64_t *b, size_t of_b, size_t sketch, int k) {
    uint64_t *both = room(of_a + of_b, sizeof *both);
    memcpy(both, a, of_a * sizeof *a);
    memcpy(both + of_a, b, of_b * sizeof *b);
    size_t n = set_of(both, of_a + of_b), shared = 0;
    n = n < sketch ? n : sketch;
    for (size_t i = 0; i < n; i++)
        shared += bsearch(&both[i], a, of_a, sizeof *a, by_hash) && bsearch(&both[i], b, of_b, sizeof *b, by_hash);
    free(both);
    double j = n ? (double)shared / (double)n : 0;
    return j > 0 ? fmin(1, -log(2 * j / (1 + j)) / k) : 1;
}

static void check_mash(const uint8_t *bases, size_t rows, size_t stride, const size_t *length, int k, int sketch) {
    vq_record_set *set;
    vq_distances d;
    ck_ok(vq_mash_create(&set, k, sketch));
    take(&d, set, bases, rows, stride, length);
    float *all = all_distances(&d);
    uint64_t *words = room(rows * (stride + 1), sizeof *words);
    size_t *n = room(rows, sizeof *n);
    for (size_t i = 0; i < rows; i++)
        n[i] = all_words(words + i * stride, bases + i * stride, length[i], k);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < rows; j++) {
            double expected = i == j ? 0 : mash_reference(words + i * stride, n[i], words + j * stride, n[j], (size_t)sketch, k);
            ck_assert_msg(fabs((double)all[i * rows + j] - expected) <= 1e-6 * expected, "k %d, sketch %d: %g instead of %g", k,
                          sketch, (double)all[i * rows + j], expected);
        }
    free(n);
    free(words);
    free(all);
    vq_distances_destroy(&d);
}

START_TEST(mash) {
    enum { ROWS = 24, STRIDE = 3000 };
    static const int ks[] = {1, 2, 7, 16, 21, 31, 32}, sketches[] = {1, 10, 200, 1000, 100000};
    uint8_t *bases = room(ROWS * STRIDE, 1);
    size_t length[ROWS];
    for (size_t i = 0; i < ROWS * STRIDE; i++) { /* three families, each from one ancestor */
        size_t row = i / STRIDE;
        bases[i] = row < 3 || uniform() < 0.002 * (double)row ? (uint8_t)below(4) : bases[i - 3 * STRIDE];
    }
    for (size_t row = 0; row < ROWS; row++)
        length[row] = row % 5 == 4 ? below(STRIDE) : STRIDE;
    length[7] = 20;
    length[8] = 0;
    memcpy(bases + 10 * STRIDE, bases + 13 * STRIDE, STRIDE); /* the same, and its other strand */
    length[10] = length[13] = STRIDE;
    for (size_t i = 0; i < STRIDE; i++)
        bases[11 * STRIDE + i] = (uint8_t)(3 - bases[10 * STRIDE + STRIDE - 1 - i]);
    for (size_t i = 0; i < 300; i++)
        bases[(15 + below(9)) * STRIDE + below(STRIDE)] = 4;
    memset(bases + 12 * STRIDE, 9, STRIDE);
    for (size_t k = 0; k < sizeof ks / sizeof *ks; k++)
        for (size_t s = 0; s < sizeof sketches / sizeof *sketches; s++)
            check_mash(bases, ROWS, STRIDE, length, ks[k], sketches[s]);
    free(bases);

    vq_record_set *set;
    vq_distances d;
    ck_ok(vq_mash_create(&set, 21, 1000)); /* none at all */
    take(&d, set, NULL, 0, 0, NULL);
    vq_distances_destroy(&d);
    ck_ok(vq_mash_create(&set, 21, 1000)); /* not taken */
    vq_record_set_destroy(set);
}
END_TEST

/* Two strands and copies at 0, strangers at 1. */
START_TEST(mash_ends) {
    enum { LENGTH = 400 };
    uint8_t bases[4][LENGTH];
    size_t length[4] = {LENGTH, LENGTH, LENGTH, LENGTH};
    for (size_t i = 0; i < LENGTH; i++) {
        bases[0][i] = bases[1][i] = (uint8_t)below(4);
        bases[3][i] = (uint8_t)below(4);
    }
    for (size_t i = 0; i < LENGTH; i++)
        bases[2][i] = (uint8_t)(3 - bases[0][LENGTH - 1 - i]);
    vq_record_set *set;
    vq_distances d;
    ck_ok(vq_mash_create(&set, 21, 1000));
    take(&d, set, bases[0], 4, LENGTH, length);
    float *all = all_distances(&d);
    ck_assert(all[1] == 0 && all[2] == 0 && all[3] == 1);
    free(all);
    vq_distances_destroy(&d);
}
END_TEST

/* ---- Neighbours ------------------------------------------------------------------------------------------------------------------ */

static const float *sort_row;
static int by_distance(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return sort_row[x] != sort_row[y] ? (sort_row[x] > sort_row[y] ? 1 : -1) : (x > y) - (x < y);
}

static void check_neighbours(const vq_distances *d, int k) {
    size_t rows = d->rows, cells = rows * (size_t)k;
    int32_t *index = room(cells, sizeof *index), *again = room(cells, sizeof *again), *sorted = room(rows, sizeof *sorted);
    float *distance = room(cells, sizeof *distance), *same = room(cells, sizeof *same), *all = all_distances(d);
    ck_ok(vq_neighbours(index, distance, d, k, VQ_THREADS(1)));
    ck_ok(vq_neighbours(again, same, d, k, VQ_THREADS(3)));
    ck_assert_mem_eq(index, again, cells * sizeof *index);
    ck_assert_mem_eq(distance, same, cells * sizeof *distance);
    for (size_t i = 0; i < rows; i++) {
        size_t n = 0;
        for (size_t j = 0; j < rows; j++)
            if (j != i)
                sorted[n++] = (int32_t)j;
        sort_row = all + i * rows;
        qsort(sorted, n, sizeof *sorted, by_distance);
        for (size_t j = 0; j < (size_t)k; j++) {
            ck_assert_int_eq(index[i * (size_t)k + j], sorted[j]);
            ck_assert(distance[i * (size_t)k + j] == sort_row[sorted[j]]);
        }
    }
    free(index);
    free(again);
    free(sorted);
    free(distance);
    free(same);
    free(all);
}

/* rows points with `steps` values a coordinate (few: many ties; 1: all equal; 0: any). */
static void random_points(vq_distances *d, size_t rows, int width, size_t steps) {
    static float *p; /* of the last points, which their distances may borrow */
    free(p);
    p = room(rows * (size_t)width, sizeof *p);
    for (size_t i = 0; i < rows * (size_t)width; i++)
        p[i] = steps ? (float)below(steps) : (float)uniform();
    ck_ok(vq_distances_of_points(d, p, rows, width));
}

START_TEST(neighbours) {
    static const size_t rows[] = {2, 3, 8, 9, 100}, steps[] = {0, 1, 2};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
            for (int k = 1; k < (int)rows[r]; k += 1 + (k > 4) * (int)(rows[r] - 7)) { /* ends at rows - 1 */
                vq_distances d;
                random_points(&d, rows[r], 3, steps[s]);
                check_neighbours(&d, k);
                check_neighbours(&d, (int)rows[r] - 1);
                vq_distances_destroy(&d);
            }
}
END_TEST

/* Distances that know no blocks. */
static void ring_row(const void *self, size_t i, float *out) {
    size_t rows = *(const size_t *)self;
    for (size_t j = 0; j < rows; j++) {
        size_t apart = i > j ? i - j : j - i;
        out[j] = (float)(apart < rows - apart ? apart : rows - apart);
    }
}

START_TEST(rows_alone) {
    size_t rows = 29;
    vq_distances d = {.rows = rows, .row = ring_row, .self = &rows};
    for (int k = 1; k < (int)rows; k++)
        check_neighbours(&d, k);
    vq_distances_destroy(&d);
}
END_TEST

/* ---- Labels ---------------------------------------------------------------------------------------------------------------------- */

START_TEST(purity) {
    /* 0 and 1 of label 5, 2 of 7, 3 of none */
    static const int32_t index[] = {1, 2, 3, 3, 0, 2, 3, 1, 0, 0, 1, 2};
    static const int labels[] = {5, 5, 7, -1};
    ck_assert_double_eq_tol(vq_purity(index, 4, 3, 1, labels), 2.0 / 3, 1e-15);
    ck_assert_double_eq_tol(vq_purity(index, 4, 3, 2, labels), 1.0 / 3, 1e-15);
    ck_assert_double_eq_tol(vq_purity(index, 4, 3, 3, labels), 1.0 / 3, 1e-15); /* two have labels */
    static const int none[] = {-1, -1, -1, -1}, one[] = {4, 4, 4, 4}, lonely[] = {4, -1, -1, -1};
    ck_assert(isnan(vq_purity(index, 4, 3, 3, none)) && isnan(vq_purity(index, 4, 3, 3, lonely)));
    ck_assert(vq_purity(index, 4, 3, 3, one) == 1);
}
END_TEST

static double silhouette_reference(const float *all, size_t rows, const int *labels) {
    double total = 0;
    int records = 0;
    for (size_t i = 0; i < rows; i++) {
        if (labels[i] < 0)
            continue;
        double own = 0, nearest = INFINITY;
        int size = 0;
        for (size_t o = 0; o < rows; o++) { /* the cluster of o, as often as it has records */
            double sum = 0;
            int n = 0;
            for (size_t j = 0; j < rows; j++)
                if (labels[o] >= 0 && labels[j] == labels[o] && j != i) {
                    sum += (double)all[i * rows + j];
                    n++;
                }
            if (n && labels[o] == labels[i]) {
                own = sum / n;
                size = n;
            } else if (n)
                nearest = fmin(nearest, sum / n);
        }
        if (!size || isinf(nearest))
            continue;
        records++;
        total += fmax(own, nearest) > 0 ? (nearest - own) / fmax(own, nearest) : 0;
    }
    return records ? total / records : NAN;
}

/* The score of the area: the mean distance to the others of b less that to those of a; NAN unless there are two labels, twice each. */
static double auroc_reference(const float *all, size_t rows, const int *labels) {
    int a = INT_MAX, b = -1, of_a = 0, of_b = 0;
    double won = 0, *score = room(rows, sizeof *score);
    for (size_t i = 0; i < rows; i++) {
        a = labels[i] >= 0 && labels[i] < a ? labels[i] : a;
        b = labels[i] > b ? labels[i] : b;
    }
    for (size_t i = 0; i < rows; i++) {
        double sum[2] = {0};
        int n[2] = {0};
        of_a += labels[i] == a;
        of_b += labels[i] == b;
        for (size_t j = 0; j < rows; j++)
            if (labels[j] >= 0 && j != i) {
                sum[labels[j] == b] += (double)all[i * rows + j];
                n[labels[j] == b]++;
            }
        score[i] = sum[1] / n[1] - sum[0] / n[0];
    }
    bool more = false;
    for (size_t i = 0; i < rows; i++)
        more |= labels[i] >= 0 && labels[i] != a && labels[i] != b;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < rows; j++)
            if (labels[i] == a && labels[j] == b)
                won += score[i] > score[j] ? 1 : score[i] == score[j] ? 0.5 : 0;
    free(score);
    return more || a == b || of_a < 2 || of_b < 2 ? NAN : won / of_a / of_b;
}

static void check_separation(const vq_distances *d, const int *labels) {
    vq_separation one, three[2];
    int *pair = room(d->rows, sizeof *pair); /* the labels 3 and 4 alone */
    for (size_t i = 0; i < d->rows; i++)
        pair[i] = labels[i] == 3 || labels[i] == 4 ? labels[i] : -1;
    float *all = all_distances(d);
    double expected = silhouette_reference(all, d->rows, labels);
    ck_ok(vq_separate(&one, d, &labels, 1, VQ_THREADS(1)));
    ck_ok(vq_separate(three, d, (const int *[]){labels, pair}, 2, VQ_THREADS(3)));
    ck_assert_mem_eq(&one, &three[0], sizeof one);
    ck_assert_msg(isnan(expected) ? isnan(one.silhouette) : fabs(one.silhouette - expected) < 1e-12, "%.15g instead of %.15g",
                  one.silhouette, expected);
    expected = silhouette_reference(all, d->rows, pair);
    ck_assert(isnan(expected) ? isnan(three[1].silhouette) : fabs(three[1].silhouette - expected) < 1e-12);
    expected = auroc_reference(all, d->rows, pair);
    ck_assert_msg(isnan(expected) ? isnan(three[1].auroc) : fabs(three[1].auroc - expected) < 1e-12, "%.15g instead of %.15g",
                  three[1].auroc, expected);
    expected = auroc_reference(all, d->rows, labels);
    ck_assert(isnan(expected) ? isnan(one.auroc) : fabs(one.auroc - expected) < 1e-12);
    free(all);
    free(pair);
}

START_TEST(silhouettes) {
    enum { ROWS = 61 };
    static const int low[] = {0, -1, -1, 3, -1, 0, 1000000}, kinds[] = {1, 3, 5, 40, 0, 2, 4};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t steps = 0; steps < 3; steps++) {
            vq_distances d;
            int labels[ROWS];
            random_points(&d, ROWS, 4, steps);
            for (size_t i = 0; i < ROWS; i++)
                labels[i] = kinds[k] ? low[k] + (int)below((size_t)kinds[k]) : low[k];
            check_separation(&d, labels);
            vq_distances_destroy(&d);
        }
    static const int apart[] = {3, 9}, pair[] = {1, 1};
    vq_distances d;
    vq_separation value;
    random_points(&d, 2, 4, 0);
    check_separation(&d, apart);
    ck_ok(vq_separate(&value, &d, (const int *[]){pair}, 1, VQ_THREADS(1)));
    ck_assert(isnan(value.silhouette) && isnan(value.auroc));
    vq_distances_destroy(&d);
    float p[] = {0, 0, 5, 5};
    static const int two[] = {1, 1, 2, 2}, crossed[] = {1, 2, 1, 2};
    ck_ok(vq_distances_of_points(&d, p, 4, 1));
    ck_ok(vq_separate(&value, &d, (const int *[]){two}, 1, VQ_THREADS(2)));
    ck_assert(value.silhouette == 1 && value.auroc == 1);
    check_separation(&d, crossed);
    vq_distances_destroy(&d);
}
END_TEST

START_TEST(auroc) {
    enum { ROWS = 90 };
    double score[ROWS];
    int labels[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        score[i] = (double)below(12);
        labels[i] = (int)below(4) - 1;
    }
    double pairs = 0, won = 0;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < ROWS; j++)
            if (labels[i] == 2 && labels[j] == 0) {
                pairs++;
                won += score[i] > score[j] ? 1 : score[i] < score[j] ? 0 : 0.5;
            }
    ck_assert_double_eq_tol(vq_auroc(score, labels, ROWS, 2, 0), won / pairs, 1e-15);
    ck_assert_double_eq_tol(vq_auroc(score, labels, ROWS, 0, 2), 1 - won / pairs, 1e-15);
    ck_assert(isnan(vq_auroc(score, labels, ROWS, 2, 7)) && isnan(vq_auroc(score, labels, ROWS, 7, 2)) &&
              isnan(vq_auroc(score, labels, 0, 2, 0)));
    double sorted[] = {1, 2, 3, 4}, equal[] = {1, 1, 1, 1};
    int halves[] = {0, 0, 1, 1};
    ck_assert(vq_auroc(sorted, halves, 4, 1, 0) == 1 && vq_auroc(sorted, halves, 4, 0, 1) == 0 &&
              vq_auroc(equal, halves, 4, 1, 0) == 0.5);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("neighbours");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, points);
    tcase_add_test(t, refused_points);
    tcase_add_test(t, hamming);
    tcase_add_test(t, unaligned);
    tcase_add_test(t, mash);
    tcase_add_test(t, mash_ends);
    tcase_add_test(t, neighbours);
    tcase_add_test(t, rows_alone);
    tcase_add_test(t, purity);
    tcase_add_test(t, silhouettes);
    tcase_add_test(t, auroc);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}

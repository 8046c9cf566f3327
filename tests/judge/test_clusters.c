/* Clusters against hdbscan 0.8.44 (HDBSCAN, min_samples one below `core`, for it does not count the record itself) and scikit-learn 1.9.1
 * (HDBSCAN, metrics). Distances of mutual reachability are often equal, and the references sort them in no certain order: the sets
 * are such that both, on distances and on points, agree. */
#include "judge/clusters.h"

#include "base/rng.h"
#include "scratch.h"

#include <math.h>

/* ---- Points ------------------------------------------------------------------------------------------------------------------ */

typedef struct points {
    int rows, width;
    double x[1500];
} points;

static void point_row(const void *self, size_t i, float *out) {
    const points *p = self;
    for (int j = 0; j < p->rows; j++) {
        double sum = 0;
        for (int w = 0; w < p->width; w++) {
            double d = p->x[(int)i * p->width + w] - p->x[j * p->width + w];
            sum += d * d;
        }
        out[j] = (float)sqrt(sum);
    }
}

static vq_distances of_points(points *p) {
    return (vq_distances){.rows = (size_t)p->rows, .row = point_row, .self = p};
}

/* Point i lies about centre i % blobs, at a distance of the order of that one's spread; every noise-th lies anywhere. */
static void scatter(points *p, uint64_t seed, int rows, int width, int blobs, const double *spread, int noise) {
    *p = (points){.rows = rows, .width = width};
    for (int i = 0; i < rows; i++) {
        for (int w = 0; w < width; w++) {
            uint64_t element = (uint64_t)(i * width + w);
            double sum = 0, centre = 10 * vq_rng_uniform(seed, VQ_STREAM_TEST, 1, (uint64_t)(i % blobs * width + w));
            for (uint64_t k = 0; k < 4; k++)
                sum += vq_rng_uniform(seed, VQ_STREAM_TEST, 0, 4 * element + k);
            p->x[element] = noise && i % noise == 0 ? 12 * vq_rng_uniform(seed, VQ_STREAM_TEST, 2, element) - 1
                                                    : centre + spread[i % blobs] * (sum - 2);
        }
    }
}

/* Numbers along a line. */
static void line(points *p, int rows, const double *x) {
    *p = (points){.rows = rows, .width = 1};
    for (int i = 0; i < rows; i++)
        p->x[i] = x[i];
}

/* ---- Clusters ---------------------------------------------------------------------------------------------------------------- */

static char text[501]; /* of a labelling: a letter a record, a dot for noise */

static void write_labels(const int *cluster, int count, int rows) {
    int most = 0;
    for (int i = 0; i < rows; i++) {
        ck_assert(cluster[i] >= -1 && cluster[i] < count && cluster[i] <= most);
        most = cluster[i] == most ? most + 1 : most;
        text[i] = cluster[i] < 0 ? '.' : (char)('a' + cluster[i]);
    }
    text[rows] = '\0';
    ck_assert_int_eq(most, count);
}

static const char *hdbscan(points *p, int least, int core, int threads) {
    vq_distances d = of_points(p);
    int cluster[500], count;
    ck_ok(vq_hdbscan(cluster, &count, &d, least, core, VQ_THREADS(threads)));
    write_labels(cluster, count, p->rows);
    return text;
}

static const double even[] = {.8, .8, .8}, uneven[] = {.3, 1, 2, .6}, many[] = {.5, .7, .9, .5, .7, .9, .5, .7, .9}, wide[] = {1};

START_TEST(three_and_noise) {
    static const char by_hdbscan[] =
        ".abcabcabc.bcabcabca.cabcabcab.abcabcabcabcabcabca.cabcabcab.abcabcabcbbcabcabcabcabcabcab.abcabcabc"
        "abcabcabca.cabcabcabbabcabcabc.bcabcabca.cabcabcab.abcabcabcbbcabcabca.cabcabcab.abcabcabc.bcabcabca"
        ".cabcabcab.abcabcabc.bcabcabca.cabcabcab.abcabcabccbcabcabcabcabcabcabbabcabcabcabcabcabca.cabcabcab";
    points p;
    scatter(&p, 19, 300, 2, 3, even, 10);
    for (int threads = 1; threads < 6; threads += 2) {
        ck_assert_str_eq(hdbscan(&p, 10, 10, threads), by_hdbscan);
        ck_assert_str_eq(hdbscan(&p, 10, 0, threads), by_hdbscan);
    }
}
END_TEST

START_TEST(densities) {
    static const char expected[] =
        "abcdabcdabcdabcdabcdabcdabcdabcdab.dabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd"
        "abcdabcdabcdabcdabcdabcdabcdabcdab.dabcdabcdabcdabcdabcdabcdabcdabcdab.dabcdabcdabcdab.dabcdabcdabcd"
        "abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd"
        "abcdab.dabcdabcdabcdabcdab.dabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd";
    points p;
    scatter(&p, 102, 400, 3, 4, uneven, 0);
    ck_assert_str_eq(hdbscan(&p, 5, 5, 2), expected);
}
END_TEST

START_TEST(many_clusters) {
    static const char by_hdbscan[] =
        "ab.cdefeafbgcd.fhafbghdef.af.gcdefh.fb.cdeehafbgcfefhafb.cdefha.bgcdef.afbgcdbfhafbg.defhaf.gcdefhef"
        "bgcdeehafbgc.efhafbdcdefha.bgcdef.afb.cd.f.afbgbdefhafdgcdefh.fbgcde.hafbgceefhafb.cdefhagbgcdef.afb"
        "gcdafgafb..defhaf.gcdefh.fbgcdebhafbgc.efhafb.cdefhaabgcdefgafbgcdafhafbg.defhaf.gcdefhafbgcdeehafbg"
        "caefhafb.cdefhabbgcdef.afbgcd.fhafbg.defhaf.gcdefhffbgcde.hafb.c.efhafb.cdefha.b.cdef.afb.cd.fhafbgd"
        "defhaf..cdefh.fbgcde.hafb.cgefhafbdcdefhahbgcdefbafbgcdefhafbgfdefhaf.gcdefh.fbgcde.hafbgc.ef.afbdcd";
    points p;
    scatter(&p, 15, 500, 2, 9, many, 7);
    ck_assert_str_eq(hdbscan(&p, 15, 4, 2), by_hdbscan);
}
END_TEST

/* All records are never a cluster to HDBSCAN, so it takes one apart. */
START_TEST(one_blob) {
    static const char expected[] =
        ".aaa.bab..aaaaabaaaaaa.aa.aaaaaaaaaaaa.baaa.a...baaaaaaaaaaa..a.ababbaa..a.aa.aaaa.abb.aabaaaaaaa..b"
        "aaaaa.a..aaaaabaa.ba.aaa.aa.a.aaaaa.aaa.aaaba.aaaaaabaabaaaaaabaaaba.aa..aba...aaaa.aa.baaaaaaa..ba.";
    points p;
    scatter(&p, 204, 200, 2, 1, wide, 0);
    ck_assert_str_eq(hdbscan(&p, 15, 4, 2), expected);
}
END_TEST

START_TEST(identical) {
    points p;
    scatter(&p, 1, 30, 2, 1, (const double[]){0}, 0);
    ck_assert_str_eq(hdbscan(&p, 5, 0, 2), "..............................");

    /* of infinite density, beside a cluster, a lone record and two that are too few */
    line(&p, 20, (const double[]){9, 0, 0, 5, 0, 5, 5.25, 0, 5.5, 0, 3, 0, 5.25, 7, 7, 7, 7, 5, 9, 7});
    ck_assert_str_eq(hdbscan(&p, 4, 4, 2), ".aababbaba.abccccb.c");
}
END_TEST

/* Distance 0 that is not handed on: two records at 0 from a third are apart. */
static void chain_row(const void *self, size_t i, float *out) {
    (void)self;
    for (size_t j = 0; j < 12; j++) {
        size_t apart = i > j ? i - j : j - i;
        out[j] = (i < 6) != (j < 6) ? 4 : apart < 2 ? 0 : 1;
    }
}

START_TEST(chains) {
    vq_distances d = {.rows = 12, .row = chain_row};
    int cluster[12], count;
    ck_ok(vq_hdbscan(cluster, &count, &d, 3, 2, VQ_THREADS(2)));
    write_labels(cluster, count, 12);
    ck_assert_str_eq(text, "aaaaaabbbbbb");
}
END_TEST

static int after(void *user) {
    return --*(int *)user < 0;
}

/* In each of its parts: core distances are 12 calls, the tree 11. */
START_TEST(interruption) {
    vq_distances d = {.rows = 12, .row = chain_row};
    int cluster[12], count;
    for (int left = 0; left <= 23; left++) {
        int asked = left;
        const vq_workers w = {.threads = 1, .interrupted = after, .user = &asked};
        if (left < 23)
            ck_fails(vq_hdbscan(cluster, &count, &d, 3, 2, &w), VQDNA_ERR_INTERRUPTED, "interrupted");
        else
            ck_ok(vq_hdbscan(cluster, &count, &d, 3, 2, &w));
    }
}
END_TEST

START_TEST(choice) {
    points p;
    /* two that live for longer together than apart, and a third */
    line(&p, 12, (const double[]){0, 0.667, 1.333, 2, 3, 3.667, 4.333, 5, 100, 100.5, 101, 101.5});
    ck_assert_str_eq(hdbscan(&p, 4, 2, 2), "aaaaaaaabbbb");
    /* so would these, but for one of them that never ends */
    line(&p, 12, (const double[]){0, 0, 0, 0, 1, 1.9, 2.8, 3.7, 100, 100.5, 101, 101.5});
    ck_assert_str_eq(hdbscan(&p, 4, 2, 2), "aaaabbbbcccc");
    /* equal distances: the first cluster ends where it begins, and has none under it that would be better (so hdbscan's code says with a
     * stable sort; with its own, all is noise) */
    line(&p, 7, (const double[]){0, 0.5, 1.5, 2, 3, 3.5, 4});
    ck_assert_str_eq(hdbscan(&p, 3, 2, 2), "aaaabbb");
}
END_TEST

START_TEST(few) {
    points p;
    line(&p, 2, (const double[]){0, 1});
    ck_assert_str_eq(hdbscan(&p, 2, 0, 2), "..");
    ck_assert_str_eq(hdbscan(&p, 5, 9, 2), "..");
    p.rows = 1;
    ck_assert_str_eq(hdbscan(&p, 2, 0, 2), ".");
    p.rows = 0;
    ck_assert_str_eq(hdbscan(&p, 2, 0, 2), "");
    line(&p, 5, (const double[]){0, 1, 2, 3, 4});
    ck_assert_str_eq(hdbscan(&p, 6, 2, 2), ".....");
    ck_assert_str_eq(hdbscan(&p, 5, 5, 2), ".....");
    ck_assert_str_eq(hdbscan(&p, 2, 100, 2), ".....");
}
END_TEST

/* ---- Agreement --------------------------------------------------------------------------------------------------------------- */

static void near(double value, double expected) {
    ck_assert_msg(fabs(value - expected) <= 1e-12, "%.15g instead of %.15g", value, expected);
}

static int truth[300000], cluster_of[300000];

static void agrees(size_t rows, vq_agreement expected) {
    vq_agreement a;
    ck_ok(vq_agree(&a, truth, cluster_of, rows));
    near(a.homogeneity, expected.homogeneity);
    near(a.completeness, expected.completeness);
    near(a.v_measure, expected.v_measure);
    near(a.adjusted_rand, expected.adjusted_rand);
    near(a.variation, expected.variation);
    ck_assert_int_eq(a.clusters, expected.clusters);
    near(a.noise, expected.noise);
}

#define LABELS(rows, of_truth, of_cluster)                                                                                         \
    for (int i = 0; i < (rows); i++) {                                                                                             \
        truth[i] = of_truth;                                                                                                       \
        cluster_of[i] = of_cluster;                                                                                                \
    }

START_TEST(agreement) {
    LABELS(100, i * i % 7 % 4, i / 5 % 5 - 1)
    agrees(100, (vq_agreement){0.00387567807628521, 0.00259669872761693, 0.00310982151820183, -0.0238935402143615,
                               0.581824435614237, 4, 0.2});
    LABELS(100, i % 9 - 1, i * i % 9 % 5 - 1) /* some without a label */
    agrees(100, (vq_agreement){0.666666666666667, 1, 0.8, 0.579710144927536, 0.154812382735768, 3, 0.25});
    LABELS(100, 0, i % 4)
    agrees(100, (vq_agreement){1, 0, 0, 0, 0.301029995663981, 4, 0});
    LABELS(100, i % 4, 0)
    agrees(100, (vq_agreement){0, 1, 0, 0, 0.301029995663981, 1, 0});
    LABELS(100, i % 4, -1)
    agrees(100, (vq_agreement){0, 1, 0, 0, 0.301029995663981, 0, 1});
    LABELS(300000, i % 2, i % 2 || i % 3 ? 0 : 1) /* more pairs than 32 bits count, a product of more than 64 */
    agrees(300000,
           (vq_agreement){0.190874504621108, 0.293642954864664, 0.231359891983075, 0.111109465012041, 0.0697060229419558, 2, 0});
}
END_TEST

START_TEST(full_agreement) {
    vq_agreement a;
    LABELS(100, i % 3, i * 7 % 3 * 1000000)
    ck_ok(vq_agree(&a, truth, cluster_of, 100));
    ck_assert(a.homogeneity == 1 && a.completeness == 1 && a.v_measure == 1 && a.adjusted_rand == 1 && a.variation == 0);
    ck_assert(a.clusters == 3 && a.noise == 0);
    LABELS(100, i, 99 - i)
    ck_ok(vq_agree(&a, truth, cluster_of, 100));
    ck_assert(a.v_measure == 1 && a.adjusted_rand == 1 && a.variation == 0 && a.clusters == 100);
    LABELS(100, 5, 7)
    ck_ok(vq_agree(&a, truth, cluster_of, 100));
    ck_assert(a.v_measure == 1 && a.adjusted_rand == 1 && a.variation == 0 && a.clusters == 1);
    ck_ok(vq_agree(&a, truth, cluster_of, 1));
    ck_assert(a.v_measure == 1 && a.adjusted_rand == 1 && a.variation == 0 && a.clusters == 1 && a.noise == 0);
}
END_TEST

START_TEST(no_truth) {
    vq_agreement a;
    LABELS(10, -1, i)
    for (size_t rows = 0; rows <= 10; rows += 10) {
        ck_ok(vq_agree(&a, truth, cluster_of, rows));
        ck_assert(isnan(a.homogeneity) && isnan(a.v_measure) && isnan(a.adjusted_rand) && isnan(a.variation) && isnan(a.noise));
        ck_assert_int_eq(a.clusters, 0);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("clusters");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, three_and_noise);
    tcase_add_test(t, densities);
    tcase_add_test(t, many_clusters);
    tcase_add_test(t, one_blob);
    tcase_add_test(t, identical);
    tcase_add_test(t, chains);
    tcase_add_test(t, interruption);
    tcase_add_test(t, choice);
    tcase_add_test(t, few);
    tcase_add_test(t, agreement);
    tcase_add_test(t, full_agreement);
    tcase_add_test(t, no_truth);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}

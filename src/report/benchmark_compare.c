#include "report/benchmark_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A difference is believed below this chance. */
static const double significance = 0.01;

/* ---- Rank test --------------------------------------------------------------------------------------------------------------- */

/* Ways in which na + nb ranks, split in two, give each value 0 .. na nb of U, by the recurrence of Mann and Whitney (1947):
 * ways(na, nb, u) = ways(na - 1, nb, u - nb) + ways(na, nb - 1, u). Returns the share of them at or below u. */
static double exact_tail(size_t na, size_t nb, double u) {
    size_t most = na * nb + 1;
    double *ways = vq_need(NULL, (na + 1) * most * sizeof *ways);
    for (size_t i = 0; i < (na + 1) * most; i++)
        ways[i] = i % most == 0; /* with nb = 0 there is one way, and U is 0 */
    for (size_t j = 1; j <= nb; j++)
        for (size_t i = 1; i <= na; i++)
            for (size_t v = i * j + 1; v-- > 0;)
                ways[i * most + v] += v >= j ? ways[(i - 1) * most + v - j] : 0;
    double below = 0, all = 0;
    for (size_t v = 0; v < most; v++) {
        all += ways[na * most + v];
        below += (double)v <= u ? ways[na * most + v] : 0;
    }
    free(ways);
    return below / all;
}

double vq_rank_test(const double *a, size_t na, const double *b, size_t nb) {
    enum { EXACT = 400 };
    if (!na || !nb)
        return 1;
    double u = 0, n = (double)(na + nb), tied = 0;
    for (size_t i = 0; i < na; i++)
        for (size_t j = 0; j < nb; j++)
            u += a[i] > b[j] ? 1 : a[i] == b[j] ? 0.5 : 0;
    /* Each value of a group of t equal ones meets t^2 - 1 in this sum: t^3 - t for the group. */
    for (size_t i = 0; i < na + nb; i++) {
        double x = i < na ? a[i] : b[i - na], t = 0;
        for (size_t j = 0; j < na + nb; j++)
            t += x == (j < na ? a[j] : b[j - na]);
        tied += t * t - 1;
    }
    double product = (double)na * (double)nb, least = fmin(u, product - u);
    if (tied == 0 && na * nb <= EXACT)
        return fmin(1, 2 * exact_tail(na, nb, least));
    double variance = product / 12 * (n + 1 - tied / (n * (n - 1)));
    if (!(variance > 0))
        return 1;
    return fmin(1, erfc(fmax(0, product / 2 - least - 0.5) / sqrt(variance) / sqrt(2)));
}

/* ---- Two sets of results ----------------------------------------------------------------------------------------------------- */

static bool same(const vq_benchmark *a, const vq_benchmark *b) {
    return !strcmp(a->workload, b->workload) && !strcmp(a->operation, b->operation) && !strcmp(a->shape, b->shape) &&
           a->version == b->version;
}

static const vq_benchmark *find(const vq_benchmarks *all, const vq_benchmark *like) {
    for (size_t i = 0; i < all->count; i++)
        if (same(&all->rows[i], like))
            return &all->rows[i];
    return NULL;
}

/* Says what else differs between the two runs: then a difference need not be the program's. */
static void warn_of_differences(vq_cli *cli, const json_t *a, const json_t *b) {
    static const char *const keys[] = {"device", "driver", "platform", "cpu", "compute_units", "threads", "family", "tuning"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *x = json_object_get(a, keys[i]), *y = json_object_get(b, keys[i]);
        if (x && y && !json_equal(x, y))
            vq_cli_warn(cli, "the two runs differ in %s", keys[i]);
    }
}

typedef struct tally {
    int slower, faster, same, machine;
} tally;

static void compare_row(const vq_benchmark *a, const vq_benchmark *b, double threshold, tally *t) {
    char before[16], after[16], name[64];
    const char *verdict = "";
    double change = 100 * (b->median / a->median - 1), p = vq_rank_test(a->seconds, a->samples, b->seconds, b->samples);
    bool real = p < significance && fabs(change) > threshold;
    if (real && !strcmp(a->workload, "peak")) { /* the machine changed, not the program */
        verdict = change > 0 ? "machine slower" : "machine faster";
        t->machine++;
    } else if (real) {
        verdict = change > 0 ? "SLOWER" : "faster";
        t->slower += change > 0;
        t->faster += change < 0;
    } else {
        t->same++;
    }
    snprintf(name, sizeof name, "%s %s", a->workload, strcmp(a->workload, a->operation) ? a->operation : "");
    printf("%-30s %-28s %10s %10s %+8.1f %% %9.2g  %s\n", name, a->shape, vq_time_text(before, a->median),
           vq_time_text(after, b->median), change, p, verdict);
}

int vq_benchmarks_compare(vq_cli *cli, const char *before, const char *after, double threshold) {
    vq_benchmarks a, b = {0};
    json_t *environment_a, *environment_b = NULL;
    int code = vq_benchmarks_read(&a, &environment_a, cli, before);
    if (code == VQ_GO_ON)
        code = vq_benchmarks_read(&b, &environment_b, cli, after);
    if (code == VQ_GO_ON) {
        tally t = {0};
        int alone = 0;
        warn_of_differences(cli, environment_a, environment_b);
        printf("%-30s %-28s %10s %10s %10s %9s\n", "workload", "shape", "before", "after", "time", "p");
        for (size_t i = 0; i < b.count; i++) {
            const vq_benchmark *old = find(&a, &b.rows[i]);
            if (old && old->samples && b.rows[i].samples)
                compare_row(old, &b.rows[i], threshold, &t);
            else
                alone++;
        }
        for (size_t i = 0; i < a.count; i++)
            alone += !find(&b, &a.rows[i]);
        printf("%d slower, %d faster, %d alike (within %g %%, or by chance: rank test, p >= %g)", t.slower, t.faster, t.same,
               threshold, significance);
        if (alone)
            printf(", %d in one file only", alone);
        puts("");
        if (t.machine)
            vq_cli_warn(cli, "the machine's own peaks moved too: repeat both runs side by side before trusting this");
        if (!(t.slower + t.faster + t.same + t.machine))
            code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s and %s have no result in common", before, after);
        else
            code = t.slower ? 1 : VQ_EXIT_OK;
    }
    vq_benchmarks_free(&a);
    vq_benchmarks_free(&b);
    json_decref(environment_a);
    json_decref(environment_b);
    return code;
}

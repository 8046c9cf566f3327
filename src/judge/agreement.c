#include "judge/clusters.h"

#include <math.h>
#include <stdlib.h>

/* A record in two groupings; sorted by the first, then the second. */
typedef struct pair {
    int a, b;
} pair;

static int by_groups(const void *x, const void *y) {
    const pair *p = x, *q = y;
    return p->a != q->a ? (p->a > q->a) - (p->a < q->a) : (p->b > q->b) - (p->b < q->b);
}

/* What one grouping says, and what the other says beside it. */
typedef struct measure {
    double entropy, conditional; /* H(a) and H(b|a) */
    uint64_t pairs, joint;       /* pairs of records in one group of a, and in one of both */
} measure;

static uint64_t pairs_of(size_t n) {
    return (uint64_t)n * (n - 1) / 2;
}

/* Sums of terms of one sign, so that what is certain is certain to the bit. */
static measure look(pair *p, size_t n) {
    measure m = {0};
    qsort(p, n, sizeof *p, by_groups);
    for (size_t start = 0, end; start < n; start = end) {
        for (end = start; end < n && p[end].a == p[start].a; end++)
            ;
        double group = (double)(end - start);
        m.entropy += group / (double)n * log((double)n / group);
        m.pairs += pairs_of(end - start);
        for (size_t i = start, next; i < end; i = next) {
            for (next = i; next < end && p[next].b == p[i].b; next++)
                ;
            m.conditional += (double)(next - i) / (double)n * log(group / (double)(next - i));
            m.joint += pairs_of(next - i);
        }
    }
    return m;
}

/* Chance's share of pairs is a product of two counts of pairs: beyond 64 bits. */
static double rand_index(uint64_t joint, uint64_t a, uint64_t b, uint64_t all) {
    if (joint == a && joint == b)
        return 1; /* the same groups; also where chance could do no worse */
    double chance = (double)a / (double)all * (double)b;
    return ((double)joint - chance) / (((double)a + (double)b) / 2 - chance);
}

vq_status vq_agree(vq_agreement *out, const int *truth, const int *cluster, size_t rows) {
    pair *pairs;
    size_t n = 0, noise = 0;
    VQ_TRY(vq_alloc(&pairs, rows, sizeof *pairs));
    for (size_t i = 0; i < rows; i++) {
        if (truth[i] < 0)
            continue;
        pairs[n++] = (pair){truth[i], cluster[i] < 0 ? -1 : cluster[i]};
        noise += cluster[i] < 0;
    }
    *out = (vq_agreement){NAN, NAN, NAN, NAN, NAN, 0, NAN};
    if (n > 0) {
        measure c = look(pairs, n);
        for (size_t i = 0; i < n; i++)
            pairs[i] = (pair){pairs[i].b, pairs[i].a};
        measure k = look(pairs, n);
        double h = c.entropy > 0 ? 1 - k.conditional / c.entropy : 1, m = k.entropy > 0 ? 1 - c.conditional / k.entropy : 1;
        out->homogeneity = h;
        out->completeness = m;
        out->v_measure = h + m > 0 ? 2 * h * m / (h + m) : 0;
        out->adjusted_rand = rand_index(c.joint, c.pairs, k.pairs, pairs_of(n));
        out->variation = n > 1 ? (k.conditional + c.conditional) / log((double)n) : 0;
        out->noise = (double)noise / (double)n;
        for (size_t i = 0; i < n; i++)
            out->clusters += pairs[i].a >= 0 && (i == 0 || pairs[i].a != pairs[i - 1].a);
    }
    free(pairs);
    return VQDNA_OK;
}

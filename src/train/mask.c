#include "train/mask.h"

#include "base/integer.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

enum { KNOWN = 4 };

static size_t wanted(const uint8_t *bases, size_t count, double share, size_t most) {
    size_t known = 0;
    for (size_t i = 0; i < count; i++)
        known += bases[i] < KNOWN;
    return vq_min((size_t)(share * (double)known + 0.5), most);
}

void vq_mask_spans(uint8_t *hidden, size_t *chosen, const uint8_t *bases, size_t count, double share, double mean, size_t most,
                   uint64_t seed, uint64_t step, uint64_t index) {
    const size_t want = wanted(bases, count, share, most);
    size_t done = 0;
    for (size_t i = 0; i < count; i++)
        hidden[i] = 0;
    for (uint64_t draw = 0; done < want && draw < 64 * (uint64_t)count; draw++) {
        const vq_rng_block r = vq_rng(seed, VQ_STREAM_MASK, step, index << 24 | draw);
        const size_t start = (size_t)vq_rng_bound(vq_rng_join(r.v[0], r.v[1]), count);
        const double length = mean > 1 ? 1 + floor(log1p(-vq_rng_unitf(r.v[2])) / log1p(-1 / mean)) : 1;
        for (size_t i = start; i < count && (double)(i - start) < length && done < want; i++)
            if (bases[i] < KNOWN && !hidden[i]) {
                hidden[i] = 1;
                done++;
            }
    }
    *chosen = done;
}

void vq_mask_each(uint8_t *hidden, size_t *chosen, const uint8_t *bases, size_t count, double share, size_t most, uint64_t seed,
                  uint64_t step, uint64_t index) {
    vq_mask_spans(hidden, chosen, bases, count, share, 1, most, seed, step, index);
}

/* ---- Baselines --------------------------------------------------------------------------------------------------------------- */

/* MOST: of pairs and of triples that are counted; those that come when the tables are full are not. CONTEXTS: three bases on either side,
 * and each side's distance up to FAR. */
enum { MOST = 1 << 21, SIDE = 3, FAR = 12, SIDES = 1 << 2 * SIDE, CONTEXTS = SIDES * SIDES * FAR * FAR };
/* Weights of what fewer bases say, in counts; the one that tells most is taken. */
static const double priors[] = {4, 16, 64, 256, 1024};
enum { PRIORS = sizeof priors / sizeof *priors };

typedef struct slot {
    uint64_t key;   /* 0: none */
    uint32_t count; /* of the triple; of a pair, of its best */
    int32_t best;   /* of a pair */
} slot;

struct vq_baseline {
    slot *pairs, *triples; /* [2 MOST], open addressing */
    size_t used[2];
    float (*bases[SIDE + 1])[KNOWN]; /* [CONTEXTS] each: of so many bases on either side */
    double nats[PRIORS];             /* that each prior took while it counted */
};

vq_status vq_baseline_create(vq_baseline **out) {
    vq_baseline *b;
    VQ_TRY(vq_alloc(&b, 1, sizeof *b));
    vq_status status = vq_alloc(&b->pairs, 2 * (size_t)MOST, sizeof *b->pairs);
    if (status >= 0)
        status = vq_alloc(&b->triples, 2 * (size_t)MOST, sizeof *b->triples);
    for (int n = 0; n <= SIDE && status >= 0; n++)
        status = vq_alloc(&b->bases[n], CONTEXTS, sizeof *b->bases[n]);
    if (status < 0)
        vq_baseline_destroy(b);
    else
        *out = b;
    return status;
}

void vq_baseline_destroy(vq_baseline *b) {
    if (!b)
        return;
    free(b->pairs);
    free(b->triples);
    for (int n = 0; n <= SIDE; n++)
        free(b->bases[n]);
    free(b);
}

/* 16 bits a token and 4 for the table, one added so that no key is 0. */
static uint64_t key_of(int table, int32_t left, int32_t right) {
    return 1 + ((uint64_t)table << 40 | (uint64_t)(left + 1) << 20 | (uint64_t)(right + 1));
}

static slot *find(slot *slots, uint64_t key) {
    size_t at = XXH3_64bits(&key, sizeof key) & (2 * (size_t)MOST - 1);
    while (slots[at].key && slots[at].key != key)
        at = (at + 1) & (2 * (size_t)MOST - 1);
    return &slots[at];
}

int32_t vq_baseline_guess(const vq_baseline *b, int table, int32_t left, int32_t right) {
    const slot *pair = find(b->pairs, key_of(table, left, right));
    return pair->key ? pair->best : -1;
}

void vq_baseline_count(vq_baseline *b, int table, int32_t left, int32_t right, int32_t token) {
    const uint64_t key = key_of(table, left, right);
    const uint64_t both[2] = {key, (uint64_t)token}, triple_key = XXH3_64bits(both, sizeof both) | 1;
    slot *triple = find(b->triples, triple_key), *pair = find(b->pairs, key);
    if ((!triple->key && b->used[0] == MOST) || (!pair->key && b->used[1] == MOST))
        return;
    b->used[0] += !triple->key;
    b->used[1] += !pair->key;
    triple->key = triple_key;
    triple->count++;
    pair->key = key;
    if (triple->count > pair->count) {
        pair->count = triple->count;
        pair->best = token;
    }
}

/* The nearest SIDE bases that are seen from `at` in a direction, as a number, and the distance of the first; unknown bases and ends count as
 * A, which costs the estimate a little and only near them. */
static size_t side(const uint8_t *bases, const uint8_t *hidden, size_t length, size_t at, int step, size_t *distance) {
    size_t word = 0, seen = 0;
    int64_t i = (int64_t)at + step;
    *distance = FAR - 1;
    for (; seen < SIDE && i >= 0 && i < (int64_t)length; i += step) {
        if (hidden[i])
            continue;
        if (!seen)
            *distance = vq_min((size_t)llabs(i - (int64_t)at) - 1, FAR - 1);
        word = word << 2 | (bases[i] < KNOWN ? bases[i] : 0);
        seen++;
    }
    for (; seen < SIDE; seen++)
        word <<= 2;
    return word;
}

double vq_baseline_nats(vq_baseline *b, const uint8_t *bases, const uint8_t *hidden, size_t length, size_t at, bool count) {
    size_t near[2];
    const size_t left = side(bases, hidden, length, at, -1, &near[0]), right = side(bases, hidden, length, at, 1, &near[1]);
    double p[PRIORS];
    int best = 0;
    for (int k = 0; k < PRIORS; k++)
        p[k] = 1.0 / KNOWN;
    for (int n = 0; n <= SIDE; n++) {
        const int unread = 2 * (SIDE - n);
        float *counts = b->bases[n][((left >> unread) * SIDES + (right >> unread)) * FAR * FAR + near[0] * FAR + near[1]];
        const double sum = (double)counts[0] + counts[1] + counts[2] + counts[3];
        for (int k = 0; k < PRIORS; k++)
            p[k] = (counts[bases[at]] + priors[k] * p[k]) / (sum + priors[k]);
        if (count)
            counts[bases[at]]++;
    }
    for (int k = 0; k < PRIORS; k++) {
        best = b->nats[k] < b->nats[best] ? k : best;
        b->nats[k] += count ? -log(p[k]) : 0;
    }
    return -log(p[best]);
}

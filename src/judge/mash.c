/* Mash distances from shared words.
 *
 * The Jaccard index J is estimated in the `sketch` smallest hashes of two records' union. A hash that is the a-th of one sketch and the b-th
 * of the other, and the c-th that they share, is the (a + b - c)-th of the union. So going through one record's sketch in order, with the list
 * of records that have each hash, counts what it shares with all others at once, and costs nothing for a record that shares nothing. */
#include "base/integer.h"
#include "judge/record_set.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { BASES = 4, LONGEST_WORD = 32 };

typedef struct entry {
    uint64_t hash;
    uint32_t record, rank; /* in the record's sketch, from 0 */
} entry;

typedef struct mash_set {
    vq_record_set base;
    int k;
    size_t sketch, count, start_room, entries, entry_room;
    size_t *start;    /* [count + 1]: of each record's entries */
    entry *entry;     /* in order of record and rank */
    uint64_t *hashes; /* [hash_room]: of the record at hand */
    size_t hash_room;
} mash_set;

typedef struct holder {
    uint32_t record;
    float rank; /* as counts are kept where distances go */
} holder;

typedef struct mash {
    size_t rows, sketch;
    int k;
    size_t *start;   /* [rows + 1] */
    uint32_t *word;  /* by record and rank */
    size_t *holders; /* [words + 1]: where those of a word begin */
    holder *holder;
} mash;

static void set_destroy(vq_record_set *base) {
    mash_set *s = (mash_set *)base;
    free(s->start);
    free(s->entry);
    free(s->hashes);
    free(s);
}

static int by_hash(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int by_hash_and_record(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = (x->hash > y->hash) - (x->hash < y->hash);
    return order ? order : (x->record > y->record) - (x->record < y->record);
}

/* Sorts, and keeps the smallest of what differs. */
static size_t smallest(uint64_t *hashes, size_t count, size_t most) {
    size_t n = 0;
    qsort(hashes, count, sizeof *hashes, by_hash);
    for (size_t i = 0; i < count && n < most; i++)
        if (n == 0 || hashes[i] != hashes[n - 1])
            hashes[n++] = hashes[i];
    return n;
}

/* The sketch of a record in s->hashes; how many hashes it has. */
static size_t sketch_record(mash_set *s, const uint8_t *bases, size_t count) {
    const uint64_t mask = s->k == LONGEST_WORD ? UINT64_MAX : ((uint64_t)1 << 2 * s->k) - 1;
    uint64_t forward = 0, reverse = 0, limit = UINT64_MAX;
    size_t n = 0;
    int run = 0;
    for (size_t i = 0; i < count; i++) {
        if (bases[i] >= BASES) {
            run = 0;
            continue;
        }
        forward = (forward << 2 | bases[i]) & mask;
        reverse = reverse >> 2 | (uint64_t)(BASES - 1 - bases[i]) << 2 * (s->k - 1);
        if (++run < s->k)
            continue;
        run = s->k;
        uint64_t word = forward < reverse ? forward : reverse, hash = XXH3_64bits(&word, sizeof word);
        if (hash > limit)
            continue;
        s->hashes[n++] = hash;
        if (n == s->hash_room) {
            n = smallest(s->hashes, n, s->sketch);
            limit = n == s->sketch ? s->hashes[n - 1] : UINT64_MAX;
        }
    }
    return smallest(s->hashes, n, s->sketch);
}

static vq_status set_add(vq_record_set *base, const char *name, const uint8_t *bases, size_t count) {
    (void)name;
    mash_set *s = (mash_set *)base;
    size_t n = sketch_record(s, bases, count);
    VQ_TRY(vq_record_set_grow(&s->start, &s->start_room, s->count + 1, sizeof *s->start));
    VQ_TRY(vq_record_set_grow(&s->entry, &s->entry_room, s->entries + n, sizeof *s->entry));
    for (size_t r = 0; r < n; r++)
        s->entry[s->entries++] = (entry){.hash = s->hashes[r], .record = (uint32_t)s->count, .rank = (uint32_t)r};
    s->start[++s->count] = s->entries;
    return VQDNA_OK;
}

/* Counts are kept where the distances go. */
static void mash_row(const void *self, size_t i, float *out) {
    const mash *m = self;
    float sketch = (float)m->sketch;
    size_t size = m->start[i + 1] - m->start[i];
    memset(out, 0, m->rows * sizeof *out);
    for (size_t r = 0; r < size; r++) {
        uint32_t word = m->word[m->start[i] + r];
        for (size_t h = m->holders[word]; h < m->holders[word + 1]; h++) {
            float *shared = &out[m->holder[h].record];
            *shared += (float)r + m->holder[h].rank + 1 - *shared <= sketch;
        }
    }
    for (size_t j = 0; j < m->rows; j++) {
        double shared = (double)out[j], together = (double)(size + m->start[j + 1] - m->start[j]) - shared;
        double of = fmin((double)m->sketch, together); /* of a smaller union, all was counted */
        out[j] = (float)(shared > 0 ? fmin(1, log((of + shared) / (2 * shared)) / m->k) : 1);
    }
    out[i] = 0; /* also of a record without words */
}

static void mash_destroy(void *self) {
    mash *m = self;
    if (m) {
        free(m->start);
        free(m->word);
        free(m->holders);
        free(m->holder);
    }
    free(m);
}

/* The lists of who has each word, from entries in order of hash and record. */
static vq_status index_words(mash *m, const entry *entries, size_t count) {
    size_t words = 0;
    for (size_t e = 0; e < count; e++)
        words += e == 0 || entries[e].hash != entries[e - 1].hash;
    VQ_TRY(vq_alloc(&m->word, count, sizeof *m->word));
    VQ_TRY(vq_alloc(&m->holder, count, sizeof *m->holder));
    VQ_TRY(vq_alloc(&m->holders, words + 1, sizeof *m->holders));
    words = 0;
    for (size_t e = 0; e < count; e++) {
        if (e == 0 || entries[e].hash != entries[e - 1].hash)
            m->holders[words++] = e;
        m->word[m->start[entries[e].record] + entries[e].rank] = (uint32_t)(words - 1);
        m->holder[e] = (holder){.record = entries[e].record, .rank = (float)entries[e].rank};
    }
    m->holders[words] = count;
    return VQDNA_OK;
}

static vq_status set_take(vq_distances *out, vq_record_set *base) {
    mash_set *s = (mash_set *)base;
    vq_status status;
    mash *m = NULL;
    VQ_TRY(vq_alloc(&m, 1, sizeof *m));
    *m = (mash){.rows = s->count, .sketch = s->sketch, .k = s->k, .start = s->start};
    s->start = NULL;
    if (s->entries)
        qsort(s->entry, s->entries, sizeof *s->entry, by_hash_and_record);
    VQ_TRY_OR(failed, index_words(m, s->entry, s->entries));
    *out = (vq_distances){.rows = m->rows, .row = mash_row, .self = m, .destroy = mash_destroy};
    return VQDNA_OK;
failed:
    mash_destroy(m);
    return status;
}

vq_status vq_mash_create(vq_record_set **out, int k, int sketch) {
    assert(k >= 1 && k <= LONGEST_WORD && sketch >= 1);
    mash_set *s = NULL;
    *out = NULL;
    VQ_TRY(vq_alloc(&s, 1, sizeof *s));
    *s = (mash_set){.base = {.add = set_add, .take = set_take, .destroy = set_destroy}, .k = k, .sketch = (size_t)sketch};
    s->hash_room = 4 * s->sketch; /* sorted three times for a virus of 30,000 bases */
    vq_status status;
    VQ_TRY_OR(failed, vq_record_set_grow(&s->start, &s->start_room, 0, sizeof *s->start));
    s->start[0] = 0;
    VQ_TRY_OR(failed, vq_alloc(&s->hashes, s->hash_room, sizeof *s->hashes));
    *out = &s->base;
    return VQDNA_OK;
failed:
    set_destroy(&s->base);
    return status;
}

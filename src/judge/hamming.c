/* Differences between aligned records, 64 sites at a time.
 *
 * A record is three planes of bits, one a site: the low and the high bit of its base, and whether it is known. Most sites of near genomes are
 * the same in all records, and are dropped when all are there. */
#include "base/integer.h"
#include "base/vectorize.h"
#include "judge/record_set.h"

#include <stdlib.h>
#include <string.h>

enum { LOW, HIGH, KNOWN, PLANES };
enum { BASES = 4, BITS = 64 };
enum { BLOCK = 16, PIECE = PLANES * BLOCK }; /* words of a plane that lie together, and with the other planes' */

typedef struct hamming_set {
    vq_record_set base;
    size_t length, words, count, room;
    char *first;       /* the name of the record that all others are as long as */
    uint64_t **record; /* [count], each [PLANES][words] */
    uint64_t *seen;    /* [BASES][words] */
} hamming_set;

typedef struct hamming {
    size_t rows, blocks;
    uint64_t *bits; /* [rows][blocks][PLANES][BLOCK] */
} hamming;

static void set_destroy(vq_record_set *base) {
    hamming_set *s = (hamming_set *)base;
    for (size_t i = 0; i < s->count; i++)
        free(s->record[i]);
    free(s->record);
    free(s->seen);
    free(s->first);
    free(s);
}

static void pack(uint64_t *plane, const uint8_t *bases, size_t count, size_t words) {
    for (size_t i = 0; i < count; i++) {
        size_t word = i / BITS, bit = i % BITS;
        uint64_t known = bases[i] < BASES;
        plane[LOW * words + word] |= (bases[i] & known) << bit;
        plane[HIGH * words + word] |= (bases[i] >> 1 & known) << bit;
        plane[KNOWN * words + word] |= known << bit;
    }
}

static vq_status set_add(vq_record_set *base, const char *name, const uint8_t *bases, size_t count) {
    hamming_set *s = (hamming_set *)base;
    if (s->count && count != s->length)
        return vq_fail(VQDNA_ERR_INPUT, "%s has %zu bases, and %s has %zu: records must be aligned, all of one length", name, count,
                       s->first, s->length);
    if (!s->count) {
        free(s->first);
        free(s->seen);
        s->seen = NULL;
        if (!(s->first = strdup(name)))
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for a name");
        s->length = count;
        s->words = vq_ceil_div(count, BITS);
        VQ_TRY(vq_alloc(&s->seen, BASES * s->words, sizeof *s->seen));
    }
    VQ_TRY(vq_record_set_grow(&s->record, &s->room, s->count, sizeof *s->record));
    uint64_t *plane;
    VQ_TRY(vq_alloc(&plane, PLANES * s->words, sizeof *plane));
    pack(plane, bases, count, s->words);
    for (size_t w = 0; w < s->words; w++)
        for (unsigned b = 0; b < BASES; b++)
            s->seen[b * s->words + w] |= plane[KNOWN * s->words + w] & (b & 1 ? plane[w] : ~plane[w]) &
                                         (b & 2 ? plane[HIGH * s->words + w] : ~plane[HIGH * s->words + w]);
    s->record[s->count++] = plane;
    return VQDNA_OK;
}

/* Marks in varies[words] the sites where records have two bases or more, and counts them. */
static size_t varying(uint64_t *varies, const hamming_set *s) {
    size_t sites = 0;
    for (size_t w = 0; w < s->words; w++) {
        uint64_t once = 0, more = 0;
        for (size_t b = 0; b < BASES; b++) {
            uint64_t seen = s->seen[b * s->words + w];
            more |= once & seen;
            once |= seen;
        }
        varies[w] = more;
        sites += (size_t)__builtin_popcountll(more);
    }
    return sites;
}

/* A record's planes without the sites that do not vary. */
static void squeeze(uint64_t *to, const uint64_t *plane, const uint64_t *varies, size_t words) {
    for (size_t p = 0; p < PLANES; p++, plane += words) {
        size_t n = 0;
        for (size_t w = 0; w < words; w++)
            for (uint64_t left = varies[w]; left; left &= left - 1, n++)
                to[n / BITS / BLOCK * PIECE + p * BLOCK + n / BITS % BLOCK] |= (plane[w] >> __builtin_ctzll(left) & 1) << n % BITS;
    }
}

/* Bits are counted in bytes within each word, as not every processor that this is compiled for counts them itself, and vectors do this. */
__attribute__((always_inline)) static inline uint64_t differing(const uint64_t *a, const uint64_t *b, size_t blocks) {
    const uint64_t pairs = 0x5555555555555555, nibbles = 0x3333333333333333, bytes = 0x0f0f0f0f0f0f0f0f,
                   halves = 0x00ff00ff00ff00ff;
    uint64_t total = 0;
    for (size_t n = 0; n < blocks; n++, a += PIECE, b += PIECE) {
        uint64_t sum = 0; /* of BLOCK bytes of at most 8 each */
        for (int w = 0; w < BLOCK; w++) {
            uint64_t x = ((a[LOW * BLOCK + w] ^ b[LOW * BLOCK + w]) | (a[HIGH * BLOCK + w] ^ b[HIGH * BLOCK + w])) &
                         a[KNOWN * BLOCK + w] & b[KNOWN * BLOCK + w];
            x -= x >> 1 & pairs;
            x = (x & nibbles) + (x >> 2 & nibbles);
            sum += (x + (x >> 4)) & bytes;
        }
        sum = (sum & halves) + (sum >> 8 & halves);
        total += sum * 0x0001000100010001 >> 48;
    }
    return total;
}

VQ_VECTOR_UNITS static void hamming_block(const void *self, size_t first, size_t count, float *out) {
    const hamming *h = self;
    size_t stride = h->blocks * PIECE;
    for (size_t j = 0; j < h->rows; j++)
        for (size_t i = 0; i < count; i++)
            out[i * h->rows + j] = (float)differing(h->bits + (first + i) * stride, h->bits + j * stride, h->blocks);
}

static void hamming_row(const void *self, size_t i, float *out) {
    hamming_block(self, i, 1, out);
}

static void hamming_destroy(void *self) {
    hamming *h = self;
    if (h)
        free(h->bits);
    free(h);
}

static vq_status set_take(vq_distances *out, vq_record_set *base) {
    hamming_set *s = (hamming_set *)base;
    vq_status status;
    uint64_t *varies = NULL;
    hamming *h = NULL;
    VQ_TRY_OR(failed, vq_alloc(&varies, s->words, sizeof *varies));
    VQ_TRY_OR(failed, vq_alloc(&h, 1, sizeof *h));
    *h = (hamming){.rows = s->count, .blocks = vq_ceil_div(varying(varies, s), BITS * BLOCK)};
    VQ_TRY_OR(failed, vq_alloc(&h->bits, h->rows * h->blocks * PIECE, sizeof *h->bits));
    for (size_t i = 0; i < h->rows; i++) {
        squeeze(h->bits + i * h->blocks * PIECE, s->record[i], varies, s->words);
        free(s->record[i]);
        s->record[i] = NULL;
    }
    free(varies);
    *out = (vq_distances){.rows = h->rows, .row = hamming_row, .block = hamming_block, .self = h, .destroy = hamming_destroy};
    return VQDNA_OK;
failed:
    free(varies);
    hamming_destroy(h);
    return status;
}

vq_status vq_hamming_create(vq_record_set **out) {
    hamming_set *s = NULL;
    *out = NULL;
    VQ_TRY(vq_alloc(&s, 1, sizeof *s));
    s->base = (vq_record_set){.add = set_add, .take = set_take, .destroy = set_destroy};
    *out = &s->base;
    return VQDNA_OK;
}

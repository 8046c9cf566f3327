#include "judge/census.h"

#include "seq/alphabet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TUPLES = 1 << 18, SLOTS = 4 * TUPLES };

/* Tuples of all levels' codes at a base, as they are met, by open addressing: too many to hold them all. */
typedef struct tuples {
    uint64_t *key;    /* [SLOTS]: hash of the tuple + 1 with its low bit set; 0: free */
    uint32_t *index;  /* [SLOTS] */
    uint16_t *codes;  /* [room][levels] */
    uint32_t *around; /* [room][offsets][4] */
    uint64_t *count;  /* [room] */
    size_t used, room;
    bool full; /* more than TUPLES were met: nothing jointly is known */
} tuples;

struct vq_census {
    int levels, reach, offsets;
    int codes[VQDNA_MAX_LEVELS];
    uint64_t bases, unknown, records;
    uint64_t *count[VQDNA_MAX_LEVELS];  /* [codes] */
    uint64_t *around[VQDNA_MAX_LEVELS]; /* [codes][offsets][4] */
    tuples tuples;

    /* Of the record under way: what is not yet counted, and `before` bases of it that were. */
    uint8_t *base;
    uint16_t *code;
    size_t held, before, room;

    double *bits[VQDNA_MAX_LEVELS], *bias[VQDNA_MAX_LEVELS], *joint, *joint_bias; /* [offsets], of the report */
};

vq_status vq_census_create(vq_census **out, int levels, const int *codes, int reach) {
    vq_census *c;
    VQ_TRY(vq_alloc(&c, 1, sizeof *c));
    c->levels = levels;
    c->reach = reach;
    c->offsets = 2 * reach + 1;
    size_t offsets = (size_t)c->offsets;
    vq_status status;
    for (int n = 0; n < levels; n++) {
        c->codes[n] = codes[n];
        VQ_TRY_OR(failed, vq_alloc(&c->count[n], (size_t)codes[n], sizeof *c->count[n]));
        VQ_TRY_OR(failed, vq_alloc(&c->around[n], (size_t)codes[n] * offsets * 4, sizeof *c->around[n]));
        VQ_TRY_OR(failed, vq_alloc(&c->bits[n], offsets, sizeof(double)));
        VQ_TRY_OR(failed, vq_alloc(&c->bias[n], offsets, sizeof(double)));
    }
    VQ_TRY_OR(failed, vq_alloc(&c->joint, offsets, sizeof(double)));
    VQ_TRY_OR(failed, vq_alloc(&c->joint_bias, offsets, sizeof(double)));
    VQ_TRY_OR(failed, vq_alloc(&c->tuples.key, SLOTS, sizeof *c->tuples.key));
    VQ_TRY_OR(failed, vq_alloc(&c->tuples.index, SLOTS, sizeof *c->tuples.index));
    *out = c;
    return VQDNA_OK;
failed:
    vq_census_destroy(c);
    return status;
}

void vq_census_destroy(vq_census *c) {
    if (!c)
        return;
    for (int n = 0; n < VQDNA_MAX_LEVELS; n++) {
        free(c->count[n]);
        free(c->around[n]);
        free(c->bits[n]);
        free(c->bias[n]);
    }
    free(c->joint);
    free(c->joint_bias);
    free(c->tuples.key);
    free(c->tuples.index);
    free(c->tuples.codes);
    free(c->tuples.around);
    free(c->tuples.count);
    free(c->base);
    free(c->code);
    free(c);
}

/* ---- Counting ---------------------------------------------------------------------------------------------------------------- */

static vq_status grow_tuples(vq_census *c) {
    tuples *t = &c->tuples;
    size_t room = t->room ? 2 * t->room : 4096, wide = (size_t)c->offsets * 4;
    uint16_t *codes = realloc(t->codes, room * (size_t)c->levels * sizeof *codes);
    t->codes = codes ? codes : t->codes;
    uint32_t *around = codes ? realloc(t->around, room * wide * sizeof *around) : NULL;
    t->around = around ? around : t->around;
    uint64_t *count = around ? realloc(t->count, room * sizeof *count) : NULL;
    t->count = count ? count : t->count;
    if (!count)
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory for what codes of all levels tell jointly");
    memset(t->around + t->room * wide, 0, (room - t->room) * wide * sizeof *around);
    memset(t->count + t->room, 0, (room - t->room) * sizeof *count);
    t->room = room;
    return VQDNA_OK;
}

/* The number of a tuple, a new one if it is; *found false where there are too many. */
static vq_status find_tuple(vq_census *c, const uint16_t *codes, size_t *number, bool *found) {
    tuples *t = &c->tuples;
    uint64_t hash = 0;
    size_t bytes = (size_t)c->levels * sizeof *codes;
    for (int n = 0; n < c->levels; n++)
        hash = (hash ^ codes[n]) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 29;
    *found = true;
    for (size_t slot = hash % SLOTS;; slot = (slot + 1) % SLOTS) {
        if (t->key[slot] == (hash | 1) && !memcmp(t->codes + t->index[slot] * (size_t)c->levels, codes, bytes)) {
            *number = t->index[slot];
            return VQDNA_OK;
        }
        if (t->key[slot])
            continue;
        *found = !(t->full = t->used == TUPLES);
        if (t->full)
            return VQDNA_OK;
        if (t->used == t->room)
            VQ_TRY(grow_tuples(c));
        t->key[slot] = hash | 1;
        t->index[slot] = (uint32_t)t->used;
        memcpy(t->codes + t->used * (size_t)c->levels, codes, bytes);
        *number = t->used++;
        return VQDNA_OK;
    }
}

/* One position of the buffer; bases before `first` and from `end` on are not there. */
static vq_status count_position(vq_census *c, size_t at, size_t end) {
    size_t offsets = (size_t)c->offsets, reach = (size_t)c->reach, levels = (size_t)c->levels, number = 0;
    const uint16_t *codes = c->code + at * levels;
    bool joint = c->levels > 1 && !c->tuples.full;
    if (c->base[at] >= VQ_BASE_UNKNOWN) {
        c->unknown++;
        return VQDNA_OK;
    }
    c->bases++;
    if (joint)
        VQ_TRY(find_tuple(c, codes, &number, &joint));
    for (size_t n = 0; n < levels; n++)
        c->count[n][codes[n]]++;
    if (joint)
        c->tuples.count[number]++;
    size_t low = at < reach ? reach - at : 0, high = end - at < reach + 1 ? reach + end - at : offsets;
    for (size_t o = low; o < high; o++) {
        size_t base = c->base[at + o - reach];
        if (base >= VQ_BASE_UNKNOWN)
            continue;
        for (size_t n = 0; n < levels; n++)
            c->around[n][(codes[n] * offsets + o) * 4 + base]++;
        if (joint)
            c->tuples.around[(number * offsets + o) * 4 + base]++;
    }
    return VQDNA_OK;
}

static vq_status hold(vq_census *c, const vqdna_codes *run) {
    size_t levels = (size_t)c->levels, needed = c->held + run->count;
    if (needed > c->room) {
        size_t room = 2 * needed;
        uint8_t *base = realloc(c->base, room);
        c->base = base ? base : c->base;
        uint16_t *code = base ? realloc(c->code, room * levels * sizeof *code) : NULL;
        c->code = code ? code : c->code;
        if (!code)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for the codes of record %s", run->contig);
        c->room = room;
    }
    memcpy(c->base + c->held, run->bases, run->count);
    memcpy(c->code + c->held * levels, run->codes, run->count * levels * sizeof *run->codes);
    c->held = needed;
    return VQDNA_OK;
}

vq_status vq_census_add(vq_census *c, const vqdna_codes *run) {
    size_t reach = (size_t)c->reach, levels = (size_t)c->levels;
    c->records += run->last;
    if (run->start == 0)
        c->held = c->before = 0;
    if (run->count)
        VQ_TRY(hold(c, run));
    size_t end = run->last ? c->held : c->held > reach ? c->held - reach : 0;
    size_t at = c->before;
    for (; at < end; at++)
        VQ_TRY(count_position(c, at, c->held));
    size_t keep = at < reach ? at : reach, drop = at - keep;
    if (drop) {
        memmove(c->base, c->base + drop, c->held - drop);
        memmove(c->code, c->code + drop * levels, (c->held - drop) * levels * sizeof *c->code);
    }
    c->held -= drop;
    c->before = keep;
    return VQDNA_OK;
}

/* ---- What the counts say ----------------------------------------------------------------------------------------------------- */

static double plog(double n) {
    return n > 0 ? n * log2(n) : 0;
}

/* Mutual information in bits of a table [rows][4] with `stride` numbers from row to row, by the plug-in estimate less its bias to first
 * order (Miller 1955): (cells - rows - columns + 1) / (2 n ln 2), counting those that are met. */
typedef struct table {
    double cells, rows, columns, total, sum; /* sum: of n log n over cells, less over rows and columns */
    double column[4];
} table;

static void add_row(table *t, const double n[4]) {
    double row = n[0] + n[1] + n[2] + n[3];
    for (int b = 0; b < 4; b++) {
        t->sum += plog(n[b]);
        t->cells += n[b] > 0;
        t->column[b] += n[b];
    }
    t->sum -= plog(row);
    t->rows += row > 0;
    t->total += row;
}

static void finish(table *t, double *bits, double *bias) {
    for (int b = 0; b < 4; b++) {
        t->sum -= plog(t->column[b]);
        t->columns += t->column[b] > 0;
    }
    *bias = t->total > 0 ? (t->cells - t->rows - t->columns + 1) / (2 * t->total * M_LN2) : 0;
    *bits = t->total > 0 ? (t->sum + plog(t->total)) / t->total - *bias : 0;
}

static void offset_information(const vq_census *c, int level, int offset, double *bits, double *bias) {
    table t = {0};
    for (int k = 0; k < c->codes[level]; k++) {
        const uint64_t *n = vq_census_motif(c, level, k) + 4 * offset;
        add_row(&t, (double[4]){(double)n[0], (double)n[1], (double)n[2], (double)n[3]});
    }
    finish(&t, bits, bias);
}

static void joint_information(const vq_census *c, int offset, double *bits, double *bias) {
    table t = {0};
    for (size_t k = 0; k < c->tuples.used; k++) {
        const uint32_t *n = c->tuples.around + (k * (size_t)c->offsets + (size_t)offset) * 4;
        add_row(&t, (double[4]){n[0], n[1], n[2], n[3]});
    }
    finish(&t, bits, bias);
}

static double entropy(const uint64_t *count, size_t codes, uint64_t total) {
    double sum = 0;
    for (size_t k = 0; k < codes; k++)
        sum += plog((double)count[k]);
    return total ? log2((double)total) - sum / (double)total : 0;
}

/* What the code of one level tells of another's: entropies of both less that of the pair, with the same correction. */
static vq_status pair_information(const vq_census *c, int a, int b, double *bits) {
    uint64_t *pairs;
    size_t wide = (size_t)c->codes[b], cells = 0, rows = 0, columns = 0;
    VQ_TRY(vq_alloc(&pairs, (size_t)c->codes[a] * wide, sizeof *pairs));
    for (size_t k = 0; k < c->tuples.used; k++) {
        const uint16_t *codes = c->tuples.codes + k * (size_t)c->levels;
        pairs[codes[a] * wide + codes[b]] += c->tuples.count[k];
    }
    for (size_t i = 0; i < (size_t)c->codes[a] * wide; i++)
        cells += pairs[i] > 0;
    for (int k = 0; k < c->codes[a]; k++)
        rows += c->count[a][k] > 0;
    for (int k = 0; k < c->codes[b]; k++)
        columns += c->count[b][k] > 0;
    double bias = ((double)cells - (double)rows - (double)columns + 1) / (2 * (double)c->bases * M_LN2);
    *bits = entropy(c->count[a], (size_t)c->codes[a], c->bases) + entropy(c->count[b], wide, c->bases) -
            entropy(pairs, (size_t)c->codes[a] * wide, c->bases) - bias;
    free(pairs);
    return VQDNA_OK;
}

vq_status vq_census_report(vq_census *c, vqdna_codebook_report *out) {
    bool joint = c->levels > 1 && !c->tuples.full;
    *out = (vqdna_codebook_report){
        .levels = c->levels, .reach = c->reach, .bases = c->bases, .unknown = c->unknown, .records = c->records};
    for (int n = 0; n < c->levels; n++) {
        vqdna_codebook_level *l = &out->level[n];
        l->codes = c->codes[n];
        for (int k = 0; k < l->codes; k++)
            l->used += c->count[n][k] > 0;
        l->entropy = entropy(c->count[n], (size_t)l->codes, c->bases);
        l->perplexity = exp2(l->entropy);
        l->counts = c->count[n];
        for (int o = 0; o < c->offsets; o++)
            offset_information(c, n, o, &c->bits[n][o], &c->bias[n][o]);
        l->information = c->bits[n];
        l->bias = c->bias[n];
        l->of_first = NAN;
        if (n && joint && c->bases)
            VQ_TRY(pair_information(c, 0, n, &l->of_first));
    }
    for (int o = 0; joint && o < c->offsets; o++)
        joint_information(c, o, &c->joint[o], &c->joint_bias[o]);
    out->joint = joint ? c->joint : NULL;
    out->joint_bias = joint ? c->joint_bias : NULL;
    return VQDNA_OK;
}

const uint64_t *vq_census_motif(const vq_census *c, int level, int code) {
    return c->around[level] + (size_t)code * (size_t)c->offsets * 4;
}

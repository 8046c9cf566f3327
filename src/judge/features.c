#include "judge/features.h"

#include "base/words.h"
#include "seq/alphabet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TERMS = 32, LONGEST_WORD = 16, MOST_PLACES = 1 << 16, LEAST_ROWS = 2 };

typedef enum kind { KMER, CODES, PAIRS, EMBEDDING, ENCODER } kind;

typedef struct term {
    kind kind;
    int tokenizer;
    int first, second, gap; /* of a word: bases, bases behind the gap (0: none) */
    int level;              /* of codes, from 0; -1: all */
    int distance;           /* of pairs */
    int bin;                /* bases of a place; 0: places do not matter */
    bool canonical, frequency, max;
    double scale;
} term;

/* A feature of a row. The id: term, place, what it is (8, 16 and 40 bits). */
typedef struct entry {
    uint64_t id;
    float value;
} entry;

/* A column of the matrix. */
typedef struct column {
    uint64_t id;
    double mean, deviation; /* of a pooled vector; else 0 and 1 */
} column;

struct vq_features {
    term terms[MOST_TERMS];
    int count;
    vq_features_model model;
    entry *entries;
    size_t used, room;
    size_t *start; /* of rows, [rows + 1] */
    size_t rows, row_room;
    bool decided;
    column *columns; /* by rising id */
    size_t column_count;
};

/* ---- The specification ------------------------------------------------------------------------------------------------------- */

static const char *const names[] = {"kmer", "onehot", "codes", "pairs", "embedding", "encoder", "random", "place"};
enum { NAMES = sizeof names / sizeof *names };

static vq_status not_understood(const char *text, const char *why) {
    return vq_fail(VQDNA_ERR_USAGE, "feature '%s': %s", text, why);
}

/* "3" and "3+2" of a word. */
static bool take_lengths(term *t, const char *part) {
    int used = 0;
    t->second = 0;
    bool two = sscanf(part, "%d+%d%n", &t->first, &t->second, &used) == 2;
    if (!two && (sscanf(part, "%d%n", &t->first, &used) != 1))
        return false;
    t->gap = two ? 1 : 0;
    return !part[used] && t->first >= 1 && (!two || t->second >= 1) && t->first + t->second <= LONGEST_WORD;
}

static bool take_number(const char *text, int least, int most, int *out) {
    int used = 0;
    return sscanf(text, "%d%n", out, &used) == 1 && !text[used] && *out >= least && *out <= most;
}

static vq_status take_part(term *t, const char *text, const char *part, int index, int levels) {
    int number;
    if (t->kind == KMER && index == 0)
        return take_lengths(t, part) ? VQDNA_OK : not_understood(text, "kmer:K or kmer:K+J, 1 to 16 bases in all");
    if (t->kind == PAIRS && index == 0)
        return take_number(part, 0, 10000, &t->distance) ? VQDNA_OK : not_understood(text, "pairs:D, D from 0 to 10000");
    if (t->kind >= EMBEDDING && index == 0 && (!strcmp(part, "mean") || !strcmp(part, "max"))) {
        t->max = !strcmp(part, "max");
        return VQDNA_OK;
    }
    if (t->kind <= PAIRS && !strcmp(part, "frequency")) {
        t->frequency = true;
        return VQDNA_OK;
    }
    if (t->kind == KMER && !strcmp(part, "canonical") && !t->second) {
        t->canonical = true;
        return VQDNA_OK;
    }
    if (t->kind == KMER && t->second && !strncmp(part, "gap=", 4) && take_number(part + 4, 0, 1000, &t->gap))
        return VQDNA_OK;
    if (t->kind == CODES && !strncmp(part, "level=", 6) && take_number(part + 6, 1, levels, &number)) {
        t->level = number - 1;
        return VQDNA_OK;
    }
    char why[100];
    snprintf(why, sizeof why, "'%.40s' is not understood", part);
    return not_understood(text, why);
}

/* One term; *place becomes the B of place:B. */
static vq_status parse_term(vq_features *f, const char *text, const vq_features_model *model, int *place) {
    char copy[100];
    snprintf(copy, sizeof copy, "%s", text);
    term t = {.level = -1, .scale = 1};
    char *at = strchr(copy, '@'), *rest = copy, *name;
    if (at) {
        *at = '\0';
        if (!take_number(at + 1, 1, 1 << 30, &t.bin))
            return not_understood(text, "@B tags by place in bins of B bases, B from 1");
    }
    name = strsep(&rest, ":");
    bool random = !strcmp(name, "random");
    if (random) {
        t.tokenizer = VQ_UNTRAINED;
        name = rest ? strsep(&rest, ":") : "codes";
    }
    if (!strcmp(name, "place")) {
        if (!rest || !take_number(rest, 1, 1 << 30, place) || random || at)
            return not_understood(text, "place:B, B from 1");
        return VQDNA_OK;
    }
    int parts = 0;
    bool onehot = !strcmp(name, "onehot");
    if (onehot) {
        t.kind = KMER;
        t.first = 1;
        t.bin = t.bin ? t.bin : 1;
        parts = 1;
    } else if (!strcmp(name, "kmer") || !strcmp(name, "codes") || !strcmp(name, "pairs") || !strcmp(name, "embedding") ||
               !strcmp(name, "encoder")) {
        t.kind = *name == 'k' ? KMER : *name == 'c' ? CODES : *name == 'p' ? PAIRS : name[1] == 'm' ? EMBEDDING : ENCODER;
    } else {
        const char *nearest = vq_nearest(name, names, NAMES);
        return vq_fail(VQDNA_ERR_USAGE, "there is no feature '%s'; %s%s", name, nearest ? "did you mean " : "there are ",
                       nearest ? nearest : "kmer, onehot, codes, pairs, embedding, encoder, random and place");
    }
    if (t.kind != KMER && !model)
        return not_understood(text, "it needs a model: name its folder with -m");
    if (t.kind == KMER && random)
        return not_understood(text, "bases are the same for every tokenizer");
    for (char *part; rest && (part = strsep(&rest, ":")); parts++)
        VQ_TRY(take_part(&t, text, part, parts, model ? model->levels : 0));
    if (parts == 0 && t.kind == KMER)
        return not_understood(text, "kmer:K, K bases");
    if (t.kind == PAIRS && t.distance == 0 && model->levels < 2)
        return not_understood(text, "the model has one level of codes; pairs:D of D above 0 are of one level");
    if (t.kind >= EMBEDDING && at)
        return not_understood(text, "a pooled vector has no place");
    if (f->count == MOST_TERMS)
        return not_understood(text, "more than 32 terms");
    f->terms[f->count++] = t;
    return VQDNA_OK;
}

vq_status vq_features_create(vq_features **out, const char *specification, const vq_features_model *model) {
    vq_features *f;
    int place = 0;
    char *text = NULL;
    VQ_TRY(vq_alloc(&f, 1, sizeof *f));
    vq_status status;
    VQ_TRY_OR(failed, vq_alloc(&text, strlen(specification) + 1, 1));
    strcpy(text, specification);
    f->model = model ? *model : (vq_features_model){0};
    for (char *rest = text, *part; (part = strsep(&rest, ","));)
        VQ_TRY_OR(failed, parse_term(f, part, model, &place));
    if (!f->count)
        VQ_TRY_OR(failed, vq_fail(VQDNA_ERR_USAGE, "'%s' names no feature besides its place", specification));
    for (int i = 0; i < f->count; i++)
        if (!f->terms[i].bin && f->terms[i].kind <= PAIRS)
            f->terms[i].bin = place;
    VQ_TRY_OR(failed, vq_alloc(&f->start, f->row_room = 1024, sizeof *f->start));
    free(text);
    *out = f;
    return VQDNA_OK;
failed:
    free(text);
    vq_features_destroy(f);
    return status;
}

void vq_features_destroy(vq_features *f) {
    if (!f)
        return;
    free(f->entries);
    free(f->start);
    free(f->columns);
    free(f);
}

int vq_features_needs(const vq_features *f, int tokenizer) {
    int needs = 0;
    for (int i = 0; i < f->count; i++)
        if (f->terms[i].tokenizer == tokenizer && f->terms[i].kind != KMER)
            needs |= f->terms[i].kind == EMBEDDING ? VQ_NEEDS_EMBEDDING : f->terms[i].kind == ENCODER ? VQ_NEEDS_ENCODER : VQ_NEEDS_CODES;
    return needs;
}

/* ---- A row ------------------------------------------------------------------------------------------------------------------- */

static vq_status grow(void *array, size_t *room, size_t needed, size_t size) {
    void **block = array;
    if (needed <= *room)
        return VQDNA_OK;
    size_t larger = 2 * needed;
    void *moved = realloc(*block, larger * size);
    if (!moved)
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory for the features of the sequences");
    *block = moved;
    *room = larger;
    return VQDNA_OK;
}

/* Notes a feature at a place; room for it is there. */
static void note(vq_features *f, int index, size_t start, uint64_t what) {
    const term *t = &f->terms[index];
    size_t place = t->bin ? start / (size_t)t->bin : 0;
    place = place < MOST_PLACES ? place : MOST_PLACES - 1;
    f->entries[f->used++] = (entry){(uint64_t)index << 56 | (uint64_t)place << 40 | what, 1};
}

/* Words of first + second bases, `gap` between the two; each base is looked at twice at most. */
static void add_words(vq_features *f, int index, const vq_sample *s) {
    const term *t = &f->terms[index];
    int length = t->first + t->gap + t->second;
    for (size_t i = 0; i + (size_t)length <= s->count; i++) {
        uint64_t word = 0, reverse = 0;
        bool known = true;
        for (int j = 0; j < length && known; j++) {
            uint8_t base = s->bases[i + (size_t)j];
            if (j >= t->first && j < t->first + t->gap)
                continue;
            known = base < VQ_BASE_UNKNOWN;
            word = word << 2 | base;
            reverse |= (uint64_t)vq_complement(base) << 2 * j;
        }
        if (known)
            note(f, index, i, t->canonical && reverse < word ? reverse : word);
    }
}

static void add_codes(vq_features *f, int index, const vq_sample *s) {
    const term *t = &f->terms[index];
    size_t N = (size_t)f->model.levels, apart = t->kind == PAIRS ? (size_t)t->distance : 0;
    const uint16_t *codes = s->of[t->tokenizer].codes;
    bool across = t->kind == PAIRS && t->distance == 0; /* of levels, not of places */
    for (size_t i = 0; i + apart < s->count; i++) {
        if (s->bases[i] >= VQ_BASE_UNKNOWN || s->bases[i + apart] >= VQ_BASE_UNKNOWN)
            continue;
        if (across)
            note(f, index, i, (uint64_t)codes[i * N] << 16 | codes[i * N + 1]);
        for (size_t n = 0; n < N && !across; n++)
            if (t->kind == PAIRS)
                note(f, index, i, n << 32 | (uint64_t)codes[i * N + n] << 16 | codes[(i + apart) * N + n]);
            else if (t->level < 0 || (size_t)t->level == n)
                note(f, index, i, n << 16 | codes[i * N + n]);
    }
}

static void add_pooled(vq_features *f, int index, const vq_sample *s) {
    const term *t = &f->terms[index];
    size_t D = (size_t)f->model.dim;
    const float *from = t->kind == EMBEDDING ? s->of[t->tokenizer].embedding : s->of[t->tokenizer].encoder;
    for (size_t d = 0; d < D; d++) {
        double sum = 0, most = -INFINITY;
        size_t known = 0;
        for (size_t i = 0; i < s->count; i++)
            if (s->bases[i] < VQ_BASE_UNKNOWN) {
                sum += from[i * D + d];
                most = fmax(most, from[i * D + d]);
                known++;
            }
        f->entries[f->used++] = (entry){(uint64_t)index << 56 | d, (float)(!known ? 0 : t->max ? most : sum / (double)known)};
    }
}

static int by_id(const void *a, const void *b) {
    uint64_t x = ((const entry *)a)->id, y = ((const entry *)b)->id;
    return (x > y) - (x < y);
}

vq_status vq_features_add(vq_features *f, const vq_sample *s) {
    VQ_TRY(grow(&f->start, &f->row_room, f->rows + 2, sizeof *f->start));
    for (int i = 0; i < f->count; i++) {
        const term *t = &f->terms[i];
        size_t begin = f->used, most = t->kind >= EMBEDDING ? (size_t)f->model.dim : s->count * (size_t)(f->model.levels + 1);
        VQ_TRY(grow(&f->entries, &f->room, f->used + most, sizeof *f->entries));
        if (t->kind == KMER)
            add_words(f, i, s);
        else if (t->kind >= EMBEDDING)
            add_pooled(f, i, s);
        else
            add_codes(f, i, s);
        if (t->kind >= EMBEDDING)
            continue;
        /* Equal ones become one. */
        entry *e = f->entries + begin;
        size_t noted = f->used - begin, kept = 0;
        qsort(e, noted, sizeof *e, by_id);
        for (size_t j = 0; j < noted; j++)
            if (kept && e[kept - 1].id == e[j].id)
                e[kept - 1].value++;
            else
                e[kept++] = e[j];
        for (size_t j = 0; j < kept; j++)
            e[j].value = t->frequency ? e[j].value / (float)noted : 1;
        f->used = begin + kept;
    }
    f->start[0] = 0;
    f->start[++f->rows] = f->used;
    return VQDNA_OK;
}

/* ---- Columns ----------------------------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static column *find(const vq_features *f, uint64_t id) {
    size_t low = 0, high = f->column_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (f->columns[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < f->column_count && f->columns[low].id == id ? &f->columns[low] : NULL;
}

static bool is_pooled(const vq_features *f, uint64_t id) {
    return f->terms[id >> 56].kind >= EMBEDDING;
}

/* Columns, and their means and deviations, from the rows at hand. */
static vq_status decide(vq_features *f) {
    uint64_t *ids;
    VQ_TRY(vq_alloc(&ids, f->used, sizeof *ids));
    for (size_t i = 0; i < f->used; i++)
        ids[i] = f->entries[i].id;
    qsort(ids, f->used, sizeof *ids, by_number);
    size_t count = 0;
    for (size_t i = 0, next; i < f->used; i = next) {
        for (next = i; next < f->used && ids[next] == ids[i];)
            next++;
        if (next - i >= LEAST_ROWS)
            ids[count++] = ids[i];
    }
    vq_status status = vq_alloc(&f->columns, count, sizeof *f->columns);
    for (size_t i = 0; i < count && status == VQDNA_OK; i++)
        f->columns[i] = (column){ids[i], 0, 1};
    free(ids);
    VQ_TRY(status);
    f->column_count = count;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < f->used; i++) {
            column *c = is_pooled(f, f->entries[i].id) ? find(f, f->entries[i].id) : NULL;
            double from_mean = c ? (double)f->entries[i].value - c->mean : 0;
            if (c && pass == 0)
                c->mean += (double)f->entries[i].value; /* the sum for now */
            else if (c)
                c->deviation += from_mean * from_mean;
        }
        for (size_t i = 0; i < count; i++) {
            column *c = &f->columns[i];
            if (!is_pooled(f, c->id))
                continue;
            if (pass == 0) {
                c->mean /= (double)f->rows;
                c->deviation = 0;
            } else {
                c->deviation = c->deviation > 0 ? sqrt(c->deviation / (double)f->rows) : 1;
            }
        }
    }
    return VQDNA_OK;
}

/* Of the matrix, each term's mean square norm to 1. */
static void find_scales(vq_features *f, const vq_sparse *m) {
    double squares[MOST_TERMS] = {0};
    for (size_t i = 0; i < m->start[m->rows]; i++)
        squares[f->columns[m->column[i]].id >> 56] += (double)m->value[i] * (double)m->value[i];
    for (int i = 0; i < f->count; i++)
        f->terms[i].scale = squares[i] > 0 ? 1 / sqrt(squares[i] / (double)m->rows) : 1;
}

vq_status vq_features_take(vq_features *f, vq_sparse *out) {
    bool first = !f->decided;
    vq_sparse m = {.rows = f->rows};
    vq_status status;
    if (first)
        VQ_TRY_OR(failed, decide(f));
    f->decided = true;
    m.columns = f->column_count;
    if (m.columns == 0)
        VQ_TRY_OR(failed, vq_fail(VQDNA_ERR_INPUT, "no two training sequences have a feature in common"));
    VQ_TRY_OR(failed, vq_alloc(&m.start, f->rows + 1, sizeof *m.start));
    VQ_TRY_OR(failed, vq_alloc(&m.column, f->used, sizeof *m.column));
    VQ_TRY_OR(failed, vq_alloc(&m.value, f->used, sizeof *m.value));
    size_t used = 0;
    for (size_t row = 0; row < f->rows; row++) {
        for (size_t i = f->start[row]; i < f->start[row + 1]; i++) {
            const column *c = find(f, f->entries[i].id);
            if (!c)
                continue;
            m.column[used] = (uint32_t)(c - f->columns);
            m.value[used++] = (float)(((double)f->entries[i].value - c->mean) / c->deviation);
        }
        m.start[row + 1] = used;
    }
    if (first)
        find_scales(f, &m);
    for (size_t i = 0; i < used; i++)
        m.value[i] = (float)((double)m.value[i] * f->terms[f->columns[m.column[i]].id >> 56].scale);
    f->used = f->rows = 0;
    *out = m;
    return VQDNA_OK;
failed:
    vq_sparse_free(&m);
    return status;
}

#include "train/vocabulary.h"

#include "base/integer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_WORD = 8,
    MOST_CONVOLUTION = 15,
    MOST_STRIDE = 64,
    MOST_DISTANCE = 64,
    MOST_IDS = 65536,
    BASES = 4,
    UNKNOWN = 4,
    KINDS = 5
};

static const char *const kinds[KINDS] = {"onehot", "conv", "kmer", "codes", "ids"};
static const char *const learned[] = {"", ":fresh", ":tuned"};

static bool has_width(const vq_vocabulary *v) {
    return v->kind == VQ_OF_CONVOLUTION || v->kind == VQ_OF_WORDS || v->kind == VQ_OF_IDS;
}

bool vq_vocabulary_is_codes(const char *name) {
    return !strncmp(name, "codes", 5) && (!name[5] || name[5] == ':');
}

static vq_status bad(const char *name) {
    return vq_fail(VQDNA_ERR_USAGE,
                   "there is no vocabulary '%s': it is codes, codes:fresh, codes:tuned, onehot, conv:R (odd, 3 to 15), "
                   "kmer:K (1 to 8) or ids:V (2 to 65536); codes and kmer take :stride=S (1 to 64), codes:fresh and codes:tuned "
                   ":pairs=D (1 to 64)",
                   name);
}

/* A number in [least, most] at *at, which moves behind it. */
static bool number(int *out, const char **at, int least, int most) {
    char *end;
    long n = **at >= '0' && **at <= '9' ? strtol(*at, &end, 10) : -1;
    if (n < least || n > most)
        return false;
    *at = end;
    *out = (int)n;
    return true;
}

/* One part of a name, from its colon on. */
static bool part(vq_vocabulary *v, const char **at) {
    if (!strncmp(*at, ":stride=", 8) && (v->kind == VQ_OF_WORDS || v->kind == VQ_OF_CODES)) {
        *at += 8;
        return number(&v->stride, at, 1, MOST_STRIDE);
    }
    if (!strncmp(*at, ":pairs=", 7) && v->kind == VQ_OF_CODES) {
        *at += 7;
        return number(&v->pairs, at, 1, MOST_DISTANCE);
    }
    for (int i = VQ_FRESH; i <= VQ_TUNED && v->kind == VQ_OF_CODES && !v->vectors; i++)
        if (!strncmp(*at, learned[i], strlen(learned[i]))) {
            *at += strlen(learned[i]);
            v->vectors = i;
            return true;
        }
    return false;
}

static bool read_name(vq_vocabulary *v, const char *name) {
    const char *at = strchr(name, ':');
    const size_t length = at ? (size_t)(at - name) : strlen(name);
    at = name + length;
    int kind = 0;
    while (kind < KINDS && (strlen(kinds[kind]) != length || strncmp(kinds[kind], name, length) != 0))
        kind++;
    if (kind == KINDS)
        return false;
    v->kind = (int)kind;
    v->width = v->stride = 1;
    static const int least[KINDS] = {[VQ_OF_CONVOLUTION] = 3, [VQ_OF_WORDS] = 1, [VQ_OF_IDS] = 2},
                     most[KINDS] = {[VQ_OF_CONVOLUTION] = MOST_CONVOLUTION, [VQ_OF_WORDS] = MOST_WORD, [VQ_OF_IDS] = MOST_IDS};
    if (has_width(v) && (*at++ != ':' || !number(&v->width, &at, least[kind], most[kind])))
        return false;
    if (v->kind == VQ_OF_CONVOLUTION && v->width % 2 == 0)
        return false;
    while (*at)
        if (!part(v, &at))
            return false;
    return !v->pairs || v->vectors;
}

static void spell(vq_vocabulary *v) {
    int used = snprintf(v->name, sizeof v->name, "%s", kinds[v->kind]);
    if (has_width(v))
        used += snprintf(v->name + used, sizeof v->name - (size_t)used, ":%d", v->width);
    used += snprintf(v->name + used, sizeof v->name - (size_t)used, "%s", learned[v->vectors]);
    if (v->pairs)
        used += snprintf(v->name + used, sizeof v->name - (size_t)used, ":pairs=%d", v->pairs);
    if (v->stride > 1)
        snprintf(v->name + used, sizeof v->name - (size_t)used, ":stride=%d", v->stride);
}

vq_status vq_vocabulary_parse(vq_vocabulary *out, const char *name, const vq_config *tokenizer) {
    vq_vocabulary v = {.tables = 1};
    if (!read_name(&v, name))
        return bad(name);
    spell(&v);
    switch (v.kind) {
    case VQ_OF_BASES:
        v.entries[0] = BASES + 1;
        break;
    case VQ_OF_CONVOLUTION:
        v.tables = v.width;
        for (int t = 0; t < v.tables; t++)
            v.entries[t] = BASES + 1;
        break;
    case VQ_OF_WORDS:
        v.entries[0] = (1 << 2 * v.width) + 1;
        break;
    case VQ_OF_IDS:
        v.entries[0] = v.width;
        break;
    case VQ_OF_CODES:
        if (!tokenizer)
            return vq_fail(VQDNA_ERR_USAGE, "the vocabulary %s is that of a tokenizer: name its model", v.name);
        v.tables = v.levels = tokenizer->levels;
        v.dim = v.vectors ? 0 : tokenizer->dim;
        for (int t = 0; t < v.levels; t++)
            v.entries[t] = tokenizer->codes[t];
        if (v.pairs)
            v.entries[v.tables++] = VQ_PAIR_ENTRIES;
    }
    *out = v;
    return VQDNA_OK;
}

/* Words stand where all of their bases do. */
static size_t places(const vq_vocabulary *v, size_t count) {
    const size_t width = v->kind == VQ_OF_WORDS ? (size_t)v->width : 1;
    return count >= width ? count - width + 1 : count > 0;
}

size_t vq_vocabulary_tokens(const vq_vocabulary *v, size_t count, int phase) {
    const size_t all = places(v, count), first = (size_t)phase;
    return all > first ? vq_ceil_div(all - first, (size_t)v->stride) : all > 0;
}

static int32_t word(const uint8_t *bases, size_t at, size_t count, int width) {
    int32_t id = 0;
    for (size_t i = at; i < at + (size_t)width; i++) {
        if (i >= count || bases[i] >= UNKNOWN)
            return 1 << 2 * width;
        id = id * BASES + bases[i];
    }
    return id;
}

/* The codes of two bases as one of so many entries: which pairs fall together is left to chance. */
static int32_t pair(const vq_vocabulary *v, const uint16_t *codes, size_t at) {
    const size_t levels = (size_t)v->levels;
    uint64_t hash = 0;
    for (int side = 0; side < 2; side++)
        for (size_t t = 0; t < levels; t++) {
            hash = (hash ^ codes[(at + (size_t)(side * v->pairs)) * levels + t]) * 0x9E3779B97F4A7C15u;
            hash ^= hash >> 32;
        }
    return (int32_t)(hash % VQ_PAIR_ENTRIES);
}

int32_t vq_vocabulary_pair(const vq_vocabulary *v, const uint8_t *bases, const uint16_t *codes, size_t count, size_t at) {
    const size_t other = at + (size_t)v->pairs;
    return bases[at] >= UNKNOWN || other >= count || bases[other] >= UNKNOWN ? VQ_PAIR_ENTRIES : pair(v, codes, at);
}

static bool is_silent(const vq_vocabulary *v, const uint8_t *bases, const uint16_t *codes, size_t count, size_t at) {
    const int32_t entry = vq_vocabulary_pair(v, bases, codes, count, at);
    return entry == VQ_PAIR_ENTRIES || v->silent[entry];
}

static size_t first_of(const vq_vocabulary *v, size_t count, int phase) {
    return places(v, count) > (size_t)phase ? (size_t)phase : 0;
}

size_t vq_vocabulary_count(const vq_vocabulary *v, const uint8_t *bases, const uint16_t *codes, size_t count, int phase) {
    const size_t most = vq_vocabulary_tokens(v, count, phase), first = first_of(v, count, phase);
    size_t tokens = 0;
    if (!v->silent)
        return most;
    for (size_t i = 0; i < most; i++)
        tokens += !is_silent(v, bases, codes, count, first + i * (size_t)v->stride);
    return tokens ? tokens : most > 0;
}

/* The id in a table of the token at a base. */
static int32_t id_of(const vq_vocabulary *v, int t, const uint8_t *bases, const uint16_t *codes, size_t count, size_t at) {
    const int64_t base = (int64_t)at + t - v->width / 2; /* of a convolution */
    switch (v->kind) {
    case VQ_OF_BASES:
        return bases[at];
    case VQ_OF_CONVOLUTION:
        return base < 0 || base >= (int64_t)count ? BASES + 1 : bases[base];
    case VQ_OF_WORDS:
        return word(bases, at, count, v->width);
    case VQ_OF_CODES:
        if (t == v->levels)
            return vq_vocabulary_pair(v, bases, codes, count, at);
        return bases[at] >= UNKNOWN ? v->entries[t] : codes[at * (size_t)v->levels + (size_t)t];
    case VQ_OF_IDS: /* are there */
        break;
    }
    return 0;
}

size_t vq_vocabulary_ids(const vq_vocabulary *v, int32_t *ids, size_t row, int32_t *place, const uint8_t *bases,
                         const uint16_t *codes, size_t count, int phase) {
    const size_t most = vq_vocabulary_tokens(v, count, phase), first = first_of(v, count, phase);
    size_t tokens = 0;
    for (size_t i = 0; i < most; i++) {
        const size_t at = first + i * (size_t)v->stride;
        if (v->silent && is_silent(v, bases, codes, count, at))
            continue;
        place[tokens] = (int32_t)at;
        for (int t = 0; t < v->tables; t++)
            ids[(size_t)t * row + tokens] = id_of(v, t, bases, codes, count, at);
        tokens++;
    }
    if (!tokens && most) {
        place[tokens] = (int32_t)first;
        for (int t = 0; t < v->tables; t++)
            ids[(size_t)t * row + tokens] = v->entries[t];
        tokens++;
    }
    return tokens;
}

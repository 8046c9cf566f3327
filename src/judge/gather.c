#include "judge/gather.h"

#include "base/clock.h"
#include "base/integer.h"
#include "seq/source.h"
#include "train/infer.h"
#include "train/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORD = 6, MASH_WORD = 21, MOST_MASH = 31, SKETCH = 1000, BASES = 4 };

typedef struct feature {
    enum { CODES, EMBEDDING, ENCODER, WORDS, MASH, HAMMING } kind;
    int number; /* K, or a level from 1; 0: all levels */
    bool max;
} feature;

/* ---- Names ------------------------------------------------------------------------------------------------------------------- */

static bool number(int *out, const char **at, const char *before, int least, int most) {
    const size_t length = strlen(before);
    if (strncmp(*at, before, length) != 0 || (*at)[length] < '0' || (*at)[length] > '9')
        return false;
    char *end;
    const long n = strtol(*at + length, &end, 10);
    *at = end;
    *out = (int)n;
    return n >= least && n <= most;
}

static vq_status parse(feature *out, const char *text) {
    static const char *const names[] = {"codes", "embedding", "encoder", "kmer", "mash", "hamming"};
    const size_t length = strcspn(text, ":");
    const char *at = text + length;
    feature f = {.kind = CODES};
    int kind = 0;
    while (kind < 6 && (strlen(names[kind]) != length || strncmp(names[kind], text, length) != 0))
        kind++;
    bool right = kind < 6;
    f.kind = right ? kind : 0;
    if (right && (f.kind == EMBEDDING || f.kind == ENCODER)) {
        f.max = !strncmp(at, ":max", 4);
        right = f.max || !strncmp(at, ":mean", 5);
        at += right ? f.max ? 4 : 5 : 0;
    }
    if (right && f.kind == WORDS)
        right = number(&f.number, &at, ":", 1, MOST_WORD);
    if (right && f.kind == MASH && *at)
        right = number(&f.number, &at, ":", 4, MOST_MASH);
    if (right && f.kind <= ENCODER && *at)
        right = number(&f.number, &at, ":level=", 1, VQDNA_MAX_LEVELS);
    if (!right || *at)
        return vq_fail(
            VQDNA_ERR_USAGE,
            "there is no feature '%s': it is codes[:level=N], embedding:mean|max[:level=N], encoder:mean|max[:level=N], kmer:K (1 "
            "to 6), mash[:K] or hamming",
            text);
    *out = f;
    return VQDNA_OK;
}

vq_status vq_gather_needs_model(bool *out, const char *text) {
    feature f;
    VQ_TRY(parse(&f, text));
    *out = f.kind <= ENCODER;
    return VQDNA_OK;
}

/* ---- Records ----------------------------------------------------------------------------------------------------------------- */

typedef struct work {
    feature f;
    vq_gathered g;
    size_t room;                 /* rows there is room for */
    int first[VQDNA_MAX_LEVELS]; /* of codes: where a level's columns begin */
    vq_record_set *set;
    uint8_t *bases; /* of the record under way, where it is wanted whole */
    size_t count, base_room;
    uint64_t *counts; /* [width] of the record under way */
    uint64_t known;
    int32_t word; /* of words: the last bases, and how many of them are known in a row */
    int run;
    const vqdna_stream_options *options;
    double told;
} work;

static vq_status grow(work *k) {
    vq_gathered *g = &k->g;
    if (g->rows < k->room)
        return VQDNA_OK;
    const size_t room = 2 * k->room + 256;
    char **names = realloc(g->names, room * sizeof *names);
    g->names = names ? names : g->names;
    float *points = g->width ? realloc(g->points, room * (size_t)g->width * sizeof *points) : NULL;
    g->points = points ? points : g->points;
    if (!names || (g->width && !points))
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory for %zu records", room);
    k->room = room;
    return VQDNA_OK;
}

/* The next row, with its name. */
static vq_status add_row(work *k, const char *name, float **row) {
    VQ_TRY(grow(k));
    VQ_TRY(vq_alloc(&k->g.names[k->g.rows], strlen(name) + 1, 1));
    strcpy(k->g.names[k->g.rows], name);
    *row = k->g.width ? k->g.points + k->g.rows * (size_t)k->g.width : NULL;
    k->g.rows++;
    return VQDNA_OK;
}

static vq_status no_bases(const char *name) {
    return vq_fail(VQDNA_ERR_INPUT, "record %.60s has no known base: it has no place on a map", name);
}

/* Shares of what was counted. */
static vq_status end_counts(work *k, const char *name) {
    float *row;
    if (!k->known)
        return no_bases(name);
    VQ_TRY(add_row(k, name, &row));
    for (int i = 0; i < k->g.width; i++)
        row[i] = (float)((double)k->counts[i] / (double)k->known);
    memset(k->counts, 0, (size_t)k->g.width * sizeof *k->counts);
    k->known = 0;
    k->run = 0;
    return VQDNA_OK;
}

static vq_status add_codes(void *user, const vqdna_codes *run) {
    work *k = user;
    for (size_t i = 0; i < run->count; i++) {
        if (run->bases[i] >= BASES)
            continue;
        k->known++;
        for (int n = 0; n < run->levels; n++)
            if (k->first[n] >= 0)
                k->counts[k->first[n] + run->codes[i * (size_t)run->levels + (size_t)n]]++;
    }
    return run->last ? end_counts(k, run->contig) : VQDNA_OK;
}

static vq_status add_vectors(void *user, const vqdna_vectors *run) {
    work *k = user;
    float *row;
    if (!run->last)
        return VQDNA_OK;
    if (!run->known)
        return no_bases(run->contig);
    VQ_TRY(add_row(k, run->contig, &row));
    memcpy(row, run->vectors, (size_t)k->g.width * sizeof *row);
    return VQDNA_OK;
}

static vq_status keep_bases(work *k, const vq_piece *piece) {
    if (piece->start == 0)
        k->count = 0;
    if (k->count + piece->count > k->base_room) {
        k->base_room = 2 * (k->count + piece->count);
        uint8_t *larger = realloc(k->bases, k->base_room);
        if (!larger)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for a record of %zu bases", k->count + piece->count);
        k->bases = larger;
    }
    memcpy(k->bases + k->count, piece->codes, piece->count);
    k->count += piece->count;
    for (size_t i = 0; i < piece->count; i++)
        k->known += piece->codes[i] < BASES;
    if (!piece->last)
        return VQDNA_OK;
    float *none;
    if (!k->known)
        return no_bases(piece->name);
    k->known = 0;
    VQ_TRY(vq_record_set_add(k->set, piece->name, k->bases, k->count));
    return add_row(k, piece->name, &none);
}

static vq_status count_words(work *k, const vq_piece *piece) {
    const int32_t mask = (1 << 2 * k->f.number) - 1;
    for (size_t i = 0; i < piece->count; i++) {
        k->run = piece->codes[i] < BASES ? k->run + 1 : 0;
        k->word = (k->word << 2 | (piece->codes[i] & 3)) & mask;
        if (k->run >= k->f.number) {
            k->counts[k->word]++;
            k->known++;
        }
    }
    return piece->last ? end_counts(k, piece->name) : VQDNA_OK;
}

static vq_status tell(work *k, const vqdna_stream_stats *stats) {
    if (!k->options)
        return VQDNA_OK;
    if (k->options->interrupted && k->options->interrupted(k->options->user))
        return vq_fail(VQDNA_ERR_INTERRUPTED, "interrupted");
    if (k->options->progress && vq_clock() - k->told >= 0.2) {
        k->told = vq_clock();
        k->options->progress(k->options->user, stats);
    }
    return VQDNA_OK;
}

/* What needs bases alone. */
static vq_status read_bases(work *k, const char *const *paths, size_t count, vqdna_stream_stats *stats) {
    vq_source *source;
    vq_piece piece;
    const double began = vq_clock();
    const vqdna_stream_options *o = k->options;
    VQ_TRY(vq_source_open(&source, paths, count, o ? o->input : NULL, o ? o->read_bytes : 0));
    vq_status status = VQDNA_OK, read = VQDNA_OK;
    while (status >= 0 && (read = vq_source_next(source, &piece)) == VQDNA_OK) {
        status = k->f.kind == WORDS ? count_words(k, &piece) : keep_bases(k, &piece);
        vqdna_stream_stats now = vq_source_describe(source);
        now.seconds = vq_clock() - began;
        if (status >= 0)
            status = tell(k, &now);
        if (stats)
            *stats = now;
    }
    vq_source_close(source);
    return status < 0 ? status : read < 0 ? read : VQDNA_OK;
}

/* ---- All of it --------------------------------------------------------------------------------------------------------------- */

static vq_status open_columns(work *k, const vq_model *model) {
    const vq_config *c = model ? &model->config : NULL;
    if (k->f.kind <= ENCODER) {
        if (!model)
            return vq_fail(VQDNA_ERR_USAGE, "codes and vectors are those of a model: name one");
        if (k->f.number > c->levels)
            return vq_fail(VQDNA_ERR_USAGE, "level %d: the model has %d", k->f.number, c->levels);
    }
    for (int n = 0; k->f.kind == CODES && n < c->levels; n++) {
        const bool wanted = !k->f.number || k->f.number == n + 1;
        k->first[n] = wanted ? k->g.width : -1;
        k->g.width += wanted ? c->codes[n] : 0;
    }
    if (k->f.kind == EMBEDDING || k->f.kind == ENCODER)
        k->g.width = c->dim * (k->f.number ? 1 : c->levels);
    if (k->f.kind == WORDS)
        k->g.width = 1 << 2 * k->f.number;
    if (k->f.kind == MASH)
        return vq_mash_create(&k->set, k->f.number ? k->f.number : MASH_WORD, SKETCH);
    if (k->f.kind == HAMMING)
        return vq_hamming_create(&k->set);
    return vq_alloc(&k->counts, (size_t)k->g.width, sizeof *k->counts);
}

static vq_status read_all(work *k, vq_model *model, const char *const *paths, size_t count, vqdna_stream_stats *stats) {
    const vqdna_embed_options embed = {.size = sizeof embed,
                                       .pool = k->f.max ? VQDNA_POOL_MAX : VQDNA_POOL_MEAN,
                                       .from_encoder = k->f.kind == ENCODER,
                                       .level = k->f.number,
                                       .all_levels = !k->f.number};
    if (k->f.kind == CODES)
        return vq_tokenize(model, paths, count, k->options, add_codes, k, stats);
    if (k->f.kind <= ENCODER)
        return vq_embed(model, paths, count, k->options, &embed, add_vectors, k, stats);
    return read_bases(k, paths, count, stats);
}

void vq_gathered_destroy(vq_gathered *g) {
    for (size_t i = 0; i < g->rows; i++)
        free(g->names[i]);
    free(g->names);
    free(g->points);
    vq_distances_destroy(&g->distances);
    *g = (vq_gathered){0};
}

vq_status vq_gather(vq_gathered *out, const char *text, vq_model *model, const char *const *paths, size_t count,
                    const vqdna_stream_options *options, vqdna_stream_stats *stats) {
    work k = {.options = options};
    vq_status status;
    VQ_TRY(parse(&k.f, text));
    VQ_TRY_OR(done, open_columns(&k, model));
    VQ_TRY_OR(done, read_all(&k, model, paths, count, stats));
    if (k.g.rows < 2)
        VQ_TRY_OR(done, vq_fail(VQDNA_ERR_INPUT, "%s: a map needs two records at least", count ? paths[0] : "no input"));
    if (k.set) {
        vq_record_set *set = k.set;
        k.set = NULL;
        VQ_TRY_OR(done, vq_record_set_take(&k.g.distances, set));
    } else {
        VQ_TRY_OR(done, vq_distances_of_points(&k.g.distances, k.g.points, k.g.rows, k.g.width));
    }
done:
    vq_record_set_destroy(k.set);
    free(k.counts);
    free(k.bases);
    if (status < 0)
        vq_gathered_destroy(&k.g);
    else
        *out = k.g;
    return status;
}

/* Features of bases alone: words, and distances of sets of words or of aligned bases. */
#include "base/clock.h"
#include "judge/gather_rows.h"
#include "seq/source.h"

#include <stdlib.h>
#include <string.h>

enum { MASH_WORD = 21, SKETCH = 1000, BASES = 4 };

typedef struct work {
    vq_map_feature f;
    vq_gathered g;
    size_t room;
    vq_record_set *set;
    uint8_t *bases; /* of the record under way, where it is wanted whole */
    size_t count, base_room;
    uint64_t *counts; /* [width] of the record under way */
    uint64_t known;
    int32_t word; /* the last bases, and how many of them are known in a row */
    int run;
    const vqdna_stream_options *options;
    double told;
} work;

/* Shares of what was counted. */
static vq_status end_words(work *k, const char *name) {
    float *row;
    if (!k->known)
        return vq_gathered_no_bases(name);
    VQ_TRY(vq_gathered_add(&k->g, &k->room, name, &row));
    for (int i = 0; i < k->g.width; i++)
        row[i] = (float)((double)k->counts[i] / (double)k->known);
    memset(k->counts, 0, (size_t)k->g.width * sizeof *k->counts);
    k->known = 0;
    k->run = 0;
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
    if (piece->count) /* there is no buffer before the first base */
        memcpy(k->bases + k->count, piece->codes, piece->count);
    k->count += piece->count;
    for (size_t i = 0; i < piece->count; i++)
        k->known += piece->codes[i] < BASES;
    if (!piece->last)
        return VQDNA_OK;
    float *none;
    if (!k->known)
        return vq_gathered_no_bases(piece->name);
    k->known = 0;
    VQ_TRY(vq_record_set_add(k->set, piece->name, k->bases, k->count));
    return vq_gathered_add(&k->g, &k->room, piece->name, &none);
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
    return piece->last ? end_words(k, piece->name) : VQDNA_OK;
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

static vq_status read_bases(work *k, const char *const *paths, size_t count, vqdna_stream_stats *stats) {
    vq_source *source;
    vq_piece piece;
    const double began = vq_clock();
    const vqdna_stream_options *o = k->options;
    VQ_TRY(vq_source_open(&source, paths, count, o ? o->input : NULL, o ? o->read_bytes : 0));
    vq_status status = VQDNA_OK, read = VQDNA_OK;
    while (status >= 0 && (read = vq_source_next(source, &piece)) == VQDNA_OK) {
        status = k->f.kind == VQ_MAP_WORDS ? count_words(k, &piece) : keep_bases(k, &piece);
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

static vq_status open_work(work *k) {
    if (k->f.kind == VQ_MAP_MASH)
        return vq_mash_create(&k->set, k->f.number ? k->f.number : MASH_WORD, SKETCH);
    if (k->f.kind == VQ_MAP_HAMMING)
        return vq_hamming_create(&k->set);
    k->g.width = 1 << 2 * k->f.number;
    return vq_alloc(&k->counts, (size_t)k->g.width, sizeof *k->counts);
}

vq_status vq_gather_bases(vq_gathered *out, const char *feature, const char *const *paths, size_t files,
                          const vqdna_stream_options *options, vqdna_stream_stats *stats) {
    work k = {.options = options};
    vq_status status;
    VQ_TRY(vq_map_feature_parse(&k.f, feature));
    VQ_TRY_OR(done, open_work(&k));
    VQ_TRY_OR(done, read_bases(&k, paths, files, stats));
    VQ_TRY_OR(done, vq_gathered_end(&k.g, &k.set, files ? paths[0] : NULL));
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

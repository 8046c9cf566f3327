#include "judge/gather_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORD = 6, MOST_MASH = 31 };

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

vq_status vq_map_feature_parse(vq_map_feature *out, const char *text) {
    static const char *const names[] = {"codes", "embedding", "encoder", "body", "kmer", "mash", "hamming"};
    enum { KINDS = sizeof names / sizeof *names };
    const size_t length = strcspn(text, ":");
    const char *at = text + length;
    vq_map_feature f = {.kind = VQ_MAP_CODES};
    int kind = 0;
    while (kind < KINDS && (strlen(names[kind]) != length || strncmp(names[kind], text, length) != 0))
        kind++;
    bool right = kind < KINDS;
    f.kind = right ? kind : 0;
    if (right && f.kind >= VQ_MAP_EMBEDDING && f.kind <= VQ_MAP_BODY) {
        f.max = !strncmp(at, ":max", 4);
        right = f.max || !strncmp(at, ":mean", 5);
        at += right ? f.max ? 4 : 5 : 0;
    }
    if (right && f.kind == VQ_MAP_WORDS)
        right = number(&f.number, &at, ":", 1, MOST_WORD);
    if (right && f.kind == VQ_MAP_MASH && *at)
        right = number(&f.number, &at, ":", 4, MOST_MASH);
    if (right && f.kind <= VQ_MAP_ENCODER && *at)
        right = number(&f.number, &at, ":level=", 1, VQDNA_MAX_LEVELS);
    if (!right || *at)
        return vq_fail(VQDNA_ERR_USAGE,
                       "there is no feature '%s': it is codes[:level=N], embedding:mean|max[:level=N], encoder:mean|max[:level=N], "
                       "body:mean|max, kmer:K (1 to 6), mash[:K] or hamming",
                       text);
    *out = f;
    return VQDNA_OK;
}

vq_status vq_gather_source_of(vq_gather_source *out, const char *text) {
    vq_map_feature f;
    VQ_TRY(vq_map_feature_parse(&f, text));
    *out = f.kind <= VQ_MAP_ENCODER ? VQ_GATHER_CODES : f.kind == VQ_MAP_BODY ? VQ_GATHER_BODY : VQ_GATHER_BASES;
    return VQDNA_OK;
}

/* ---- Rows -------------------------------------------------------------------------------------------------------------------- */

static vq_status grow(vq_gathered *g, size_t *had) {
    if (g->rows < *had)
        return VQDNA_OK;
    const size_t room = 2 * *had + 256;
    char **names = realloc(g->names, room * sizeof *names);
    g->names = names ? names : g->names;
    float *points = g->width ? realloc(g->points, room * (size_t)g->width * sizeof *points) : NULL;
    g->points = points ? points : g->points;
    if (!names || (g->width && !points))
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory for %zu records", room);
    *had = room;
    return VQDNA_OK;
}

vq_status vq_gathered_add(vq_gathered *g, size_t *room, const char *name, float **row) {
    VQ_TRY(grow(g, room));
    VQ_TRY(vq_alloc(&g->names[g->rows], strlen(name) + 1, 1));
    strcpy(g->names[g->rows], name);
    *row = g->width ? g->points + g->rows * (size_t)g->width : NULL;
    g->rows++;
    return VQDNA_OK;
}

vq_status vq_gathered_end(vq_gathered *g, vq_record_set **set, const char *path) {
    if (g->rows < 2)
        return vq_fail(VQDNA_ERR_INPUT, "%s: a map needs two records at least", path ? path : "no input");
    if (!*set)
        return vq_distances_of_points(&g->distances, g->points, g->rows, g->width);
    vq_record_set *taken = *set;
    *set = NULL;
    return vq_record_set_take(&g->distances, taken);
}

vq_status vq_gathered_no_bases(const char *name) {
    return vq_fail(VQDNA_ERR_INPUT, "record %.60s has no known base: it has no place on a map", name);
}

void vq_gathered_destroy(vq_gathered *g) {
    vq_distances_destroy(&g->distances);
    for (size_t i = 0; i < g->rows; i++)
        free(g->names[i]);
    free(g->names);
    free(g->points);
    *g = (vq_gathered){0};
}

/* What the sources of features share: their names, and the rows that are gathered. */
#ifndef VQ_JUDGE_GATHER_ROWS_H
#define VQ_JUDGE_GATHER_ROWS_H

#include "judge/gather.h"

typedef struct vq_map_feature {
    enum { VQ_MAP_CODES, VQ_MAP_EMBEDDING, VQ_MAP_ENCODER, VQ_MAP_BODY, VQ_MAP_WORDS, VQ_MAP_MASH, VQ_MAP_HAMMING } kind;
    int number; /* K, or a level from 1; 0: all levels, or the usual K */
    bool max;
} vq_map_feature;

vq_status vq_map_feature_parse(vq_map_feature *out, const char *text);

/* The next row, with its name; *row [width] is to be filled, NULL where there are no points. *room: rows there is room for. */
vq_status vq_gathered_add(vq_gathered *g, size_t *room, const char *name, float **row);

/* Behind the last row: distances of the points, unless `set` has others, which it gives up. `path` for sentences, NULL: none was given. */
vq_status vq_gathered_end(vq_gathered *g, vq_record_set **set, const char *path);

vq_status vq_gathered_no_bases(const char *name);

#endif

/* Cuts a stream of records into batches of M rows. A batch holds segments: a core of consecutive elements of one record, with up to
 * `halo` more on either side where the record goes on, so that what a network computes for the core does not depend on the cut. */
#ifndef VQ_TRAIN_CUTTER_H
#define VQ_TRAIN_CUTTER_H

#include "base/status.h"

typedef struct vq_segment {
    const char *record; /* name; borrowed until the batch was taken */
    uint64_t start;     /* of the core in its record */
    int row, rows;      /* first row and rows, halos included */
    int left, count;    /* rows of the left halo, of the core */
    bool last;          /* the core ends the record */
} vq_segment;

typedef struct vq_batch {
    const void *elements; /* of rows [0, used), `width` bytes each */
    int used;
    const vq_segment *segments;
    int segment_count;
} vq_batch;

/* Takes a batch; a status other than OK stops the stream and comes back from push or finish. */
typedef vq_status (*vq_batch_sink)(void *user, const vq_batch *batch);

typedef struct vq_cutter vq_cutter;

/* M >= vq_cutter_least_rows(halo), halo >= 1. */
vq_status vq_cutter_create(vq_cutter **out, int M, size_t width, int halo, vq_batch_sink sink, void *user);
void vq_cutter_destroy(vq_cutter *cutter);
int vq_cutter_least_rows(int halo);

/* The next elements of a record. The first run of a record names it and may start anywhere; later ones continue it. `last` ends it.
 */
vq_status vq_cutter_push(vq_cutter *cutter, const char *record, uint64_t start, const void *elements, size_t count, bool last);

/* Sends what is left. */
vq_status vq_cutter_finish(vq_cutter *cutter);

#endif

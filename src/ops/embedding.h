/* Rows of a table by their numbers: embeddings of tokens, positions in a sequence, rows picked out of a batch and put back. table [V][D],
 * ids int32 [M] in [0, V]; an id of V stands for none, a row of zeros. */
#ifndef VQ_OPS_EMBEDDING_H
#define VQ_OPS_EMBEDDING_H

#include "device/launch.h"

/* y [M][D] = scale table[ids[m]], or += with `add`. y overlaps neither. */
vq_status vq_embedding_forward(vq_device *device, vq_view y, vq_view table, vq_view ids, int M, int D, int V, float scale,
                               bool add);

/* What backward works in, each a tensor of its own: float [V + 1][D], int32 [V + 1], int32 [M], vq_embedding_scratch bytes. */
typedef struct vq_embedding_work {
    vq_view sums, counts, order, scratch;
} vq_embedding_work;
size_t vq_embedding_scratch(const vq_device *device, int M, int V);

/* dtable [V][D] += scale times the sum of dy [M][D] over the rows of an id, in increasing m. */
vq_status vq_embedding_backward(vq_device *device, vq_view dtable, const vq_embedding_work *work, vq_view dy, vq_view ids, int M,
                                int D, int V, float scale);

#endif

/* Column sums in a fixed order: bias gradients, and the last stage of every reduction over rows.
 *     out[n] (+)= sum_m x[m][n]
 * Rows are summed in chunks, the chunks in order: the same bits on every run and for every number of threads. On a GPU the rows of a
 * chunk are summed by several work-items, each every so many-th of them, and these sums as a tree. */
#ifndef VQ_OPS_REDUCE_H
#define VQ_OPS_REDUCE_H

#include "device/launch.h"
#include "device/tune.h"

extern const vq_tunables vq_reduce_tunables;

/* Rows of a chunk for a kernel that walks M rows: a function of M and a tunable, the fewest rows, which so decides the order of the
 * sum. At most VQ_MAX_CHUNKS chunks. */
enum { VQ_MAX_CHUNKS = 64 };
int vq_chunk_rows(const vq_device *device, int M);
int vq_chunk_count(const vq_device *device, int M);

/* The most chunks that M rows or fewer have: fewer rows may make more, for their chunks are shorter. */
int vq_chunk_most(const vq_device *device, int M);

/* Bytes of `scratch` for M rows of N columns, or fewer rows. */
size_t vq_reduce_scratch(const vq_device *device, int M, int N);

/* out [N], x [M][N]. add: out += the sum, else out =. scratch may be VQ_NO_VIEW when M <= VQ_MAX_CHUNKS. */
vq_status vq_reduce_rows(vq_device *device, vq_view out, vq_view x, vq_view scratch, int M, int N, bool add);

#endif

/* What the moving averages of a codebook need from a batch: how often each code was given, and the sum of the vectors it was given
 * to.
 *
 *     counts[k] = rows m with codes[m] == k          sums[k] = sum of h[m] over these rows, in increasing m
 *
 * The rows are sorted by code first (stable), so the sums are the same on every run. On a GPU a code's rows are summed by several
 * work-items, each every so many-th of them, and these sums as a tree. h [M][D], codes int32 [M] in [0, K), sums [K][D] (zero for a
 * code without rows), counts int32 [K], order int32 [M]: the rows, those of code 0 first. All outputs =.
 * Rows whose base is unknown (.s0 above 3 in table, the table of rows of ops/rows.h) count nowhere, and `order` ends before them;
 * without a table (VQ_NO_VIEW) all count. */
#ifndef VQ_OPS_CODESUM_H
#define VQ_OPS_CODESUM_H

#include "device/launch.h"
#include "device/tune.h"

extern const vq_tunables vq_codesum_tunables;

vq_status vq_codesum_forward(vq_device *device, vq_view sums, vq_view counts, vq_view order, vq_view h, vq_view codes,
                             vq_view table, vq_view scratch, int M, int D, int K);

/* Bytes of scratch: K integers, and K for each chunk of rows; at most 16 MiB + 4 K. */
size_t vq_codesum_scratch(const vq_device *device, int M, int K);

/* usage[k] += counts[k], int32 [K]: the use of the codes over a report's steps. */
vq_status vq_codesum_usage(vq_device *device, vq_view usage, vq_view counts, int K);

#endif

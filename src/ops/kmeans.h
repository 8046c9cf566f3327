/* The start of a codebook: k-means++ (Arthur and Vassilvitskii 2007) and the mean step of Lloyd's rounds. A round is the
 * nearest-code search, codesum, then vq_kmeans_update. */
#ifndef VQ_OPS_KMEANS_H
#define VQ_OPS_KMEANS_H

#include "device/launch.h"

/* e [K][D]: = K rows of h [M][D]. The first is drawn uniformly, each other with probability proportional to its squared distance
 * from the nearest centre before it; once all distances are zero, uniformly again. uniforms [K]: drawn by the host from [0, 1). */
vq_status vq_kmeans_seed(vq_device *device, vq_view e, vq_view h, vq_view uniforms, vq_view scratch, int M, int D, int K);

/* Bytes of scratch of vq_kmeans_seed. */
size_t vq_kmeans_scratch(const vq_device *device, int M);

/* e[k] = sums[k] / counts[k] where counts[k] > 0, else as it was. sums [K][D], counts int32 [K]. */
vq_status vq_kmeans_update(vq_device *device, vq_view e, vq_view sums, vq_view counts, int D, int K);

/* vectors[first + i] = h[index[i]] for i < count, rows of D; index int32 [count]. */
vq_status vq_kmeans_gather(vq_device *device, vq_view vectors, int first, vq_view h, vq_view index, int count, int D);

#endif

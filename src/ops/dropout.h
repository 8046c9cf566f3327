/* Inverted dropout (Srivastava et al. 2014): an element is kept with probability 1 - p and then divided by it, else 0. What is kept
 * is drawn by Philox as base/rng.h has it, the same on host and device: element i is kept if (word >> 8) >= p 2^24, where `word` is
 * word i % 4 of the block (seed, stream, step, i / 4). */
#ifndef VQ_OPS_DROPOUT_H
#define VQ_OPS_DROPOUT_H

#include "device/launch.h"

/* Where the draws come from: another stream and step for every use, the same in backward as in forward. */
typedef struct vq_draws {
    uint64_t seed, step;
    uint32_t stream;
} vq_draws;

/* y [n] = dropout(x [n]) + residual [n]; VQ_NO_VIEW: no residual. y may be x or the residual. 0 <= p < 1, n < 2^31. */
vq_status vq_dropout_forward(vq_device *device, vq_view y, vq_view x, vq_view residual, size_t n, double p, vq_draws draws);

/* dx [n] = from dy [n], by the same draws; the residual's gradient is dy itself. dx may be dy. */
vq_status vq_dropout_backward(vq_device *device, vq_view dx, vq_view dy, size_t n, double p, vq_draws draws);

#endif

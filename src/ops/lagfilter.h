/* The filter of a long convolution from what a network says of each distance (Poli et al., arXiv 2302.10866): a window that lets each
 * channel fade at a pace of its own, over lags of both signs:
 *     h[t][c] = k[|t|][c, or C + c where t < 0] (exp(-d[c] |t| / span) + 0.05)        d from ln 100 / 1.5 to ln 100 / 0.3 by channel
 * The first part falls to a hundredth over 1.5 spans in channel 0 and over 0.3 in the last. */
#ifndef VQ_OPS_LAGFILTER_H
#define VQ_OPS_LAGFILTER_H

#include "device/launch.h"

/* h [2L - 1][C], lags -(L - 1) .. L - 1, from k [L][2C]; row 0 of k has nothing to say at C and above. */
vq_status vq_lagfilter_forward(vq_device *device, vq_view h, vq_view k, int L, int C, int span);

/* dk [L][2C] = from dh [2L - 1][C]. */
vq_status vq_lagfilter_backward(vq_device *device, vq_view dk, vq_view dh, int L, int C, int span);

#endif

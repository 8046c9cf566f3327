/* What a Hyena layer has in place of attention (Poli et al., arXiv 2302.10866), as in HyenaDNA (Nguyen et al., arXiv 2306.15794) but to
 * both sides, between the layer's two projections:
 *     x0, x1, v = short(in_proj(x))                    short: depth-wise, 3 taps
 *     heads = x0 (h * (x1 v) + bias x1 v)              h: a filter of all lags, a channel
 * Positions that are not there are zeros to both convolutions. The filter is what a small network with sines of learned frequencies says
 * of a distance t, for the lag and for its opposite, under a window that fades (ops/lagfilter.h, span = positions - 1):
 *     k[t] = linear4(sin(freq linear3(sin(freq linear2(sin(freq linear1(features[t]))))))) [2W]
 *     features[t] = t / (positions - 1), cos(f w), -sin(f w)        f = 0.0001, 1        w = 2 pi t / positions
 * So it is the same for a short batch and a long one, cut to the lags there are. It is made, and its spectrum, once a forward.
 *
 * The network does not decay, and is all that learns of the filter: features and window are constants. Tensors, W the width:
 *     mixer.short_filter.weight [3W][1][3], .bias [3W]        mixer.filter.bias [W], .freq [64]
 *     mixer.filter.linear1.weight [64][5], .bias [64]         linear2 and linear3 [64][64], .bias        linear4.weight [2W][64] */
#ifndef VQ_NN_HYENA_H
#define VQ_NN_HYENA_H

#include "device/plan.h"
#include "nn/layer_batch.h"

enum { VQ_HYENA_FEATURES = 5, VQ_HYENA_ORDER = 64, VQ_HYENA_SINES = 3 };

/* What forward keeps for backward. */
typedef struct vq_hyena_saved {
    vq_tensor pre[VQ_HYENA_SINES]; /* [L][64]: before each sine */
    vq_tensor spectrum;            /* of the filter */
    vq_tensor convolved;           /* [M][W]: heads before they are gated by x0 */
} vq_hyena_saved;

typedef struct vq_hyena {
    int width, positions;
    vq_tensor short_weight, short_bias, bias, freq;
    vq_tensor weight[VQ_HYENA_SINES + 1], linear_bias[VQ_HYENA_SINES];
    vq_tensor taps, says, mixed, a, b, c,
        work; /* scratch: h [2L - 1][W] and k [L][2W] or their gradients, [M][3W], three of [L][64] */
} vq_hyena;

/* features [L][5] of the distances from 0 on. */
void vq_hyena_features(float *features, int L, int positions);

/* Declares the weights, zeroed before; then, inside the layer's scope, scratch for up to B sequences of up to L positions. */
void vq_hyena_plan(vq_hyena *hyena, vq_plan *plan, int width, int positions);
void vq_hyena_scratch_plan(vq_hyena *hyena, vq_plan *plan, vq_device *device, int B, int L);
void vq_hyena_saved_plan(vq_hyena_saved *saved, vq_plan *plan, vq_device *device, int width, int B, int L);

/* heads [M][W] from qkv [M][3W], what in_proj says. wide: scratch [M][3W]. */
vq_status vq_hyena_forward(vq_hyena *hyena, vq_device *device, vq_hyena_saved *saved, vq_view heads, vq_view wide, vq_view qkv,
                           const vq_layer_batch *batch);

/* dqkv [M][3W] = from dheads, and forward's qkv and `saved`; weights' gradients +=. A frozen filter has none, and its bias and the short
 * convolution theirs wherever the caller has put it. */
vq_status vq_hyena_backward(vq_hyena *hyena, vq_device *device, vq_hyena_saved *saved, vq_view dqkv, vq_view dheads, vq_view qkv,
                            const vq_layer_batch *batch);

#endif

/* The encoder: bases to taps.
 *     x_0 = join(gelu(norm_in(conv_in(bases))))        conv_in: 4 -> stem, kernel 5; join: stem -> D
 *     x_i = block_i(x_{i-1})                           the tap of level n is x_i with i = taps[n] */
#ifndef VQ_NN_ENCODER_H
#define VQ_NN_ENCODER_H

#include "nn/config.h"
#include "nn/convnext.h"

typedef struct vq_encoder {
    const vq_config *config;
    int M;
    vq_tensor conv_weight, conv_bias, norm_weight, norm_bias, join_weight, join_bias;
    vq_tensor conv, stats, normed, stem; /* [M][stem]: after conv_in, norm_in, gelu */
    vq_tensor x0;                        /* [M][D] */
    vq_convnext blocks[VQ_MAX_BLOCKS];
    vq_tensor dstem, dconv, work;
} vq_encoder;

/* Declares the tensors of an encoder, zeroed before. */
void vq_encoder_plan(vq_encoder *encoder, vq_plan *plan, vq_device *device, const vq_config *config, int M);

/* Fills the taps from rows uchar4 [M]. */
vq_status vq_encoder_forward(vq_encoder *encoder, vq_device *device, vq_view rows);

/* The tap of a level, counted from 0: [M][D]. */
vq_view vq_encoder_tap(const vq_encoder *encoder, int level);

/* Adds a level's gradient to the running one: d [M][D] (= if !add, += if add). */
typedef vq_status (*vq_tap_gradient)(void *user, int level, vq_view d, bool add);

/* Parameters' gradients +=. The gradient runs down through a and b [M][D] (both overwritten), the taps' gradients come from `tap`.
 */
vq_status vq_encoder_backward(vq_encoder *encoder, vq_device *device, vq_view a, vq_view b, vq_view rows, vq_tap_gradient tap,
                              void *user);

#endif

/* The decoder, the encoder's mirror: codes to the logits of the four bases.
 *     x_i = block_i(x_{i-1}), x_0 = zhat        y = conv_out(gelu(norm_out(unjoin(x_last))))
 * unjoin: D -> stem; conv_out: stem -> 4, kernel 5. */
#ifndef VQ_NN_DECODER_H
#define VQ_NN_DECODER_H

#include "nn/config.h"
#include "nn/convnext.h"

typedef struct vq_decoder {
    const vq_config *config;
    int M;
    vq_convnext blocks[VQ_MAX_BLOCKS];
    vq_tensor unjoin_weight, unjoin_bias, norm_weight, norm_bias, conv_weight, conv_bias;
    vq_tensor unjoined, stats, normed, stem; /* [M][stem]: after unjoin, norm_out, gelu */
    vq_tensor logits;                        /* [M][4] */
    vq_tensor dstem, dunjoined, work;
} vq_decoder;

/* Declares the tensors of a decoder, zeroed before. */
void vq_decoder_plan(vq_decoder *decoder, vq_plan *plan, vq_device *device, const vq_config *config, int M);

/* decoder->logits from zhat [M][D] and rows uchar4 [M]. */
vq_status vq_decoder_forward(vq_decoder *decoder, vq_device *device, vq_view zhat, vq_view rows);

/* From dlogits [M][4]: parameters' gradients +=, and *dzhat is whichever of a and b [M][D] holds the gradient of zhat. */
vq_status vq_decoder_backward(vq_decoder *decoder, vq_device *device, vq_view *dzhat, vq_view a, vq_view b, vq_view dlogits,
                              vq_view zhat, vq_view rows);

#endif

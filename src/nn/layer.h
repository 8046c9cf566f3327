/* A layer of an encoder. With attention it is that of a Transformer (Vaswani et al., arXiv 1706.03762), its tensors named and laid out as those of
 * torch.nn.TransformerEncoderLayer, over B sequences of L positions of W channels:
 *     pre-norm (Xiong et al., arXiv 2002.04745):  z = x + drop(mixer(norm1(x)))      y = z + drop(feed(norm2(z)))
 *     post-norm:                                  z = norm1(x + drop(mixer(x)))      y = norm2(z + drop(feed(z)))
 * mixer: attention, H heads of W / H channels between two projections, or Hyena's convolutions (nn/hyena.h), whose projections are
 * mixer.in_proj and mixer.out_proj in place of self_attn.in_proj_ and self_attn.out_proj; feed: W -> F, GELU, F -> W. Dropout is on the residual branches only. */
#ifndef VQ_NN_LAYER_H
#define VQ_NN_LAYER_H

#include "nn/hyena.h"

typedef enum vq_mixer { VQ_ATTENTION, VQ_HYENA } vq_mixer;

typedef struct vq_layer_config {
    int width, heads, feed;
    bool post_norm;
    vq_mixer mixer; /* set by the body for each of its layers, and the positions */
    int positions;
} vq_layer_config;

/* What forward keeps for backward; layers that compute it again share one. Rows M = B L. */
typedef struct vq_layer_saved {
    vq_tensor qkv, lse, heads;        /* [M][3W], [B][H][L], [M][W]: what the mixer says */
    vq_tensor middle, stats1, stats2; /* [M][W]: x + mixer, normed or not; [M][2] of both norms */
    vq_tensor pre;                    /* [M][F]: before GELU; backward turns it into gelu(pre) */
    vq_tensor sum;                    /* [M][W]: of post-norm, z + feed */
    vq_hyena_saved hyena;
} vq_layer_saved;

typedef struct vq_layer {
    vq_layer_config config;
    int number; /* of the layer: tells its draws from others' */
    vq_tensor in_weight, in_bias, out_weight, out_bias, up_weight, up_bias, down_weight, down_bias;
    vq_tensor norm1_weight, norm1_bias, norm2_weight, norm2_bias;
    vq_hyena hyena;
    const vq_tensor *in, *out, *up, *down;    /* what it multiplies with: its weights, unless someone puts others in their place */
    vq_layer_saved own, *saved;               /* saved: own, or one that is shared */
    vq_tensor y;                              /* [M][W] */
    vq_tensor wide, a, b, c, work, attention; /* scratch: [M][F], three of [M][W] */
} vq_layer;

/* Declares the tensors of a layer, zeroed before, for up to B sequences of up to L positions. shared: what is kept for backward lies
 * there, by vq_layer_saved_plan for all mixers that share it; NULL: in the layer. */
void vq_layer_plan(vq_layer *layer, vq_plan *plan, vq_device *device, const vq_layer_config *config, int B, int L,
                   vq_layer_saved *shared);
void vq_layer_saved_plan(vq_layer_saved *saved, vq_plan *plan, vq_device *device, const vq_layer_config *config, bool attention,
                         bool hyena, int B, int L);

/* layer->y from x [M][W]. */
vq_status vq_layer_forward(vq_layer *layer, vq_device *device, vq_view x, const vq_layer_batch *batch);

/* dx [M][W] = from dy [M][W], which stays; weights' gradients +=. x and batch as in forward, whose results must be in `saved`. Once
 * after each forward, since gelu(...) takes the place of pre. */
vq_status vq_layer_backward(vq_layer *layer, vq_device *device, vq_view dx, vq_view dy, vq_view x, const vq_layer_batch *batch);

#endif

/* Scaled dot product attention of H heads (Vaswani et al., arXiv 1706.03762), of d <= 128 channels each:
 *     o = softmax(q k^T / sqrt(d)) v
 * over the keys of the same batch entry, with an online softmax: no L x L matrix is stored (Dao et al., arXiv 2205.14135). Results
 * of a query depend on that query and its keys alone, bit for bit, whatever its place. */
#ifndef VQ_OPS_ATTENTION_H
#define VQ_OPS_ATTENTION_H

#include "device/launch.h"
#include "device/tune.h"

enum { VQ_ATTENTION_CHANNELS = 128 }; /* the most of a head */

/* Where the heads lie in a buffer of rows: channel c of head h of position l of batch entry b is float
 * (b L + l) stride + column + h d + c. A projection's output [B L][3 H d] is q, k and v at columns 0, H d and 2 H d. */
typedef struct vq_heads {
    int stride, column;
} vq_heads;

typedef struct vq_attention_shape {
    int B, H, L, d;
    vq_heads q, k, v, o; /* a gradient lies as what it is the gradient of */
} vq_attention_shape;

/* o =, lse [B][H][L] = the logarithm of the sum of the exponentials of a query's scores, for backward.
 *
 * mask uint8 [B][L] is a key padding mask: a position whose byte is 0 is attended to by no query of its batch entry, and its key
 * and value are not read; VQ_NO_VIEW: all are attended to. A query with no keys at all has o = 0 and lse = 0. q, k, v may be one
 * buffer; o overlaps none of their columns. */
vq_status vq_attention_forward(vq_device *device, vq_view o, vq_view lse, vq_view q, vq_view k, vq_view v, vq_view mask,
                               const vq_attention_shape *shape);

/* dq =, dk =, dv = from d_o, the gradient of o, and forward's inputs and results. They may be one buffer; masked keys get 0.
 * scratch: vq_attention_scratch bytes. */
vq_status vq_attention_backward(vq_device *device, vq_view dq, vq_view dk, vq_view dv, vq_view scratch, vq_view d_o, vq_view q,
                                vq_view k, vq_view v, vq_view o, vq_view lse, vq_view mask, const vq_attention_shape *shape);
size_t vq_attention_scratch(vq_device *device, const vq_attention_shape *shape);

/* Blocks of the kernels, by width of a head. */
extern const vq_tunables vq_attention_tunables;

#endif

/* ConvNeXt block (Liu et al. 2022, arXiv 2201.03545) over rows of D channels, without layer scale:
 *     y = x + down(gelu(up(norm(dw(x)))))        dw: depth-wise, kernel 7; up: D -> 4D; down: 4D -> D */
#ifndef VQ_NN_CONVNEXT_H
#define VQ_NN_CONVNEXT_H

#include "device/plan.h"

typedef struct vq_convnext {
    int M, D;
    vq_tensor dw_weight, dw_bias, norm_weight, norm_bias, up_weight, up_bias, down_weight, down_bias;
    vq_tensor mixed, stats;       /* dw(x), its mean and rstd: [M][D], [M][2] */
    vq_tensor pre;                /* up(...) before GELU, [M][4D], in training only; backward turns it into gelu(pre) */
    vq_tensor y;                  /* [M][D] */
    vq_tensor narrow, wide, work; /* scratch: [M][D] for norm(...) and its gradients, [M][4D] for gelu(up(...)) and its gradient */
} vq_convnext;

/* Declares the tensors of a block, zeroed before. */
void vq_convnext_plan(vq_convnext *block, vq_plan *plan, vq_device *device, int M, int D);

/* block->y from x [M][D]; rows uchar4 [M]. */
vq_status vq_convnext_forward(vq_convnext *block, vq_device *device, vq_view x, vq_view rows);

/* dx [M][D] = from dy [M][D], which stays; parameters' gradients +=. x and rows as in forward. Once after each forward, since
 * norm(...) and gelu(...) are not kept but computed again, to the same bits, the latter in place of pre. */
vq_status vq_convnext_backward(vq_convnext *block, vq_device *device, vq_view dx, vq_view dy, vq_view x, vq_view rows);

#endif

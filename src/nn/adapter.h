/* Low-rank adaptation (Hu et al., arXiv 2106.09685): in place of a frozen W [out][in] a block multiplies with
 *     W + (alpha / rank) B A        A [rank][in] starts as a weight does, B [out][rank] at zero
 * which is put together before forward; its gradient is split after backward. So blocks do not know of it, and nothing is computed twice.
 * There is no dropout on the adapter's input, which such a merge leaves no place for. */
#ifndef VQ_NN_ADAPTER_H
#define VQ_NN_ADAPTER_H

#include "device/plan.h"

typedef struct vq_adapter_options {
    int rank; /* 0: none */
    double alpha;
    bool feed; /* the two products of the inner layers too, not those about the mixer alone */
} vq_adapter_options;

typedef struct vq_adapter {
    int in, out, rank;
    float scale;
    const vq_tensor *base;
    vq_tensor A, B;
    vq_tensor merged, dmerged;  /* [out][in]; merged.grad is dmerged once it is bound */
    vq_tensor rows, part, work; /* inputs: int32 0, 1, ...; scratch */
} vq_adapter;

/* Declares the tensors of an adapter of `base`, zeroed before, as NAME.lora_A and NAME.lora_B. */
void vq_adapter_plan(vq_adapter *adapter, vq_plan *plan, vq_device *device, const char *name, const vq_tensor *base,
                     const vq_adapter_options *options);

/* Once after the plan was bound. */
vq_status vq_adapter_bind(vq_adapter *adapter, vq_device *device);

/* merged = W + scale B A. */
vq_status vq_adapter_merge(vq_adapter *adapter, vq_device *device);

/* dA += and dB += from dmerged, which is cleared. */
vq_status vq_adapter_split(vq_adapter *adapter, vq_device *device);

#endif

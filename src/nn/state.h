/* The state dict: a model's weights, codebooks and averages on the host, as its plan lists them, under PyTorch's names and layouts. */
#ifndef VQ_NN_STATE_H
#define VQ_NN_STATE_H

#include "device/plan.h"

typedef struct vq_state_tensor {
    char name[VQ_TENSOR_NAME];
    vq_role role;
    vq_start start;
    int rank;
    uint64_t shape[4];
    size_t count;
    float *data;
} vq_state_tensor;

typedef struct vq_state {
    vq_state_tensor *tensors;
    size_t count;
} vq_state;

/* The tensors of a plan, which may be a list, zero: the weights in order of declaration, then codebooks and averages. */
vq_status vq_state_create(vq_state *out, const vq_plan *plan);
void vq_state_destroy(vq_state *state);

/* Weights as they were declared to start, all else zero. A pure function of the seed and the tensors' names. */
void vq_state_start(vq_state *state, uint64_t seed);

/* NULL if there is none. */
vq_state_tensor *vq_state_find(const vq_state *state, const char *name);

/* Parameters: weights and codes. */
uint64_t vq_state_parameters(const vq_state *state);

/* To the device, and back. The plan is bound and has the tensors of the state; it may have others. */
vq_status vq_state_put(const vq_state *state, vq_device *device, const vq_plan *plan);
vq_status vq_state_get(vq_state *state, vq_device *device, const vq_plan *plan);

#endif

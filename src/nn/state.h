/* The state dict: a model's weights and codebooks on the host, under PyTorch's names and layouts. */
#ifndef VQ_NN_STATE_H
#define VQ_NN_STATE_H

#include "nn/config.h"

typedef struct vq_state_tensor {
    char name[48];
    int rank;
    uint64_t shape[4];
    size_t count;
    bool weight; /* moved by the optimizer; else a codebook or one of its averages */
    float *data;
} vq_state_tensor;

typedef struct vq_state {
    vq_state_tensor *tensors;
    size_t count;
} vq_state;

/* All tensors of a model, zero. */
vq_status vq_state_create(vq_state *out, const vq_config *config);
void vq_state_destroy(vq_state *state);

/* Weights as PyTorch starts them: uniform in +-1/sqrt(fan in) for weights and biases of convolutions and linear layers, 1 and 0 for
 * norms; codebooks zero. A pure function of the seed and the tensors' names. */
void vq_state_start(vq_state *state, uint64_t seed);

/* NULL if there is none. */
vq_state_tensor *vq_state_find(const vq_state *state, const char *name);

/* Parameters of the network plus its codes. */
uint64_t vq_state_parameters(const vq_state *state);

#endif

/* Of a batch what layers and their mixers look at. */
#ifndef VQ_NN_LAYER_BATCH_H
#define VQ_NN_LAYER_BATCH_H

#include "device/memory.h"
#include "ops/dropout.h"

/* B sequences of L positions. mask: which are there (uint8 [B][L], VQ_NO_VIEW: all). rows, features: what convolutions need (nn/hyena.h),
 * VQ_NO_VIEW without. dropout: 0 outside training; the layers' streams count from draws.stream on. */
typedef struct vq_layer_batch {
    int B, L;
    vq_view mask, rows, features;
    double dropout;
    vq_draws draws;
} vq_layer_batch;

#endif

/* The tokenizer's network: encoder, quantizer, decoder, and the loss of stage 1 (VQDNA, arXiv 2405.10812):
 *     loss = cross-entropy of the bases (mean over known bases) + beta * commitment (mean over levels, channels
 *            and rows of known bases) */
#ifndef VQ_NN_MODEL_H
#define VQ_NN_MODEL_H

#include "nn/decoder.h"
#include "nn/encoder.h"
#include "nn/quantizer.h"
#include "nn/state.h"
#include "ops/rows.h"

/* Sums over the batches since they were cleared, on the device: float [VQ_METRICS]. */
enum { VQ_METRIC_LOSS, VQ_METRIC_CORRECT, VQ_METRIC_COMMITMENT, VQ_METRICS };

typedef struct vq_model {
    vq_config config;
    vq_device *device;
    vq_plan *plan;
    int planned, M; /* rows of a batch: at most, and as it is */
    vq_encoder encoder;
    vq_quantizer quantizer;
    vq_decoder decoder;
    vq_tensor rows;    /* uchar4 [M] */
    vq_tensor bases;   /* uint8 [M]: what the decoder says */
    vq_tensor metrics; /* float [VQ_METRICS] */
    vq_tensor dlogits, ga, gb, gc, work;
} vq_model;

/* The model's memory, declared and not bound; without a device, the list of its tensors (M is then not looked at). */
vq_status vq_model_plan(vq_model **out, vq_device *device, const vq_config *config, int M, vq_purpose purpose);

/* The model with its memory; weights and codebooks come by vq_model_put. */
vq_status vq_model_create(vq_model **out, vq_device *device, const vq_config *config, int M, vq_purpose purpose);
void vq_model_destroy(vq_model *model);

/* The state dict of a model, zero. */
vq_status vq_model_state(vq_state *out, const vq_config *config);

/* The state dict to the device, and back. The state must be of the same config. */
vq_status vq_model_put(vq_model *model, const vq_state *state);
vq_status vq_model_get(const vq_model *model, vq_state *state);

/* From now on a batch has `rows` rows, at most those that were planned. */
void vq_model_use_rows(vq_model *model, int rows);

/* rows [M] to the device, without waiting. */
vq_status vq_model_upload(vq_model *model, const vq_row *rows);

/* Rows to taps to codes (quantizer.level[i].codes) and zhat. */
vq_status vq_model_encode(vq_model *model);

/* zhat to bases (model->bases). */
vq_status vq_model_decode(vq_model *model);

/* codes int32 [M] of each level, uploaded to quantizer.level[i].codes, to zhat. */
vq_status vq_model_embed(vq_model *model);

/* Forward and backward of one batch: gradients +=, metrics +=. `known`: rows with a known base, of all batches of the
 * step. quantized: false in the unquantized start. */
vq_status vq_model_learn(vq_model *model, int known, float beta, bool quantized);

/* The model's taps, for the functions of the quantizer. */
void vq_model_taps(const vq_model *model, vq_view taps[VQDNA_MAX_LEVELS]);

#endif

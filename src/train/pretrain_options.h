/* Options of masked pre-training, by key; those of the body are a predictor's. */
#ifndef VQ_TRAIN_PRETRAIN_OPTIONS_H
#define VQ_TRAIN_PRETRAIN_OPTIONS_H

#include "base/status.h"

#include <jansson.h>

vq_status vq_pretrain_option_set(vqdna_predictor_options *body, vqdna_pretrain_options *pretrain, const char *assignment);
const vqdna_option *vq_pretrain_option_at(size_t index);
vq_status vq_pretrain_option_agrees(const vqdna_pretrain_options *resolved, const char *assignment);

/* Defaults filled in, ranges checked, epochs turned into steps of `bases`. */
vq_status vq_pretrain_resolve(vqdna_pretrain_options *out, const vqdna_pretrain_options *options, uint64_t bases);

vq_status vq_pretrain_to_json(json_t **out, const vqdna_pretrain_options *options);
vq_status vq_pretrain_from_json(vqdna_pretrain_options *out, const json_t *json, const char *path);

#endif

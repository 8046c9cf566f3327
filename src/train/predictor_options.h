/* Options of a predictor and of its training, by key. */
#ifndef VQ_TRAIN_PREDICTOR_OPTIONS_H
#define VQ_TRAIN_PREDICTOR_OPTIONS_H

#include "train/option_table.h"

/* Of every body: fields of vqdna_predictor_options. */
extern const vq_option_table vq_body_options;

vq_status vq_predictor_option_set(vqdna_predictor_options *predictor, vqdna_finetune_options *finetune, const char *assignment);
const vqdna_option *vq_predictor_option_at(size_t index);

/* Whether a run with these options goes by "key=value"; options of the model are not looked at. */
vq_status vq_predictor_option_agrees(const vqdna_finetune_options *resolved, const char *assignment);

/* Defaults filled in, ranges checked, epochs turned into steps of rows. */
vq_status vq_finetune_resolve(vqdna_finetune_options *out, const vqdna_finetune_options *options, size_t rows);

vq_status vq_finetune_to_json(json_t **out, const vqdna_finetune_options *options);
vq_status vq_finetune_from_json(vqdna_finetune_options *out, const json_t *json, const char *path);

#endif

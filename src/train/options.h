/* Options of model and training: one table of keys for --set, --help, trainer.json, checks and defaults. */
#ifndef VQ_TRAIN_OPTIONS_H
#define VQ_TRAIN_OPTIONS_H

#include "nn/config.h"

enum { VQ_MAX_BATCH = 1 << 16, VQ_MAX_STEP_BASES = 1 << 24 }; /* windows, and bases, of a step */

/* 0 becomes `batch`, which the others divide. */
vq_status vq_micro_batch_resolve(int *micro_batch, int batch);

/* "key=value" into whichever struct has the key. A value of 0 is stored so that it does not read as the default. */
vq_status vq_option_set(vqdna_model_options *model, vqdna_train_options *train, const char *assignment);

/* Whether a run with this config and these options goes by "key=value"; VQDNA_ERR_USAGE, and what it has, if not. */
vq_status vq_option_agrees(const vq_config *config, const vqdna_train_options *resolved, const char *assignment);

/* The table, model first; NULL past the end. */
const vqdna_option *vq_option_at(size_t index);

/* Defaults filled in, ranges checked. `bases` of the dataset turns epochs into steps. */
vq_status vq_train_resolve(vqdna_train_options *out, const vqdna_train_options *options, const vq_config *config, uint64_t bases);

/* Resolved options as a JSON object, and back. */
vq_status vq_train_to_json(json_t **out, const vqdna_train_options *options);
vq_status vq_train_from_json(vqdna_train_options *out, const json_t *json, const char *path);

#endif

/* The shape of a model: presets, their options, and their form in config.json. */
#ifndef VQ_NN_CONFIG_H
#define VQ_NN_CONFIG_H

#include "base/safetensors.h"

#include <jansson.h>

typedef struct vq_config {
    char preset[16], quantizer[8];
    int dim, stem, blocks;
    int base_codes; /* K: level n of hrq has K 2^n codes, vq has K */
    int levels;
    int codes[VQDNA_MAX_LEVELS], taps[VQDNA_MAX_LEVELS]; /* of each level; a tap counts blocks from 1 */
    int decoder_stride;
} vq_config;

/* "model" of config.json. */
#define VQ_TOKENIZER_KIND "vqdna-tokenizer"

enum { VQ_MAX_DIM = 4096, VQ_MAX_CODES = 65536, VQ_MAX_STRIDE = 256 };
enum { VQ_MAX_BLOCKS = 24, VQ_STEM_REACH = 2, VQ_BLOCK_REACH = 3 };

/* Options with their preset's defaults filled in. VQDNA_ERR_USAGE says which value is out of range. */
vq_status vq_config_resolve(vq_config *out, const vqdna_model_options *options);

/* The number of an option's key ("dim", "codes" for base_codes), or 0. */
int vq_config_number(const vq_config *config, const char *key);

/* Bases on either side a code of the last level depends on; the same for a reconstructed base and codes. */
int vq_config_encoder_halo(const vq_config *config);
int vq_config_decoder_halo(const vq_config *config);

vq_status vq_config_to_json(json_t **out, const vq_config *config);

/* `path` for messages. VQDNA_ERR_INPUT names the key that is missing or wrong. */
vq_status vq_config_from_json(vq_config *out, const json_t *json, const char *path);

/* A model.safetensors alone, as PyTorch leaves it, says its shape by its tensors; what they do not say is as usual. `path`: of the
 * config.json that is missing. */
vq_status vq_config_from_tensors(vq_config *out, const vq_safetensors *file, const char *path);

#endif

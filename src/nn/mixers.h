/* The mixers of a body's layers as text: one name for all, "attention" or "hyena", or a list of one a layer from the lowest on, split by
 * commas: "hyena,hyena,attention". */
#ifndef VQ_NN_MIXERS_H
#define VQ_NN_MIXERS_H

#include "nn/body.h"

enum { VQ_MIXERS_TEXT = 10 * VQ_MAX_LAYERS + 1 };

/* config->mixers of config->layers layers. VQDNA_ERR_USAGE says which name is none, or that the list is too long or short. */
vq_status vq_mixers_parse(vq_body_config *config, const char *text);

/* One name where all are the same. */
void vq_mixers_text(char out[VQ_MIXERS_TEXT], const vq_body_config *config);

#endif

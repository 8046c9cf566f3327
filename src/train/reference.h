/* What a reference says already: the pairs of codes that occur in it, whose bases are no tokens, so that a model reads what differs. */
#ifndef VQ_TRAIN_REFERENCE_H
#define VQ_TRAIN_REFERENCE_H

#include "train/examples.h"

/* *out [VQ_PAIR_ENTRIES], to be freed: 1 for an entry that a pair of the sequences has, at any base, and of the other strand too if
 * `both_strands`. path: its file, for sentences. tokenizer as of vq_examples_create. VQDNA_ERR_USAGE unless the vocabulary has pairs,
 * VQDNA_ERR_INPUT if there are none, or fewer than one entry in eight is left. */
vq_status vq_reference_pairs(uint8_t **out, const vq_vocabulary *vocabulary, const vq_labelled *reference, vq_model *tokenizer,
                             bool both_strands, const char *path);

#endif

/* What a reference says already: the pairs of codes that occur in it, whose vectors a training leaves at zero, so that a model learns from
 * what differs. */
#ifndef VQ_TRAIN_REFERENCE_H
#define VQ_TRAIN_REFERENCE_H

#include "nn/state.h"
#include "train/examples.h"

/* *out [VQ_PAIR_ENTRIES], to be freed: 1 for an entry that a pair of the sequences has, at any base, and of the other strand too if
 * `both_strands`. tokenizer as of vq_examples_create. VQDNA_ERR_USAGE unless the vocabulary has pairs, VQDNA_ERR_INPUT if fewer than
 * one in eight are left. */
vq_status vq_reference_pairs(uint8_t **out, const vq_vocabulary *vocabulary, const vq_labelled *reference, vq_model *tokenizer,
                             bool both_strands);

/* Zero into the vectors of these entries. */
void vq_reference_silence(vq_state *state, const vq_vocabulary *vocabulary, const uint8_t *silent);

#endif

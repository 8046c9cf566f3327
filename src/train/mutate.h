/* What a predictor says of a sequence with each of its bases changed. */
#ifndef VQ_TRAIN_MUTATE_H
#define VQ_TRAIN_MUTATE_H

#include "train/classify.h"
#include "train/predictor.h"

/* value: the probability of the most probable class, *class, or a regression's number, of bases [count]; effects [count][4]: what another base
 * in a place adds to it, 0 for the base itself and where it is unknown. model, tokenizer and options as of vq_predict; outputs has room for
 * a batch. */
vq_status vq_mutate(float (*effects)[4], double *value, int *class, vq_classifier *model, const vq_predictor *predictor,
                    vq_model *tokenizer, const uint8_t *bases, size_t count, const vqdna_predict_options *options,
                    vq_token_batch *batch, float *outputs);

#endif

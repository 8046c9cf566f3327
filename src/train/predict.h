/* A predictor over streams of sequences: record by record, or in windows that slide over them. */
#ifndef VQ_TRAIN_PREDICT_H
#define VQ_TRAIN_PREDICT_H

#include "train/classify.h"
#include "train/predictor.h"

/* Sequences that a predictor takes at once, of so many tokens each. */
int vq_predict_at_once(size_t tokens);

/* As vqdna_predictor_predict. model: a plan for inference with its weights, for sequences of the window, or of as many bases as the model
 * has positions; tokenizer: NULL, or of the codes it reads, with its weights. */
vq_status vq_predict(vq_classifier *model, const vq_predictor *predictor, vq_model *tokenizer, const char *const *paths,
                     size_t count, const vqdna_stream_options *stream, const vqdna_predict_options *options,
                     vqdna_predictions_sink sink, void *user, vqdna_stream_stats *stats);

/* As vqdna_predictor_mutate. */
vq_status vq_predict_mutations(vq_classifier *model, const vq_predictor *predictor, vq_model *tokenizer, const char *const *paths,
                               size_t count, const vqdna_stream_options *stream, const vqdna_predict_options *options,
                               vqdna_mutations_sink sink, void *user, vqdna_stream_stats *stats);

#endif

/* Running a trained model over streams: bases to codes, codes to bases, and how well the two agree. */
#ifndef VQ_TRAIN_INFER_H
#define VQ_TRAIN_INFER_H

#include "nn/model.h"

/* As their public namesakes in vqdna.h; `model` is a plan for inference with its weights in place. Options and stats may be NULL.
 */
vq_status vq_tokenize(vq_model *model, const char *const *paths, size_t count, const vqdna_stream_options *options,
                      vqdna_codes_sink sink, void *user, vqdna_stream_stats *stats);

/* Codes with what each level was given before it quantized: taps [levels], each [run->count][D] of the run's bases, borrowed; NULL unless
 * `with_taps`. */
typedef vq_status (*vq_taps_sink)(void *user, const vqdna_codes *run, const float *const *taps);
vq_status vq_tokenize_taps(vq_model *model, const char *const *paths, size_t count, const vqdna_stream_options *options,
                           bool with_taps, vq_taps_sink sink, void *user, vqdna_stream_stats *stats);
vq_status vq_detokenize(vq_model *model, const vqdna_stream_options *options, vqdna_codes_source source, vqdna_bases_sink sink,
                        void *user, vqdna_stream_stats *stats);
vq_status vq_evaluate(vq_model *model, const char *const *paths, size_t count, const vqdna_stream_options *options,
                      vqdna_metrics *out);

/* Sequences in memory, one after another: codes 0..4 of all of them to codes [counts[i]][levels] of each; and, unless NULL, the last
 * level's tap to taps [counts[i]][D]. */
vq_status vq_encode(vq_model *model, size_t sequences, const uint8_t *bases, const size_t *counts, uint16_t *const *codes,
                    float *const *taps);

/* Rows of a batch a model needs at least. */
int vq_infer_least_rows(const vq_config *config);

/* Rows that keep a device busy without asking for much memory. */
int vq_infer_usual_rows(const vq_device *device);

#endif

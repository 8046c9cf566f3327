/* Vectors of records from a trained body: its last hidden states, pooled. */
#ifndef VQ_TRAIN_BODY_VECTORS_H
#define VQ_TRAIN_BODY_VECTORS_H

#include "nn/classifier.h"
#include "train/predictor.h"

/* Of one record, over its tokens that stand at a known base; borrowed. */
typedef struct vq_body_vectors {
    const char *contig;
    uint64_t bases;          /* of the record */
    uint64_t known;          /* tokens pooled; of none the vectors are 0 */
    const float *mean, *max; /* [width of the body] */
} vq_body_vectors;

typedef vq_status (*vq_body_vectors_sink)(void *user, const vq_body_vectors *vectors);

/* A record that is longer than the body has positions is cut into as few equal parts as fit, and each is read as a sequence of its own.
 * model: a plan for inference with its weights, for sequences of as many bases as the body has positions, whose head is not used;
 * tokenizer: NULL, or of the codes it reads, with its weights. A vocabulary of ids is VQDNA_ERR_USAGE. */
vq_status vq_embed_body(vq_classifier *model, const vq_predictor *predictor, vq_model *tokenizer, const char *const *paths,
                        size_t count, const vqdna_stream_options *stream, vq_body_vectors_sink sink, void *user,
                        vqdna_stream_stats *stats);

#endif

/* Vectors of sequences: of the codebook, or from the encoder; a base or pooled over a record. */
#ifndef VQ_TRAIN_VECTORS_H
#define VQ_TRAIN_VECTORS_H

#include "nn/model.h"

/* As vqdna_embed of vqdna.h; `model` is a plan for inference with its weights in place, embed->level one it has. */
vq_status vq_embed(vq_model *model, const char *const *paths, size_t count, const vqdna_stream_options *options,
                   const vqdna_embed_options *embed, vqdna_vectors_sink sink, void *user, vqdna_stream_stats *stats);

#endif

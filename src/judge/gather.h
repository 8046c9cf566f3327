/* Records of a stream as what maps are made of: points, or distances of another kind. A record at a time is whole in memory.
 *     codes, codes:level=N        the frequency of each code of each level among a record's known bases
 *     embedding:mean, :max        vectors of the codes, pooled over the record, the levels' side by side; :level=N, of one
 *     encoder:mean, :max          what the encoder gives each level before it is quantized, likewise
 *     kmer:K                      the frequency of each word of K <= 6 bases
 *     mash, mash:K                the Mash distance of words of K (21) bases, see distances.h
 *     hamming                     bases that differ, of records of one length that are aligned */
#ifndef VQ_JUDGE_GATHER_H
#define VQ_JUDGE_GATHER_H

#include "judge/distances.h"
#include "nn/model.h"

typedef struct vq_gathered {
    size_t rows;
    char **names;
    int width;     /* of points; 0: there are distances alone */
    float *points; /* [rows][width] */
    vq_distances distances;
} vq_gathered;

/* Whether a feature is of a tokenizer's model; VQDNA_ERR_USAGE for one that there is not. */
vq_status vq_gather_needs_model(bool *out, const char *feature);

/* `model`, NULL where none is needed, is a plan for inference with its weights. Fewer than two records, or one without a known base, are
 * VQDNA_ERR_INPUT. Options and stats may be NULL. */
vq_status vq_gather(vq_gathered *out, const char *feature, vq_model *model, const char *const *paths, size_t count,
                    const vqdna_stream_options *options, vqdna_stream_stats *stats);
void vq_gathered_destroy(vq_gathered *gathered);

#endif

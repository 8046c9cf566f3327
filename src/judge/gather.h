/* Records of a stream as what maps are made of: points, or distances of another kind. A record at a time is whole in memory, and of each
 * feature a row of floats a record.
 *     codes, codes:level=N        the frequency of each code of each level among a record's known bases
 *     embedding:mean, :max        vectors of the codes, pooled over the record, the levels' side by side; :level=N, of one
 *     encoder:mean, :max          what the encoder gives each level before it is quantized, likewise
 *     body:mean, :max             the last hidden states of a body, see train/body_vectors.h
 *     kmer:K                      the frequency of each word of K <= 6 bases
 *     mash, mash:K                the Mash distance of words of K (21) bases, see distances.h
 *     hamming                     bases that differ, of records of one length that are aligned */
#ifndef VQ_JUDGE_GATHER_H
#define VQ_JUDGE_GATHER_H

#include "judge/distances.h"
#include "nn/model.h"
#include "train/body_vectors.h"

typedef struct vq_gathered {
    size_t rows;
    char **names;
    int width;     /* of points; 0: there are distances alone */
    float *points; /* [rows][width] */
    vq_distances distances;
} vq_gathered;

/* What a feature is of; VQDNA_ERR_USAGE for one that there is not. */
typedef enum vq_gather_source { VQ_GATHER_BASES, VQ_GATHER_CODES, VQ_GATHER_BODY } vq_gather_source;
vq_status vq_gather_source_of(vq_gather_source *out, const char *feature);

/* Features of one source each, all in one pass but for those of bases, which is of one; out [count]. Models are plans for inference with
 * their weights. Fewer than two records, or one without a known base, are VQDNA_ERR_INPUT. Options and stats may be NULL. */
vq_status vq_gather_bases(vq_gathered *out, const char *feature, const char *const *paths, size_t files,
                          const vqdna_stream_options *options, vqdna_stream_stats *stats);
vq_status vq_gather_codes(vq_gathered *out, const char *const *features, size_t count, vq_model *model, const char *const *paths,
                          size_t files, const vqdna_stream_options *options, vqdna_stream_stats *stats);
vq_status vq_gather_body(vq_gathered *out, const char *const *features, size_t count, vq_classifier *model,
                         const vq_predictor *predictor, vq_model *tokenizer, const char *const *paths, size_t files,
                         const vqdna_stream_options *options, vqdna_stream_stats *stats);
void vq_gathered_destroy(vq_gathered *gathered);

#endif

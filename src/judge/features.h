/* Sequences as sparse rows for a linear reader. A specification is a list of terms, "kmer:3,codes":
 *     kmer:K            words of K <= 16 bases; kmer:K:canonical, a word and its reverse complement being one; kmer:K+J or
 *                       kmer:K+J:gap=G, K bases, G others (1), J bases
 *     onehot            the base at each place: kmer:1@1
 *     codes             codes of every level; codes:level=N, of one
 *     pairs:D           codes of a level D apart; pairs:0, the codes of levels 1 and 2 at one base
 *     embedding:mean    code vectors, the mean of the levels', pooled over the known bases; or :max
 *     encoder:mean      what the last level quantizes, before it does; or :max
 *     random            codes of the untrained tokenizer; random:TERM, any term above of it
 *     place:B           tags every term of words and codes by the place of its first base in bins of B; TERM@B tags one
 * A word or code counts once a sequence; with :frequency, by how often it is there, as a share of the places. Those with an unknown base
 * in them are left out (of a code: its own base).
 *
 * Columns are what two or more training rows have. A term is scaled so that its training rows have a mean square norm of 1, so that one
 * C means the same for all of them; pooled vectors are standardised first, by the training rows. */
#ifndef VQ_JUDGE_FEATURES_H
#define VQ_JUDGE_FEATURES_H

#include "judge/logistic.h"

/* The shape of the codes. */
typedef struct vq_features_model {
    int levels, dim;
} vq_features_model;

/* What terms may ask for, by tokenizer: VQ_TRAINED or VQ_UNTRAINED. */
enum { VQ_TRAINED, VQ_UNTRAINED, VQ_TOKENIZERS };
enum { VQ_NEEDS_CODES = 1, VQ_NEEDS_EMBEDDING = 2, VQ_NEEDS_ENCODER = 4 };

/* A sequence, and what was asked for of it: codes [count][levels], vectors [count][dim]. */
typedef struct vq_sample {
    size_t count;
    const uint8_t *bases; /* 0 to 4 */
    struct {
        const uint16_t *codes;
        const float *embedding, *encoder;
    } of[VQ_TOKENIZERS];
} vq_sample;

typedef struct vq_features vq_features;

/* `model` NULL: none is at hand. VQDNA_ERR_USAGE names the term that is not understood or needs a model. */
vq_status vq_features_create(vq_features **out, const char *specification, const vq_features_model *model);
void vq_features_destroy(vq_features *features);

/* VQ_NEEDS_ flags. */
int vq_features_needs(const vq_features *features, int tokenizer);

/* The first set of rows decides about columns and scales: begin a set, add its sequences, take it as a matrix (yours to free). */
vq_status vq_features_add(vq_features *features, const vq_sample *sample);
vq_status vq_features_take(vq_features *features, vq_sparse *out);

#endif

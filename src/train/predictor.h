/* A model that reads sequences, as its folder's config.json says it: kind, vocabulary, body, head, labels. */
#ifndef VQ_TRAIN_PREDICTOR_H
#define VQ_TRAIN_PREDICTOR_H

#include "nn/classifier.h"
#include "nn/masked.h"
#include "nn/mixers.h"
#include "seq/labelled.h"
#include "train/vocabulary.h"

#include <jansson.h>

#define VQ_CLASSIFY_KIND "vqdna-classify"
#define VQ_REGRESS_KIND "vqdna-regress"
#define VQ_PRETRAIN_KIND "vqdna-pretrain"

typedef struct vq_predictor {
    char preset[16], tokenizer[17]; /* tokenizer: hash of the one whose codes it reads, "" without */
    char mixer[VQ_MIXERS_TEXT];     /* of the body's layers */
    char base[17];                  /* hash of the body it began with, "" of a random one */
    vq_vocabulary vocabulary;
    vq_classifier_config config; /* of one that is pre-trained its body counts */
    bool pretrain;               /* the heads tell hidden tokens */
    uint8_t *silent;             /* the vocabulary's, owned; NULL: none */
    vq_labels labels;            /* of a classifier: class i is name[i] */
    double mean, deviation;      /* of a regression's training labels */
} vq_predictor;

const char *vq_predictor_kind(const vq_predictor *predictor);

/* The model that tells hidden tokens: a head for each table that has more than bases. */
vq_masked_config vq_predictor_masked(const vq_predictor *predictor);

/* A new model's. tokenizer and its codebooks (for the scale of its vectors): NULL without. longest: bases of the longest sequence it will
 * meet, the fewest positions. labels are copied; NULL: a regression, or pre-training. */
vq_status vq_predictor_resolve(vq_predictor *out, const vqdna_predictor_options *options, const vq_config *tokenizer,
                               const vq_state *state, size_t longest, const vq_labels *labels);

/* Takes over what a reference says already; NULL: there is none. */
void vq_predictor_take_reference(vq_predictor *predictor, uint8_t *silent);
void vq_predictor_free(vq_predictor *predictor);

vq_status vq_predictor_to_json(json_t **out, const vq_predictor *predictor);
vq_status vq_predictor_from_json(vq_predictor *out, const json_t *json, const vq_config *tokenizer, const char *path);

/* Puts the codebooks into the frozen tables of a state, or their projection into those that are learned from it, and zero into that of
 * pairs; nothing for other vocabularies. */
vq_status vq_predictor_take_vectors(vq_state *to, const vq_predictor *predictor, const vq_state *tokenizer, uint64_t seed);

/* Whether the vocabulary has pairs of codes whose vectors are all zero still. */
bool vq_predictor_pairs_are_new(const vq_state *state, const vq_vocabulary *vocabulary);

/* Fills the tables of a model that tunes them from one of the same body whose vectors are frozen and pass through join: a known token's
 * input is what it was. */
vq_status vq_predictor_join_vectors(vq_state *to, const vq_predictor *predictor, const vq_state *from, const vq_predictor *frozen);

/* Whether a tensor is of the body, which a model for other labels takes over, and not of a head. */
bool vq_predictor_is_body(const char *tensor);

/* 16 hexadecimal digits that tell the body of one model from another's. */
void vq_predictor_body_hash(char out[17], const vq_state *state);

/* 16 hexadecimal digits that tell the weights of one tokenizer from another's. */
void vq_predictor_hash(char out[17], const vq_state *tokenizer);

#endif

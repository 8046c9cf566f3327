/* Sequences as batches of tokens: their bases, their codes where the vocabulary is one, read once; and the arrays a body takes. */
#ifndef VQ_TRAIN_EXAMPLES_H
#define VQ_TRAIN_EXAMPLES_H

#include "seq/labelled.h"
#include "train/vocabulary.h"

typedef struct vq_examples {
    const vq_vocabulary *vocabulary; /* borrowed, as the set */
    const vq_labelled *set;
    uint8_t *turned;    /* bases of the reverse complements, in place of the set's; NULL: as they are */
    uint16_t *codes;    /* [bases of all][tables], NULL unless they are wanted */
    size_t longest;     /* tokens of the longest at any phase */
    size_t token_count; /* of all, at phase 0 */
} vq_examples;

/* tokenizer: a plan for inference with its weights, of the vocabulary's codes; NULL for others. reverse: of the other strand. */
vq_status vq_examples_create(vq_examples *out, const vq_vocabulary *vocabulary, const vq_labelled *set, vq_model *tokenizer,
                             bool reverse);

/* Tokens of the longest sequence of some views; those of a view that is not there count as none. */
size_t vq_examples_longest(const vq_examples *views, int count);
void vq_examples_destroy(vq_examples *examples);

/* The arrays of a batch, for up to so many tokens. */
typedef struct vq_token_batch {
    int B, L;             /* sequences, and tokens of the longest */
    size_t room;          /* of B L */
    int32_t *ids, *place; /* [tables][B L], [B L]; none behind a sequence's end */
    uint8_t *there;       /* [B L] */
    bool padded;          /* some are not there */
    size_t bases;         /* that were read */
} vq_token_batch;
vq_status vq_token_batch_create(vq_token_batch *out, int tables, size_t room);
void vq_token_batch_destroy(vq_token_batch *batch);

/* What is read of each row in training, drawn for (seed, step, row): a stretch of at most so many bases, and of which strand. */
typedef struct vq_reading {
    size_t most;
    const vq_examples *turned; /* the other strand of the same set, read as often as the one; NULL: never */
    uint64_t seed, step;
} vq_reading;

/* Rows [B] of the set, whole or as drawn (NULL: whole), their first tokens at base `phase`, into the arrays, which they must fit.
 * positions: of the body, the number of a place that is none. */
void vq_examples_batch(const vq_examples *examples, vq_token_batch *out, const size_t *rows, int B, int phase, int positions,
                       const vq_reading *drawn);

#endif

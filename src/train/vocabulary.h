/* Vocabularies: how a sequence of bases becomes the tokens of a body (nn/body.h). By name, parts after the first in any order:
 *     onehot               a base a token: one table of 5
 *     conv:R               the same behind a learned convolution of width R (odd, up to 15): R tables of 5, each of the base at its own
 *                          offset
 *     kmer:K               words of K <= 8 bases, one at each base: a table of 4^K + 1, the last for a word with an unknown base
 *     kmer:K:stride=S      one every S bases; S = K: words that do not overlap
 *     codes                codes of a tokenizer, a table a level, at its vectors, which stay as they are
 *     codes:fresh          the same codes, vectors learned from a random start
 *     codes:tuned          vectors learned from the tokenizer's own, projected to the body's width at random
 *     codes:stride=S       the codes of every S-th base
 *     codes:tuned:pairs=D  (or fresh) beside the levels' tables one more, learned from zero, of the codes of a base and those of the base D
 *                          behind it: of their hash, in VQ_PAIR_ENTRIES entries
 *     ids:V                ids of a table of V <= 65536, made elsewhere (seq/ids.h): a token has its number as its place
 * But for ids a token has the place of the base it stands at: where the word begins, the base of the code. */
#ifndef VQ_TRAIN_VOCABULARY_H
#define VQ_TRAIN_VOCABULARY_H

#include "nn/body.h"
#include "nn/model.h"

enum { VQ_VOCABULARY_NAME = 48, VQ_PAIR_ENTRIES = 65536, VQ_PAIR_SCALE = 32 };

typedef struct vq_vocabulary {
    char name[VQ_VOCABULARY_NAME]; /* in its one spelling */
    enum { VQ_OF_BASES, VQ_OF_CONVOLUTION, VQ_OF_WORDS, VQ_OF_CODES, VQ_OF_IDS } kind;
    int width;                                           /* R, K or V; 1 otherwise */
    int stride;                                          /* bases from a token to the next */
    int levels, pairs;                                   /* of codes: the tables of levels, and D or 0 */
    enum { VQ_AS_THEY_ARE, VQ_FRESH, VQ_TUNED } vectors; /* of codes: whether they are learned, and from where */
    int tables, entries[VQ_MAX_TABLES];
    int dim;               /* of frozen vectors, or 0 */
    const uint8_t *silent; /* of pairs, borrowed: 1 [VQ_PAIR_ENTRIES] where a pair says nothing (train/reference.h); NULL: all do */
} vq_vocabulary;

/* tokenizer: the config of the one whose codes are meant, NULL: there is none. A name that is none, or codes without a tokenizer, is
 * VQDNA_ERR_USAGE. */
vq_status vq_vocabulary_parse(vq_vocabulary *out, const char *name, const vq_config *tokenizer);

/* Whether a tokenizer is needed. */
bool vq_vocabulary_is_codes(const char *name);

/* Most tokens of a sequence of `count` bases, the first standing at base `phase` < stride; at least 1 where there is a base. */
size_t vq_vocabulary_tokens(const vq_vocabulary *v, size_t count, int phase);

/* Their ids of bases, [tables][row] with `row` ids from a table to the next, and places [tokens]. codes [count][levels] of the bases; NULL unless
 * the vocabulary is of codes. Returns their number: as many as there may be, but where pairs may be silent only bases whose pairs are not,
 * or one token that is nothing. */
size_t vq_vocabulary_ids(const vq_vocabulary *v, int32_t *ids, size_t row, int32_t *place, const uint8_t *bases,
                         const uint16_t *codes, size_t count, int phase);

/* That number alone. */
size_t vq_vocabulary_count(const vq_vocabulary *v, const uint8_t *bases, const uint16_t *codes, size_t count, int phase);

/* The entry of a base's pair, VQ_PAIR_ENTRIES where either is unknown or the sequence ends. */
int32_t vq_vocabulary_pair(const vq_vocabulary *v, const uint8_t *bases, const uint16_t *codes, size_t count, size_t at);

#endif

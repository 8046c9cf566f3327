/* What every format of tokens has in common: a stream of bases, records one after another, in blocks of 4096. A part is what a block
 * has of a record. Blocks are numbered, counted and hashed, and none depends on another, so that pieces of the stream that begin and
 * end with blocks (shards) joined in order are the stream, and any other joining shows. */
#ifndef VQ_CLI_TOKENS_BLOCK_H
#define VQ_CLI_TOKENS_BLOCK_H

#include <vqdna.h>

#define XXH_STATIC_LINKING_ONLY /* for a state by value */
#include <xxhash.h>

enum { VQ_TOKENS_BLOCK = 4096, VQ_TOKENS_VERSION = 3, VQ_TOKENS_MODEL = 8, VQ_TOKENS_UNKNOWN = 4 };

/* Of all tokens in a file. A thinned stream has the codes of the bases whose place in their record is `phase` modulo `every`. */
typedef struct vq_tokens_shape {
    int levels;
    uint64_t every, phase; /* 1 and 0: all */
    char model[65];        /* sha256 of the weights; a block repeats its first VQ_TOKENS_MODEL digits */
} vq_tokens_shape;

/* The first place from `start` on whose codes are there. */
static inline uint64_t vq_tokens_kept(const vq_tokens_shape *shape, uint64_t start) {
    uint64_t past = (start + shape->every - shape->phase) % shape->every;
    return past ? start + shape->every - past : start;
}

typedef struct vq_tokens_block {
    uint64_t index, bases, unknown, parts;
    XXH3_state_t state;
} vq_tokens_block;

void vq_tokens_block_begin(vq_tokens_block *block, uint64_t index);

/* Takes a part into counts and hash: its name, place and end, the codes that are kept, and where unknown bases are. */
void vq_tokens_block_add(vq_tokens_block *block, const vq_tokens_shape *shape, const vqdna_codes *part);
uint64_t vq_tokens_block_hash(const vq_tokens_block *block);

/* The next stretch of unknown bases of a part, from *end on, places in the part; false if there is none. */
bool vq_tokens_gap(const vqdna_codes *part, size_t *start, size_t *end);

#endif

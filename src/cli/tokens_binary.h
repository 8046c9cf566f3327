/* Records of the binary format, as they lie in the file (little-endian). A block is a vq_binary_block, then `parts` of: vq_binary_part,
 * the name without a 0, `gaps` pairs of uint32 (start and end of unknown bases, places in the part), and a uint16 for each level of each
 * code that is kept. The end mark is a vq_binary_block of magic END whose index is the number of blocks, without parts. */
#ifndef VQ_CLI_TOKENS_BINARY_H
#define VQ_CLI_TOKENS_BINARY_H

#include "cli/tokens_block.h"

#define VQ_BINARY_MAGIC "VQB\n"
#define VQ_BINARY_END "VQE\n"

typedef struct vq_binary_block {
    char magic[4], model[VQ_TOKENS_MODEL];
    uint32_t parts;
    uint64_t index, hash;
    uint32_t bases, unknown, bytes, zero; /* bytes: of the parts */
} vq_binary_block;
_Static_assert(sizeof(vq_binary_block) == 48, "the layout of the file");

typedef struct vq_binary_part {
    uint64_t start;
    uint32_t name, count, gaps, last; /* name: its length; last: 1 if the record ends here */
} vq_binary_part;
_Static_assert(sizeof(vq_binary_part) == 24, "the layout of the file");

#endif

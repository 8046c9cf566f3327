/* A share of a stream of tokens, in whole blocks. */
#ifndef VQ_CLI_SHARD_H
#define VQ_CLI_SHARD_H

#include "cli/cli.h"

typedef struct vq_shard {
    uint64_t number, count; /* from 1; of so many. 0: no shard, all */
} vq_shard;

/* "2/8"; "auto", the number and count of an array's task under SLURM or SGE; "auto/8", where the queue tells the number alone, as PBS
 * does. NULL: all. VQ_GO_ON, or an exit code after a sentence. */
int vq_shard_parse(vq_shard *out, vq_cli *cli, const char *text);

/* The blocks [*first, *end) of it, of so many in all. */
void vq_shard_blocks(const vq_shard *shard, uint64_t blocks, uint64_t *first, uint64_t *end);

#endif

#include "cli/tokens_block.h"

#include <string.h>

void vq_tokens_block_begin(vq_tokens_block *block, uint64_t index) {
    block->index = index;
    block->bases = block->unknown = block->parts = 0;
    XXH3_64bits_reset(&block->state);
}

bool vq_tokens_gap(const vqdna_codes *part, size_t *start, size_t *end) {
    const uint8_t *first = *end < part->count ? memchr(part->bases + *end, VQ_TOKENS_UNKNOWN, part->count - *end) : NULL;
    if (!first)
        return false;
    *start = *end = (size_t)(first - part->bases);
    while (*end < part->count && part->bases[*end] == VQ_TOKENS_UNKNOWN)
        ++*end;
    return true;
}

void vq_tokens_block_add(vq_tokens_block *block, const vq_tokens_shape *shape, const vqdna_codes *part) {
    uint64_t place[3] = {part->start, part->count, part->last};
    size_t row = (size_t)part->levels, start, end = 0;
    XXH3_64bits_update(&block->state, part->contig, strlen(part->contig) + 1);
    XXH3_64bits_update(&block->state, place, sizeof place);
    if (shape->every == 1)
        XXH3_64bits_update(&block->state, part->codes, part->count * row * sizeof *part->codes);
    for (uint64_t at = vq_tokens_kept(shape, part->start); shape->every > 1 && at < part->start + part->count; at += shape->every)
        XXH3_64bits_update(&block->state, part->codes + (at - part->start) * row, row * sizeof *part->codes);
    while (vq_tokens_gap(part, &start, &end)) {
        uint64_t gap[2] = {start, end};
        XXH3_64bits_update(&block->state, gap, sizeof gap);
        block->unknown += end - start;
    }
    block->bases += part->count;
    block->parts++;
}

uint64_t vq_tokens_block_hash(const vq_tokens_block *block) {
    return XXH3_64bits_digest(&block->state);
}

#include "cli/tokens_binary.h"
#include "cli/tokens_formats.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 28 }; /* names take the room that codes do not */

static vqdna_status damaged(vq_tokens_reader *r) {
    return vq_tokens_refuse(r, &r->in, "block %llu is damaged: the file was cut or changed", (unsigned long long)r->block.index);
}

/* The next block's head and all its parts; VQDNA_END behind the end mark of the last file. */
static vqdna_status next_block(vq_tokens_reader *r) {
    vq_binary_block b;
    for (;;) {
        size_t there = vq_input_take(&r->in, &b, sizeof b);
        if (there == 0) {
            vqdna_status status = vq_tokens_next_file(r);
            if (status != VQDNA_OK)
                return status;
            continue;
        }
        if (r->at_end)
            return vq_tokens_refuse(r, &r->in, "the file goes on behind its end mark");
        bool end = !memcmp(b.magic, VQ_BINARY_END, sizeof b.magic);
        if (there < sizeof b || (!end && memcmp(b.magic, VQ_BINARY_MAGIC, sizeof b.magic)))
            return damaged(r);
        if (!end)
            break;
        vqdna_status status = vq_tokens_end_mark(r, &r->in, b.index);
        if (status != VQDNA_OK)
            return status;
    }
    if (b.index != r->block.index || strncmp(b.model, r->shape.model, VQ_TOKENS_MODEL))
        return vq_tokens_block_end(r, &r->in, b.index, b.bases, b.unknown, b.hash, b.model);
    r->packed_at = 0;
    r->packed_size = b.bytes;
    if (b.bytes > MOST_BYTES)
        return damaged(r);
    if (r->packed_room < b.bytes) {
        r->packed_room = b.bytes;
        r->packed = vq_need(r->packed, r->packed_room);
    }
    if (!b.parts || vq_input_take(&r->in, r->packed, b.bytes) != b.bytes)
        return damaged(r);
    r->parts_left = b.parts;
    r->hash = b.hash;
    r->told_bases = b.bases;
    r->told_unknown = b.unknown;
    return VQDNA_OK;
}

/* `bytes` of the block, or NULL if it has less. */
static const char *take(vq_tokens_reader *r, size_t bytes) {
    if (r->packed_size - r->packed_at < bytes)
        return NULL;
    const char *at = r->packed + r->packed_at;
    r->packed_at += bytes;
    return at;
}

vqdna_status vq_tokens_bin(vq_tokens_reader *r, vqdna_codes *run) {
    vqdna_status status = r->parts_left ? VQDNA_OK : next_block(r);
    if (status != VQDNA_OK)
        return status;
    vq_binary_part p;
    const char *from = take(r, sizeof p);
    if (!from)
        return damaged(r);
    memcpy(&p, from, sizeof p);
    vq_tokens_part_begin(r);
    const char *name = p.start <= VQ_TOKENS_MOST && p.count <= VQ_TOKENS_BLOCK && p.last <= 1 ? take(r, p.name) : NULL;
    const char *gaps = name ? take(r, (size_t)p.gaps * 8) : NULL;
    if (!gaps)
        return damaged(r);
    status = vq_tokens_part_name(r, &r->in, name, p.name);
    if (status == VQDNA_OK && p.start != r->start)
        return damaged(r);
    for (uint32_t i = 0; i < p.gaps && status == VQDNA_OK; i++) {
        uint32_t gap[2];
        memcpy(gap, gaps + (size_t)i * 8, sizeof gap);
        status = vq_tokens_part_unknown(r, &r->in, p.start + gap[0], p.start + gap[1]);
    }
    size_t row = (size_t)r->shape.levels * sizeof(uint16_t);
    uint64_t end = p.start + p.count;
    while (status == VQDNA_OK && r->next < end) {
        uint16_t *to;
        size_t codes = r->shape.every == 1 ? p.count : 1;
        if (!(from = take(r, codes * row)))
            return damaged(r);
        status = vq_tokens_part_code(r, &r->in, r->next, &to);
        if (status != VQDNA_OK ||
            (size_t)(to - r->codes) + codes * (size_t)r->shape.levels > VQ_TOKENS_BLOCK * (size_t)r->shape.levels)
            return status != VQDNA_OK ? status : damaged(r);
        memcpy(to, from, codes * row);
        r->next += (codes - 1) * r->shape.every;
    }
    if (status == VQDNA_OK)
        status = vq_tokens_part_end(r, &r->in, run, end, p.last);
    if (status != VQDNA_OK || --r->parts_left)
        return status;
    if (r->packed_at != r->packed_size)
        return damaged(r);
    return vq_tokens_block_end(r, &r->in, r->block.index, r->told_bases, r->told_unknown, r->hash, r->shape.model);
}

#include "cli/tokens_formats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The header's text ends at byte `length` of the file. */
static vqdna_status read_header(vq_tokens_reader *r, int *columns) {
    char fixed[12] = {0}, text[1024] = {0};
    vq_input_take(&r->in, fixed, 10);
    size_t length = (unsigned char)fixed[8] | (size_t)(unsigned char)fixed[9] << 8;
    if (fixed[6] != 1 || length >= sizeof text || vq_input_take(&r->in, text, length) != length)
        return vq_tokens_refuse(r, &r->in, "the header of the npy is not one that tokenize writes");
    const char *shape = strstr(text, "'shape': (");
    unsigned long long rows;
    if (!strstr(text, "'<u2'") || !strstr(text, "'fortran_order': False") || !shape ||
        sscanf(shape + 10, "%llu, %d", &rows, columns) != 2 || rows > VQ_TOKENS_MOST || *columns < 1 || *columns > VQDNA_MAX_LEVELS)
        return vq_tokens_refuse(r, &r->in, "not an array of tokens: uint16, bases x levels, rows first");
    uint64_t bytes = 10 + length + rows * (uint64_t)*columns * sizeof *r->codes;
    if (r->in.bytes && r->in.bytes != bytes)
        return vq_tokens_refuse(r, &r->in, "its header tells of %llu rows, for which it has %" PRIu64 " bytes too %s", rows,
                                r->in.bytes < bytes ? bytes - r->in.bytes : r->in.bytes - bytes,
                                r->in.bytes < bytes ? "few: it was cut" : "many");
    r->rows = rows;
    return VQDNA_OK;
}

int vq_tokens_npy_begin(vq_tokens_reader *r, const char *path) {
    const char *line;
    size_t length;
    int columns;
    bool unused;
    if (!strcmp(path, "-"))
        return vq_cli_fail(r->cli, VQ_EXIT_USAGE,
                           "npy cannot come from standard input: its names are in the index beside the file");
    if (r->files > 1)
        return vq_cli_fail(r->cli, VQ_EXIT_USAGE, "%s is npy, of which one is a whole: it has no shards", path);
    if (read_header(r, &columns) < 0)
        return r->code;
    r->index_path = vq_join("%s.tsv", path);
    int code = cli_input_open(&r->index, r->cli, r->index_path);
    if (code != VQ_GO_ON)
        return code;
    if (!vq_input_line(&r->index, &line, &length))
        return vq_cli_fail(r->cli, VQ_EXIT_INPUT, "%s %s", r->index.path, r->index.error ? r->index.error : "is empty");
    if (vq_tokens_head_line(r, &r->index, line, length, &unused) < 0)
        return r->code;
    if (columns != r->shape.levels) {
        vq_tokens_refuse(r, &r->in, "%d level%s of codes, and its index tells of %d", columns, columns == 1 ? "" : "s",
                         r->shape.levels);
        return r->code;
    }
    return VQ_GO_ON;
}

static vqdna_status remember_gap(vq_tokens_reader *r, const char *at, const char *end) {
    const char *tab = memchr(at, '\t', (size_t)(end - at));
    uint64_t start, stop;
    if (!tab)
        return VQDNA_ERR_INPUT;
    at = tab + 1;
    if (!vq_tokens_number(&at, end, VQ_TOKENS_MOST, &start) || at == end || *at++ != '\t' ||
        !vq_tokens_number(&at, end, VQ_TOKENS_MOST, &stop) || at != end)
        return VQDNA_ERR_INPUT;
    if (r->gaps == r->gap_room) {
        r->gap_room = r->gap_room ? 2 * r->gap_room : 256;
        r->gap = vq_need(r->gap, r->gap_room * sizeof *r->gap);
    }
    r->gap[r->gaps].start = start;
    r->gap[r->gaps++].end = stop;
    return VQDNA_OK;
}

static vqdna_status take_end(vq_tokens_reader *r, uint64_t blocks, uint64_t hash) {
    if (r->block.parts) { /* the last block is seldom full */
        uint64_t last = vq_tokens_block_hash(&r->block);
        XXH3_64bits_update(&r->blocks, &last, sizeof last);
        vq_tokens_block_begin(&r->block, r->block.index + 1);
    }
    if (hash != XXH3_64bits_digest(&r->blocks) || blocks != r->block.index)
        return vq_tokens_refuse(r, &r->index,
                                "the end mark is of other names, codes or unknown bases: the index is not this array's, or one "
                                "of the two was changed");
    if (r->rows_given != r->rows)
        return vq_tokens_refuse(r, &r->index, "the records end at row %" PRIu64 " of %" PRIu64 " of the array", r->rows_given,
                                r->rows);
    r->at_end = true;
    return VQDNA_OK;
}

/* The next row of the index: name, first row, bases. VQDNA_END behind the last. */
static vqdna_status next_record(vq_tokens_reader *r) {
    static const char unknown[] = "#unknown bases\t";
    const char *line;
    size_t length;
    r->gaps = r->next_gap = 0;
    while (vq_input_line(&r->index, &line, &length)) {
        if (r->at_end)
            return vq_tokens_refuse(r, &r->index, "the file goes on behind its end mark");
        const char *end = line + length, *tab = memchr(line, '\t', length);
        if (length >= sizeof unknown && !memcmp(line, unknown, sizeof unknown - 1)) {
            if (remember_gap(r, line + sizeof unknown - 1, end) < 0)
                return vq_tokens_refuse(r, &r->index, "not a line of unknown bases: contig, start and end, separated by tabs");
            continue;
        }
        unsigned long long blocks, hash;
        char text[80];
        snprintf(text, sizeof text, "%.*s", length < sizeof text ? (int)length : (int)sizeof text - 1, line);
        if (sscanf(text, "#end %llu blocks hash %llx", &blocks, &hash) == 2) {
            vqdna_status status = take_end(r, blocks, hash);
            if (status != VQDNA_OK)
                return status;
            continue;
        }
        if (length && *line == '#' && (!tab || memchr(line, ' ', (size_t)(tab - line)) || !strncmp(text, "#contig\to", 9)))
            continue;
        const char *at = tab ? tab + 1 : end;
        uint64_t offset, bases;
        if (!vq_tokens_number(&at, end, VQ_TOKENS_MOST, &offset) || at == end || *at++ != '\t' ||
            !vq_tokens_number(&at, end, VQ_TOKENS_MOST, &bases) || at != end)
            return vq_tokens_refuse(r, &r->index, "not a row of an index: contig, offset and bases, separated by tabs");
        vqdna_status status = vq_tokens_part_name(r, &r->index, line, (size_t)(tab - line));
        if (status == VQDNA_OK && offset != r->rows_given)
            status = vq_tokens_refuse(r, &r->index, "record %.60s does not follow the one before it within the array", r->name);
        r->bases_left = bases;
        return status;
    }
    if (r->index.error)
        return vq_tokens_refuse(r, &r->index, "%s", r->index.error);
    return r->at_end ? VQDNA_END : vq_tokens_refuse(r, &r->index, "the end mark is missing: the file was cut");
}

vqdna_status vq_tokens_npy(vq_tokens_reader *r, vqdna_codes *run) {
    vqdna_status status = r->inside ? VQDNA_OK : next_record(r);
    if (status != VQDNA_OK)
        return status;
    vq_tokens_part_begin(r);
    uint64_t room = VQ_TOKENS_BLOCK - r->block.bases, count = r->bases_left < room ? r->bases_left : room, end = r->start + count;
    size_t row = (size_t)r->shape.levels * sizeof *r->codes;
    while (r->next < end) {
        size_t codes = r->shape.every == 1 ? (size_t)count : 1;
        if (codes > r->rows - r->rows_given ||
            vq_input_take(&r->in, r->codes + (r->next - r->start) * (size_t)r->shape.levels, codes * row) != codes * row)
            return vq_tokens_refuse(
                r, &r->index, "record %.60s has more rows than the array: the index is not this array's, or it was cut", r->name);
        r->rows_given += codes;
        r->next += codes * r->shape.every;
    }
    r->bases_left -= count;
    for (; r->next_gap < r->gaps && r->gap[r->next_gap].start < end && status == VQDNA_OK; r->next_gap++)
        status = vq_tokens_part_unknown(r, &r->index, r->gap[r->next_gap].start, r->gap[r->next_gap].end);
    if (status == VQDNA_OK && r->bases_left == 0 && r->next_gap < r->gaps)
        status = vq_tokens_refuse(r, &r->index, "unknown bases of record %.60s are not among those they stand with", r->name);
    if (status == VQDNA_OK)
        status = vq_tokens_part_end(r, &r->index, run, end, r->bases_left == 0);
    if (status == VQDNA_OK && r->block.bases == VQ_TOKENS_BLOCK) {
        uint64_t hash = vq_tokens_block_hash(&r->block);
        XXH3_64bits_update(&r->blocks, &hash, sizeof hash);
        vq_tokens_block_begin(&r->block, r->block.index + 1);
    }
    return status;
}

#include "cli/tokens_write.h"

#include "cli/cli_npy.h"
#include "cli/cli_options.h"
#include "cli/tokens_binary.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODES = 65536 };

static const struct {
    const char *name, *ends[2];
    vq_kind kind;
} formats[] = {
    [VQ_TOKENS_TSV] = {"tsv", {".tsv", ".tsv.gz"}, VQ_KIND_TSV},
    [VQ_TOKENS_NPY] = {"npy", {".npy", ".npy.gz"}, VQ_KIND_NPY},
    [VQ_TOKENS_NDJSON] = {"ndjson", {".ndjson", ".ndjson.gz"}, VQ_KIND_NDJSON},
    [VQ_TOKENS_BIN] = {"bin", {".bin", ".bin.gz"}, VQ_KIND_BIN},
    [VQ_TOKENS_BED] = {"bed", {".bed", ".bed.gz"}, VQ_KIND_BED},
    [VQ_TOKENS_COUNTS] = {"counts", {".counts", ".counts.gz"}, VQ_KIND_COUNTS},
};
enum { FORMATS = sizeof formats / sizeof *formats };

/* What the name of the output says; tsv by default, and then not *said. */
static vq_tokens_format named_format(const char *path, bool *said) {
    *said = true;
    for (int f = 0; f < FORMATS; f++)
        if (vq_ends_in(path, formats[f].ends[0]) || vq_ends_in(path, formats[f].ends[1]))
            return (vq_tokens_format)f;
    if (vq_ends_in(path, ".jsonl") || vq_ends_in(path, ".jsonl.gz"))
        return VQ_TOKENS_NDJSON;
    *said = false;
    return VQ_TOKENS_TSV;
}

int vq_tokens_format_parse(vq_tokens_format *out, vq_cli *cli, const char *text, const char *path) {
    bool said;
    vq_tokens_format named = named_format(path, &said);
    const char *names[FORMATS];
    int place;
    for (int f = 0; f < FORMATS; f++)
        names[f] = formats[f].name;
    int code = vq_choose(&place, cli, "format", text, names, FORMATS);
    if (code != VQ_GO_ON)
        return code;
    *out = text ? (vq_tokens_format)place : named;
    if (said && *out != named)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "-f %s and the name %s, which says %s, contradict each other", text, path,
                           names[named]);
    if (*out == VQ_TOKENS_NPY && vq_ends_in(path, ".gz"))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "NumPy reads no compressed npy: leave .gz off the name %s", path);
    return VQ_GO_ON;
}

int vq_tokens_check(vq_cli *cli, vq_tokens_format format, const char *path) {
    bool npy = format == VQ_TOKENS_NPY;
    if (npy && (!path || !strcmp(path, "-")))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "npy cannot go to standard output: name a file with -o");
    int code = vq_output_check(cli, path, formats[format].kind);
    if (code != VQ_GO_ON || !npy)
        return code;
    char *index = vq_join("%s.tsv", path);
    code = vq_output_check(cli, index, VQ_KIND_INDEX);
    free(index);
    return code;
}

static void write_head(vq_tokens_writer *w, const char *provenance) {
    const vq_tokens_shape *s = &w->shape;
    vq_output *text = w->format == VQ_TOKENS_NPY ? &w->index : &w->out;
    if (w->format == VQ_TOKENS_NDJSON) {
        vq_output_print(text,
                        "{\"format\":\"vqdna tokens\",\"version\":%d,\"levels\":%d,\"every\":%llu,\"phase\":%llu,\"model_sha256\":"
                        "\"%s\"%s%s}\n",
                        VQ_TOKENS_VERSION, s->levels, (unsigned long long)s->every, (unsigned long long)s->phase, s->model,
                        provenance ? ",\"provenance\":" : "", provenance ? provenance : "");
        return;
    }
    static const char *const words[] = {[VQ_TOKENS_NPY] = "index", [VQ_TOKENS_BED] = "intervals", [VQ_TOKENS_COUNTS] = "counts"};
    const char *word = w->format == VQ_TOKENS_TSV || w->format == VQ_TOKENS_BIN ? "tokens" : words[w->format];
    vq_output_print(text, "#vqdna %s %d model %s levels %d every %llu phase %llu%s\n", word, VQ_TOKENS_VERSION, s->model, s->levels,
                    (unsigned long long)s->every, (unsigned long long)s->phase, w->format == VQ_TOKENS_BIN ? " binary" : "");
    if (provenance)
        vq_output_print(text, "#provenance %s\n", provenance);
    if (w->format == VQ_TOKENS_NPY)
        vq_output_print(text, "#contig\toffset\tbases\n");
    if (w->format == VQ_TOKENS_COUNTS)
        vq_output_print(text, "#contig\tlevel\tcode\tcount\n");
    if (w->format != VQ_TOKENS_TSV)
        return;
    vq_output_print(text, "#contig\tstart");
    for (int level = 1; level <= s->levels; level++)
        vq_output_print(text, "\tlevel%d", level);
    vq_output_print(text, "\n");
}

int vq_tokens_open(vq_tokens_writer *w, vq_cli *cli, vq_tokens_format format, const char *path, const vq_tokens_shape *shape,
                   const char *provenance, uint64_t first) {
    *w = (vq_tokens_writer){.cli = cli, .format = format, .shape = *shape, .code = VQ_GO_ON, .out.fd = -1, .index.fd = -1};
    int code = vq_output_open(&w->out, cli, path, formats[format].kind);
    if (code == VQ_GO_ON && format == VQ_TOKENS_NPY) {
        if (!w->out.seekable)
            code = vq_cli_fail(cli, VQ_EXIT_USAGE, "npy needs a regular file to write to, and %s is none", path);
        char *index = vq_join("%s.tsv", path);
        if (code == VQ_GO_ON)
            code = vq_output_open(&w->index, cli, index, VQ_KIND_INDEX);
        free(index);
    }
    if (code != VQ_GO_ON) {
        vq_tokens_abandon(w);
        return code;
    }
    size_t levels = (size_t)shape->levels;
    w->codes = vq_need(NULL, VQ_TOKENS_BLOCK * levels * sizeof *w->codes);
    w->bases = vq_need(NULL, VQ_TOKENS_BLOCK);
    bool text = format == VQ_TOKENS_TSV || format == VQ_TOKENS_NDJSON || format == VQ_TOKENS_BED;
    w->code_text = text ? vq_need(NULL, CODES * sizeof *w->code_text) : NULL;
    for (int c = 0; text && c < CODES; c++)
        w->code_text[c][0] = (char)snprintf(w->code_text[c] + 1, 7, "\t%d", c);
    if (format == VQ_TOKENS_COUNTS)
        w->counts = memset(vq_need(NULL, levels * CODES * sizeof *w->counts), 0, levels * CODES * sizeof *w->counts);
    vq_tokens_block_begin(&w->block, first);
    XXH3_64bits_reset(&w->blocks);
    if (format == VQ_TOKENS_NPY) {
        char header[VQ_NPY_HEADER];
        vq_npy_header(header, "u2", 0, shape->levels);
        vq_output_write(&w->out, header, sizeof header);
    }
    if (first == 0)
        write_head(w, provenance);
    return VQ_GO_ON;
}

/* ---- Parts ------------------------------------------------------------------------------------------------------------------- */

static char *put_code(const vq_tokens_writer *w, char *to, uint16_t code) {
    const char *text = w->code_text[code];
    memcpy(to, text + 1, 7);
    return to + text[0];
}

/* Sets the text before a row's codes. */
static void row_at(vq_tokens_writer *w, const char *name, uint64_t start) {
    size_t length = strlen(name);
    if (w->row_room < length + 24) {
        w->row_room = 2 * length + 24;
        w->row = vq_need(w->row, w->row_room);
    }
    memcpy(w->row, name, length);
    w->start_length = (size_t)sprintf(w->row + length, "\t%llu", (unsigned long long)start) - 1;
    w->row_length = length + 1 + w->start_length;
}

/* Adds one to the decimal number at the end of the row's text. */
static void row_next(vq_tokens_writer *w) {
    char *digit = w->row + w->row_length - 1;
    size_t left = w->start_length;
    while (left && *digit == '9') {
        *digit-- = '0';
        left--;
    }
    if (left) {
        ++*digit;
        return;
    }
    digit[1] = '1'; /* 999 became 000: it is 1000 */
    w->row[w->row_length++] = '0';
    w->start_length++;
}

static void write_rows(vq_tokens_writer *w, const vqdna_codes *p) {
    size_t levels = (size_t)p->levels;
    uint64_t every = w->shape.every, end = p->start + p->count;
    bool bed = w->format == VQ_TOKENS_BED;
    for (uint64_t at = vq_tokens_kept(&w->shape, p->start), first = at; at < end; at += every) {
        if (at == first || every > 1)
            row_at(w, p->contig, at);
        const uint16_t *codes = p->codes + (at - p->start) * levels;
        char *to = vq_output_room(&w->out, w->row_length + 24 + 8 * levels), *from = to;
        memcpy(to, w->row, w->row_length);
        to += w->row_length;
        if (bed)
            to += sprintf(to, "\t%llu", (unsigned long long)(at + 1));
        for (size_t level = 0; level < levels; level++) {
            char *separator = to;
            to = put_code(w, to, codes[level]);
            if (bed && level)
                *separator = ',';
        }
        *to++ = '\n';
        w->out.used += (size_t)(to - from);
        if (every == 1)
            row_next(w);
    }
}

static void write_gaps(vq_output *text, const vqdna_codes *p) {
    size_t start, end = 0;
    while (vq_tokens_gap(p, &start, &end))
        vq_output_print(text, "#unknown bases\t%s\t%llu\t%llu\n", p->contig, (unsigned long long)(p->start + start),
                        (unsigned long long)(p->start + end));
}

static void write_ndjson(vq_tokens_writer *w, const vqdna_codes *p) {
    json_t *name = json_string(p->contig);
    if (!name) {
        w->code =
            vq_cli_fail(w->cli, VQ_EXIT_INPUT, "the name of record %.60s is not UTF-8, which JSON needs; use -f tsv", p->contig);
        return;
    }
    char *quoted = json_dumps(name, JSON_ENCODE_ANY);
    json_decref(name);
    vq_output_print(&w->out, "{\"contig\":%s,\"start\":%llu,\"bases\":%zu,\"codes\":[", quoted, (unsigned long long)p->start,
                    p->count);
    free(quoted);
    size_t levels = (size_t)p->levels, start, end = 0, gaps = 0;
    for (uint64_t first = vq_tokens_kept(&w->shape, p->start), at = first; at < p->start + p->count; at += w->shape.every) {
        char *to = vq_output_room(&w->out, 16 + 8 * levels), *from = to;
        if (at > first)
            *to++ = ',';
        for (size_t level = 0; level < levels; level++) {
            char *separator = to;
            to = put_code(w, to, p->codes[(at - p->start) * levels + level]);
            *separator = level ? ',' : '[';
        }
        *to++ = ']';
        w->out.used += (size_t)(to - from);
    }
    vq_output_print(&w->out, "]");
    while (vq_tokens_gap(p, &start, &end))
        vq_output_print(&w->out, "%s[%llu,%llu]", gaps++ ? "," : ",\"unknown\":[", (unsigned long long)(p->start + start),
                        (unsigned long long)(p->start + end));
    vq_output_print(&w->out, "%s%s}\n", gaps ? "]" : "", p->last ? ",\"ends\":true" : "");
}

/* Appends to the block in the making, whose head goes before it. */
static void pack(vq_tokens_writer *w, const void *data, size_t bytes) {
    if (w->packed_room - w->packed_used < bytes) {
        w->packed_room = 2 * w->packed_room + bytes;
        w->packed = vq_need(w->packed, w->packed_room);
    }
    memcpy(w->packed + w->packed_used, data, bytes);
    w->packed_used += bytes;
}

/* The codes that are kept, one after another, in place. */
static size_t pack_codes(vq_tokens_writer *w, const vqdna_codes *p) {
    size_t row = (size_t)p->levels, kept = 0;
    for (uint64_t at = vq_tokens_kept(&w->shape, p->start); w->shape.every > 1 && at < p->start + p->count; at += w->shape.every)
        memmove(w->codes + kept++ * row, p->codes + (at - p->start) * row, row * sizeof *p->codes);
    return (w->shape.every == 1 ? p->count : kept) * row * sizeof *p->codes;
}

static void write_binary(vq_tokens_writer *w, const vqdna_codes *p) {
    size_t start, end = 0;
    vq_binary_part part = {.start = p->start, .name = (uint32_t)strlen(p->contig), .count = (uint32_t)p->count, .last = p->last};
    while (vq_tokens_gap(p, &start, &end))
        part.gaps++;
    pack(w, &part, sizeof part);
    pack(w, p->contig, part.name);
    for (end = 0; vq_tokens_gap(p, &start, &end);) {
        uint32_t gap[2] = {(uint32_t)start, (uint32_t)end};
        pack(w, gap, sizeof gap);
    }
    size_t bytes = pack_codes(w, p);
    pack(w, w->codes, bytes);
}

static void write_npy(vq_tokens_writer *w, const vqdna_codes *p) {
    vq_output_write(&w->out, w->codes, pack_codes(w, p));
    write_gaps(&w->index, p);
    uint64_t end = p->start + p->count;
    if (!p->last)
        return;
    vq_output_print(&w->index, "%s\t%llu\t%llu\n", p->contig, (unsigned long long)w->rows, (unsigned long long)end);
    uint64_t first = vq_tokens_kept(&w->shape, 0);
    w->rows += end > first ? (end - first + w->shape.every - 1) / w->shape.every : 0;
}

static void count_codes(vq_tokens_writer *w, const vqdna_codes *p) {
    size_t levels = (size_t)p->levels;
    for (uint64_t at = vq_tokens_kept(&w->shape, p->start); at < p->start + p->count; at += w->shape.every)
        for (size_t level = 0; level < levels && p->bases[at - p->start] < VQ_TOKENS_UNKNOWN; level++)
            w->counts[level * CODES + p->codes[(at - p->start) * levels + level]]++;
    for (size_t i = 0; p->last && i < levels * CODES; i++)
        if (w->counts[i]) {
            vq_output_print(&w->out, "%s\t%zu\t%zu\t%llu\n", p->contig, i / CODES + 1, i % CODES, (unsigned long long)w->counts[i]);
            w->counts[i] = 0;
        }
}

static void write_part(vq_tokens_writer *w, const vqdna_codes *p) {
    switch (w->format) {
    case VQ_TOKENS_TSV:
        write_rows(w, p);
        write_gaps(&w->out, p);
        vq_output_print(&w->out, "#bases of\t%s\t%llu\t%llu\t%s\n", p->contig, (unsigned long long)p->start,
                        (unsigned long long)(p->start + p->count), p->last ? "end" : "more");
        break;
    case VQ_TOKENS_NPY:
        write_npy(w, p);
        break;
    case VQ_TOKENS_NDJSON:
        write_ndjson(w, p);
        break;
    case VQ_TOKENS_BIN:
        write_binary(w, p);
        break;
    case VQ_TOKENS_BED:
        write_rows(w, p);
        break;
    case VQ_TOKENS_COUNTS:
        count_codes(w, p);
        break;
    }
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------------------ */

static void end_block(vq_tokens_writer *w) {
    vq_tokens_block *b = &w->block;
    uint64_t hash = vq_tokens_block_hash(b);
    XXH3_64bits_update(&w->blocks, &hash, sizeof hash);
    if (w->format == VQ_TOKENS_TSV)
        vq_output_print(&w->out, "#block %llu bases %llu unknown %llu hash %016llx model %.*s\n", (unsigned long long)b->index,
                        (unsigned long long)b->bases, (unsigned long long)b->unknown, (unsigned long long)hash, VQ_TOKENS_MODEL,
                        w->shape.model);
    if (w->format == VQ_TOKENS_NDJSON)
        vq_output_print(&w->out, "{\"block\":%llu,\"bases\":%llu,\"unknown\":%llu,\"hash\":\"%016llx\",\"model\":\"%.*s\"}\n",
                        (unsigned long long)b->index, (unsigned long long)b->bases, (unsigned long long)b->unknown,
                        (unsigned long long)hash, VQ_TOKENS_MODEL, w->shape.model);
    if (w->format == VQ_TOKENS_BIN) {
        vq_binary_block record = {.parts = (uint32_t)b->parts,
                                  .index = b->index,
                                  .bases = (uint32_t)b->bases,
                                  .unknown = (uint32_t)b->unknown,
                                  .bytes = (uint32_t)w->packed_used,
                                  .hash = hash};
        memcpy(record.magic, VQ_BINARY_MAGIC, sizeof record.magic);
        memcpy(record.model, w->shape.model, VQ_TOKENS_MODEL);
        vq_output_write(&w->out, &record, sizeof record);
        vq_output_write(&w->out, w->packed, w->packed_used);
        w->packed_used = 0;
    }
    vq_tokens_block_begin(b, b->index + 1);
}

static void end_part(vq_tokens_writer *w, bool last) {
    vqdna_codes part = {w->name, w->start, w->count, w->shape.levels, w->codes, w->bases, last};
    vq_tokens_block_add(&w->block, &w->shape, &part);
    write_part(w, &part);
    w->start += w->count;
    w->count = 0;
    w->open = !last;
    if (w->block.bases == VQ_TOKENS_BLOCK)
        end_block(w);
}

vqdna_status vq_tokens_write(void *user, const vqdna_codes *run) {
    vq_tokens_writer *w = user;
    size_t levels = (size_t)run->levels, done = 0;
    if (!w->open) {
        size_t size = strlen(run->contig) + 1;
        w->name = memcpy(vq_need(w->name, size), run->contig, size);
        w->start = run->start;
        w->open = true;
    }
    do {
        size_t room = VQ_TOKENS_BLOCK - w->block.bases - w->count, n = run->count - done < room ? run->count - done : room;
        memcpy(w->codes + w->count * levels, run->codes + done * levels, n * levels * sizeof *w->codes);
        memcpy(w->bases + w->count, run->bases + done, n);
        w->count += n;
        done += n;
        bool last = run->last && done == run->count;
        if (last || n == room)
            end_part(w, last);
    } while (done < run->count);
    return w->out.error || w->index.error || w->code != VQ_GO_ON ? VQDNA_ERR_OUTPUT : VQDNA_OK;
}

static void write_end(vq_tokens_writer *w) {
    unsigned long long blocks = w->block.index, hash = XXH3_64bits_digest(&w->blocks);
    if (w->format == VQ_TOKENS_TSV)
        vq_output_print(&w->out, "#end %llu blocks\n", blocks);
    if (w->format == VQ_TOKENS_NPY)
        vq_output_print(&w->index, "#end %llu blocks hash %016llx\n", blocks, hash);
    if (w->format == VQ_TOKENS_NDJSON)
        vq_output_print(&w->out, "{\"end\":{\"blocks\":%llu}}\n", blocks);
    if (w->format == VQ_TOKENS_BIN) {
        vq_binary_block end = {.index = blocks};
        memcpy(end.magic, VQ_BINARY_END, sizeof end.magic);
        memcpy(end.model, w->shape.model, VQ_TOKENS_MODEL);
        vq_output_write(&w->out, &end, sizeof end);
    }
}

static void release(vq_tokens_writer *w) {
    vq_output_abandon(&w->out);
    vq_output_abandon(&w->index);
    free(w->name);
    free(w->codes);
    free(w->bases);
    free(w->code_text);
    free(w->row);
    free(w->counts);
    free(w->packed);
    w->packed = NULL;
    w->name = w->row = NULL;
    w->codes = NULL;
    w->bases = NULL;
    w->code_text = NULL;
    w->counts = NULL;
}

int vq_tokens_commit(vq_tokens_writer *w, bool ends) {
    if (w->block.parts)
        end_block(w);
    if (ends)
        write_end(w);
    if (w->format == VQ_TOKENS_NPY) {
        char header[VQ_NPY_HEADER];
        vq_npy_header(header, "u2", w->rows, w->shape.levels);
        vq_output_patch(&w->out, 0, header, sizeof header);
    }
    int code = vq_output_commit(&w->out, w->format == VQ_TOKENS_NPY ? &w->index : NULL, w->cli);
    release(w);
    return code;
}

int vq_tokens_abandon(vq_tokens_writer *w) {
    int code = w->code;
    if (w->out.error)
        code = vq_output_failed(&w->out, w->cli);
    else if (w->index.error)
        code = vq_output_failed(&w->index, w->cli);
    release(w);
    return code;
}

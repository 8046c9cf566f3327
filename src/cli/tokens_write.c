#include "cli/tokens_write.h"
#include "cli/cli_options.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NPY_HEADER = 128, NDJSON_RUN = 4096, CODES = 65536 };

int vq_tokens_format_parse(vq_tokens_format *out, vq_cli *cli, const char *text) {
    static const char *const names[] = {"tsv", "npy", "ndjson"};
    for (int i = 0; i < 3; i++)
        if (!text || !strcmp(text, names[i])) {
            *out = (vq_tokens_format)i;
            return VQ_GO_ON;
        }
    const char *nearest = vq_nearest(text, names, 3);
    return vq_cli_fail(cli, VQ_EXIT_USAGE, "unknown format '%s'; did you mean %s?", text, nearest ? nearest : "tsv, npy or ndjson");
}

/* NumPy's format 1.0: magic, version, length of the text, a Python dictionary padded so that the data is aligned. */
static void npy_header(char header[NPY_HEADER], uint64_t rows, int levels) {
    static const char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10); /* 0x76 = 128 - 10 */
    int length = snprintf(header + 10, NPY_HEADER - 10, "{'descr': '%cu2', 'fortran_order': False, 'shape': (%llu, %d), }", order,
                          (unsigned long long)rows, levels);
    memset(header + 10 + length, ' ', (size_t)(NPY_HEADER - 11 - length));
    header[NPY_HEADER - 1] = '\n';
}

static void write_head(vq_tokens_writer *w, const char *provenance) {
    vq_output *text = w->format == VQ_TOKENS_NPY ? &w->index : &w->out;
    if (w->format == VQ_TOKENS_NDJSON) {
        vq_output_print(text, "{\"format\":\"vqdna tokens\",\"levels\":%d%s%s}\n", w->levels, provenance ? ",\"provenance\":" : "",
                        provenance ? provenance : "");
        return;
    }
    vq_output_print(text, w->format == VQ_TOKENS_NPY ? "#vqdna index\n" : "#vqdna tokens\n");
    if (provenance)
        vq_output_print(text, "#provenance %s\n", provenance);
    if (w->format == VQ_TOKENS_NPY) {
        char header[NPY_HEADER];
        npy_header(header, 0, w->levels);
        vq_output_write(&w->out, header, sizeof header);
        vq_output_print(text, "#contig\toffset\tbases\n");
        return;
    }
    vq_output_print(text, "#contig\tstart");
    for (int level = 1; level <= w->levels; level++)
        vq_output_print(text, "\tlevel%d", level);
    vq_output_print(text, "\n");
}

int vq_tokens_open(vq_tokens_writer *w, vq_cli *cli, vq_tokens_format format, const char *path, int levels,
                   const char *provenance) {
    *w = (vq_tokens_writer){.cli = cli, .format = format, .levels = levels, .code = VQ_GO_ON, .out.fd = -1, .index.fd = -1};
    bool npy = format == VQ_TOKENS_NPY;
    if (npy && (!path || !strcmp(path, "-")))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "npy cannot go to standard output: name a file with -o");
    static const vq_kind kinds[] = {
        [VQ_TOKENS_TSV] = VQ_KIND_TSV, [VQ_TOKENS_NPY] = VQ_KIND_NPY, [VQ_TOKENS_NDJSON] = VQ_KIND_NDJSON};
    int code = vq_output_open(&w->out, cli, path, kinds[format]);
    if (code == VQ_GO_ON && npy) {
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
    if (!npy) {
        w->code_text = vq_need(NULL, CODES * sizeof *w->code_text);
        for (int c = 0; c < CODES; c++)
            w->code_text[c][0] = (char)snprintf(w->code_text[c] + 1, 7, "\t%d", c);
    }
    write_head(w, provenance);
    return VQ_GO_ON;
}

static char *put_code(const vq_tokens_writer *w, char *to, uint16_t code) {
    const char *text = w->code_text[code];
    memcpy(to, text + 1, 7);
    return to + text[0];
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

static void write_tsv(vq_tokens_writer *w, const vqdna_codes *run) {
    if (run->start == 0) {
        size_t name = strlen(run->contig);
        w->row = vq_need(w->row, name + 24);
        w->row_length = (size_t)sprintf(w->row, "%s\t0", run->contig);
        w->start_length = 1;
    }
    size_t most = w->row_length + 24 + 8 * (size_t)w->levels;
    if (run->count == 0 && run->start == 0) {
        char *to = vq_output_room(&w->out, most), *from = to;
        memcpy(to, w->row, w->row_length);
        to += w->row_length;
        for (int level = 0; level < w->levels; level++, to += 2)
            memcpy(to, "\t.", 2);
        *to++ = '\n';
        w->out.used += (size_t)(to - from);
    }
    const uint16_t *codes = run->codes;
    for (size_t i = 0; i < run->count; i++) {
        char *to = vq_output_room(&w->out, most), *from = to;
        memcpy(to, w->row, w->row_length);
        to += w->row_length;
        for (int level = 0; level < w->levels; level++)
            to = put_code(w, to, *codes++);
        *to++ = '\n';
        w->out.used += (size_t)(to - from);
        row_next(w);
    }
}

/* Lines are cut by position and not by run, so that the file does not depend on how the stream was cut. */
static void write_ndjson(vq_tokens_writer *w, const vqdna_codes *run) {
    if (run->start == 0) {
        json_t *name = json_string(run->contig);
        if (!name) {
            w->code = vq_cli_fail(w->cli, VQ_EXIT_INPUT, "the name of record %.60s is not UTF-8, which JSON needs; use -f tsv",
                                  run->contig);
            return;
        }
        free(w->row);
        w->row = json_dumps(name, JSON_ENCODE_ANY);
        json_decref(name);
    }
    const uint16_t *codes = run->codes;
    for (size_t i = 0; i < run->count || (i == 0 && run->start == 0); i++) {
        if ((run->start + i) % NDJSON_RUN == 0)
            vq_output_print(&w->out, "{\"contig\":%s,\"start\":%llu,\"codes\":[", w->row, (unsigned long long)(run->start + i));
        if (i == run->count) {
            vq_output_print(&w->out, "]}\n"); /* an empty record */
            return;
        }
        char *to = vq_output_room(&w->out, 16 + 8 * (size_t)w->levels), *from = to;
        if ((run->start + i) % NDJSON_RUN)
            *to++ = ',';
        for (int level = 0; level < w->levels; level++) {
            char *separator = to;
            to = put_code(w, to, *codes++);
            *separator = level ? ',' : '[';
        }
        *to++ = ']';
        w->out.used += (size_t)(to - from);
        if ((run->start + i + 1) % NDJSON_RUN == 0)
            vq_output_print(&w->out, "]}\n");
    }
    if (run->last && (run->start + run->count) % NDJSON_RUN)
        vq_output_print(&w->out, "]}\n");
}

static void write_npy(vq_tokens_writer *w, const vqdna_codes *run) {
    vq_output_write(&w->out, run->codes, run->count * (size_t)w->levels * sizeof *run->codes);
    w->record_rows += run->count;
    if (!run->last)
        return;
    vq_output_print(&w->index, "%s\t%llu\t%llu\n", run->contig, (unsigned long long)w->rows, (unsigned long long)w->record_rows);
    w->rows += w->record_rows;
    w->record_rows = 0;
}

vqdna_status vq_tokens_write(void *user, const vqdna_codes *run) {
    vq_tokens_writer *w = user;
    if (w->format == VQ_TOKENS_TSV)
        write_tsv(w, run);
    else if (w->format == VQ_TOKENS_NDJSON)
        write_ndjson(w, run);
    else
        write_npy(w, run);
    return w->out.error || w->index.error || w->code != VQ_GO_ON ? VQDNA_ERR_OUTPUT : VQDNA_OK;
}

static void release(vq_tokens_writer *w) {
    vq_output_abandon(&w->out);
    vq_output_abandon(&w->index);
    free(w->code_text);
    free(w->row);
    w->code_text = NULL;
    w->row = NULL;
}

int vq_tokens_commit(vq_tokens_writer *w) {
    if (w->format == VQ_TOKENS_NPY) {
        char header[NPY_HEADER];
        npy_header(header, w->rows, w->levels);
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

#include "cli/tokens_write.h"
#include "cli/cli_npy.h"
#include "cli/cli_options.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NDJSON_RUN = 4096, CODES = 65536, UNKNOWN = 4 };

static const char *const names[] = {"tsv", "npy", "ndjson"};

/* What the name of the output says; tsv by default, and then not *said. */
static vq_tokens_format named_format(const char *path, bool *said) {
    static const struct {
        const char *end;
        vq_tokens_format format;
    } ends[] = {{".tsv", VQ_TOKENS_TSV}, {".npy", VQ_TOKENS_NPY}, {".ndjson", VQ_TOKENS_NDJSON}, {".jsonl", VQ_TOKENS_NDJSON}};
    for (int i = 0; i < 4; i++) {
        char zipped[16];
        snprintf(zipped, sizeof zipped, "%s.gz", ends[i].end);
        *said = vq_ends_in(path, ends[i].end) || vq_ends_in(path, zipped);
        if (*said)
            return ends[i].format;
    }
    return VQ_TOKENS_TSV;
}

int vq_tokens_format_parse(vq_tokens_format *out, vq_cli *cli, const char *text, const char *path) {
    bool said, known = !text;
    vq_tokens_format named = named_format(path, &said);
    *out = named;
    for (int i = 0; i < 3 && text; i++)
        if (!strcmp(text, names[i])) {
            *out = (vq_tokens_format)i;
            known = true;
        }
    if (known && said && *out != named)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "-f %s and the name %s, which says %s, contradict each other", text, path,
                           names[named]);
    if (known && *out == VQ_TOKENS_NPY && vq_ends_in(path, ".gz"))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "NumPy reads no compressed npy: leave .gz off the name %s", path);
    if (known)
        return VQ_GO_ON;
    const char *nearest = vqdna_nearest(text, names, 3);
    return vq_cli_fail(cli, VQ_EXIT_USAGE, "unknown format '%s'; did you mean %s?", text, nearest ? nearest : "tsv, npy or ndjson");
}

static void write_head(vq_tokens_writer *w, const char *model, const char *provenance) {
    vq_output *text = w->format == VQ_TOKENS_NPY ? &w->index : &w->out;
    if (w->format == VQ_TOKENS_NDJSON) {
        vq_output_print(text, "{\"format\":\"vqdna tokens\",\"version\":2,\"levels\":%d,\"model_sha256\":\"%s\"%s%s}\n", w->levels,
                        model, provenance ? ",\"provenance\":" : "", provenance ? provenance : "");
        return;
    }
    vq_output_print(text, "#vqdna %s 2 model %s\n", w->format == VQ_TOKENS_NPY ? "index" : "tokens", model);
    if (provenance)
        vq_output_print(text, "#provenance %s\n", provenance);
    if (w->format == VQ_TOKENS_NPY) {
        char header[VQ_NPY_HEADER];
        vq_npy_header(header, "u2", 0, w->levels);
        vq_output_write(&w->out, header, sizeof header);
        vq_output_print(text, "#contig\toffset\tbases\n");
        return;
    }
    vq_output_print(text, "#contig\tstart");
    for (int level = 1; level <= w->levels; level++)
        vq_output_print(text, "\tlevel%d", level);
    vq_output_print(text, "\n");
}

static const vq_kind kinds[] = {[VQ_TOKENS_TSV] = VQ_KIND_TSV, [VQ_TOKENS_NPY] = VQ_KIND_NPY, [VQ_TOKENS_NDJSON] = VQ_KIND_NDJSON};

int vq_tokens_check(vq_cli *cli, vq_tokens_format format, const char *path) {
    bool npy = format == VQ_TOKENS_NPY;
    if (npy && (!path || !strcmp(path, "-")))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "npy cannot go to standard output: name a file with -o");
    int code = vq_output_check(cli, path, kinds[format]);
    if (code != VQ_GO_ON || !npy)
        return code;
    char *index = vq_join("%s.tsv", path);
    code = vq_output_check(cli, index, VQ_KIND_INDEX);
    free(index);
    return code;
}

int vq_tokens_open(vq_tokens_writer *w, vq_cli *cli, vq_tokens_format format, const char *path, const vq_session *session,
                   const char *provenance) {
    *w = (vq_tokens_writer){.cli = cli, .format = format, .code = VQ_GO_ON, .out.fd = -1, .index.fd = -1};
    w->levels = session->info.levels;
    bool npy = format == VQ_TOKENS_NPY;
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
    if (format == VQ_TOKENS_NDJSON)
        w->gap = vq_need(NULL, (NDJSON_RUN / 2 + 1) * sizeof *w->gap);
    XXH3_64bits_reset(&w->sums.codes);
    write_head(w, session->model_sha256, provenance);
    return VQ_GO_ON;
}

void vq_tokens_sums_add(vq_tokens_sums *sums, const vqdna_codes *run) {
    sums->bases += run->count;
    for (size_t i = 0; i < run->count; i++)
        if (run->bases[i] == UNKNOWN) {
            sums->unknown++;
            sums->places = (sums->places ^ (run->start + i)) * 0x9E3779B97F4A7C15 + sums->records;
        }
    if (run->start == 0)
        XXH3_64bits_update(&sums->codes, run->contig, strlen(run->contig) + 1);
    XXH3_64bits_update(&sums->codes, run->codes, run->count * (size_t)run->levels * sizeof *run->codes);
    sums->records += run->last;
}

uint64_t vq_tokens_sums_hash(const vq_tokens_sums *sums) {
    return XXH3_64bits_digest(&sums->codes) ^ sums->places;
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

static void end_line(vq_tokens_writer *w) {
    vq_output_print(&w->out, "]");
    for (size_t i = 0; i < w->gaps; i++)
        vq_output_print(&w->out, "%s[%llu,%llu]", i ? "," : ",\"unknown\":[", (unsigned long long)w->gap[i].start,
                        (unsigned long long)w->gap[i].end);
    vq_output_print(&w->out, w->gaps ? "]}\n" : "}\n");
    w->gaps = 0;
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
        bool begins = (run->start + i) % NDJSON_RUN == 0;
        if (begins && run->start + i)
            end_line(w);
        if (begins)
            vq_output_print(&w->out, "{\"contig\":%s,\"start\":%llu,\"codes\":[", w->row, (unsigned long long)(run->start + i));
        if (i == run->count)
            return; /* an empty record */
        char *to = vq_output_room(&w->out, 16 + 8 * (size_t)w->levels), *from = to;
        if (!begins)
            *to++ = ',';
        for (int level = 0; level < w->levels; level++) {
            char *separator = to;
            to = put_code(w, to, *codes++);
            *separator = level ? ',' : '[';
        }
        *to++ = ']';
        w->out.used += (size_t)(to - from);
    }
}

/* A stretch of unknown bases ends, if one was under way. */
static void end_gap(vq_tokens_writer *w, const char *contig, uint64_t end) {
    if (!w->in_gap)
        return;
    w->in_gap = false;
    if (w->format == VQ_TOKENS_NDJSON) {
        w->gap[w->gaps].start = w->gap_start;
        w->gap[w->gaps++].end = end;
    } else {
        vq_output_print(w->format == VQ_TOKENS_NPY ? &w->index : &w->out, "#unknown bases\t%s\t%llu\t%llu\n", contig,
                        (unsigned long long)w->gap_start, (unsigned long long)end);
    }
}

vqdna_status vq_tokens_write(void *user, const vqdna_codes *run) {
    vq_tokens_writer *w = user;
    size_t cut = w->format == VQ_TOKENS_NDJSON ? NDJSON_RUN : VQ_TOKENS_RUN;
    vqdna_codes piece = *run;
    /* In pieces all known or all unknown that cross no place where the marks are cut. */
    for (size_t done = 0; done == 0 || done < run->count; done += piece.count) {
        piece.start = run->start + done;
        piece.codes = run->codes + done * (size_t)w->levels;
        piece.bases = run->bases + done;
        size_t left = run->count - done, most = cut - piece.start % cut;
        bool unknown = left && piece.bases[0] == UNKNOWN;
        for (piece.count = 0; piece.count < left && piece.count < most; piece.count++)
            if ((piece.bases[piece.count] == UNKNOWN) != unknown)
                break;
        if (!unknown || piece.start % cut == 0)
            end_gap(w, run->contig, piece.start);
        if (unknown && !w->in_gap)
            w->gap_start = piece.start;
        w->in_gap = unknown;
        if (w->format == VQ_TOKENS_TSV)
            write_tsv(w, &piece);
        else if (w->format == VQ_TOKENS_NDJSON)
            write_ndjson(w, &piece);
        else
            vq_output_write(&w->out, piece.codes, piece.count * (size_t)w->levels * sizeof *piece.codes);
        if (run->count == 0)
            break;
    }
    vq_tokens_sums_add(&w->sums, run);
    if (run->last && w->code == VQ_GO_ON) {
        uint64_t bases = run->start + run->count;
        end_gap(w, run->contig, bases);
        if (w->format == VQ_TOKENS_NDJSON)
            end_line(w);
        if (w->format == VQ_TOKENS_NPY)
            vq_output_print(&w->index, "%s\t%llu\t%llu\n", run->contig, (unsigned long long)w->rows, (unsigned long long)bases);
        w->rows += bases;
    }
    return w->out.error || w->index.error || w->code != VQ_GO_ON ? VQDNA_ERR_OUTPUT : VQDNA_OK;
}

static void write_end(vq_tokens_writer *w) {
    vq_output_print(w->format == VQ_TOKENS_NPY ? &w->index : &w->out,
                    w->format == VQ_TOKENS_NDJSON
                        ? "{\"end\":{\"records\":%llu,\"bases\":%llu,\"unknown\":%llu,\"hash\":\"%016llx\"}}\n"
                        : "#end %llu records %llu bases %llu unknown hash %016llx\n",
                    (unsigned long long)w->sums.records, (unsigned long long)w->sums.bases, (unsigned long long)w->sums.unknown,
                    (unsigned long long)vq_tokens_sums_hash(&w->sums));
}

static void release(vq_tokens_writer *w) {
    vq_output_abandon(&w->out);
    vq_output_abandon(&w->index);
    free(w->code_text);
    free(w->row);
    free(w->gap);
    w->code_text = NULL;
    w->row = NULL;
    w->gap = NULL;
}

int vq_tokens_commit(vq_tokens_writer *w) {
    write_end(w);
    if (w->format == VQ_TOKENS_NPY) {
        char header[VQ_NPY_HEADER];
        vq_npy_header(header, "u2", w->rows, w->levels);
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

#include "cli/tokens_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUN = 1 << 15 };

/* Says "FILE: line N: ..." and ends the stream. */
__attribute__((format(printf, 3, 4))) static vqdna_status refuse(vq_tokens_reader *r, const vq_input *in, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (in->line)
        r->code = vq_cli_fail(r->cli, VQ_EXIT_INPUT, "%s: line %llu: %s", in->path, (unsigned long long)in->line, text);
    else
        r->code = vq_cli_fail(r->cli, VQ_EXIT_INPUT, "%s: %s", in->path, text);
    return VQDNA_ERR_INPUT;
}

/* The end of a file, or a failed read? */
static vqdna_status ended(vq_tokens_reader *r, const vq_input *in) {
    return in->error ? refuse(r, in, "cannot be read: %s", strerror(in->error)) : VQDNA_END;
}

static void room_for(vq_tokens_reader *r, size_t bases) {
    if (bases <= r->room)
        return;
    r->room = bases;
    r->codes = vq_need(r->codes, bases * (size_t)r->levels * sizeof *r->codes);
}

static void take_name(vq_tokens_reader *r, const char *name, size_t length) {
    r->name = vq_need(r->name, length + 1);
    memcpy(r->name, name, length);
    r->name[length] = '\0';
    r->name_length = length;
}

/* A decimal number at *at, which moves behind it; false without one or above `most`. */
static bool take_number(const char **at, const char *end, uint64_t most, uint64_t *out) {
    const char *digit = *at;
    uint64_t value = 0;
    for (; digit < end && *digit >= '0' && *digit <= '9'; digit++) {
        value = value * 10 + (uint64_t)(*digit - '0');
        if (value > most)
            return false;
    }
    if (digit == *at)
        return false;
    *at = digit;
    *out = value;
    return true;
}

/* ---- What is common to the formats that give start positions: the next row or line must begin a record or go on in it ---- */

static vqdna_status check_ahead(vq_tokens_reader *r) {
    if (!r->ahead || r->ahead_start == 0)
        return VQDNA_OK;
    int length = r->ahead_length < 60 ? (int)r->ahead_length : 60;
    bool same = r->name && r->name_length == r->ahead_length && !memcmp(r->name, r->ahead_name, r->ahead_length);
    if (!same)
        return refuse(r, &r->in, "record %.*s begins at %llu instead of 0", length, r->ahead_name,
                      (unsigned long long)r->ahead_start);
    if (r->ahead_start != r->next)
        return refuse(r, &r->in, "record %.*s goes on at %llu instead of %llu", length, r->ahead_name,
                      (unsigned long long)r->ahead_start, (unsigned long long)r->next);
    return VQDNA_OK;
}

/* ---- TSV ---- */

static vqdna_status tsv_row(vq_tokens_reader *r) {
    const char *line, *at;
    size_t length;
    r->ahead = false;
    if (!vq_input_line(&r->in, &line, &length))
        return ended(r, &r->in);
    const char *end = line + length;
    /* Most rows begin with the name of the row before. */
    if (r->name && length > r->name_length && line[r->name_length] == '\t' && !memcmp(line, r->name, r->name_length))
        at = line + r->name_length;
    else
        at = memchr(line, '\t', length);
    if (!at)
        return refuse(r, &r->in, "not a row of tokens (contig, start and a code of each level, separated by tabs)");
    r->ahead_name = line;
    r->ahead_length = (size_t)(at - line);
    at++;
    if (!take_number(&at, end, INT64_MAX / 16, &r->ahead_start))
        return refuse(r, &r->in, "the second column is not a start position");
    r->ahead_empty = end - at >= 2 && at[0] == '\t' && at[1] == '.';
    int level = 0;
    for (; at < end && *at == '\t'; level++) {
        uint64_t code = 0;
        at++;
        if (level == r->levels)
            return refuse(r, &r->in, "more codes than the %d level%s of the model", r->levels, r->levels > 1 ? "s" : "");
        if (r->ahead_empty && at < end && *at == '.' && r->ahead_start == 0)
            at++;
        else if (r->ahead_empty || !take_number(&at, end, UINT16_MAX, &code))
            return refuse(r, &r->in, "column %d is not a code", level + 3);
        r->ahead_codes[level] = (uint16_t)code;
    }
    if (at != end)
        return refuse(r, &r->in, "column %d is not a code", level + 2);
    if (level < r->levels)
        return refuse(r, &r->in, "%d code%s, and the model has %d levels", level, level == 1 ? "" : "s", r->levels);
    r->ahead = true;
    return check_ahead(r);
}

static vqdna_status tsv_run(vq_tokens_reader *r, vqdna_codes *run) {
    if (!r->ahead)
        return VQDNA_END;
    if (r->ahead_start == 0) {
        take_name(r, r->ahead_name, r->ahead_length);
        r->next = 0;
    }
    run->start = r->next;
    room_for(r, RUN);
    vqdna_status status = VQDNA_OK;
    size_t count = 0;
    while (count < RUN && r->ahead && (count == 0 || r->ahead_start)) {
        bool empty = r->ahead_empty;
        if (!empty) {
            memcpy(r->codes + count * (size_t)r->levels, r->ahead_codes, (size_t)r->levels * sizeof *r->codes);
            count++;
        }
        r->next += !empty;
        status = tsv_row(r);
        if (status < 0)
            return status;
        if (empty)
            break;
    }
    run->count = count;
    run->last = !r->ahead || r->ahead_start == 0;
    return VQDNA_OK;
}

/* Comments stand only above the first row, and the row of column names is the last of them: a contig's name may begin with '#'. */
static void skip_comments(vq_input *in) {
    const char *data;
    size_t length;
    bool more = true;
    while (more && vq_input_peek(in, &data, 1) && data[0] == '#') {
        more = vq_input_peek(in, &data, 8) < 8 || memcmp(data, "#contig\t", 8) != 0;
        vq_input_line(in, &data, &length);
    }
}

static vqdna_status tsv_begin(vq_tokens_reader *r) {
    skip_comments(&r->in);
    return tsv_row(r);
}

/* ---- NDJSON ---- */

static vqdna_status ndjson_line(vq_tokens_reader *r) {
    const char *line;
    size_t length;
    r->ahead = false;
    do {
        json_decref(r->ahead_object);
        r->ahead_object = NULL;
        if (!vq_input_line(&r->in, &line, &length))
            return ended(r, &r->in);
        json_error_t error;
        r->ahead_object = json_loadb(line, length, 0, &error);
        if (!r->ahead_object)
            return refuse(r, &r->in, "not JSON: %s", error.text);
    } while (json_object_get(r->ahead_object, "format")); /* the line that describes the file */
    const json_t *name = json_object_get(r->ahead_object, "contig"), *start = json_object_get(r->ahead_object, "start");
    if (!json_is_string(name) || !json_is_integer(start) || json_integer_value(start) < 0 ||
        !json_is_array(json_object_get(r->ahead_object, "codes")))
        return refuse(r, &r->in, "not a run of tokens: {\"contig\":..., \"start\":..., \"codes\":[...]}");
    r->ahead_name = json_string_value(name);
    r->ahead_length = json_string_length(name);
    r->ahead_start = (uint64_t)json_integer_value(start);
    r->ahead = true;
    return VQDNA_OK;
}

static vqdna_status ndjson_run(vq_tokens_reader *r, vqdna_codes *run) {
    if (!r->ahead)
        return VQDNA_END;
    const json_t *codes = json_object_get(r->ahead_object, "codes");
    size_t count = json_array_size(codes);
    if (r->ahead_start == 0) {
        take_name(r, r->ahead_name, r->ahead_length);
        r->next = 0;
    }
    run->start = r->next;
    room_for(r, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *base = json_array_get(codes, i);
        if (json_array_size(base) != (size_t)r->levels)
            return refuse(r, &r->in, "base %zu has %zu codes, and the model has %d level%s", i, json_array_size(base), r->levels,
                          r->levels > 1 ? "s" : "");
        for (int level = 0; level < r->levels; level++) {
            const json_t *code = json_array_get(base, (size_t)level);
            if (!json_is_integer(code) || json_integer_value(code) < 0 || json_integer_value(code) > UINT16_MAX)
                return refuse(r, &r->in, "base %zu has a code that is none", i);
            r->codes[i * (size_t)r->levels + (size_t)level] = (uint16_t)json_integer_value(code);
        }
    }
    r->next += count;
    vqdna_status status = ndjson_line(r);
    if (status >= 0)
        status = check_ahead(r);
    if (status < 0)
        return status;
    run->count = count;
    run->last = !r->ahead || r->ahead_start == 0;
    return VQDNA_OK;
}

/* ---- npy and its index ---- */

/* The header's text ends at byte `length` of the file. */
static vqdna_status npy_header(vq_tokens_reader *r) {
    char fixed[12] = {0}, text[1024] = {0};
    static const char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
    vq_input_take(&r->in, fixed, 10);
    size_t length = (unsigned char)fixed[8] | (size_t)(unsigned char)fixed[9] << 8;
    if (fixed[6] != 1 || length >= sizeof text || vq_input_take(&r->in, text, length) != length)
        return refuse(r, &r->in, "the header of the npy is not one that tokenize writes");
    char type[8] = {'\'', order, 'u', '2', '\'', 0};
    const char *shape = strstr(text, "'shape': (");
    unsigned long long rows;
    int columns;
    if (!strstr(text, type) || !strstr(text, "'fortran_order': False") || !shape ||
        sscanf(shape + 10, "%llu, %d", &rows, &columns) != 2)
        return refuse(r, &r->in, "not an array of tokens: uint16, bases x levels, rows first");
    if (columns != r->levels)
        return refuse(r, &r->in, "%d level%s of codes, and the model has %d", columns, columns == 1 ? "" : "s", r->levels);
    r->rows = rows;
    return VQDNA_OK;
}

/* The next row of the index: name, first row, bases. */
static vqdna_status npy_record(vq_tokens_reader *r) {
    const char *line;
    size_t length;
    if (!vq_input_line(&r->index, &line, &length)) {
        vqdna_status status = ended(r, &r->index);
        if (status == VQDNA_END && r->rows_given != r->rows)
            return refuse(r, &r->index, "the records end at row %llu of %llu of the array", (unsigned long long)r->rows_given,
                          (unsigned long long)r->rows);
        return status;
    }
    const char *end = line + length, *tab = memchr(line, '\t', length), *at = tab ? tab + 1 : end;
    uint64_t offset, bases;
    if (!take_number(&at, end, INT64_MAX / 16, &offset) || at == end || *at++ != '\t' ||
        !take_number(&at, end, INT64_MAX / 16, &bases) || at != end)
        return refuse(r, &r->index, "not a row of an index: contig, offset and bases, separated by tabs");
    take_name(r, line, (size_t)(tab - line));
    if (offset != r->rows_given || bases > r->rows - offset)
        return refuse(r, &r->index, "record %.60s does not follow the one before it within the array", r->name);
    r->rows_left = bases;
    r->next = 0;
    return VQDNA_OK;
}

static vqdna_status npy_run(vq_tokens_reader *r, vqdna_codes *run) {
    if (r->rows_left == 0) {
        vqdna_status status = npy_record(r);
        if (status != VQDNA_OK)
            return status;
    }
    size_t count = r->rows_left < RUN ? (size_t)r->rows_left : RUN;
    size_t bytes = count * (size_t)r->levels * sizeof *r->codes;
    room_for(r, RUN);
    if (vq_input_take(&r->in, r->codes, bytes) != bytes)
        return refuse(r, &r->in, "the array ends before its %llu rows", (unsigned long long)r->rows);
    run->start = r->next;
    run->count = count;
    r->next += count;
    r->rows_given += count;
    r->rows_left -= count;
    run->last = r->rows_left == 0;
    return VQDNA_OK;
}

static int npy_begin(vq_tokens_reader *r, const char *path) {
    if (!strcmp(path, "-"))
        return vq_cli_fail(r->cli, VQ_EXIT_USAGE,
                           "npy cannot come from standard input: its names are in the index beside the file");
    if (npy_header(r) < 0)
        return r->code;
    r->index_path = vq_join("%s.tsv", path);
    int code = vq_input_open(&r->index, r->cli, r->index_path);
    if (code == VQ_GO_ON)
        skip_comments(&r->index);
    return code;
}

/* ---- All ---- */

int vq_tokens_read_open(vq_tokens_reader *r, vq_cli *cli, const char *path, int levels) {
    *r = (vq_tokens_reader){.cli = cli, .levels = levels, .code = VQ_GO_ON, .in.fd = -1, .index.fd = -1};
    int code = vq_input_open(&r->in, cli, path);
    if (code != VQ_GO_ON)
        return code;
    const char *data;
    size_t there = vq_input_peek(&r->in, &data, 6);
    if (there == 0)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s %s", r->in.path, r->in.error ? strerror(r->in.error) : "is empty");
    if (there >= 2 && !memcmp(data, "\x1f\x8b", 2))
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s is compressed: gzip -dc FILE | vqdna detokenize ... -", r->in.path);
    if (data[0] == '>' || data[0] == '@')
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s holds sequences, not tokens: tokenize makes tokens of them", r->in.path);
    if (there == 6 && !memcmp(data, "\x93NUMPY", 6)) {
        r->format = VQ_TOKENS_NPY;
        return npy_begin(r, path);
    }
    r->format = data[0] == '{' ? VQ_TOKENS_NDJSON : VQ_TOKENS_TSV;
    vqdna_status status = r->format == VQ_TOKENS_NDJSON ? ndjson_line(r) : tsv_begin(r);
    if (status == VQDNA_OK)
        status = check_ahead(r);
    return status < 0 ? r->code : VQ_GO_ON;
}

vqdna_status vq_tokens_read(void *user, vqdna_codes *run) {
    vq_tokens_reader *r = user;
    vqdna_status status = r->format == VQ_TOKENS_TSV      ? tsv_run(r, run)
                          : r->format == VQ_TOKENS_NDJSON ? ndjson_run(r, run)
                                                          : npy_run(r, run);
    if (status != VQDNA_OK)
        return status;
    run->contig = r->name;
    run->levels = r->levels;
    run->codes = r->codes;
    run->bases = NULL;
    return VQDNA_OK;
}

void vq_tokens_read_close(vq_tokens_reader *r) {
    vq_input_close(&r->in);
    vq_input_close(&r->index);
    json_decref(r->ahead_object);
    free(r->name);
    free(r->codes);
    free(r->index_path);
    *r = (vq_tokens_reader){.in.fd = -1, .index.fd = -1};
}

#include "cli/tokens_read.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNKNOWN = 4 };

/* Says "FILE: line N: ..." and ends the stream. */
__attribute__((format(printf, 3, 4))) static vqdna_status refuse(vq_tokens_reader *r, const vq_input *in, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (in->line)
        r->code = vq_cli_fail(r->cli, VQ_EXIT_INPUT, "%s: line %" PRIu64 ": %s", in->path, in->line, text);
    else
        r->code = vq_cli_fail(r->cli, VQ_EXIT_INPUT, "%s: %s", in->path, text);
    return VQDNA_ERR_INPUT;
}

/* The end of a file, or a failed read? */
static vqdna_status ended(vq_tokens_reader *r, const vq_input *in) {
    return in->error ? refuse(r, in, "%s", in->error) : VQDNA_END;
}

static void room_for(vq_tokens_reader *r, size_t bases) {
    if (r->marked)
        memset(r->bases, 0, r->marked);
    r->marked = 0;
    if (bases > r->room) {
        r->codes = vq_need(r->codes, bases * (size_t)r->levels * sizeof *r->codes);
        r->bases = vq_need(r->bases, bases);
        memset(r->bases + r->room, 0, bases - r->room);
        r->room = bases;
    }
    r->run_start = r->next;
}

/* As the sequence reader, no name has a blank: one with a line's end in it would come out as sequence. */
static vqdna_status begin_record(vq_tokens_reader *r, const vq_input *in, const char *name, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!name[i] || strchr(" \t\n\v\f\r", name[i]))
            return refuse(r, in, "the name of a record has a blank, a line's end or a 0 in it");
    r->name = vq_need(r->name, length + 1);
    memcpy(r->name, name, length);
    r->name[length] = '\0';
    r->name_length = length;
    r->next = 0;
    return VQDNA_OK;
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

/* ---- What is common to all formats: the model, unknown bases, the end ---- */

static vqdna_status check_model(vq_tokens_reader *r, const vq_input *in, const char *theirs) {
    static const char text[] = "the tokens are of the model with sha256 %s, and this one has %s%s";
    const char *ours = r->session->model_sha256;
    if (!strcmp(theirs, ours))
        return VQDNA_OK;
    if (!r->cli->force)
        return refuse(r, in, text, theirs, ours, ": name theirs with -m, or go on with --force");
    vq_cli_warn(r->cli, text, theirs, ours, "");
    return VQDNA_OK;
}

static vqdna_status check_version(vq_tokens_reader *r, const vq_input *in, int version) {
    r->version = version;
    return version == 1 || version == 2 ? VQDNA_OK : refuse(r, in, "format %d is not known here: a newer vqdna wrote it", version);
}

/* Unknown bases of the run whose codes are there up to `end`. */
static vqdna_status mark_unknown(vq_tokens_reader *r, const vq_input *in, uint64_t start, uint64_t stop, uint64_t end) {
    if (start < r->run_start || stop <= start || stop > end)
        return refuse(r, in, "unknown bases from %" PRIu64 " to %" PRIu64 " are not among those they stand with", start, stop);
    memset(r->bases + (start - r->run_start), UNKNOWN, (size_t)(stop - start));
    r->marked = r->marked > stop - r->run_start ? r->marked : (size_t)(stop - r->run_start);
    return VQDNA_OK;
}

/* At the end of the tokens: VQDNA_END if they are whole. */
static vqdna_status check_end(vq_tokens_reader *r) {
    const vq_input *in = r->format == VQ_TOKENS_NPY ? &r->index : &r->in;
    const vq_tokens_sums *there = &r->sums, *told = &r->told;
    if (r->version < 2)
        return VQDNA_END;
    if (!r->at_end)
        return refuse(r, in, "the end mark is missing: the file was cut");
    if (there->records != told->records || there->bases != told->bases || there->unknown != told->unknown)
        return refuse(r, in,
                      "%" PRIu64 " records, %" PRIu64 " bases and %" PRIu64
                      " unknown ones are there, and the end mark tells of %" PRIu64 ", %" PRIu64 " and %" PRIu64
                      ": the file was changed",
                      there->records, there->bases, there->unknown, told->records, told->bases, told->unknown);
    if (vq_tokens_sums_hash(there) != r->hash)
        return refuse(r, in, "the end mark is of other names, codes or unknown bases: %s",
                      r->format == VQ_TOKENS_NPY ? "the index is not this array's, or one of the two was changed"
                                                 : "the file was changed");
    return VQDNA_END;
}

/* A line of '#' that is no row, as no name has a blank. What it says is kept; what is not known is passed over. */
static vqdna_status take_remark(vq_tokens_reader *r, const vq_input *in, const char *line, size_t length) {
    static const char begins[] = "#unknown bases\t", provenance[] = "#provenance ";
    char text[160], kind[8], model[65] = "";
    snprintf(text, sizeof text, "%.*s", length < sizeof text ? (int)length : (int)sizeof text - 1, line);
    if (in->line == 1 && sscanf(text, "#vqdna %7[a-z]", kind) == 1) {
        int version = 1;
        if (!strcmp(kind, "index") != (in == &r->index))
            return refuse(r, in, "this is an index of tokens: give the npy it lies beside");
        sscanf(text, "#vqdna %*s %d model %64[0-9a-f]", &version, model);
        vqdna_status status = check_version(r, in, version);
        return status < 0 || version == 1 ? status : check_model(r, in, model);
    }
    if (r->version == 1 && length > sizeof provenance && !memcmp(line, provenance, sizeof provenance - 1)) {
        json_t *object = json_loadb(line + sizeof provenance - 1, length - (sizeof provenance - 1), 0, NULL);
        const char *theirs = json_string_value(json_object_get(object, "model_sha256"));
        vqdna_status status = theirs ? check_model(r, in, theirs) : VQDNA_OK;
        json_decref(object);
        return status;
    }
    if (length >= sizeof begins && !memcmp(line, begins, sizeof begins - 1)) {
        const char *end = line + length, *name = line + sizeof begins - 1, *at = memchr(name, '\t', (size_t)(end - name));
        size_t named = at ? (size_t)(at++ - name) : 0;
        uint64_t start, stop;
        if (!at || !take_number(&at, end, INT64_MAX / 16, &start) || at == end || *at++ != '\t' ||
            !take_number(&at, end, INT64_MAX / 16, &stop) || at != end)
            return refuse(r, in, "not a line of unknown bases: contig, start and end, separated by tabs");
        if (in == &r->in && (!r->name || named != r->name_length || memcmp(name, r->name, named)))
            return refuse(r, in, "unknown bases of another record than the one before");
        if (in == &r->in)
            return mark_unknown(r, in, start, stop, r->next);
        if (r->gaps == r->gap_room) {
            r->gap_room = r->gap_room ? 2 * r->gap_room : 256;
            r->gap = vq_need(r->gap, r->gap_room * sizeof *r->gap);
        }
        r->gap[r->gaps].start = start;
        r->gap[r->gaps++].end = stop;
    }
    if (sscanf(text, "#end %" SCNu64 " records %" SCNu64 " bases %" SCNu64 " unknown hash %" SCNx64, &r->told.records,
               &r->told.bases, &r->told.unknown, &r->hash) == 4)
        r->at_end = true;
    return VQDNA_OK;
}

/* The next row of a table; VQDNA_END behind the last. */
static vqdna_status next_row(vq_tokens_reader *r, vq_input *in, const char **line, size_t *length) {
    while (vq_input_line(in, line, length)) {
        if (r->at_end)
            return refuse(r, in, "the file goes on behind its end mark");
        const char *tab = memchr(*line, '\t', *length);
        bool remark = *length && **line == '#' && (!tab || memchr(*line, ' ', (size_t)(tab - *line)));
        if (!remark && (*length < 9 || (memcmp(*line, "#contig\ts", 9) && memcmp(*line, "#contig\to", 9))))
            return VQDNA_OK;
        vqdna_status status = remark ? take_remark(r, in, *line, *length) : VQDNA_OK;
        if (status < 0)
            return status;
    }
    return ended(r, in);
}

/* What is common to the formats that give start positions: the next row or line must begin a record or go on in it. */
static vqdna_status check_ahead(vq_tokens_reader *r) {
    if (!r->ahead || r->ahead_start == 0)
        return VQDNA_OK;
    int length = r->ahead_length < 60 ? (int)r->ahead_length : 60;
    bool same = r->name && r->name_length == r->ahead_length && !memcmp(r->name, r->ahead_name, r->ahead_length);
    if (!same)
        return refuse(r, &r->in, "record %.*s begins at %" PRIu64 " instead of 0", length, r->ahead_name, r->ahead_start);
    if (r->ahead_start != r->next)
        return refuse(r, &r->in, "record %.*s goes on at %" PRIu64 " instead of %" PRIu64, length, r->ahead_name, r->ahead_start,
                      r->next);
    return VQDNA_OK;
}

/* ---- TSV ---- */

static vqdna_status tsv_row(vq_tokens_reader *r) {
    const char *line, *at;
    size_t length;
    r->ahead = false;
    vqdna_status status = next_row(r, &r->in, &line, &length);
    if (status != VQDNA_OK)
        return status;
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
        else if (r->ahead_empty || !take_number(&at, end, (uint64_t)r->session->info.codes[level] - 1, &code))
            return refuse(r, &r->in, "column %d is not a code of the model's level %d (0 to %d)", level + 3, level + 1,
                          r->session->info.codes[level] - 1);
        r->ahead_codes[level] = (uint16_t)code;
    }
    if (at != end)
        return refuse(r, &r->in, "column %d is not a code", level + 2);
    if (level < r->levels)
        return refuse(r, &r->in, "%d code%s, and the model has %d levels", level, level == 1 ? "" : "s", r->levels);
    r->ahead = true;
    return check_ahead(r);
}

/* Runs begin at multiples of VQ_TOKENS_RUN, where unknown bases are cut, so that the row ahead lies behind all of theirs. */
static vqdna_status tsv_run(vq_tokens_reader *r, vqdna_codes *run) {
    if (!r->ahead)
        return VQDNA_END;
    vqdna_status status = VQDNA_OK;
    if (r->ahead_start == 0)
        status = begin_record(r, &r->in, r->ahead_name, r->ahead_length);
    room_for(r, VQ_TOKENS_RUN);
    while (status == VQDNA_OK && run->count < VQ_TOKENS_RUN && (run->count == 0 || r->ahead_start)) {
        bool empty = r->ahead_empty;
        if (!empty)
            memcpy(r->codes + run->count * (size_t)r->levels, r->ahead_codes, (size_t)r->levels * sizeof *r->codes);
        run->count += !empty;
        r->next += !empty;
        status = tsv_row(r);
        if (empty)
            break;
    }
    if (status < 0)
        return status;
    run->last = !r->ahead || r->ahead_start == 0;
    return VQDNA_OK;
}

/* ---- NDJSON ---- */

static bool take_integer(const json_t *value, uint64_t most, uint64_t *out) {
    json_int_t number = json_integer_value(value);
    *out = (uint64_t)number;
    return json_is_integer(value) && number >= 0 && (uint64_t)number <= most;
}

/* The line that describes the file, above all others. */
static vqdna_status ndjson_head(vq_tokens_reader *r, const json_t *line) {
    uint64_t levels, version = 1;
    const json_t *told = json_object_get(line, "version"), *model = json_object_get(line, "model_sha256");
    if (!take_integer(json_object_get(line, "levels"), VQDNA_MAX_LEVELS, &levels) || (told && !take_integer(told, 1000, &version)))
        return refuse(r, &r->in, "not the head of tokens: levels or version are missing or none");
    vqdna_status status = check_version(r, &r->in, (int)version);
    if (status == VQDNA_OK && levels != (uint64_t)r->levels)
        status = refuse(r, &r->in, "%d levels of codes, and the model has %d", (int)levels, r->levels);
    if (!model)
        model = json_object_get(json_object_get(line, "provenance"), "model_sha256");
    if (status == VQDNA_OK && json_is_string(model))
        status = check_model(r, &r->in, json_string_value(model));
    return status;
}

static vqdna_status ndjson_line(vq_tokens_reader *r) {
    const char *line;
    size_t length;
    vqdna_status status = VQDNA_OK;
    r->ahead = false;
    while (status == VQDNA_OK) {
        json_decref(r->ahead_object);
        r->ahead_object = NULL;
        if (!vq_input_line(&r->in, &line, &length))
            return ended(r, &r->in);
        if (r->at_end)
            return refuse(r, &r->in, "the file goes on behind its end mark");
        json_error_t error;
        r->ahead_object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
        if (!r->ahead_object)
            return refuse(r, &r->in, "not JSON: %s", error.text);
        const json_t *end = json_object_get(r->ahead_object, "end");
        if (end) {
            const char *digest = json_string_value(json_object_get(end, "hash"));
            r->at_end = take_integer(json_object_get(end, "records"), UINT64_MAX, &r->told.records) &&
                        take_integer(json_object_get(end, "bases"), UINT64_MAX, &r->told.bases) &&
                        take_integer(json_object_get(end, "unknown"), UINT64_MAX, &r->told.unknown) && digest &&
                        sscanf(digest, "%" SCNx64, &r->hash) == 1;
            status = r->at_end ? VQDNA_OK : refuse(r, &r->in, "not an end mark: records, bases, unknown and hash");
        } else if (r->in.line == 1 && json_object_get(r->ahead_object, "format")) {
            status = ndjson_head(r, r->ahead_object);
        } else {
            break;
        }
    }
    if (status < 0)
        return status;
    const json_t *name = json_object_get(r->ahead_object, "contig");
    if (!json_is_string(name) || !take_integer(json_object_get(r->ahead_object, "start"), INT64_MAX / 16, &r->ahead_start) ||
        !json_is_array(json_object_get(r->ahead_object, "codes")))
        return refuse(r, &r->in, "not a run of tokens: {\"contig\":..., \"start\":..., \"codes\":[...]}");
    r->ahead_name = json_string_value(name);
    r->ahead_length = json_string_length(name);
    r->ahead = true;
    return check_ahead(r);
}

static vqdna_status ndjson_run(vq_tokens_reader *r, vqdna_codes *run) {
    if (!r->ahead)
        return VQDNA_END;
    const json_t *codes = json_object_get(r->ahead_object, "codes"), *gaps = json_object_get(r->ahead_object, "unknown"), *gap;
    vqdna_status status = VQDNA_OK;
    if (r->ahead_start == 0)
        status = begin_record(r, &r->in, r->ahead_name, r->ahead_length);
    run->count = json_array_size(codes);
    room_for(r, run->count);
    for (size_t i = 0; i < run->count && status == VQDNA_OK; i++) {
        const json_t *base = json_array_get(codes, i);
        if (json_array_size(base) != (size_t)r->levels)
            return refuse(r, &r->in, "base %zu has %zu codes, and the model has %d level%s", i, json_array_size(base), r->levels,
                          r->levels > 1 ? "s" : "");
        for (int level = 0; level < r->levels; level++) {
            uint64_t code;
            if (!take_integer(json_array_get(base, (size_t)level), (uint64_t)r->session->info.codes[level] - 1, &code))
                return refuse(r, &r->in, "base %zu has a code that is none of the model's level %d (0 to %d)", i, level + 1,
                              r->session->info.codes[level] - 1);
            r->codes[i * (size_t)r->levels + (size_t)level] = (uint16_t)code;
        }
    }
    if (gaps && !json_is_array(gaps))
        return refuse(r, &r->in, "not the unknown bases of a run: [[start,end],...]");
    for (size_t i = 0; status == VQDNA_OK && (gap = json_array_get(gaps, i)); i++) {
        uint64_t start, stop;
        if (json_array_size(gap) != 2 || !take_integer(json_array_get(gap, 0), UINT64_MAX, &start) ||
            !take_integer(json_array_get(gap, 1), UINT64_MAX, &stop))
            return refuse(r, &r->in, "not the unknown bases of a run: [[start,end],...]");
        status = mark_unknown(r, &r->in, start, stop, r->next + run->count);
    }
    r->next += run->count;
    if (status == VQDNA_OK)
        status = ndjson_line(r);
    if (status < 0)
        return status;
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
        sscanf(shape + 10, "%llu, %d", &rows, &columns) != 2 || rows > INT64_MAX / 16)
        return refuse(r, &r->in, "not an array of tokens: uint16, bases x levels, rows first");
    if (columns != r->levels)
        return refuse(r, &r->in, "%d level%s of codes, and the model has %d", columns, columns == 1 ? "" : "s", r->levels);
    uint64_t bytes = 10 + length + rows * (uint64_t)columns * sizeof *r->codes;
    if (r->in.bytes && r->in.bytes != bytes)
        return refuse(r, &r->in, "its header tells of %llu rows, for which it has %" PRIu64 " bytes too %s", rows,
                      r->in.bytes < bytes ? bytes - r->in.bytes : r->in.bytes - bytes,
                      r->in.bytes < bytes ? "few: it was cut" : "many");
    r->rows = rows;
    return VQDNA_OK;
}

/* The next row of the index: name, first row, bases. */
static vqdna_status npy_record(vq_tokens_reader *r) {
    const char *line;
    size_t length;
    r->gaps = r->next_gap = 0;
    vqdna_status status = next_row(r, &r->index, &line, &length);
    if (status == VQDNA_END && r->rows_given != r->rows)
        return refuse(r, &r->index, "the records end at row %" PRIu64 " of %" PRIu64 " of the array", r->rows_given, r->rows);
    if (status != VQDNA_OK)
        return status;
    const char *end = line + length, *tab = memchr(line, '\t', length), *at = tab ? tab + 1 : end;
    uint64_t offset, bases;
    if (!take_number(&at, end, INT64_MAX / 16, &offset) || at == end || *at++ != '\t' ||
        !take_number(&at, end, INT64_MAX / 16, &bases) || at != end)
        return refuse(r, &r->index, "not a row of an index: contig, offset and bases, separated by tabs");
    status = begin_record(r, &r->index, line, (size_t)(tab - line));
    if (status == VQDNA_OK && (offset != r->rows_given || bases > r->rows - offset))
        status = refuse(r, &r->index, "record %.60s does not follow the one before it within the array", r->name);
    r->rows_left = bases;
    return status;
}

static vqdna_status npy_run(vq_tokens_reader *r, vqdna_codes *run) {
    vqdna_status status = r->rows_left == 0 ? npy_record(r) : VQDNA_OK;
    if (status != VQDNA_OK)
        return status;
    run->count = r->rows_left < VQ_TOKENS_RUN ? (size_t)r->rows_left : VQ_TOKENS_RUN;
    size_t bytes = run->count * (size_t)r->levels * sizeof *r->codes;
    room_for(r, VQ_TOKENS_RUN);
    if (vq_input_take(&r->in, r->codes, bytes) != bytes)
        return refuse(r, &r->in, "the array ends before its %" PRIu64 " rows", r->rows);
    r->next += run->count;
    r->rows_given += run->count;
    r->rows_left -= run->count;
    run->last = r->rows_left == 0;
    for (; status == VQDNA_OK && r->next_gap < r->gaps && (run->last || r->gap[r->next_gap].start < r->next); r->next_gap++)
        status = mark_unknown(r, &r->index, r->gap[r->next_gap].start, r->gap[r->next_gap].end, r->next);
    return status;
}

static int npy_begin(vq_tokens_reader *r, const char *path) {
    if (!strcmp(path, "-"))
        return vq_cli_fail(r->cli, VQ_EXIT_USAGE,
                           "npy cannot come from standard input: its names are in the index beside the file");
    if (npy_header(r) < 0)
        return r->code;
    r->index_path = vq_join("%s.tsv", path);
    return cli_input_open(&r->index, r->cli, r->index_path);
}

/* ---- All ---- */

/* Whether a table may begin so: a remark, or a name and a number. */
static bool is_row(const char *data, size_t there) {
    const char *tab = memchr(data, '\t', there);
    return *data == '#' || (tab && tab + 1 < data + there && tab[1] >= '0' && tab[1] <= '9');
}

int vq_tokens_read_open(vq_tokens_reader *r, vq_cli *cli, const char *path, const vq_session *session) {
    *r = (vq_tokens_reader){.cli = cli, .session = session, .levels = session->info.levels, .code = VQ_GO_ON};
    XXH3_64bits_reset(&r->sums.codes);
    int code = cli_input_open(&r->in, cli, path);
    if (code != VQ_GO_ON)
        return code;
    const char *data;
    char is[900];
    size_t there = vq_input_peek(&r->in, &data, 512);
    if (there == 0)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s %s", r->in.path, r->in.error ? r->in.error : "is empty");
    if (data[0] == '>' || data[0] == '@')
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s holds sequences, not tokens: tokenize makes tokens of them", r->in.path);
    vqdna_status status;
    if (there >= 6 && !memcmp(data, "\x93NUMPY", 6)) {
        r->format = VQ_TOKENS_NPY;
        code = npy_begin(r, path);
        if (code != VQ_GO_ON)
            return code;
        status = npy_record(r);
    } else if (data[0] == '{') {
        r->format = VQ_TOKENS_NDJSON;
        status = ndjson_line(r);
    } else if (!is_row(data, there) && vqdna_explain_file(is, sizeof is, r->in.path, data, there)) {
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s", is);
    } else {
        status = tsv_row(r);
    }
    if (status >= 0 && r->version < 2)
        vq_cli_warn(
            cli, "%s is of an older format, without an end mark: whether it was cut, and which bases were unknown, does not show",
            r->in.path);
    return status < 0 ? r->code : VQ_GO_ON;
}

vqdna_status vq_tokens_read(void *user, vqdna_codes *run) {
    vq_tokens_reader *r = user;
    *run = (vqdna_codes){.levels = r->levels};
    vqdna_status status = r->format == VQ_TOKENS_TSV      ? tsv_run(r, run)
                          : r->format == VQ_TOKENS_NDJSON ? ndjson_run(r, run)
                                                          : npy_run(r, run);
    if (status == VQDNA_END)
        return check_end(r);
    if (status != VQDNA_OK)
        return status;
    run->contig = r->name;
    run->start = r->run_start;
    run->codes = r->codes;
    run->bases = r->bases;
    vq_tokens_sums_add(&r->sums, run);
    return VQDNA_OK;
}

void vq_tokens_read_close(vq_tokens_reader *r) {
    vq_input_close(&r->in);
    vq_input_close(&r->index);
    json_decref(r->ahead_object);
    free(r->name);
    free(r->codes);
    free(r->bases);
    free(r->gap);
    free(r->index_path);
    *r = (vq_tokens_reader){0};
}

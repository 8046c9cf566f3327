#include "cli/tokens_formats.h"

#include "cli/tokens_binary.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

vqdna_status vq_tokens_refuse(vq_tokens_reader *r, const vq_input *in, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (in->line && r->format != VQ_TOKENS_BIN)
        r->code = vq_cli_fail(r->cli, VQ_EXIT_INPUT, "%s: line %" PRIu64 ": %s", in->path, in->line, text);
    else
        r->code = vq_cli_fail(r->cli, VQ_EXIT_INPUT, "%s: %s", in->path, text);
    return VQDNA_ERR_INPUT;
}

bool vq_tokens_number(const char **at, const char *end, uint64_t most, uint64_t *out) {
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

/* ---- The head ---------------------------------------------------------------------------------------------------------------- */

static vqdna_status check_model(vq_tokens_reader *r, const vq_input *in) {
    static const char text[] = "the tokens are of the model with sha256 %s, and this one has %s%s";
    const char *theirs = r->shape.model, *ours = r->session ? r->session->model_sha256 : theirs;
    if (!strcmp(theirs, ours))
        return VQDNA_OK;
    if (!r->cli->force)
        return vq_tokens_refuse(r, in, text, theirs, ours, ": name theirs with -m, or go on with --force");
    vq_cli_warn(r->cli, text, theirs, ours, "");
    return VQDNA_OK;
}

vqdna_status vq_tokens_take_shape(vq_tokens_reader *r, const vq_input *in, int version) {
    vq_tokens_shape *s = &r->shape;
    int levels = r->session ? r->session->info.levels : s->levels;
    if (version < VQ_TOKENS_VERSION)
        return vq_tokens_refuse(r, in, "format %d is that of an older vqdna: tokenize the sequences again", version);
    if (version > VQ_TOKENS_VERSION)
        return vq_tokens_refuse(r, in, "format %d is not known here: a newer vqdna wrote it", version);
    if (s->levels < 1 || s->levels > VQDNA_MAX_LEVELS || s->every < 1 || s->phase >= s->every || s->every > VQ_TOKENS_MOST ||
        strlen(s->model) != 64)
        return vq_tokens_refuse(r, in, "not the head of tokens: model, levels, every and phase");
    if (s->levels != levels)
        return vq_tokens_refuse(r, in, "%d level%s of codes, and the model has %d", s->levels, s->levels > 1 ? "s" : "", levels);
    r->codes = vq_need(r->codes, VQ_TOKENS_BLOCK * (size_t)levels * sizeof *r->codes);
    r->bases = memset(vq_need(r->bases, VQ_TOKENS_BLOCK), 0, VQ_TOKENS_BLOCK);
    return check_model(r, in);
}

vqdna_status vq_tokens_head_line(vq_tokens_reader *r, const vq_input *in, const char *line, size_t length, bool *binary) {
    char text[220], kind[8], last[8] = "";
    int version = 1;
    unsigned long long every = 1, phase = 0;
    snprintf(text, sizeof text, "%.*s", length < sizeof text ? (int)length : (int)sizeof text - 1, line);
    if (sscanf(text, "#vqdna %7[a-z] %d", kind, &version) < 1)
        return vq_tokens_refuse(r, in, "not the head of tokens");
    if (!strcmp(kind, "index") != (in == &r->index))
        return vq_tokens_refuse(r, in, "this is an index of tokens: give the npy it lies beside");
    sscanf(text, "#vqdna %*s %*d model %64[0-9a-f] levels %d every %llu phase %llu %7s", r->shape.model, &r->shape.levels, &every,
           &phase, last);
    r->shape.every = every;
    r->shape.phase = phase;
    *binary = !strcmp(last, "binary");
    return vq_tokens_take_shape(r, in, version);
}

/* ---- Parts ------------------------------------------------------------------------------------------------------------------- */

void vq_tokens_part_begin(vq_tokens_reader *r) {
    if (r->marked)
        memset(r->bases, 0, r->marked);
    r->marked = 0;
    if (r->shape.every > 1)
        memset(r->codes, 0, VQ_TOKENS_BLOCK * (size_t)r->shape.levels * sizeof *r->codes);
    r->next = vq_tokens_kept(&r->shape, r->start);
}

vqdna_status vq_tokens_part_name(vq_tokens_reader *r, const vq_input *in, const char *name, size_t length) {
    if (r->inside && length == r->name_length && !memcmp(name, r->name, length))
        return VQDNA_OK;
    if (r->inside)
        return vq_tokens_refuse(r, in, "record %.60s has no end, and record %.*s follows: tokens are missing or out of order",
                                r->name, length < 60 ? (int)length : 60, name);
    /* As the sequence reader, no name has a blank: one with a line's end in it would come out as sequence. */
    for (size_t i = 0; i < length; i++)
        if (!name[i] || strchr(" \t\n\v\f\r", name[i]))
            return vq_tokens_refuse(r, in, "the name of a record has a blank, a line's end or a 0 in it");
    r->name = vq_need(r->name, length + 1);
    memcpy(r->name, name, length);
    r->name[length] = '\0';
    r->name_length = length;
    r->inside = true;
    return VQDNA_OK;
}

vqdna_status vq_tokens_part_code(vq_tokens_reader *r, const vq_input *in, uint64_t place, uint16_t **codes) {
    if (place != r->next)
        return vq_tokens_refuse(r, in,
                                "record %.60s goes on at %" PRIu64 " instead of %" PRIu64 ": tokens are missing or out of order",
                                r->name, place, r->next);
    if (place - r->start >= VQ_TOKENS_BLOCK - r->block.bases)
        return vq_tokens_refuse(r, in, "more codes than a block of %d bases has: the file was changed", VQ_TOKENS_BLOCK);
    *codes = r->codes + (place - r->start) * (size_t)r->shape.levels;
    r->next += r->shape.every;
    return VQDNA_OK;
}

vqdna_status vq_tokens_part_unknown(vq_tokens_reader *r, const vq_input *in, uint64_t start, uint64_t stop) {
    if (start < r->start || stop <= start || stop - r->start > VQ_TOKENS_BLOCK)
        return vq_tokens_refuse(r, in, "unknown bases from %" PRIu64 " to %" PRIu64 " are not among those they stand with", start,
                                stop);
    memset(r->bases + (start - r->start), VQ_TOKENS_UNKNOWN, (size_t)(stop - start));
    r->marked = r->marked > stop - r->start ? r->marked : (size_t)(stop - r->start);
    return VQDNA_OK;
}

vqdna_status vq_tokens_part_end(vq_tokens_reader *r, const vq_input *in, vqdna_codes *run, uint64_t end, bool last) {
    if (end < r->start || end - r->start > VQ_TOKENS_BLOCK - r->block.bases || r->next != vq_tokens_kept(&r->shape, end))
        return vq_tokens_refuse(r, in, "record %.60s has codes up to %" PRIu64 ", and not to %" PRIu64 ": the file was changed",
                                r->name ? r->name : "", r->next, end);
    if (r->marked > end - r->start)
        return vq_tokens_refuse(r, in, "unknown bases of record %.60s are not among those they stand with", r->name);
    *run = (vqdna_codes){r->name, r->start, (size_t)(end - r->start), r->shape.levels, r->codes, r->bases, last};
    vq_tokens_block_add(&r->block, &r->shape, run);
    r->inside = !last;
    r->start = last ? 0 : end;
    return VQDNA_OK;
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------------------ */

vqdna_status vq_tokens_block_end(vq_tokens_reader *r, const vq_input *in, uint64_t index, uint64_t bases, uint64_t unknown,
                                 uint64_t hash, const char *model) {
    vq_tokens_block *b = &r->block;
    if (index != b->index)
        return vq_tokens_refuse(r, in, "block %" PRIu64 " where block %" PRIu64 " should be: tokens are missing or out of order",
                                index, b->index);
    if (strncmp(model, r->shape.model, VQ_TOKENS_MODEL))
        return vq_tokens_refuse(r, in, "block %" PRIu64 " is of another model than those before it", index);
    if (bases != b->bases || unknown != b->unknown)
        return vq_tokens_refuse(r, in,
                                "block %" PRIu64 " has %" PRIu64 " bases, %" PRIu64
                                " of them unknown, and its mark tells of %" PRIu64 " and %" PRIu64 ": the file was changed",
                                index, b->bases, b->unknown, bases, unknown);
    if (hash != vq_tokens_block_hash(b))
        return vq_tokens_refuse(
            r, in, "the mark of block %" PRIu64 " is of other names, codes or unknown bases: the file was changed", index);
    vq_tokens_block_begin(b, index + 1);
    return VQDNA_OK;
}

vqdna_status vq_tokens_end_mark(vq_tokens_reader *r, const vq_input *in, uint64_t blocks) {
    if (r->block.parts || r->inside)
        return vq_tokens_refuse(r, in, "the end mark stands within a record or a block: the file was changed");
    if (blocks != r->block.index)
        return vq_tokens_refuse(r, in, "the end mark tells of %" PRIu64 " blocks, and %" PRIu64 " are there", blocks,
                                r->block.index);
    r->at_end = true;
    return VQDNA_OK;
}

vqdna_status vq_tokens_next_file(vq_tokens_reader *r) {
    if (r->in.error)
        return vq_tokens_refuse(r, &r->in, "%s", r->in.error);
    if (!r->at_end && r->block.parts)
        return vq_tokens_refuse(r, &r->in, "the end mark of a block is missing: the file was cut");
    if (r->file + 1 == r->files)
        return r->at_end ? VQDNA_END
                         : vq_tokens_refuse(r, &r->in, "the end mark is missing: the file was cut, or is a shard and not the last");
    const char *before = r->paths[r->file], *path = r->paths[++r->file];
    uint64_t first;
    if (r->at_end)
        return vq_tokens_refuse(r, &r->in, "the tokens end here, and %s follows", path);
    r->code = vq_tokens_first_block(&first, r->cli, path);
    if (r->code != VQ_GO_ON)
        return VQDNA_ERR_INPUT;
    if (first < r->block.index)
        r->code =
            vq_cli_fail(r->cli, VQ_EXIT_INPUT, "%s begins with block %" PRIu64 ", and %s ends with block %" PRIu64 ": they overlap",
                        path, first, before, r->block.index - 1);
    if (first > r->block.index)
        r->code = vq_cli_fail(r->cli, VQ_EXIT_INPUT, "blocks %" PRIu64 " to %" PRIu64 " are missing between %s and %s",
                              r->block.index, first - 1, before, path);
    if (r->code != VQ_GO_ON)
        return VQDNA_ERR_INPUT;
    vq_input_close(&r->in);
    r->code = cli_input_open(&r->in, r->cli, path);
    return r->code == VQ_GO_ON ? VQDNA_OK : VQDNA_ERR_INPUT;
}

int vq_tokens_first_block(uint64_t *block, vq_cli *cli, const char *path) {
    enum { MOST_LINES = 50000 };
    vq_input in;
    vq_binary_block record;
    const char *line;
    size_t length;
    unsigned long long number = 0;
    int code = cli_input_open(&in, cli, path);
    if (code != VQ_GO_ON)
        return code;
    bool found = false;
    for (int i = 0; i < MOST_LINES && !found; i++) {
        if (vq_input_peek(&in, &line, sizeof record) == sizeof record &&
            (!memcmp(line, VQ_BINARY_MAGIC, 4) || !memcmp(line, VQ_BINARY_END, 4))) {
            memcpy(&record, line, sizeof record);
            number = record.index;
            break;
        }
        if (!vq_input_line(&in, &line, &length))
            break;
        char text[40];
        snprintf(text, sizeof text, "%.*s", length < sizeof text ? (int)length : (int)sizeof text - 1, line);
        found = sscanf(text, "#block %llu", &number) == 1 || sscanf(text, "{\"block\":%llu", &number) == 1 ||
                sscanf(text, "#end %llu", &number) == 1 || sscanf(text, "{\"end\":{\"blocks\":%llu", &number) == 1;
    }
    vq_input_close(&in);
    *block = number;
    return VQ_GO_ON;
}

/* ---- All --------------------------------------------------------------------------------------------------------------------- */

/* Whether a table may begin so: a remark, or a name and a number. */
static bool is_row(const char *data, size_t there) {
    const char *tab = memchr(data, '\t', there);
    return *data == '#' || (tab && tab + 1 < data + there && tab[1] >= '0' && tab[1] <= '9');
}

/* Rows without a head: the shape is the model's. */
static int begin_bare(vq_tokens_reader *r) {
    if (!r->session)
        return vq_cli_fail(r->cli, VQ_EXIT_INPUT, "%s has no head: it is no beginning of tokens", r->in.path);
    r->bare = true;
    r->shape = (vq_tokens_shape){.levels = r->session->info.levels, .every = 1};
    strcpy(r->shape.model, r->session->model_sha256);
    vq_tokens_take_shape(r, &r->in, VQ_TOKENS_VERSION);
    vq_cli_warn(r->cli, "%s has no head and no end mark: whether it was cut, and which model it is of, does not show", r->in.path);
    return VQ_GO_ON;
}

static vqdna_status read_heading(vq_tokens_reader *r) {
    const char *line;
    size_t length;
    bool binary = false;
    if (!vq_input_line(&r->in, &line, &length))
        return vq_tokens_refuse(r, &r->in, "%s", r->in.error ? r->in.error : "is empty");
    vqdna_status status = vq_tokens_head_line(r, &r->in, line, length, &binary);
    r->format = binary ? VQ_TOKENS_BIN : VQ_TOKENS_TSV;
    static const char provenance[] = "#provenance ";
    size_t most = sizeof provenance - 1;
    if (status == VQDNA_OK && vq_input_peek(&r->in, &line, most) == most && !memcmp(line, provenance, most) &&
        vq_input_line(&r->in, &line, &length))
        r->provenance = vq_join("%.*s", (int)(length - most), line + most);
    return status;
}

int vq_tokens_read_open(vq_tokens_reader *r, vq_cli *cli, const char *const *paths, size_t count, const vq_session *session) {
    *r = (vq_tokens_reader){.cli = cli, .session = session, .paths = paths, .files = count, .code = VQ_GO_ON};
    vq_tokens_block_begin(&r->block, 0);
    XXH3_64bits_reset(&r->blocks);
    for (size_t i = 0; i < count && count > 1; i++)
        if (!strcmp(paths[i], "-"))
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "standard input is one whole stream, and cannot be read among other files");
    int code = cli_input_open(&r->in, cli, paths[0]);
    if (code != VQ_GO_ON)
        return code;
    const char *data;
    char is[900];
    size_t there = vq_input_peek(&r->in, &data, 512);
    if (there == 0)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s%s%s", r->in.path, r->in.error ? ": " : " ",
                           r->in.error ? r->in.error : "is empty");
    if (data[0] == '>' || data[0] == '@')
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s holds sequences, not tokens: tokenize makes tokens of them", r->in.path);
    bool head = there >= 7 && !memcmp(data, "#vqdna ", 7), shard = there >= 4 && !memcmp(data, VQ_BINARY_MAGIC, 4);
    shard |= there >= 11 && !memcmp(data, "{\"contig\":\"", 11);
    uint64_t first = 0;
    if (!head && strcmp(paths[0], "-") && (is_row(data, there) || shard)) {
        code = vq_tokens_first_block(&first, cli, paths[0]);
        if (code != VQ_GO_ON)
            return code;
    }
    if (first > 0)
        return vq_cli_fail(cli, VQ_EXIT_INPUT,
                           "%s begins with block %" PRIu64 " of its tokens: it is a shard, and those before it are missing",
                           r->in.path, first);
    vqdna_status status = VQDNA_OK;
    if (there >= 6 && !memcmp(data, "\x93NUMPY", 6)) {
        r->format = VQ_TOKENS_NPY;
        return vq_tokens_npy_begin(r, paths[0]);
    }
    if (head) {
        status = read_heading(r);
    } else if (data[0] == '{') {
        r->format = VQ_TOKENS_NDJSON;
        status = vq_tokens_ndjson_begin(r);
    } else if (!is_row(data, there) && vqdna_explain_file(is, sizeof is, r->in.path, data, there)) {
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s", is);
    } else {
        return begin_bare(r);
    }
    return status < 0 ? r->code : VQ_GO_ON;
}

vqdna_status vq_tokens_read(void *user, vqdna_codes *run) {
    static vqdna_status (*const formats[])(vq_tokens_reader *, vqdna_codes *) = {[VQ_TOKENS_TSV] = vq_tokens_tsv,
                                                                                 [VQ_TOKENS_NPY] = vq_tokens_npy,
                                                                                 [VQ_TOKENS_NDJSON] = vq_tokens_ndjson,
                                                                                 [VQ_TOKENS_BIN] = vq_tokens_bin};
    vq_tokens_reader *r = user;
    return formats[r->format](r, run);
}

void vq_tokens_read_close(vq_tokens_reader *r) {
    vq_input_close(&r->in);
    vq_input_close(&r->index);
    free(r->provenance);
    free(r->name);
    free(r->codes);
    free(r->bases);
    free(r->ahead_name);
    free(r->packed);
    free(r->gap);
    free(r->index_path);
    *r = (vq_tokens_reader){0};
}

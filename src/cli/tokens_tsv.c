#include "cli/tokens_formats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row: contig, start, a code of each level. */
static vqdna_status parse_row(vq_tokens_reader *r, const char *line, size_t length, size_t *name, uint64_t *start,
                              uint16_t *codes) {
    const char *end = line + length, *at;
    int levels = r->shape.levels, level = 0;
    /* Most rows begin with the name of the row before. */
    if (r->name && length > r->name_length && line[r->name_length] == '\t' && !memcmp(line, r->name, r->name_length))
        at = line + r->name_length;
    else
        at = memchr(line, '\t', length);
    if (!at)
        return vq_tokens_refuse(r, &r->in, "not a row of tokens (contig, start and a code of each level, separated by tabs)");
    *name = (size_t)(at++ - line);
    if (!vq_tokens_number(&at, end, VQ_TOKENS_MOST, start))
        return vq_tokens_refuse(r, &r->in, "the second column is not a start position");
    for (; at < end && *at == '\t'; level++) {
        uint64_t code = 0, most = UINT16_MAX;
        at++;
        if (level == levels)
            return vq_tokens_refuse(r, &r->in, "more codes than the %d level%s of the model", levels, levels > 1 ? "s" : "");
        if (r->session)
            most = (uint64_t)r->session->info.codes[level] - 1;
        if (!vq_tokens_number(&at, end, most, &code))
            return vq_tokens_refuse(r, &r->in, "column %d is not a code of the model's level %d (0 to %d)", level + 3, level + 1,
                                    (int)most);
        codes[level] = (uint16_t)code;
    }
    if (at != end)
        return vq_tokens_refuse(r, &r->in, "column %d is not a code", level + 2);
    if (level < levels)
        return vq_tokens_refuse(r, &r->in, "%d code%s, and the model has %d levels", level, level == 1 ? "" : "s", levels);
    return VQDNA_OK;
}

/* The next of the tab-separated fields from *at on; false at the end. */
static bool field(const char **at, const char *end, const char **text, size_t *length) {
    if (!*at)
        return false;
    const char *tab = memchr(*at, '\t', (size_t)(end - *at));
    *text = *at;
    *length = (size_t)((tab ? tab : end) - *at);
    *at = tab ? tab + 1 : NULL;
    return true;
}

/* "NAME START END", and a word behind them where `word` is asked for. */
static bool place_of(const char *at, const char *end, const char **name, size_t *named, uint64_t *start, uint64_t *stop,
                     bool *ends) {
    const char *text;
    size_t length;
    if (!field(&at, end, name, named))
        return false;
    for (int i = 0; i < 2; i++) {
        if (!field(&at, end, &text, &length))
            return false;
        const char *digit = text;
        if (!vq_tokens_number(&digit, text + length, VQ_TOKENS_MOST, i ? stop : start) || digit != text + length)
            return false;
    }
    if (!ends)
        return !at;
    *ends = field(&at, end, &text, &length) && length == 3 && !memcmp(text, "end", 3);
    return !at && (*ends || (length == 4 && !memcmp(text, "more", 4)));
}

/* A line of '#' that is no row, as no name has a blank. VQDNA_END if it ended a part. */
static vqdna_status take_remark(vq_tokens_reader *r, vqdna_codes *run, const char *line, size_t length) {
    static const char unknown[] = "#unknown bases\t", part[] = "#bases of\t";
    const char *name, *end = line + length;
    size_t named;
    uint64_t start, stop;
    bool last;
    vqdna_status status;
    if (length >= sizeof unknown && !memcmp(line, unknown, sizeof unknown - 1)) {
        if (!place_of(line + sizeof unknown - 1, end, &name, &named, &start, &stop, NULL))
            return vq_tokens_refuse(r, &r->in, "not a line of unknown bases: contig, start and end, separated by tabs");
        status = vq_tokens_part_name(r, &r->in, name, named);
        return status == VQDNA_OK ? vq_tokens_part_unknown(r, &r->in, start, stop) : status;
    }
    if (length >= sizeof part && !memcmp(line, part, sizeof part - 1) && !r->bare) {
        if (!place_of(line + sizeof part - 1, end, &name, &named, &start, &stop, &last))
            return vq_tokens_refuse(r, &r->in, "not the end of a part: contig, start, end, and more or end");
        status = vq_tokens_part_name(r, &r->in, name, named);
        if (status == VQDNA_OK && start != r->start)
            status = vq_tokens_refuse(r, &r->in, "record %.60s begins at %llu instead of %llu: tokens are missing or out of order",
                                      r->name, (unsigned long long)start, (unsigned long long)r->start);
        if (status == VQDNA_OK)
            status = vq_tokens_part_end(r, &r->in, run, stop, last);
        return status == VQDNA_OK ? VQDNA_END : status;
    }
    unsigned long long index, bases, gaps, hash;
    char text[160], model[VQ_TOKENS_MODEL + 1] = "";
    snprintf(text, sizeof text, "%.*s", length < sizeof text ? (int)length : (int)sizeof text - 1, line);
    if (sscanf(text, "#block %llu bases %llu unknown %llu hash %llx model %8[0-9a-f]", &index, &bases, &gaps, &hash, model) == 5) {
        if (r->bare)
            return vq_tokens_refuse(r, &r->in, "a mark of block %llu, and no head above it: this is a shard, or part of a file",
                                    index);
        return vq_tokens_block_end(r, &r->in, index, bases, gaps, hash, model);
    }
    if (sscanf(text, "#end %llu blocks", &index) == 1 && !r->bare)
        return vq_tokens_end_mark(r, &r->in, index);
    return VQDNA_OK;
}

/* Without marks a part ends where the next begins: at place 0, or when it is full. */
static vqdna_status end_bare(vq_tokens_reader *r, vqdna_codes *run, bool last) {
    vqdna_status status = vq_tokens_part_end(r, &r->in, run, r->next, last);
    vq_tokens_block_begin(&r->block, 0);
    return status;
}

static vqdna_status take_row(vq_tokens_reader *r, const char *name, size_t named, uint64_t start, const uint16_t *codes) {
    uint16_t *to;
    if (!r->inside && start >= r->shape.every)
        return vq_tokens_refuse(r, &r->in, "record %.*s begins at %llu instead of 0", named < 60 ? (int)named : 60, name,
                                (unsigned long long)start);
    vqdna_status status = vq_tokens_part_name(r, &r->in, name, named);
    if (status == VQDNA_OK)
        status = vq_tokens_part_code(r, &r->in, start, &to);
    if (status == VQDNA_OK)
        memcpy(to, codes, (size_t)r->shape.levels * sizeof *to);
    return status;
}

vqdna_status vq_tokens_tsv(vq_tokens_reader *r, vqdna_codes *run) {
    const char *line;
    size_t length, named = 0;
    uint64_t start = 0;
    uint16_t codes[VQDNA_MAX_LEVELS];
    vqdna_status status = VQDNA_OK;
    vq_tokens_part_begin(r);
    if (r->ahead)
        status = take_row(r, r->ahead_name, strlen(r->ahead_name), r->ahead_start, r->ahead_codes);
    r->ahead = false;
    while (status == VQDNA_OK) {
        if (!vq_input_line(&r->in, &line, &length)) {
            if (r->bare && !r->in.error)
                return r->inside ? end_bare(r, run, true) : VQDNA_END;
            status = vq_tokens_next_file(r);
            continue;
        }
        if (r->at_end)
            return vq_tokens_refuse(r, &r->in, "the file goes on behind its end mark");
        const char *tab = memchr(line, '\t', length);
        bool remark = length && *line == '#' && (!tab || memchr(line, ' ', (size_t)(tab - line)));
        if (remark) {
            status = take_remark(r, run, line, length);
            if (status == VQDNA_END)
                return VQDNA_OK;
            continue;
        }
        if (length >= 9 && !memcmp(line, "#contig\ts", 9))
            continue;
        status = parse_row(r, line, length, &named, &start, codes);
        bool next = r->inside && r->next > r->start && (start == 0 || r->next - r->start == VQ_TOKENS_BLOCK);
        if (status == VQDNA_OK && r->bare && next) {
            r->ahead = true;
            r->ahead_start = start;
            free(r->ahead_name);
            r->ahead_name = vq_join("%.*s", (int)named, line);
            memcpy(r->ahead_codes, codes, sizeof codes);
            return end_bare(r, run, start == 0);
        }
        if (status == VQDNA_OK)
            status = take_row(r, line, named, start, codes);
    }
    return status;
}

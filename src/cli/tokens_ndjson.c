#include "cli/tokens_formats.h"

#include <stdio.h>
#include <string.h>

static bool take_integer(const json_t *value, uint64_t most, uint64_t *out) {
    json_int_t number = json_integer_value(value);
    *out = (uint64_t)number;
    return json_is_integer(value) && number >= 0 && (uint64_t)number <= most;
}

/* The line that describes the file, above all others. */
static vqdna_status take_head(vq_tokens_reader *r, const json_t *line) {
    uint64_t levels = 0, version = 1;
    const char *model = json_string_value(json_object_get(line, "model_sha256"));
    take_integer(json_object_get(line, "version"), 1000, &version);
    take_integer(json_object_get(line, "levels"), VQDNA_MAX_LEVELS, &levels);
    take_integer(json_object_get(line, "every"), VQ_TOKENS_MOST, &r->shape.every);
    take_integer(json_object_get(line, "phase"), VQ_TOKENS_MOST, &r->shape.phase);
    r->shape.levels = (int)levels;
    snprintf(r->shape.model, sizeof r->shape.model, "%s", model ? model : "");
    vqdna_status status = vq_tokens_take_shape(r, &r->in, (int)version);
    if (status == VQDNA_OK && json_object_get(line, "provenance"))
        r->provenance = vq_json_print(json_object_get(line, "provenance"), false);
    return status;
}

static vqdna_status take_part(vq_tokens_reader *r, vqdna_codes *run, const json_t *line) {
    const json_t *name = json_object_get(line, "contig"), *codes = json_object_get(line, "codes"),
                 *gaps = json_object_get(line, "unknown"), *gap;
    uint64_t start, bases;
    if (!json_is_string(name) || !take_integer(json_object_get(line, "start"), VQ_TOKENS_MOST, &start) ||
        !take_integer(json_object_get(line, "bases"), VQ_TOKENS_BLOCK, &bases) || !json_is_array(codes))
        return vq_tokens_refuse(r, &r->in, "not a run of tokens: {\"contig\":..., \"start\":..., \"bases\":..., \"codes\":[...]}");
    vqdna_status status = vq_tokens_part_name(r, &r->in, json_string_value(name), json_string_length(name));
    if (status == VQDNA_OK && start != r->start)
        status = vq_tokens_refuse(r, &r->in, "record %.60s goes on at %llu instead of %llu: tokens are missing or out of order",
                                  r->name, (unsigned long long)start, (unsigned long long)r->start);
    size_t count = json_array_size(codes);
    for (size_t i = 0; i < count && status == VQDNA_OK; i++) {
        const json_t *base = json_array_get(codes, i);
        uint16_t *to;
        status = vq_tokens_part_code(r, &r->in, r->next, &to);
        if (status == VQDNA_OK && json_array_size(base) != (size_t)r->shape.levels)
            return vq_tokens_refuse(r, &r->in, "base %zu has %zu codes, and the model has %d level%s", i, json_array_size(base),
                                    r->shape.levels, r->shape.levels > 1 ? "s" : "");
        for (int level = 0; level < r->shape.levels && status == VQDNA_OK; level++) {
            uint64_t code, most = r->session ? (uint64_t)r->session->info.codes[level] - 1 : UINT16_MAX;
            if (!take_integer(json_array_get(base, (size_t)level), most, &code))
                return vq_tokens_refuse(r, &r->in, "base %zu has a code that is none of the model's level %d (0 to %d)", i,
                                        level + 1, (int)most);
            to[level] = (uint16_t)code;
        }
    }
    if (status == VQDNA_OK && gaps && !json_is_array(gaps))
        return vq_tokens_refuse(r, &r->in, "not the unknown bases of a run: [[start,end],...]");
    for (size_t i = 0; status == VQDNA_OK && (gap = json_array_get(gaps, i)); i++) {
        uint64_t from, stop;
        if (json_array_size(gap) != 2 || !take_integer(json_array_get(gap, 0), UINT64_MAX, &from) ||
            !take_integer(json_array_get(gap, 1), UINT64_MAX, &stop))
            return vq_tokens_refuse(r, &r->in, "not the unknown bases of a run: [[start,end],...]");
        status = vq_tokens_part_unknown(r, &r->in, from, stop);
    }
    return status == VQDNA_OK ? vq_tokens_part_end(r, &r->in, run, start + bases, json_is_true(json_object_get(line, "ends")))
                              : status;
}

static vqdna_status take_line(vq_tokens_reader *r, vqdna_codes *run, const json_t *line, bool *part) {
    uint64_t index, bases, unknown;
    unsigned long long hash;
    const json_t *block = json_object_get(line, "block"), *end = json_object_get(line, "end");
    if (end)
        return take_integer(json_object_get(end, "blocks"), VQ_TOKENS_MOST, &index)
                   ? vq_tokens_end_mark(r, &r->in, index)
                   : vq_tokens_refuse(r, &r->in, "not an end mark: {\"end\":{\"blocks\":...}}");
    if (block) {
        const char *digest = json_string_value(json_object_get(line, "hash")),
                   *model = json_string_value(json_object_get(line, "model"));
        if (!take_integer(block, VQ_TOKENS_MOST, &index) ||
            !take_integer(json_object_get(line, "bases"), VQ_TOKENS_BLOCK, &bases) ||
            !take_integer(json_object_get(line, "unknown"), VQ_TOKENS_BLOCK, &unknown) || !digest || !model ||
            sscanf(digest, "%llx", &hash) != 1)
            return vq_tokens_refuse(r, &r->in, "not the mark of a block: block, bases, unknown, hash and model");
        return vq_tokens_block_end(r, &r->in, index, bases, unknown, hash, model);
    }
    *part = true;
    return take_part(r, run, line);
}

/* The next line as an object; VQDNA_END behind the last file. */
static vqdna_status next_line(vq_tokens_reader *r, json_t **out) {
    const char *text;
    size_t length;
    json_error_t error;
    while (!vq_input_line(&r->in, &text, &length)) {
        vqdna_status status = vq_tokens_next_file(r);
        if (status != VQDNA_OK)
            return status;
    }
    if (r->at_end)
        return vq_tokens_refuse(r, &r->in, "the file goes on behind its end mark");
    *out = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    return *out ? VQDNA_OK : vq_tokens_refuse(r, &r->in, "not JSON: %s", error.text);
}

vqdna_status vq_tokens_ndjson_begin(vq_tokens_reader *r) {
    json_t *line;
    vqdna_status status = next_line(r, &line);
    if (status != VQDNA_OK)
        return status;
    status = json_object_get(line, "format")
                 ? take_head(r, line)
                 : vq_tokens_refuse(r, &r->in, "not the head of tokens, which stands on the first line");
    json_decref(line);
    return status;
}

vqdna_status vq_tokens_ndjson(vq_tokens_reader *r, vqdna_codes *run) {
    json_t *line;
    bool part = false;
    vqdna_status status = VQDNA_OK;
    vq_tokens_part_begin(r);
    while (status == VQDNA_OK && !part) {
        status = next_line(r, &line);
        if (status != VQDNA_OK)
            return status;
        status = take_line(r, run, line, &part);
        json_decref(line);
    }
    return status;
}

#include "base/json.h"

#include "base/c_locale.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 4 << 20, MOST_VALUES = 1 << 17, MOST_DEPTH = 32, A_VALUE = 192 };

/* A parsed value takes up to 45 times its text, and a nested one stack besides: what is far beyond any file of ours is not parsed. */
static vq_status check_room(const char *text, size_t bytes, const char *path) {
    size_t values = 1, depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < bytes && values <= MOST_VALUES && depth <= MOST_DEPTH; i++) {
        char c = text[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted)
            i += c == '\\';
        else if (c == '{' || c == '[')
            depth++, values++;
        else if (c == '}' || c == ']')
            depth -= depth > 0;
        else
            values += c == ',';
    }
    if (bytes > MOST_BYTES || values > MOST_VALUES || depth > MOST_DEPTH)
        return vq_fail(VQDNA_ERR_INPUT, "%s: JSON of more than %d MiB, %d values or %d levels of nesting is not read", path,
                       MOST_BYTES >> 20, MOST_VALUES, MOST_DEPTH);
    /* Lack of memory is told by jansson as a fault of the text, so it is found out before. */
    void *needed = malloc(2 * bytes + values * A_VALUE);
    free(needed);
    return needed ? VQDNA_OK : vq_fail(VQDNA_ERR_MEMORY, "out of memory for the JSON of %s", path);
}

vq_status vq_json_parse(json_t **out, const char *text, size_t bytes, const char *path) {
    VQ_C_LOCALE;
    VQ_TRY(check_room(text, bytes, path));
    json_error_t error;
    json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        return vq_fail(VQDNA_ERR_INPUT, "%s, line %d: not valid JSON: %s", path, error.line, error.text);
    if (!json_is_object(json)) {
        json_decref(json);
        return vq_fail(VQDNA_ERR_INPUT, "%s: a JSON object was expected, between { and }", path);
    }
    *out = json;
    return VQDNA_OK;
}

vq_status vq_json_load(json_t **out, const char *path) {
    char *text;
    size_t bytes;
    VQ_TRY(vq_read_file(&text, &bytes, path, MOST_BYTES));
    vq_status status = vq_json_parse(out, text, bytes, path);
    free(text);
    return status;
}

vq_status vq_json_write(vq_outfile *out, const json_t *json) {
    VQ_C_LOCALE;
    if (json_dumpf(json, out->file, JSON_INDENT(2)) != 0 && !ferror(out->file))
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory for the JSON of %s", out->path);
    if (ferror(out->file) || fputc('\n', out->file) == EOF)
        return vq_outfile_failed(out);
    return VQDNA_OK;
}

vq_status vq_json_line(char **out, const json_t *json) {
    VQ_C_LOCALE;
    *out = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    return *out ? VQDNA_OK : vq_fail(VQDNA_ERR_MEMORY, "out of memory for JSON");
}

vq_status vq_json_save(const json_t *json, const char *path) {
    vq_outfile out;
    VQ_TRY(vq_outfile_open(&out, path));
    vq_status status = vq_json_write(&out, json);
    if (status == VQDNA_OK)
        return vq_outfile_commit(&out);
    vq_outfile_discard(&out);
    return status;
}

static const char *type_name(json_type type) {
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string", [JSON_INTEGER] = "an integer",
        [JSON_REAL] = "a number",    [JSON_TRUE] = "true",      [JSON_FALSE] = "false",     [JSON_NULL] = "null",
    };
    return names[type];
}

static vq_status wrong_type(const char *path, const char *key, const char *expected) {
    return vq_fail(VQDNA_ERR_INPUT, "%s: \"%s\" must be %s", path, key, expected);
}

static vq_status find(json_t **out, const json_t *object, const char *key, const char *path) {
    *out = json_object_get(object, key);
    return *out ? VQDNA_OK : vq_fail(VQDNA_ERR_INPUT, "%s: \"%s\" is missing", path, key);
}

vq_status vq_json_member(json_t **out, const json_t *object, const char *key, json_type type, const char *path) {
    json_t *value = NULL;
    VQ_TRY(find(&value, object, key, path));
    if (json_typeof(value) != type)
        return wrong_type(path, key, type_name(type));
    *out = value;
    return VQDNA_OK;
}

vq_status vq_json_integer(int64_t *out, const json_t *object, const char *key, int64_t min, int64_t max, const char *path) {
    json_t *value = NULL;
    VQ_TRY(vq_json_member(&value, object, key, JSON_INTEGER, path));
    int64_t number = json_integer_value(value);
    if (number < min || number > max)
        return vq_fail(VQDNA_ERR_INPUT, "%s: \"%s\" is %" PRId64 ", but must be between %" PRId64 " and %" PRId64, path, key,
                       number, min, max);
    *out = number;
    return VQDNA_OK;
}

vq_status vq_json_number(double *out, const json_t *object, const char *key, double min, double max, const char *path) {
    json_t *value = NULL;
    VQ_TRY(find(&value, object, key, path));
    if (!json_is_number(value))
        return wrong_type(path, key, "a number");
    double number = json_number_value(value); /* jansson accepts no NaN and refuses a number that overflows */
    if (!(number >= min && number <= max))
        return vq_fail(VQDNA_ERR_INPUT, "%s: \"%s\" is %g, but must be between %g and %g", path, key, number, min, max);
    *out = number;
    return VQDNA_OK;
}

vq_status vq_json_text(const char **out, const json_t *object, const char *key, const char *path) {
    json_t *value = NULL;
    VQ_TRY(vq_json_member(&value, object, key, JSON_STRING, path));
    *out = json_string_value(value);
    return VQDNA_OK;
}

vq_status vq_json_boolean(bool *out, const json_t *object, const char *key, const char *path) {
    json_t *value = NULL;
    VQ_TRY(find(&value, object, key, path));
    if (!json_is_boolean(value))
        return wrong_type(path, key, "true or false");
    *out = json_is_true(value);
    return VQDNA_OK;
}

#include "train/option_table.h"

#include "base/c_locale.h"
#include "base/json.h"
#include "base/words.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field(const vq_option_row *o, void *options) {
    return (char *)options + o->offset;
}

static double get(const vq_option_row *o, const void *options) {
    const void *at = (const char *)options + o->offset;
    switch (o->kind) {
    case VQ_OPTION_INTEGER:
        return *(const int *)at;
    case VQ_OPTION_COUNT:
        return (double)*(const uint64_t *)at;
    case VQ_OPTION_REAL:
        return *(const double *)at;
    default:
        return *(const bool *)at;
    }
}

static void put(const vq_option_row *o, void *options, double value) {
    void *at = field(o, options);
    switch (o->kind) {
    case VQ_OPTION_INTEGER:
        *(int *)at = (int)value;
        break;
    case VQ_OPTION_COUNT:
        *(uint64_t *)at = (uint64_t)value;
        break;
    case VQ_OPTION_REAL:
        *(double *)at = value;
        break;
    default:
        *(bool *)at = value != 0;
    }
}

/* ---- key=value --------------------------------------------------------------------------------------------------------------- */

static vq_status unknown_key(const char *key, const vq_option_table *tables, int count) {
    const char *names[128];
    int known = 0;
    for (int t = 0; t < count; t++)
        for (int i = 0; i < tables[t].count && known < 128; i++)
            names[known++] = tables[t].rows[i].shown.key;
    const char *nearest = vq_nearest(key, names, (size_t)known);
    return vq_fail(VQDNA_ERR_USAGE, "there is no option '%s'%s%s%s", key, nearest ? ": did you mean '" : "", nearest ? nearest : "",
                   nearest ? "'?" : "");
}

/* "tiny, small or base" */
static void list_names(char out[128], const char *const *names) {
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; names[i] && used < 128; i++)
        used += (size_t)snprintf(out + used, 128 - used, "%s%s", i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
}

static vq_status set_text(const vq_option_row *o, void *options, const char *value) {
    char names[128];
    const char **to = field(o, options);
    for (int i = 0; o->names && o->names[i]; i++)
        if (strcmp(o->names[i], value) == 0) {
            *to = o->names[i];
            return VQDNA_OK;
        }
    if (!o->names) {
        *to = value;
        return VQDNA_OK;
    }
    list_names(names, o->names);
    return vq_fail(VQDNA_ERR_USAGE, "%s is '%s', it must be %s", o->shown.key, value, names);
}

/* The whole of a text as a finite number. */
static bool parse_number(const char *text, double *number) {
    VQ_C_LOCALE;
    char *end;
    errno = 0;
    *number = strtod(text, &end);
    return end != text && !*end && !errno && isfinite(*number) && text[0] > ' ';
}

static void format_number(char out[40], double number) {
    VQ_C_LOCALE;
    snprintf(out, 40, fabs(number) < 1e16 && number == floor(number) ? "%.0f" : "%.15g", number);
}

/* The sentence for a number that is out of range. `given`: as it was written, or NULL. */
static vq_status check_range(const vq_option_row *o, double number, const char *given) {
    const vqdna_option *s = &o->shown;
    char own[40];
    if (o->kind == VQ_OPTION_FLAG || (number >= s->least && number <= s->most && !(s->above && number == s->least)))
        return VQDNA_OK;
    if (!given)
        format_number(own, number);
    char least[40], most[40];
    format_number(least, s->least);
    format_number(most, s->most);
    return vq_fail(VQDNA_ERR_USAGE,
                   s->above ? "%s is %s, it must be above %s and at most %s" : "%s is %s, it must be between %s and %s", s->key,
                   given ? given : own, least, most);
}

/* Reads the text of an option's value. */
static vq_status parse(const vq_option_row *o, const char *text, double *number) {
    if (o->kind == VQ_OPTION_FLAG && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        *number = text[0] == 't';
        return VQDNA_OK;
    }
    if (!parse_number(text, number))
        return vq_fail(VQDNA_ERR_USAGE, "%s is '%s', it must be %s", o->shown.key, text,
                       o->kind == VQ_OPTION_FLAG ? "true or false" : "a number");
    if (o->kind == VQ_OPTION_FLAG && *number != 0 && *number != 1)
        return vq_fail(VQDNA_ERR_USAGE, "%s is '%s', it must be true or false", o->shown.key, text);
    VQ_TRY(check_range(o, *number, text));
    if (o->kind == VQ_OPTION_COUNT && *number >= 9007199254740992.0 &&
        strtoull(text, NULL, 10) != (uint64_t)*number) /* a double rounds it */
        return check_range(o, INFINITY, text);
    if (o->kind != VQ_OPTION_REAL && *number != floor(*number))
        return vq_fail(VQDNA_ERR_USAGE, "%s is %s, it must be a whole number", o->shown.key, text);
    return VQDNA_OK;
}

/* A zero is stored so that it does not read as the default. */
static vq_status set_value(const vq_option_row *o, void *options, const char *text) {
    double number;
    VQ_TRY(parse(o, text, &number));
    put(o, options, number == 0 && o->kind != VQ_OPTION_FLAG ? VQDNA_ZERO : number);
    return VQDNA_OK;
}

const vqdna_option *vq_option_at_of(const vq_option_table *const *tables, int count, size_t index) {
    for (int t = 0; t < count; index -= (size_t)tables[t++]->count)
        if (index < (size_t)tables[t]->count)
            return &tables[t]->rows[index].shown;
    return NULL;
}

vq_status vq_option_find(const vq_option_row **out, const char **value, const vq_option_table *tables, int count,
                         const char *assignment) {
    char key[64];
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof key)
        return vq_fail(VQDNA_ERR_USAGE, "'%s' is not of the form key=value", assignment);
    memcpy(key, assignment, (size_t)(equals - assignment));
    key[equals - assignment] = 0;
    *value = equals + 1;
    for (int t = 0; t < count; t++)
        for (int i = 0; i < tables[t].count; i++) {
            *out = &tables[t].rows[i];
            if (strcmp((*out)->shown.key, key) == 0)
                return VQDNA_OK;
        }
    return unknown_key(key, tables, count);
}

static bool has_field(const vq_option_row *o, const void *options) {
    size_t size = *(const size_t *)options; /* every options struct begins with it */
    return !size || o->offset < size;
}

vq_status vq_option_put(const vq_option_row *o, void *options, const char *value) {
    if (!has_field(o, options))
        return vq_fail(VQDNA_ERR_USAGE, "the program was built for a vqdna without the option %s", o->shown.key);
    return o->kind == VQ_OPTION_TEXT ? set_text(o, options, value) : set_value(o, options, value);
}

static vq_status disagree(const vq_option_row *o, const char *given, const char *have) {
    return vq_fail(VQDNA_ERR_USAGE, "%s=%s is not what the run goes by, which is %s=%s", o->shown.key, given, o->shown.key, have);
}

vq_status vq_option_same(const vq_option_row *o, double number, const char *name, const char *value) {
    char have[40];
    double given;
    if (o->kind == VQ_OPTION_TEXT)
        return strcmp(name, value) == 0 ? VQDNA_OK : disagree(o, value, name);
    VQ_TRY(parse(o, value, &given));
    format_number(have, number);
    return number == given ? VQDNA_OK : disagree(o, value, o->kind == VQ_OPTION_FLAG ? (number ? "true" : "false") : have);
}

double vq_option_number(const vq_option_row *o, const void *options) {
    return get(o, options);
}

/* ---- Whole structs ----------------------------------------------------------------------------------------------------------- */

/* Where no value is a value too: another option, or the preset, gives one. */
static bool may_be_unset(const vq_option_row *o) {
    return o->fallback == 0 && (o->shown.least > 0 || o->shown.above);
}

vq_status vq_options_resolve(const vq_option_table *table, void *options) {
    for (int i = 0; i < table->count; i++) {
        const vq_option_row *o = &table->rows[i];
        if (o->kind == VQ_OPTION_TEXT)
            continue;
        double given = get(o, options), value = given == 0 ? o->fallback : given == VQDNA_ZERO ? 0 : given;
        if (given != 0 || !may_be_unset(o))
            VQ_TRY(check_range(o, value, NULL));
        put(o, options, value);
    }
    return VQDNA_OK;
}

vq_status vq_options_to_json(json_t **out, const vq_option_table *table, const void *options) {
    json_t *json = json_object();
    for (int i = 0; json && i < table->count; i++) {
        const vq_option_row *o = &table->rows[i];
        if (o->kind == VQ_OPTION_TEXT)
            continue;
        double v = get(o, options);
        json_object_set_new(json, o->shown.key,
                            o->kind == VQ_OPTION_FLAG   ? json_boolean(v != 0)
                            : o->kind == VQ_OPTION_REAL ? json_real(v)
                                                        : json_integer((json_int_t)v));
    }
    *out = json;
    return json ? VQDNA_OK : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
}

vq_status vq_options_from_json(const vq_option_table *table, void *out, const json_t *json, const char *path, size_t later) {
    for (int i = 0; i < table->count; i++) {
        const vq_option_row *o = &table->rows[i];
        double value;
        bool flag;
        if (o->kind == VQ_OPTION_TEXT)
            continue;
        if (o->offset >= later && !json_object_get(json, o->shown.key)) {
            value = o->fallback;
        } else if (o->kind == VQ_OPTION_FLAG) {
            VQ_TRY(vq_json_boolean(&flag, json, o->shown.key, path));
            value = flag;
        } else {
            VQ_TRY(vq_json_number(&value, json, o->shown.key, may_be_unset(o) ? 0 : o->shown.least, o->shown.most, path));
        }
        put(o, out, value);
    }
    return VQDNA_OK;
}

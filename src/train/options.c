#include "train/options.h"

#include "base/c_locale.h"
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { INTEGER, COUNT, REAL, FLAG, TEXT } kind;

typedef struct {
    const char *key;
    kind kind;
    size_t offset;
    double min, max, fallback; /* of the resolved value */
} option;

#define MODEL(key, kind)                                                                                                           \
    { #key, kind, offsetof(vqdna_model_options, key), 0, 65536, 0 }
#define TRAIN(key, kind, min, max, fallback)                                                                                       \
    { #key, kind, offsetof(vqdna_train_options, key), min, max, fallback }

static const option model_options[] = {
    MODEL(preset, TEXT),    MODEL(quantizer, TEXT), MODEL(dim, INTEGER),    MODEL(stem, INTEGER),
    MODEL(blocks, INTEGER), MODEL(codes, INTEGER),  MODEL(levels, INTEGER), MODEL(decoder_stride, INTEGER),
};

static const option train_options[] = {
    TRAIN(seed, COUNT, 0, 9007199254740992.0, 1),
    TRAIN(window, INTEGER, 1, 1 << 20, 0),
    TRAIN(batch, INTEGER, 1, VQ_MAX_BATCH, 16),
    TRAIN(steps, COUNT, 0, 1e12, 0),
    TRAIN(epochs, REAL, 0, 1e6, 0),
    TRAIN(seconds, REAL, 0, 1e9, 0),
    TRAIN(learning_rate, REAL, 0, 10, 1e-3),
    TRAIN(beta1, REAL, 0, 0.999999, 0.9),
    TRAIN(beta2, REAL, 0, 0.999999, 0.95),
    TRAIN(weight_decay, REAL, 0, 10, 0.01),
    TRAIN(final_rate, REAL, 0, 1, 0.05),
    TRAIN(warmup, INTEGER, 0, 1 << 30, 50),
    TRAIN(clip, REAL, 0, 1e9, 1),
    TRAIN(commitment, REAL, 0, 1e3, 0.5),
    TRAIN(decay_first, REAL, 0, 1, 0.9),
    TRAIN(decay_last, REAL, 0, 1, 0.99),
    TRAIN(laplace, REAL, 0, 1, 1e-5),
    TRAIN(use_decay, REAL, 0, 1, 0.9),
    TRAIN(expire, REAL, 0, 1, 0.1),
    TRAIN(unquantized, REAL, 0, 1e9, 0),
    TRAIN(kmeans_batches, INTEGER, 1, 256, 4),
    TRAIN(kmeans_rounds, INTEGER, 0, 1000, 10),
    TRAIN(forward_only, FLAG, 0, 1, 0),
};

enum { MODEL_COUNT = sizeof model_options / sizeof *model_options, TRAIN_COUNT = sizeof train_options / sizeof *train_options };

static void *field(const option *o, void *options) {
    return (char *)options + o->offset;
}

static double get(const option *o, const vqdna_train_options *options) {
    const void *at = (const char *)options + o->offset;
    switch (o->kind) {
    case INTEGER:
        return *(const int *)at;
    case COUNT:
        return (double)*(const uint64_t *)at;
    case REAL:
        return *(const double *)at;
    default:
        return *(const bool *)at;
    }
}

static void put(const option *o, void *options, double value) {
    void *at = field(o, options);
    switch (o->kind) {
    case INTEGER:
        *(int *)at = (int)value;
        break;
    case COUNT:
        *(uint64_t *)at = (uint64_t)value;
        break;
    case REAL:
        *(double *)at = value;
        break;
    default:
        *(bool *)at = value != 0;
    }
}

/* ---- key=value --------------------------------------------------------------------------------------------------------------- */

/* Levenshtein distance, for the nearest key. */
static int distance(const char *a, const char *b) {
    int row[64], n = (int)strlen(b);
    if (n > 62)
        return 99;
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int corner = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int best = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            best = corner + 1 < best ? corner + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[n];
}

static vq_status unknown_key(const char *key) {
    const char *nearest = "";
    int best = 1000;
    for (int i = 0; i < MODEL_COUNT + TRAIN_COUNT; i++) {
        const char *name = i < MODEL_COUNT ? model_options[i].key : train_options[i - MODEL_COUNT].key;
        int d = distance(key, name);
        if (d < best) {
            best = d;
            nearest = name;
        }
    }
    return vq_fail(VQDNA_ERR_USAGE, "there is no option '%s': did you mean '%s'?", key, nearest);
}

static vq_status set_text(const option *o, vqdna_model_options *model, const char *value) {
    static const char *const names[] = {"tiny", "small", "base", "hrq", "vq"};
    bool preset = strcmp(o->key, "preset") == 0;
    for (int i = preset ? 0 : 3; i < (preset ? 3 : 5); i++)
        if (strcmp(names[i], value) == 0) {
            *(const char **)field(o, model) = names[i];
            return VQDNA_OK;
        }
    return vq_fail(VQDNA_ERR_USAGE, "%s is '%s', it must be %s", o->key, value, preset ? "tiny, small or base" : "hrq or vq");
}

static vq_status set_value(const option *o, void *options, const char *value, bool zero_is_default) {
    VQ_C_LOCALE;
    double number;
    if (o->kind == FLAG && (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)) {
        number = value[0] == 't';
    } else {
        char *end;
        errno = 0;
        number = strtod(value, &end);
        if (end == value || *end || errno || !isfinite(number))
            return vq_fail(VQDNA_ERR_USAGE, "%s is '%s', it must be a number", o->key, value);
    }
    if (number < o->min || number > o->max)
        return vq_fail(VQDNA_ERR_USAGE, "%s is %s, it must be between %.15g and %.15g", o->key, value, o->min, o->max);
    if (o->kind != REAL && number != floor(number))
        return vq_fail(VQDNA_ERR_USAGE, "%s is %s, it must be a whole number", o->key, value);
    if (number == 0 && !zero_is_default && o->kind != FLAG) {
        if (o->kind == COUNT)
            return vq_fail(VQDNA_ERR_USAGE, "%s is 0, it must be at least 1", o->key);
        number = VQDNA_ZERO;
    }
    put(o, options, number);
    return VQDNA_OK;
}

vq_status vq_option_set(vqdna_model_options *model, vqdna_train_options *train, const char *assignment) {
    char key[64];
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof key)
        return vq_fail(VQDNA_ERR_USAGE, "'%s' is not of the form key=value", assignment);
    memcpy(key, assignment, (size_t)(equals - assignment));
    key[equals - assignment] = 0;
    for (int i = 0; i < MODEL_COUNT; i++)
        if (strcmp(model_options[i].key, key) == 0) {
            const option *o = &model_options[i];
            option positive = *o;
            positive.min = 1;
            return o->kind == TEXT ? set_text(o, model, equals + 1) : set_value(&positive, model, equals + 1, true);
        }
    for (int i = 0; i < TRAIN_COUNT; i++)
        if (strcmp(train_options[i].key, key) == 0)
            return set_value(&train_options[i], train, equals + 1, false);
    return unknown_key(key);
}

/* ---- Defaults ---------------------------------------------------------------------------------------------------------------- */

vq_status vq_train_resolve(vqdna_train_options *out, const vqdna_train_options *options, const vq_config *config, uint64_t bases) {
    vqdna_train_options r = {0};
    if (options)
        r = *options;
    bool tiny = strcmp(config->preset, "tiny") == 0;
    for (int i = 0; i < TRAIN_COUNT; i++) {
        const option *o = &train_options[i];
        double value = get(o, &r);
        value = value == 0 ? o->fallback : value == VQDNA_ZERO ? 0 : value;
        if (strcmp(o->key, "window") == 0 && value == 0)
            value = tiny ? 256 : 512;
        if (!(value >= o->min && value <= o->max))
            return vq_fail(VQDNA_ERR_USAGE, "%s is %.15g, it must be between %.15g and %.15g", o->key, value, o->min, o->max);
        put(o, &r, value);
    }
    if ((r.steps > 0) + (r.epochs > 0) + (r.seconds > 0) > 1)
        return vq_fail(VQDNA_ERR_USAGE, "give one of steps, epochs and seconds");
    if (r.epochs > 0)
        r.steps = (uint64_t)ceil(r.epochs * (double)bases / ((double)r.window * r.batch));
    else if (r.steps == 0 && r.seconds == 0)
        r.steps = 1000;
    if (r.steps > 0) {
        double share = floor((double)r.steps / 10);
        if (options == NULL || options->warmup == 0)
            r.warmup = r.warmup < share ? r.warmup : (int)share;
    }
    r.unquantized = floor(r.unquantized);
    if ((double)r.window * r.batch > VQ_MAX_STEP_BASES)
        return vq_fail(VQDNA_ERR_USAGE, "a step of %d windows of %d bases is too large: at most %d bases", r.batch, r.window,
                       VQ_MAX_STEP_BASES);
    *out = r;
    return VQDNA_OK;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------------- */

vq_status vq_train_to_json(json_t **out, const vqdna_train_options *options) {
    json_t *json = json_object();
    for (int i = 0; json && i < TRAIN_COUNT; i++) {
        const option *o = &train_options[i];
        double v = get(o, options);
        json_object_set_new(json, o->key,
                            o->kind == FLAG   ? json_boolean(v != 0)
                            : o->kind == REAL ? json_real(v)
                                              : json_integer((json_int_t)v));
    }
    *out = json;
    return json ? VQDNA_OK : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
}

vq_status vq_train_from_json(vqdna_train_options *out, const json_t *json, const char *path) {
    vqdna_train_options r = {0};
    for (int i = 0; i < TRAIN_COUNT; i++) {
        const option *o = &train_options[i];
        double value;
        bool flag;
        if (o->kind == FLAG) {
            VQ_TRY(vq_json_boolean(&flag, json, o->key, path));
            value = flag;
        } else {
            VQ_TRY(vq_json_number(&value, json, o->key, o->min, o->max, path));
        }
        put(o, &r, value);
    }
    *out = r;
    return VQDNA_OK;
}

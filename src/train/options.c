#include "train/options.h"

#include "base/c_locale.h"
#include "base/json.h"
#include "base/words.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { INTEGER, COUNT, REAL, FLAG, TEXT } kind;

typedef struct {
    vqdna_option shown;
    kind kind;
    size_t offset;
    double fallback; /* of the resolved value; 0 with a least above it: may stay unset */
} option;

/* key, kind, least, most, fallback, the same in words, help */
#define MODEL(key, kind, least, most, words, help)                                                                                 \
    { {#key, words, help, least, most, false, true}, kind, offsetof(vqdna_model_options, key), 0 }
#define TRAIN(key, kind, least, most, fallback, words, help)                                                                       \
    { {#key, words, help, least, most, false, false}, kind, offsetof(vqdna_train_options, key), fallback }
#define ABOVE(key, kind, least, most, fallback, words, help)                                                                       \
    { {#key, words, help, least, most, true, false}, kind, offsetof(vqdna_train_options, key), fallback }

/* The ranges of the model's are those of config.c, where they are checked together. */
static const option model_options[] = {
    MODEL(preset, TEXT, 0, 0, "tiny", "tiny, small or base: gives the other options of the model their defaults"),
    MODEL(quantizer, TEXT, 0, 0, "hrq", "hrq (a codebook a level) or vq (one)"),
    MODEL(dim, INTEGER, 1, VQ_MAX_DIM, "64, 192, 384", "dimension of the codes"),
    MODEL(stem, INTEGER, 1, VQ_MAX_DIM, "32, 128, 256", "channels of the stem"),
    MODEL(blocks, INTEGER, 1, VQ_MAX_BLOCKS, "4, 6, 6", "blocks of the encoder, and of the decoder"),
    MODEL(codes, INTEGER, 1, VQ_MAX_CODES, "256, 512, 512", "K: vq has K codes, level n of hrq K 2^n"),
    MODEL(levels, INTEGER, 1, VQDNA_MAX_LEVELS, "2", "levels of hrq"),
    MODEL(decoder_stride, INTEGER, 1, VQ_MAX_STRIDE, "1", "the decoder sees one code in so many"),
};

static const option train_options[] = {
    TRAIN(seed, COUNT, 1, 9007199254740992.0, 1, "1", "seed of everything random"),
    TRAIN(window, INTEGER, 1, 1 << 20, 0, "256 for tiny, 512 else", "bases of a window"),
    TRAIN(batch, INTEGER, 1, VQ_MAX_BATCH, 16, "16", "windows of a step"),
    TRAIN(steps, COUNT, 1, 1e12, 0, "1000", "train so many steps"),
    ABOVE(epochs, REAL, 0, 1e6, 0, "none", "or until each base is expected to have been seen so often"),
    ABOVE(seconds, REAL, 0, 1e9, 0, "none", "or so long; two such runs differ"),
    TRAIN(learning_rate, REAL, 0, 10, 1e-3, "0.001", "at its peak"),
    TRAIN(beta1, REAL, 0, 0.999999, 0.9, "0.9", "decay of AdamW's first moment"),
    TRAIN(beta2, REAL, 0, 0.999999, 0.95, "0.95", "of its second"),
    TRAIN(weight_decay, REAL, 0, 10, 0.01, "0.01", "decoupled weight decay"),
    TRAIN(final_rate, REAL, 0, 1, 0.05, "0.05", "learning rate at the end, as a share of the peak"),
    TRAIN(warmup, INTEGER, 0, 1 << 30, 50, "50", "steps of the rise to the peak, at most a tenth of the run unless given"),
    TRAIN(clip, REAL, 0, 1e9, 1, "1", "largest norm of the gradient; 0: no clipping"),
    TRAIN(commitment, REAL, 0, 1e3, 0.5, "0.5", "beta, the weight of the commitment loss"),
    TRAIN(decay_first, REAL, 0, 1, 0.9, "0.9", "decay of the codebooks' moving averages at the start"),
    TRAIN(decay_last, REAL, 0, 1, 0.99, "0.99", "and at the end"),
    TRAIN(laplace, REAL, 0, 1, 1e-5, "1e-05", "epsilon of the averages' smoothing"),
    TRAIN(use_decay, REAL, 0, 1, 0.9, "0.9", "decay of the faster average of use"),
    TRAIN(expire, REAL, 0, 1, 0.1, "0.1", "a code under this share of its expected use is re-seeded"),
    TRAIN(unquantized, REAL, 0, 1e9, 0, "0", "steps at the start without the quantizer"),
    TRAIN(kmeans_batches, INTEGER, 1, 256, 4, "4", "batches the codebooks start from"),
    TRAIN(kmeans_rounds, INTEGER, 0, 1000, 10, "10", "Lloyd rounds of that start"),
    TRAIN(forward_only, FLAG, 0, 0, 0, "false", "sample the given strand only"),
    TRAIN(micro_batch, INTEGER, 1, VQ_MAX_BATCH, 0, "batch", "windows the device takes at once; divides batch"),
    TRAIN(decay_weights_only, FLAG, 0, 0, 0, "false", "no weight decay of norms and biases"),
};

enum { MODEL_COUNT = sizeof model_options / sizeof *model_options, TRAIN_COUNT = sizeof train_options / sizeof *train_options };

const vqdna_option *vq_option_at(size_t index) {
    if (index >= MODEL_COUNT + TRAIN_COUNT)
        return NULL;
    return index < MODEL_COUNT ? &model_options[index].shown : &train_options[index - MODEL_COUNT].shown;
}

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

static vq_status unknown_key(const char *key) {
    const char *names[MODEL_COUNT + TRAIN_COUNT];
    for (int i = 0; i < MODEL_COUNT + TRAIN_COUNT; i++)
        names[i] = i < MODEL_COUNT ? model_options[i].shown.key : train_options[i - MODEL_COUNT].shown.key;
    const char *nearest = vq_nearest(key, names, MODEL_COUNT + TRAIN_COUNT);
    return vq_fail(VQDNA_ERR_USAGE, "there is no option '%s'%s%s%s", key, nearest ? ": did you mean '" : "", nearest ? nearest : "",
                   nearest ? "'?" : "");
}

static vq_status set_text(const option *o, vqdna_model_options *model, const char *value) {
    static const char *const names[] = {"tiny", "small", "base", "hrq", "vq"};
    bool preset = strcmp(o->shown.key, "preset") == 0;
    for (int i = preset ? 0 : 3; i < (preset ? 3 : 5); i++)
        if (strcmp(names[i], value) == 0) {
            *(const char **)field(o, model) = names[i];
            return VQDNA_OK;
        }
    return vq_fail(VQDNA_ERR_USAGE, "%s is '%s', it must be %s", o->shown.key, value, preset ? "tiny, small or base" : "hrq or vq");
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
static vq_status check_range(const option *o, double number, const char *given) {
    const vqdna_option *s = &o->shown;
    char own[40];
    if (o->kind == FLAG || (number >= s->least && number <= s->most && !(s->above && number == s->least)))
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
static vq_status parse(const option *o, const char *text, double *number) {
    if (o->kind == FLAG && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        *number = text[0] == 't';
        return VQDNA_OK;
    }
    if (!parse_number(text, number))
        return vq_fail(VQDNA_ERR_USAGE, "%s is '%s', it must be %s", o->shown.key, text,
                       o->kind == FLAG ? "true or false" : "a number");
    if (o->kind == FLAG && *number != 0 && *number != 1)
        return vq_fail(VQDNA_ERR_USAGE, "%s is '%s', it must be true or false", o->shown.key, text);
    VQ_TRY(check_range(o, *number, text));
    if (o->kind == COUNT && *number >= 9007199254740992.0 && strtoull(text, NULL, 10) != (uint64_t)*number) /* a double rounds it */
        return check_range(o, INFINITY, text);
    if (o->kind != REAL && *number != floor(*number))
        return vq_fail(VQDNA_ERR_USAGE, "%s is %s, it must be a whole number", o->shown.key, text);
    return VQDNA_OK;
}

/* A zero is stored so that it does not read as the default. */
static vq_status set_value(const option *o, void *options, const char *text) {
    double number;
    VQ_TRY(parse(o, text, &number));
    put(o, options, number == 0 && o->kind != FLAG ? VQDNA_ZERO : number);
    return VQDNA_OK;
}

/* The option of an assignment, and its value in *value. */
static vq_status find(const option **out, const char **value, const char *assignment) {
    char key[64];
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof key)
        return vq_fail(VQDNA_ERR_USAGE, "'%s' is not of the form key=value", assignment);
    memcpy(key, assignment, (size_t)(equals - assignment));
    key[equals - assignment] = 0;
    *value = equals + 1;
    for (int i = 0; i < MODEL_COUNT + TRAIN_COUNT; i++) {
        *out = i < MODEL_COUNT ? &model_options[i] : &train_options[i - MODEL_COUNT];
        if (strcmp((*out)->shown.key, key) == 0)
            return VQDNA_OK;
    }
    return unknown_key(key);
}

static bool has_field(const option *o, const void *options) {
    size_t size = *(const size_t *)options; /* every options struct begins with it */
    return !size || o->offset < size;
}

vq_status vq_option_set(vqdna_model_options *model, vqdna_train_options *train, const char *assignment) {
    const option *o;
    const char *value;
    VQ_TRY(find(&o, &value, assignment));
    void *options = o->shown.of_model ? (void *)model : (void *)train;
    if (!has_field(o, options))
        return vq_fail(VQDNA_ERR_USAGE, "the program was built for a vqdna without the option %s", o->shown.key);
    return o->kind == TEXT ? set_text(o, model, value) : set_value(o, options, value);
}

static vq_status disagree(const option *o, const char *given, const char *have) {
    return vq_fail(VQDNA_ERR_USAGE, "%s=%s is not what the run goes by, which is %s=%s", o->shown.key, given, o->shown.key, have);
}

vq_status vq_option_agrees(const vq_config *config, const vqdna_train_options *resolved, const char *assignment) {
    const option *o;
    const char *value;
    char have[40];
    double given, number;
    VQ_TRY(find(&o, &value, assignment));
    if (o->kind == TEXT) {
        const char *name = strcmp(o->shown.key, "preset") == 0 ? config->preset : config->quantizer;
        return strcmp(name, value) == 0 ? VQDNA_OK : disagree(o, value, name);
    }
    VQ_TRY(parse(o, value, &given));
    number = o->shown.of_model ? vq_config_number(config, o->shown.key) : get(o, resolved);
    format_number(have, number);
    return number == given ? VQDNA_OK : disagree(o, value, o->kind == FLAG ? (number ? "true" : "false") : have);
}

/* ---- Defaults ---------------------------------------------------------------------------------------------------------------- */

/* Where no value is a value too: another option, or the preset, gives one. */
static bool may_be_unset(const option *o) {
    return o->fallback == 0 && (o->shown.least > 0 || o->shown.above);
}

vq_status vq_train_resolve(vqdna_train_options *out, const vqdna_train_options *options, const vq_config *config, uint64_t bases) {
    vqdna_train_options r = {0};
    vq_take_options(&r, sizeof r, options, sizeof r);
    const bool warmup_given = r.warmup != 0;
    for (int i = 0; i < TRAIN_COUNT; i++) {
        const option *o = &train_options[i];
        double given = get(o, &r), value = given == 0 ? o->fallback : given == VQDNA_ZERO ? 0 : given;
        if (given != 0 || !may_be_unset(o))
            VQ_TRY(check_range(o, value, NULL));
        put(o, &r, value);
    }
    if (r.window == 0)
        r.window = strcmp(config->preset, "tiny") == 0 ? 256 : 512;
    if (r.micro_batch == 0)
        r.micro_batch = r.batch;
    if (r.batch % r.micro_batch != 0)
        return vq_fail(VQDNA_ERR_USAGE, "micro_batch is %d, it must divide batch, which is %d", r.micro_batch, r.batch);
    if ((r.steps > 0) + (r.epochs > 0) + (r.seconds > 0) > 1)
        return vq_fail(VQDNA_ERR_USAGE, "give one of steps, epochs and seconds");
    if (r.epochs > 0)
        r.steps = (uint64_t)ceil(r.epochs * (double)bases / ((double)r.window * r.batch));
    else if (r.steps == 0 && r.seconds == 0)
        r.steps = 1000;
    if (r.steps > 0 && !warmup_given)
        r.warmup = (int)fmin(r.warmup, floor((double)r.steps / 10));
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
        json_object_set_new(json, o->shown.key,
                            o->kind == FLAG   ? json_boolean(v != 0)
                            : o->kind == REAL ? json_real(v)
                                              : json_integer((json_int_t)v));
    }
    *out = json;
    return json ? VQDNA_OK : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
}

/* An option that a checkpoint of before cannot have: then it has its fallback. */
static bool came_later(const option *o) {
    return o->offset >= offsetof(vqdna_train_options, micro_batch);
}

vq_status vq_train_from_json(vqdna_train_options *out, const json_t *json, const char *path) {
    vqdna_train_options r = {0};
    for (int i = 0; i < TRAIN_COUNT; i++) {
        const option *o = &train_options[i];
        double value;
        bool flag;
        if (came_later(o) && !json_object_get(json, o->shown.key)) {
            value = o->fallback;
        } else if (o->kind == FLAG) {
            VQ_TRY(vq_json_boolean(&flag, json, o->shown.key, path));
            value = flag;
        } else {
            VQ_TRY(vq_json_number(&value, json, o->shown.key, may_be_unset(o) ? 0 : o->shown.least, o->shown.most, path));
        }
        put(o, &r, value);
    }
    if (r.window < 1 || r.batch % (r.micro_batch ? r.micro_batch : r.batch) != 0 || !(r.steps || r.seconds > 0))
        return vq_fail(VQDNA_ERR_INPUT, "%s: the options of the run do not fit each other", path);
    r.micro_batch = r.micro_batch ? r.micro_batch : r.batch;
    *out = r;
    return VQDNA_OK;
}

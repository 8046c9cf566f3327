#include "nn/config.h"

#include "base/json.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    int dim, stem, blocks, codes;
} preset;

static const preset presets[] = {
    {"tiny", 64, 32, 4, 256},
    {"small", 192, 128, 6, 512},
    {"base", 384, 256, 6, 512},
};

static vq_status in_range(const char *name, int value, int min, int max) {
    return value >= min && value <= max ? VQDNA_OK
                                        : vq_fail(VQDNA_ERR_USAGE, "%s is %d, it must be between %d and %d", name, value, min, max);
}

static int either(int given, int otherwise) {
    return given ? given : otherwise;
}

/* What follows from the rest: a tap every blocks/levels blocks, the last on the last block, and twice the codes at each level of
 * hrq. */
static vq_status derive(vq_config *c) {
    bool hrq = strcmp(c->quantizer, "hrq") == 0;
    VQ_TRY(in_range("dim", c->dim, 1, VQ_MAX_DIM));
    VQ_TRY(in_range("stem", c->stem, 1, VQ_MAX_DIM));
    VQ_TRY(in_range("blocks", c->blocks, 1, VQ_MAX_BLOCKS));
    VQ_TRY(in_range("decoder_stride", c->decoder_stride, 1, VQ_MAX_STRIDE));
    VQ_TRY(in_range("levels", c->levels, 1, VQDNA_MAX_LEVELS));
    VQ_TRY(in_range("codes", c->base_codes, 1, VQ_MAX_CODES));
    if (!hrq && c->levels != 1)
        return vq_fail(VQDNA_ERR_USAGE, "quantizer vq has one level, not %d: use hrq", c->levels);
    if (c->levels > c->blocks)
        return vq_fail(VQDNA_ERR_USAGE, "%d levels need as many blocks, the model has %d", c->levels, c->blocks);
    for (int n = 0; n < c->levels; n++) {
        int64_t codes = hrq ? (int64_t)c->base_codes << (n + 1) : c->base_codes;
        if (codes > VQ_MAX_CODES)
            return vq_fail(VQDNA_ERR_USAGE, "level %d would have %lld codes, more than %d: use fewer codes or levels", n + 1,
                           (long long)codes, VQ_MAX_CODES);
        c->codes[n] = (int)codes;
        c->taps[n] = (c->blocks * (n + 1) + c->levels / 2) / c->levels;
    }
    return VQDNA_OK;
}

vq_status vq_config_resolve(vq_config *out, const vqdna_model_options *options) {
    vqdna_model_options own = {0}, *o = &own;
    vq_take_options(o, sizeof own, options, sizeof own);
    const char *name = o->preset ? o->preset : "tiny", *quantizer = o->quantizer ? o->quantizer : "hrq";
    const preset *p = NULL;
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].name, name) == 0)
            p = &presets[i];
    if (!p)
        return vq_fail(VQDNA_ERR_USAGE, "there is no preset '%s': use tiny, small or base", name);
    bool hrq = strcmp(quantizer, "hrq") == 0;
    if (!hrq && strcmp(quantizer, "vq") != 0)
        return vq_fail(VQDNA_ERR_USAGE, "there is no quantizer '%s': use hrq or vq", quantizer);
    vq_config c = {
        .dim = either(o->dim, p->dim),
        .stem = either(o->stem, p->stem),
        .blocks = either(o->blocks, p->blocks),
        .base_codes = either(o->codes, p->codes),
        .levels = either(o->levels, hrq ? 2 : 1),
        .decoder_stride = either(o->decoder_stride, 1),
    };
    snprintf(c.preset, sizeof c.preset, "%s", name);
    snprintf(c.quantizer, sizeof c.quantizer, "%s", quantizer);
    VQ_TRY(derive(&c));
    *out = c;
    return VQDNA_OK;
}

int vq_config_number(const vq_config *c, const char *key) {
    const struct {
        const char *key;
        int value;
    } fields[] = {{"dim", c->dim},       {"stem", c->stem},        {"blocks", c->blocks},
                  {"levels", c->levels}, {"codes", c->base_codes}, {"decoder_stride", c->decoder_stride}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].key, key) == 0)
            return fields[i].value;
    return 0;
}

int vq_config_encoder_halo(const vq_config *config) {
    return VQ_STEM_REACH + VQ_BLOCK_REACH * config->taps[config->levels - 1];
}

int vq_config_decoder_halo(const vq_config *config) {
    return VQ_STEM_REACH + VQ_BLOCK_REACH * config->blocks;
}

static json_t *integers(const int *values, int count) {
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_integer(values[i]));
    return array;
}

vq_status vq_config_to_json(json_t **out, const vq_config *c) {
    *out = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:i}", "model", VQ_TOKENIZER_KIND, "preset", c->preset,
                     "quantizer", c->quantizer, "dim", c->dim, "stem", c->stem, "blocks", c->blocks, "levels", c->levels,
                     "base_codes", c->base_codes, "codes", integers(c->codes, c->levels), "taps", integers(c->taps, c->levels),
                     "decoder_stride", c->decoder_stride);
    return *out ? VQDNA_OK : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
}

/* What is derived is stored for readers of the file; it must agree with what we derive. */
static vq_status same_integers(const json_t *json, const char *key, const int *want, int count, const char *path) {
    json_t *array;
    VQ_TRY(vq_json_member(&array, json, key, JSON_ARRAY, path));
    bool same = json_array_size(array) == (size_t)count;
    for (int i = 0; same && i < count; i++)
        same = json_is_integer(json_array_get(array, (size_t)i)) && json_integer_value(json_array_get(array, (size_t)i)) == want[i];
    return same ? VQDNA_OK : vq_fail(VQDNA_ERR_INPUT, "%s: %s does not fit the other settings", path, key);
}

vq_status vq_config_from_json(vq_config *out, const json_t *json, const char *path) {
    vq_config c = {0};
    const char *text;
    int64_t n;
    VQ_TRY(vq_json_text(&text, json, "preset", path));
    snprintf(c.preset, sizeof c.preset, "%s", text);
    VQ_TRY(vq_json_text(&text, json, "quantizer", path));
    if (strcmp(text, "hrq") != 0 && strcmp(text, "vq") != 0)
        return vq_fail(VQDNA_ERR_INPUT, "%s: quantizer is '%s', it must be hrq or vq", path, text);
    snprintf(c.quantizer, sizeof c.quantizer, "%s", text);
    const struct {
        const char *key;
        int *to;
    } fields[] = {{"dim", &c.dim},
                  {"stem", &c.stem},
                  {"blocks", &c.blocks},
                  {"levels", &c.levels},
                  {"base_codes", &c.base_codes},
                  {"decoder_stride", &c.decoder_stride}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        VQ_TRY(vq_json_integer(&n, json, fields[i].key, 1, VQ_MAX_CODES, path));
        *fields[i].to = (int)n;
    }
    if (derive(&c) < 0) {
        char why[512];
        snprintf(why, sizeof why, "%s", vq_error());
        return vq_fail(VQDNA_ERR_INPUT, "%s: %s", path, why);
    }
    VQ_TRY(same_integers(json, "codes", c.codes, c.levels, path));
    VQ_TRY(same_integers(json, "taps", c.taps, c.levels, path));
    *out = c;
    return VQDNA_OK;
}

vq_status vq_config_from_tensors(vq_config *out, const vq_safetensors *file, const char *path) {
    vqdna_model_options o = {.preset = "tiny"};
    for (size_t i = 0; i < vq_safetensors_count(file); i++) {
        const vq_tensor_info *t = vq_safetensors_at(file, i);
        int number;
        if (t->rank == 2 && strcmp(t->name, "join.weight") == 0 && t->shape[0] <= INT_MAX && t->shape[1] <= INT_MAX) {
            o.dim = (int)t->shape[0];
            o.stem = (int)t->shape[1];
        } else if (sscanf(t->name, "enc.%d.", &number) == 1 && number >= o.blocks && number < VQ_MAX_BLOCKS) {
            o.blocks = number + 1;
        } else if (sscanf(t->name, "books.%d.", &number) == 1 && number >= o.levels && number < VQDNA_MAX_LEVELS) {
            o.levels = number + 1;
        }
        if (t->rank == 2 && strcmp(t->name, "books.0.e") == 0 && t->shape[0] <= INT_MAX)
            o.codes = (int)t->shape[0];
    }
    if (!o.dim || !o.stem || !o.blocks || !o.levels || !o.codes)
        return vq_fail(VQDNA_ERR_INPUT, "%s: config.json is missing, and the tensors of %s are not those of a tokenizer", path,
                       "model.safetensors");
    o.quantizer = o.levels > 1 ? "hrq" : "vq";
    if (o.levels > 1)
        o.codes = o.codes > 1 ? o.codes / 2 : 1;
    return vq_config_resolve(out, &o);
}

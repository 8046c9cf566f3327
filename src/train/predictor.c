#include "train/predictor.h"

#include "base/integer.h"
#include "base/json.h"
#include "base/rng.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const struct {
    const char *name;
    int width, layers, heads;
} presets[] = {{"tiny", 128, 4, 4}, {"small", 256, 6, 8}, {"base", 768, 12, 12}};

enum { LEAST_POSITIONS = 512 };

static int either(int given, int otherwise) {
    return given ? given : otherwise;
}

const char *vq_predictor_kind(const vq_predictor *p) {
    return p->pretrain ? VQ_PRETRAIN_KIND : p->config.classes ? VQ_CLASSIFY_KIND : VQ_REGRESS_KIND;
}

vq_masked_config vq_predictor_masked(const vq_predictor *p) {
    vq_masked_config c = {.body = p->config.body};
    if (p->vocabulary.kind == VQ_OF_CODES)
        for (; c.heads < p->vocabulary.levels; c.heads++)
            c.classes[c.heads] = p->vocabulary.entries[c.heads];
    else if (p->vocabulary.kind == VQ_OF_WORDS)
        c.classes[c.heads++] = p->vocabulary.entries[0] - 1;
    return c;
}

static bool one_of(const char *text, const char *first, const char *second, bool *is_second) {
    *is_second = text && !strcmp(text, second);
    return !text || *is_second || !strcmp(text, first);
}

/* ---- Vectors of a tokenizer -------------------------------------------------------------------------------------------------- */

static const vq_state_tensor *book(const vq_state *tokenizer, int level) {
    char name[32];
    snprintf(name, sizeof name, "books.%d.e", level);
    return vq_state_find(tokenizer, name);
}

/* One over the deviation of the codebooks' numbers: the sum of a base's vectors, times this over the root of their number, is of about
 * unit variance. */
static double vector_scale(const vq_state *tokenizer, int levels) {
    double sum = 0, squares = 0, n = 0;
    for (int i = 0; i < levels; i++) {
        const vq_state_tensor *e = book(tokenizer, i);
        for (size_t j = 0; j < e->count; j++) {
            sum += e->data[j];
            squares += (double)e->data[j] * e->data[j];
        }
        n += (double)e->count;
    }
    const double variance = squares / n - sum / n * sum / n;
    return variance > 0 ? 1 / sqrt(variance) : 1;
}

static vq_state_tensor *table_of(const vq_state *s, int t) {
    char name[32];
    snprintf(name, sizeof name, "input.%d.weight", t);
    return vq_state_find(s, name);
}

/* table [K][W] = scale e matrix^T + share bias; e [K][dim], matrix [W][dim], bias [W] or NULL. */
static void fill_product(vq_state_tensor *table, const vq_state_tensor *e, const float *matrix, double scale, const float *bias,
                         double share) {
    const size_t W = table->shape[1], dim = e->shape[1];
    for (size_t i = 0; i < table->shape[0]; i++)
        for (size_t w = 0; w < W; w++) {
            double sum = 0;
            for (size_t d = 0; d < dim; d++)
                sum += (double)e->data[i * dim + d] * matrix[w * dim + d];
            table->data[i * W + w] = (float)(scale * sum + (bias ? share * bias[w] : 0));
        }
}

/* Codebooks times a matrix of signs over the root of dim, which keeps their distances (Achlioptas 2003), the same for every table; their
 * deviation is that of a table's random start. */
static vq_status project(vq_state_tensor *table, const vq_state_tensor *e, double scale, uint64_t seed) {
    const size_t W = table->shape[1], dim = e->shape[1];
    float *signs;
    VQ_TRY(vq_alloc(&signs, W * dim, sizeof *signs));
    for (size_t w = 0; w < W; w++)
        for (size_t d = 0; d < dim; d++)
            signs[w * dim + d] = vq_rng_u32(seed, VQ_STREAM_PROJECT, w, d) & 1 ? 1 : -1;
    fill_product(table, e, signs, table->start.spread * scale / sqrt((double)dim), NULL, 0);
    free(signs);
    return VQDNA_OK;
}

vq_status vq_predictor_take_vectors(vq_state *to, const vq_predictor *r, const vq_state *tokenizer, uint64_t seed) {
    const vq_vocabulary *v = &r->vocabulary;
    if (v->pairs) {
        vq_state_tensor *table = table_of(to, v->levels);
        memset(table->data, 0, table->count * sizeof *table->data);
    }
    for (int t = 0; v->vectors != VQ_FRESH && t < v->levels; t++) {
        vq_state_tensor *table = table_of(to, t);
        const vq_state_tensor *e = book(tokenizer, t);
        if (!table || !e || table->shape[0] != e->shape[0] || (v->dim && table->count != e->count))
            return vq_fail(VQDNA_ERR_INPUT, "the tokenizer's codebooks are not those that the model reads");
        if (v->vectors == VQ_TUNED)
            VQ_TRY(project(table, e, vector_scale(tokenizer, v->levels), seed));
        else
            memcpy(table->data, e->data, e->count * sizeof *e->data);
    }
    return VQDNA_OK;
}

bool vq_predictor_pairs_are_new(const vq_state *s, const vq_vocabulary *v) {
    const vq_state_tensor *table = v->pairs ? table_of(s, v->levels) : NULL;
    size_t i = 0;
    while (table && i < table->count && table->data[i] == 0)
        i++;
    return table && i == table->count;
}

vq_status vq_predictor_join_vectors(vq_state *to, const vq_predictor *r, const vq_state *from, const vq_predictor *frozen) {
    const vq_state_tensor *weight = vq_state_find(from, "join.weight"), *bias = vq_state_find(from, "join.bias");
    const double here = r->config.body.scale;
    for (int t = 0; t < r->vocabulary.levels; t++) {
        vq_state_tensor *table = table_of(to, t);
        const vq_state_tensor *e = table_of(from, t);
        if (!weight || !bias || !table || !e || weight->shape[0] != table->shape[1] || weight->shape[1] != e->shape[1] ||
            e->shape[0] != table->shape[0])
            return vq_fail(VQDNA_ERR_INPUT, "the model has no tensor input.%d.weight of this shape", t);
        /* the model adds `levels` of them and multiplies by its scale: the bias is to come out once */
        fill_product(table, e, weight->data, frozen->config.body.scale / here, bias->data, 1 / (here * r->vocabulary.levels));
    }
    return VQDNA_OK;
}

void vq_predictor_hash(char out[17], const vq_state *s) {
    uint64_t hash = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->tensors[i].role != VQ_STATE) /* averages do not make codes */
            hash = XXH3_64bits_withSeed(s->tensors[i].data, s->tensors[i].count * sizeof(float), hash);
    snprintf(out, 17, "%016" PRIx64, hash);
}

bool vq_predictor_is_body(const char *tensor) {
    static const char *const prefixes[] = {"input.", "join.", "mask.", "position.", "input_norm.", "body."};
    for (size_t k = 0; k < sizeof prefixes / sizeof *prefixes; k++)
        if (!strncmp(tensor, prefixes[k], strlen(prefixes[k])))
            return true;
    return false;
}

void vq_predictor_body_hash(char out[17], const vq_state *s) {
    uint64_t hash = 0;
    for (size_t i = 0; i < s->count; i++)
        if (vq_predictor_is_body(s->tensors[i].name))
            hash = XXH3_64bits_withSeed(s->tensors[i].data, s->tensors[i].count * sizeof(float), hash);
    snprintf(out, 17, "%016" PRIx64, hash);
}

/* ---- Options ----------------------------------------------------------------------------------------------------------------- */

static void take_vocabulary(vq_body_config *body, const vq_vocabulary *v) {
    body->tables = v->tables;
    body->dim = v->dim;
    body->last_scale = v->pairs ? VQ_PAIR_SCALE : 0;
    memcpy(body->entries, v->entries, sizeof body->entries);
}

vq_status vq_predictor_resolve(vq_predictor *out, const vqdna_predictor_options *options, const vq_config *tokenizer,
                               const vq_state *state, size_t longest, const vq_labels *labels) {
    vqdna_predictor_options o = {0};
    vq_take_options(&o, sizeof o, options, sizeof o);
    const char *name = o.preset ? o.preset : "tiny";
    size_t p = 0;
    vq_predictor r = {.deviation = 1};
    while (p < 3 && strcmp(presets[p].name, name) != 0)
        p++;
    if (p == 3)
        return vq_fail(VQDNA_ERR_USAGE, "there is no preset '%s': use tiny, small or base", name);
    if (!one_of(o.pool, "mean", "max", &r.config.max_pool))
        return vq_fail(VQDNA_ERR_USAGE, "pool is '%s', it must be mean or max", o.pool);
    if (!one_of(o.head, "mlp", "linear", &r.config.linear))
        return vq_fail(VQDNA_ERR_USAGE, "head is '%s', it must be mlp or linear", o.head);
    VQ_TRY(vq_vocabulary_parse(&r.vocabulary, o.vocabulary ? o.vocabulary : tokenizer ? "codes" : "conv:9", tokenizer));
    snprintf(r.preset, sizeof r.preset, "%s", name);
    vq_body_config *body = &r.config.body;
    const int width = either(o.width, presets[p].width);
    body->layer = (vq_layer_config){
        .width = width, .heads = either(o.heads, presets[p].heads), .feed = either(o.feed, 4 * width), .post_norm = o.post_norm};
    body->layers = either(o.layers, presets[p].layers);
    VQ_TRY(vq_mixers_parse(body, o.mixer ? o.mixer : "attention"));
    if (o.positions && (size_t)o.positions < longest)
        return vq_fail(VQDNA_ERR_USAGE, "positions is %d, and the longest sequence has %zu bases: cut it, or give more positions",
                       o.positions, longest);
    body->positions = either(o.positions, (int)vq_min(vq_max(longest, LEAST_POSITIONS), INT32_MAX));
    take_vocabulary(body, &r.vocabulary);
    body->scale = (body->dim ? vector_scale(state, tokenizer->levels) : 1) /
                  sqrt(r.vocabulary.pairs ? r.vocabulary.levels : body->tables); /* pairs begin at zero */
    r.config.classes = labels ? labels->count : 0;
    if (r.vocabulary.kind == VQ_OF_CODES)
        vq_predictor_hash(r.tokenizer, state);
    VQ_TRY(vq_body_check(body));
    vq_mixers_text(r.mixer, body);
    vq_status status = labels ? vq_labels_copy(&r.labels, labels) : VQDNA_OK;
    if (status < 0)
        vq_predictor_free(&r);
    else
        *out = r;
    return status;
}

void vq_predictor_take_reference(vq_predictor *r, uint8_t *silent) {
    free(r->silent);
    r->silent = silent;
    r->vocabulary.silent = silent;
}

void vq_predictor_free(vq_predictor *r) {
    vq_labels_free(&r->labels);
    vq_predictor_take_reference(r, NULL);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------------- */

/* Entries of pairs as hexadecimal digits, four a digit, the first its highest bit. */
enum { DIGITS = VQ_PAIR_ENTRIES / 4 };

static vq_status write_reference(json_t *json, const uint8_t *silent) {
    char *text;
    VQ_TRY(vq_alloc(&text, DIGITS + 1, 1));
    for (int i = 0; i < DIGITS; i++)
        text[i] = "0123456789abcdef"[silent[4 * i] << 3 | silent[4 * i + 1] << 2 | silent[4 * i + 2] << 1 | silent[4 * i + 3]];
    json_object_set_new(json, "reference", json_string(text));
    free(text);
    return VQDNA_OK;
}

static vq_status read_reference(vq_predictor *r, const json_t *json, const char *path) {
    const char *text;
    uint8_t *silent;
    VQ_TRY(vq_json_text(&text, json, "reference", path));
    if (!r->vocabulary.pairs || strlen(text) != DIGITS || strspn(text, "0123456789abcdef") != DIGITS)
        return vq_fail(VQDNA_ERR_INPUT, "%s: reference is not the %d digits of a vocabulary of pairs", path, DIGITS);
    VQ_TRY(vq_alloc(&silent, VQ_PAIR_ENTRIES, 1));
    for (int i = 0; i < VQ_PAIR_ENTRIES; i++) {
        const char digit = text[i / 4];
        silent[i] = (uint8_t)((digit <= '9' ? digit - '0' : digit - 'a' + 10) >> (3 - i % 4) & 1);
    }
    vq_predictor_take_reference(r, silent);
    return VQDNA_OK;
}

vq_status vq_predictor_to_json(json_t **out, const vq_predictor *r) {
    const vq_body_config *b = &r->config.body;
    json_t *labels = json_array();
    for (int i = 0; i < r->labels.count; i++)
        json_array_append_new(labels, json_string(r->labels.name[i]));
    *out =
        json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:i, s:b, s:f, s:s, s:s}", "model", vq_predictor_kind(r), "preset",
                  r->preset, "vocabulary", r->vocabulary.name, "width", b->layer.width, "heads", b->layer.heads, "feed",
                  b->layer.feed, "layers", b->layers, "mixer", r->mixer, "positions", b->positions, "post_norm", b->layer.post_norm,
                  "scale", b->scale, "pool", r->config.max_pool ? "max" : "mean", "head", r->config.linear ? "linear" : "mlp");
    if (!*out || !labels) {
        json_decref(labels);
        json_decref(*out);
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory, or a label is no UTF-8");
    }
    if (r->tokenizer[0])
        json_object_set_new(*out, "tokenizer", json_string(r->tokenizer));
    vq_status status = r->silent ? write_reference(*out, r->silent) : VQDNA_OK;
    if (status < 0) {
        json_decref(labels);
        json_decref(*out);
        return status;
    }
    if (r->base[0])
        json_object_set_new(*out, "base", json_string(r->base));
    if (r->config.classes) {
        json_object_set_new(*out, "labels", labels);
    } else if (r->pretrain) {
        json_decref(labels);
    } else {
        json_decref(labels);
        json_object_set_new(*out, "mean", json_real(r->mean));
        json_object_set_new(*out, "deviation", json_real(r->deviation));
    }
    return VQDNA_OK;
}

static vq_status read_labels(vq_predictor *r, const json_t *json, const char *path) {
    json_t *array;
    VQ_TRY(vq_json_member(&array, json, "labels", JSON_ARRAY, path));
    const size_t count = json_array_size(array);
    if (count < 2 || count > 4096)
        return vq_fail(VQDNA_ERR_INPUT, "%s: labels has %zu entries, it must have 2 to 4096", path, count);
    char **names;
    VQ_TRY(vq_alloc(&names, count, sizeof *names));
    for (size_t i = 0; i < count; i++)
        names[i] = (char *)json_string_value(json_array_get(array, i));
    vq_status status = VQDNA_OK;
    for (size_t i = 0; i < count && status >= 0; i++)
        if (!names[i])
            status = vq_fail(VQDNA_ERR_INPUT, "%s: a label is no text", path);
    if (status >= 0)
        status = vq_labels_copy(&r->labels, &(vq_labels){names, (int)count});
    free(names);
    r->config.classes = r->labels.count;
    return status;
}

static vq_status read_predictor(vq_predictor *r, const json_t *json, const vq_config *tokenizer, const char *path) {
    const char *kind, *preset, *vocabulary, *pool, *head, *mixer = "attention"; /* all that older ones have */
    int64_t n;
    vq_body_config *b = &r->config.body;
    const struct {
        const char *key;
        int *to;
    } fields[] = {{"width", &b->layer.width},
                  {"heads", &b->layer.heads},
                  {"feed", &b->layer.feed},
                  {"layers", &b->layers},
                  {"positions", &b->positions}};
    VQ_TRY(vq_json_text(&kind, json, "model", path));
    VQ_TRY(vq_json_text(&preset, json, "preset", path));
    VQ_TRY(vq_json_text(&vocabulary, json, "vocabulary", path));
    VQ_TRY(vq_json_text(&pool, json, "pool", path));
    VQ_TRY(vq_json_text(&head, json, "head", path));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        VQ_TRY(vq_json_integer(&n, json, fields[i].key, 1, INT32_MAX, path));
        *fields[i].to = (int)n;
    }
    if (json_object_get(json, "mixer"))
        VQ_TRY(vq_json_text(&mixer, json, "mixer", path));
    VQ_TRY(vq_json_boolean(&b->layer.post_norm, json, "post_norm", path));
    VQ_TRY(vq_json_number(&b->scale, json, "scale", 0, 1e30, path));
    if (!one_of(pool, "mean", "max", &r->config.max_pool) || !one_of(head, "mlp", "linear", &r->config.linear))
        return vq_fail(VQDNA_ERR_INPUT, "%s: pool is '%s' and head '%s': mean or max, mlp or linear are known", path, pool, head);
    vq_status status = vq_vocabulary_parse(&r->vocabulary, vocabulary, tokenizer);
    take_vocabulary(b, &r->vocabulary);
    if (status < 0 || vq_mixers_parse(b, mixer) < 0 || vq_body_check(b) < 0) {
        char text[512];
        snprintf(text, sizeof text, "%s", vqdna_last_error());
        return vq_fail(VQDNA_ERR_INPUT, "%s: %s", path, text);
    }
    snprintf(r->preset, sizeof r->preset, "%s", preset);
    vq_mixers_text(r->mixer, b);
    if (r->vocabulary.kind == VQ_OF_CODES) {
        const char *hash;
        VQ_TRY(vq_json_text(&hash, json, "tokenizer", path));
        snprintf(r->tokenizer, sizeof r->tokenizer, "%s", hash);
    }
    if (json_object_get(json, "reference"))
        VQ_TRY(read_reference(r, json, path));
    if (json_object_get(json, "base")) {
        const char *hash;
        VQ_TRY(vq_json_text(&hash, json, "base", path));
        snprintf(r->base, sizeof r->base, "%s", hash);
    }
    if (!strcmp(kind, VQ_CLASSIFY_KIND))
        return read_labels(r, json, path);
    r->pretrain = !strcmp(kind, VQ_PRETRAIN_KIND);
    if (r->pretrain)
        return VQDNA_OK;
    VQ_TRY(vq_json_number(&r->mean, json, "mean", -1e30, 1e30, path));
    return vq_json_number(&r->deviation, json, "deviation", 0, 1e30, path);
}

vq_status vq_predictor_from_json(vq_predictor *out, const json_t *json, const vq_config *tokenizer, const char *path) {
    vq_predictor r = {.deviation = 1};
    vq_status status = read_predictor(&r, json, tokenizer, path);
    if (status < 0)
        vq_predictor_free(&r);
    else
        *out = r;
    return status;
}

#include "api/handles.h"

#include "base/file.h"
#include "base/integer.h"
#include "base/lock.h"
#include "base/log.h"
#include "seq/alphabet.h"
#include "train/checkpoint.h"
#include "train/infer.h"
#include "train/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Life -------------------------------------------------------------------------------------------------------------------- */

vqdna_status vqdna_tokenizer_create(vqdna_tokenizer **out, vqdna_context *context, const vqdna_model_options *options,
                                    uint64_t seed) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(context);
    vqdna_tokenizer *t;
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    t->device = context->device;
    vq_status status;
    VQ_TRY_OR(failed, vq_config_resolve(&t->config, options));
    VQ_TRY_OR(failed, vq_model_state(&t->state, &t->config));
    vq_state_start(&t->state, seed);
    *out = t;
    return VQDNA_OK;
failed:
    vqdna_tokenizer_destroy(t);
    return status;
}

/* The shape and the empty state of the model in a folder; *folder is to be closed in any case. */
static vq_status open_folder(vq_folder *folder, vq_config *config, vq_state *state, const char *path) {
    VQ_TRY(vq_folder_open(folder, path));
    VQ_TRY(vq_folder_expect(folder, VQ_TOKENIZER_KIND));
    if (folder->config)
        VQ_TRY(vq_config_from_json(config, folder->config, folder->path));
    else
        VQ_TRY(vq_config_from_tensors(config, folder->file, folder->path));
    return vq_model_state(state, config);
}

vq_status vq_tokenizer_open(vqdna_tokenizer **out, vq_device *device, const char *path) {
    vqdna_tokenizer *t;
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    t->device = device;
    vq_folder folder;
    vq_status status = open_folder(&folder, &t->config, &t->state, path);
    if (status >= 0)
        status = vq_folder_load(&folder, &t->state);
    t->step = folder.step;
    vq_folder_close(&folder);
    if (status < 0)
        vqdna_tokenizer_destroy(t);
    else
        *out = t;
    return status;
}

vqdna_status vqdna_tokenizer_open(vqdna_tokenizer **out, vqdna_context *context, const char *path) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(context);
    VQ_REQUIRE(path);
    return vq_tokenizer_open(out, context->device, path);
}

void vqdna_tokenizer_destroy(vqdna_tokenizer *t) {
    if (!t)
        return;
    VQ_HOLD(t->device);
    vq_model_destroy(t->model);
    vq_state_destroy(&t->state);
    free(t);
}

/* Steps behind the weights as they are, the trainer's among them. */
static uint64_t steps_behind(const vqdna_tokenizer *t) {
    return t->trainer ? t->trainer->trainer->before + t->trainer->trainer->step : t->step;
}

vq_status vq_tokenizer_refresh(vqdna_tokenizer *t) {
    if (steps_behind(t) == t->step)
        return VQDNA_OK;
    VQ_TRY(vq_model_get(t->trainer->task->model, &t->state));
    t->step = steps_behind(t);
    t->current = false;
    return VQDNA_OK;
}

vqdna_status vqdna_tokenizer_save(const vqdna_tokenizer *tokenizer, const char *path, const char *provenance) {
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE(path);
    VQ_HOLD(tokenizer->device);
    vqdna_tokenizer *t = (vqdna_tokenizer *)tokenizer; /* refreshing is not a change one could see */
    VQ_TRY(vq_tokenizer_refresh(t));
    vq_lock *lock;
    json_t *config;
    VQ_TRY(vq_mkdir(path));
    VQ_TRY(vq_folder_lock(&lock, path, true));
    vq_status status = vq_config_to_json(&config, &t->config);
    if (status >= 0) {
        status = vq_folder_save(path, config, &t->state, t->step, provenance);
        json_decref(config);
    }
    vq_folder_unlock(lock);
    return status;
}

static vqdna_model_info describe(const vq_config *c, uint64_t parameters, uint64_t step) {
    vqdna_model_info info = {.dim = c->dim,
                             .stem = c->stem,
                             .blocks = c->blocks,
                             .levels = c->levels,
                             .decoder_stride = c->decoder_stride,
                             .parameters = parameters,
                             .step = step,
                             .receptive_field = 2 * vq_config_encoder_halo(c) + 1};
    snprintf(info.preset, sizeof info.preset, "%s", c->preset);
    snprintf(info.quantizer, sizeof info.quantizer, "%s", c->quantizer);
    memcpy(info.codes, c->codes, sizeof info.codes);
    memcpy(info.taps, c->taps, sizeof info.taps);
    return info;
}

vqdna_model_info vqdna_tokenizer_describe(const vqdna_tokenizer *t) {
    VQ_HOLD(t->device);
    return describe(&t->config, vq_state_parameters(&t->state), steps_behind(t));
}

static void tell_tensors(const vq_folder *folder, vqdna_tensor_fn tensor, void *user) {
    for (size_t i = 0; tensor && i < vq_safetensors_count(folder->file); i++) {
        const vq_tensor_info *t = vq_safetensors_at(folder->file, i);
        tensor(user, t->name, t->dtype, t->rank, t->shape, t->bytes);
    }
}

vqdna_status vqdna_model_kind(const char *path, char kind[24]) {
    VQ_REQUIRE(path);
    VQ_REQUIRE(kind);
    vq_folder folder;
    vq_status status = vq_folder_open(&folder, path);
    snprintf(kind, 24, "%.23s", status < 0 ? "" : folder.kind);
    vq_folder_close(&folder);
    return status;
}

vqdna_status vqdna_model_tensors(const char *path, vqdna_tensor_fn tensor, void *user) {
    VQ_REQUIRE(path);
    VQ_REQUIRE(tensor);
    vq_folder folder;
    vq_status status = vq_folder_open(&folder, path);
    if (status >= 0)
        tell_tensors(&folder, tensor, user);
    vq_folder_close(&folder);
    return status;
}

vqdna_status vqdna_model_describe(const char *path, vqdna_model_info *out, vqdna_tensor_fn tensor, void *user) {
    VQ_REQUIRE(path);
    VQ_REQUIRE(out);
    vq_config config;
    vq_state state = {0};
    vq_folder folder;
    vq_status status;
    VQ_TRY_OR(done, open_folder(&folder, &config, &state, path));
    VQ_TRY_OR(done, vq_folder_check(&folder, &state));
    tell_tensors(&folder, tensor, user);
    *out = describe(&config, vq_state_parameters(&state), folder.step);
done:
    vq_state_destroy(&state);
    vq_folder_close(&folder);
    return status;
}

/* ---- Use --------------------------------------------------------------------------------------------------------------------- */

bool vq_tokenizer_has_codes(const vqdna_tokenizer *t) {
    const vq_state_tensor *e = vq_state_find(&t->state, "books.0.e");
    for (size_t i = 0; i < e->count; i++) /* all zero until training has started it */
        if (e->data[i] != 0)
            return true;
    return false;
}

/* For batches of the given rows (0: the device's usual). */
vq_status vq_tokenizer_prepare(vqdna_tokenizer *t, const vqdna_stream_options *options) {
    VQ_TRY(vq_tokenizer_refresh(t));
    if (t->model && t->current && !(options && options->batch > 0 && t->model->planned != options->batch))
        return VQDNA_OK;
    if (!vq_tokenizer_has_codes(t) && t->step == 0)
        return vq_fail(VQDNA_ERR_USAGE, "the model is not trained yet: it has no codes");
    if (!vq_tokenizer_has_codes(t))
        return vq_fail(VQDNA_ERR_USAGE,
                       "the model has no codes yet: its training stopped in the unquantized start, after step %llu",
                       (unsigned long long)t->step);
    bool any = !options || options->batch <= 0;
    int least = vq_infer_least_rows(&t->config);
    int rows = vq_max_int(any ? vq_infer_usual_rows(t->device) : options->batch, least);
    if (t->model && !(any || t->model->planned == rows)) {
        vq_model_destroy(t->model);
        t->model = NULL;
    }
    if (!t->model) {
        vq_status status = vq_model_create(&t->model, t->device, &t->config, rows, VQ_INFERENCE);
        while (any && status == VQDNA_ERR_MEMORY && rows / 2 >= least) {
            rows /= 2;
            status = vq_model_create(&t->model, t->device, &t->config, rows, VQ_INFERENCE);
        }
        VQ_TRY(status);
        t->current = false;
    }
    if (!t->current)
        VQ_TRY(vq_model_put(t->model, &t->state));
    t->current = true;
    return VQDNA_OK;
}

static void take_stream_options(vqdna_stream_options *own, const vqdna_stream_options *options) {
    *own = (vqdna_stream_options){0};
    vq_take_options(own, sizeof *own, options, sizeof *own);
}

vqdna_status vqdna_tokenize(vqdna_tokenizer *tokenizer, const char *const *paths, size_t count, const vqdna_stream_options *options,
                            vqdna_codes_sink sink, void *user, vqdna_stream_stats *stats) {
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE_EACH(paths, count);
    VQ_REQUIRE(sink);
    VQ_HOLD(tokenizer->device);
    vqdna_stream_options own;
    take_stream_options(&own, options);
    VQ_TRY(vq_tokenizer_prepare(tokenizer, &own));
    return vq_tokenize(tokenizer->model, paths, count, &own, sink, user, stats);
}

vqdna_status vqdna_embed(vqdna_tokenizer *tokenizer, const char *const *paths, size_t count, const vqdna_stream_options *options,
                         const vqdna_embed_options *embed, vqdna_vectors_sink sink, void *user, vqdna_stream_stats *stats) {
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE_EACH(paths, count);
    VQ_REQUIRE(sink);
    VQ_HOLD(tokenizer->device);
    vqdna_stream_options own;
    vqdna_embed_options how = {0};
    take_stream_options(&own, options);
    vq_take_options(&how, sizeof how, embed, sizeof how);
    if (how.level < 0 || how.level > tokenizer->config.levels)
        return vq_fail(VQDNA_ERR_USAGE, "level %d: the model has %d", how.level, tokenizer->config.levels);
    VQ_TRY(vq_tokenizer_prepare(tokenizer, &own));
    return vq_embed(tokenizer->model, paths, count, &own, &how, sink, user, stats);
}

vqdna_status vqdna_detokenize(vqdna_tokenizer *tokenizer, const vqdna_stream_options *options, vqdna_codes_source source,
                              vqdna_bases_sink sink, void *user, vqdna_stream_stats *stats) {
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE(source);
    VQ_REQUIRE(sink);
    VQ_HOLD(tokenizer->device);
    vqdna_stream_options own;
    take_stream_options(&own, options);
    VQ_TRY(vq_tokenizer_prepare(tokenizer, &own));
    return vq_detokenize(tokenizer->model, &own, source, sink, user, stats);
}

vqdna_status vqdna_evaluate(vqdna_tokenizer *tokenizer, const char *const *paths, size_t count, const vqdna_stream_options *options,
                            vqdna_metrics *out) {
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE_EACH(paths, count);
    VQ_REQUIRE(out);
    VQ_HOLD(tokenizer->device);
    vqdna_stream_options own;
    take_stream_options(&own, options);
    VQ_TRY(vq_tokenizer_prepare(tokenizer, &own));
    return vq_evaluate(tokenizer->model, paths, count, &own, out);
}

/* Letters as base numbers [sum of counts]; *out is yours. */
static vq_status read_letters(uint8_t **out, size_t sequences, const char *const *bases, const size_t *counts) {
    size_t total = 0, at = 0;
    for (size_t s = 0; s < sequences; s++)
        total += counts[s];
    VQ_TRY(vq_alloc(out, total, 1));
    for (size_t s = 0; s < sequences; s++)
        for (size_t i = 0; i < counts[s]; i++) {
            (*out)[at] = vq_code_of_letter((uint8_t)bases[s][i]);
            if ((*out)[at++] != VQ_LETTER_ILLEGAL)
                continue;
            free(*out);
            return vq_fail(VQDNA_ERR_INPUT, "sequence %zu, base %zu: byte 0x%02x is no nucleotide letter", s, i,
                           (unsigned char)bases[s][i]);
        }
    return VQDNA_OK;
}

vqdna_status vqdna_encode_batch(vqdna_tokenizer *tokenizer, size_t sequences, const char *const *bases, const size_t *counts,
                                uint16_t *const *codes) {
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE(bases);
    VQ_REQUIRE(counts);
    VQ_REQUIRE(codes);
    for (size_t s = 0; s < sequences; s++) {
        VQ_REQUIRE(bases[s]);
        VQ_REQUIRE(codes[s]);
    }
    VQ_HOLD(tokenizer->device);
    uint8_t *numbers;
    VQ_TRY(read_letters(&numbers, sequences, bases, counts));
    vq_status status = vq_tokenizer_prepare(tokenizer, NULL);
    if (status == VQDNA_OK)
        status = vq_encode(tokenizer->model, sequences, numbers, counts, codes, NULL);
    free(numbers);
    return status;
}

vqdna_status vqdna_encode(vqdna_tokenizer *tokenizer, const char *bases, size_t count, uint16_t *codes) {
    return vqdna_encode_batch(tokenizer, 1, &bases, &count, &codes);
}

typedef struct {
    const uint16_t *codes;
    size_t count;
    int levels;
    bool given;
    char *bases;
} in_memory;

static vqdna_status give(void *user, vqdna_codes *run) {
    in_memory *m = user;
    if (m->given)
        return VQDNA_END;
    m->given = true;
    *run = (vqdna_codes){.contig = "", .count = m->count, .levels = m->levels, .codes = m->codes, .last = true};
    return VQDNA_OK;
}

static vqdna_status take(void *user, const char *contig, uint64_t start, const char *bases, size_t count, bool last) {
    in_memory *m = user;
    (void)contig;
    (void)last;
    memcpy(m->bases + start, bases, count);
    return VQDNA_OK;
}

vqdna_status vqdna_decode(vqdna_tokenizer *tokenizer, const uint16_t *codes, size_t count, char *bases) {
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE(codes);
    VQ_REQUIRE(bases);
    in_memory m = {codes, count, tokenizer->config.levels, false, bases};
    return vqdna_detokenize(tokenizer, NULL, give, take, &m, NULL);
}

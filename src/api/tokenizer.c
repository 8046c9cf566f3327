#include "api/handles.h"

#include "base/file.h"
#include "base/lock.h"
#include "base/log.h"
#include "seq/alphabet.h"
#include "train/checkpoint.h"
#include "train/infer.h"

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
    VQ_TRY_OR(failed, vq_state_create(&t->state, &t->config));
    vq_state_start(&t->state, seed);
    *out = t;
    return VQDNA_OK;
failed:
    vqdna_tokenizer_destroy(t);
    return status;
}

vqdna_status vqdna_tokenizer_open(vqdna_tokenizer **out, vqdna_context *context, const char *path) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(context);
    VQ_REQUIRE(path);
    vqdna_tokenizer *t;
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    t->device = context->device;
    vq_status status = vq_checkpoint_load_model(path, &t->config, &t->state, &t->step);
    if (status < 0)
        vqdna_tokenizer_destroy(t);
    else
        *out = t;
    return status;
}

void vqdna_tokenizer_destroy(vqdna_tokenizer *t) {
    if (!t)
        return;
    VQ_HOLD(t->device);
    vq_model_destroy(t->model);
    vq_state_destroy(&t->state);
    free(t);
}

vq_status vq_tokenizer_refresh(vqdna_tokenizer *t) {
    if (!t->trainer || t->trainer->trainer->step == t->step)
        return VQDNA_OK;
    VQ_TRY(vq_model_get(t->trainer->trainer->model, &t->state));
    t->step = t->trainer->trainer->step;
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
    VQ_TRY(vq_mkdir(path));
    VQ_TRY(vq_folder_lock(&lock, path, true));
    vq_status status = vq_checkpoint_save_model(path, &t->config, &t->state, t->step, provenance);
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
    return describe(&t->config, vq_state_parameters(&t->state), t->trainer ? t->trainer->trainer->step : t->step);
}

vqdna_status vqdna_model_describe(const char *path, vqdna_model_info *out, vqdna_tensor_fn tensor, void *user) {
    VQ_REQUIRE(path);
    VQ_REQUIRE(out);
    vq_config config;
    vq_state state;
    uint64_t step;
    VQ_TRY(vq_checkpoint_describe(path, &config, &step, tensor, user));
    VQ_TRY(vq_state_create(&state, &config));
    *out = describe(&config, vq_state_parameters(&state), step);
    vq_state_destroy(&state);
    return VQDNA_OK;
}

/* ---- Use --------------------------------------------------------------------------------------------------------------------- */

/* A codebook is all zero until training has started it. */
static bool has_codes(const vq_state *state) {
    const vq_state_tensor *e = vq_state_find(state, "books.0.e");
    for (size_t i = 0; i < e->count; i++)
        if (e->data[i] != 0)
            return true;
    return false;
}

/* The model for inference with the newest weights, for batches of the given rows (0: the device's usual). */
static vq_status prepare(vqdna_tokenizer *t, const vqdna_stream_options *options) {
    VQ_TRY(vq_tokenizer_refresh(t));
    if (!has_codes(&t->state) && t->step == 0)
        return vq_fail(VQDNA_ERR_USAGE, "the model is not trained yet: it has no codes");
    if (!has_codes(&t->state))
        return vq_fail(VQDNA_ERR_USAGE,
                       "the model has no codes yet: its training stopped in the unquantized start, after step %llu",
                       (unsigned long long)t->step);
    bool any = !options || options->batch <= 0;
    int least = vq_infer_least_rows(&t->config);
    int rows = any ? vq_infer_usual_rows(t->device) : options->batch;
    rows = rows > least ? rows : least;
    if (t->model && !(any || t->model->M == rows)) {
        vq_model_destroy(t->model);
        t->model = NULL;
    }
    if (!t->model) {
        vq_status status = vq_model_create(&t->model, t->device, &t->config, (vq_model_shape){rows, false, 0});
        while (any && status == VQDNA_ERR_MEMORY && rows / 2 >= least) {
            rows /= 2;
            status = vq_model_create(&t->model, t->device, &t->config, (vq_model_shape){rows, false, 0});
        }
        VQ_TRY(status);
        t->current = false;
    }
    if (!t->current)
        VQ_TRY(vq_model_put(t->model, &t->state));
    t->current = true;
    return VQDNA_OK;
}

vqdna_status vqdna_tokenize_file(vqdna_tokenizer *tokenizer, const char *path, const vqdna_stream_options *options,
                                 vqdna_codes_sink sink, void *user, vqdna_stream_stats *stats) {
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE(path);
    VQ_REQUIRE(sink);
    VQ_HOLD(tokenizer->device);
    VQ_TRY(prepare(tokenizer, options));
    return vq_tokenize_file(tokenizer->model, path, options, sink, user, stats);
}

vqdna_status vqdna_detokenize(vqdna_tokenizer *tokenizer, const vqdna_stream_options *options, vqdna_codes_source source,
                              vqdna_bases_sink sink, void *user, vqdna_stream_stats *stats) {
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE(source);
    VQ_REQUIRE(sink);
    VQ_HOLD(tokenizer->device);
    VQ_TRY(prepare(tokenizer, options));
    return vq_detokenize(tokenizer->model, options, source, sink, user, stats);
}

vqdna_status vqdna_evaluate(vqdna_tokenizer *tokenizer, const char *const *paths, size_t count, const vqdna_stream_options *options,
                            vqdna_metrics *out) {
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE(paths);
    VQ_REQUIRE(out);
    for (size_t i = 0; i < count; i++)
        VQ_REQUIRE(paths[i]);
    VQ_HOLD(tokenizer->device);
    VQ_TRY(prepare(tokenizer, options));
    return vq_evaluate(tokenizer->model, paths, count, options, out);
}

vqdna_status vqdna_encode(vqdna_tokenizer *tokenizer, const char *bases, size_t count, uint16_t *codes) {
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE(bases);
    VQ_REQUIRE(codes);
    VQ_HOLD(tokenizer->device);
    uint8_t *numbers;
    VQ_TRY(vq_alloc(&numbers, count, 1));
    vq_status status = VQDNA_OK;
    for (size_t i = 0; i < count && status == VQDNA_OK; i++) {
        numbers[i] = vq_code_of_letter((uint8_t)bases[i]);
        if (numbers[i] == VQ_LETTER_ILLEGAL)
            status = vq_fail(VQDNA_ERR_INPUT, "base %zu: byte 0x%02x is no nucleotide letter", i, (unsigned char)bases[i]);
    }
    if (status == VQDNA_OK)
        status = prepare(tokenizer, NULL);
    if (status == VQDNA_OK)
        status = vq_encode(tokenizer->model, numbers, count, codes);
    free(numbers);
    return status;
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

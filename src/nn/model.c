#include "nn/model.h"

#include "ops/crossentropy.h"
#include "ops/quantize.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

vq_status vq_model_plan(vq_model **out, vq_device *device, const vq_config *config, vq_model_shape shape) {
    vq_model *m;
    VQ_TRY(vq_alloc(&m, 1, sizeof *m));
    m->config = *config;
    m->device = device;
    m->M = shape.M;
    m->training = shape.training;
    vq_status status;
    VQ_TRY_OR(failed, vq_plan_create(&m->plan, device, shape.training));
    size_t rows = (size_t)shape.M, dim = (size_t)config->dim;
    vq_plan_tensor(m->plan, &m->rows, VQ_INPUT, VQ_U8, "rows", rows, 4);
    vq_plan_tensor(m->plan, &m->bases, VQ_SAVED, VQ_U8, "bases", rows);
    vq_plan_tensor(m->plan, &m->metrics, VQ_SAVED, VQ_F32, "metrics", VQ_METRICS);
    vq_encoder_plan(&m->encoder, m->plan, device, &m->config, shape.M, shape.training);
    vq_quantizer_plan(&m->quantizer, m->plan, device, &m->config, shape.M, shape.start_rows, shape.training);
    vq_decoder_plan(&m->decoder, m->plan, device, &m->config, shape.M, shape.training);
    if (shape.training) {
        vq_plan_tensor(m->plan, &m->dlogits, VQ_SAVED, VQ_F32, "dlogits", rows, 4);
        vq_plan_tensor(m->plan, &m->ga, VQ_SAVED, VQ_F32, "gradient.a", rows, dim);
        vq_plan_tensor(m->plan, &m->gb, VQ_SAVED, VQ_F32, "gradient.b", rows, dim);
        vq_plan_tensor(m->plan, &m->gc, VQ_SAVED, VQ_F32, "gradient.c", rows, dim);
    }
    vq_plan_scope_begin(m->plan);
    vq_plan_tensor(m->plan, &m->work, VQ_SCRATCH, VQ_U8, "loss.work", vq_crossentropy_scratch(device, shape.M));
    vq_plan_scope_end(m->plan);
    *out = m;
    return VQDNA_OK;
failed:
    vq_model_destroy(m);
    return status;
}

vq_status vq_model_create(vq_model **out, vq_device *device, const vq_config *config, vq_model_shape shape) {
    vq_model *m;
    VQ_TRY(vq_model_plan(&m, device, config, shape));
    vq_status status = vq_plan_bind(m->plan);
    if (status < 0)
        vq_model_destroy(m);
    else
        *out = m;
    return status;
}

void vq_model_destroy(vq_model *m) {
    if (!m)
        return;
    vq_plan_destroy(m->plan);
    free(m);
}

/* ---- The state dict ---------------------------------------------------------------------------------------------------------- */

const vq_tensor *vq_model_tensor(const vq_model *m, const char *name) {
    const vq_tensor *t;
    for (size_t i = 0; (t = vq_plan_at(m->plan, i)); i++)
        if ((t->role == VQ_PARAM || t->role == VQ_STATE) && strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

vq_status vq_model_put(vq_model *m, const vq_state *state) {
    for (size_t i = 0; i < state->count; i++) {
        const vq_state_tensor *s = &state->tensors[i];
        const vq_tensor *t = vq_model_tensor(m, s->name);
        assert(t && t->count == s->count);
        VQ_TRY(vq_write(m->device, t->view, 0, s->data, s->count * sizeof(float)));
    }
    return vq_quantizer_pack(&m->quantizer, m->device);
}

vq_status vq_model_get(const vq_model *m, vq_state *state) {
    for (size_t i = 0; i < state->count; i++) {
        vq_state_tensor *s = &state->tensors[i];
        const vq_tensor *t = vq_model_tensor(m, s->name);
        assert(t && t->count == s->count);
        VQ_TRY(vq_read(m->device, s->data, t->view, 0, s->count * sizeof(float)));
    }
    return VQDNA_OK;
}

/* ---- Forward ----------------------------------------------------------------------------------------------------------------- */

void vq_model_taps(const vq_model *m, vq_view taps[VQDNA_MAX_LEVELS]) {
    for (int i = 0; i < m->config.levels; i++)
        taps[i] = vq_encoder_tap(&m->encoder, i);
}

vq_status vq_model_upload(vq_model *m, const vq_row *rows) {
    return vq_upload(m->device, m->rows.view, rows, (size_t)m->M * sizeof *rows);
}

vq_status vq_model_encode(vq_model *m) {
    vq_view taps[VQDNA_MAX_LEVELS];
    vq_model_taps(m, taps);
    VQ_TRY(vq_encoder_forward(&m->encoder, m->device, m->rows.view));
    return vq_quantizer_forward(&m->quantizer, m->device, taps, m->rows.view, VQ_NO_VIEW, 0);
}

vq_status vq_model_embed(vq_model *m) {
    vq_quantizer *q = &m->quantizer;
    int N = m->config.levels;
    for (int i = 0; i < N; i++) {
        vq_level *l = &q->level[i];
        VQ_TRY(vq_quantize_gather(m->device, q->zhat.view, q->total.view, VQ_NO_VIEW, l->e.view, VQ_NO_VIEW, l->codes.view,
                                  m->rows.view, q->work.view, m->M, m->config.dim, i + 1, N, 0, 0));
    }
    return VQDNA_OK;
}

vq_status vq_model_decode(vq_model *m) {
    VQ_TRY(vq_decoder_forward(&m->decoder, m->device, m->quantizer.zhat.view, m->rows.view));
    return vq_crossentropy(m->device, VQ_NO_VIEW, m->bases.view, VQ_NO_VIEW, VQ_NO_VIEW, m->decoder.logits.view, m->rows.view, m->M,
                           4, 0);
}

/* ---- Forward and backward ---------------------------------------------------------------------------------------------------- */

typedef struct {
    vq_model *model;
    vq_view taps[VQDNA_MAX_LEVELS], dzhat;
    float beta;
    bool quantized;
} tap_context;

static vq_status tap_gradient(void *user, int level, vq_view d, bool add) {
    tap_context *c = user;
    vq_model *m = c->model;
    if (!c->quantized)
        return vq_quantizer_mean_backward(&m->quantizer, m->device, d, c->dzhat, m->rows.view, add);
    return vq_quantizer_backward(&m->quantizer, m->device, d, c->dzhat, c->taps[level], m->rows.view, level, c->beta, add);
}

vq_status vq_model_learn(vq_model *m, int known, float beta, bool quantized) {
    vq_device *device = m->device;
    vq_view rows = m->rows.view, zhat = m->quantizer.zhat.view;
    tap_context c = {.model = m, .beta = beta, .quantized = quantized};
    vq_model_taps(m, c.taps);

    VQ_TRY(vq_encoder_forward(&m->encoder, device, rows));
    if (quantized)
        VQ_TRY(vq_quantizer_forward(&m->quantizer, device, c.taps, rows, m->metrics.view, VQ_METRIC_COMMITMENT));
    else
        VQ_TRY(vq_quantizer_mean_forward(&m->quantizer, device, c.taps, rows));
    VQ_TRY(vq_decoder_forward(&m->decoder, device, zhat, rows));
    float scale = known ? 1.0f / (float)known : 0;
    VQ_TRY(vq_crossentropy(device, m->dlogits.view, VQ_NO_VIEW, m->metrics.view, m->work.view, m->decoder.logits.view, rows, m->M,
                           4, scale));

    VQ_TRY(vq_decoder_backward(&m->decoder, device, &c.dzhat, m->ga.view, m->gb.view, m->dlogits.view, zhat, rows));
    /* dzhat lies in one of the two buffers and every tap needs it: the running gradient goes through the other and one of its own.
     */
    vq_view other = c.dzhat.mem == m->ga.view.mem ? m->gb.view : m->ga.view;
    return vq_encoder_backward(&m->encoder, device, other, m->gc.view, rows, tap_gradient, &c);
}

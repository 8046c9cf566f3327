#include "nn/model.h"

#include "ops/crossentropy.h"
#include "ops/quantize.h"

#include <assert.h>
#include <stdlib.h>

vq_status vq_model_plan(vq_model **out, vq_device *device, const vq_config *config, int M, vq_purpose purpose) {
    vq_model *m;
    VQ_TRY(vq_alloc(&m, 1, sizeof *m));
    m->config = *config;
    m->device = device;
    m->planned = m->M = M;
    vq_status status;
    VQ_TRY_OR(failed, vq_plan_create(&m->plan, device, purpose));
    size_t rows = (size_t)M, dim = (size_t)config->dim;
    vq_plan_tensor(m->plan, &m->rows, VQ_INPUT, VQ_U8, "rows", rows, 4);
    vq_plan_tensor(m->plan, &m->bases, VQ_SAVED, VQ_U8, "bases", rows);
    vq_plan_tensor(m->plan, &m->metrics, VQ_SUMS, VQ_F32, "metrics", VQ_METRICS);
    vq_encoder_plan(&m->encoder, m->plan, device, &m->config, M);
    vq_quantizer_plan(&m->quantizer, m->plan, device, &m->config, M);
    vq_decoder_plan(&m->decoder, m->plan, device, &m->config, M);
    if (device && purpose != VQ_INFERENCE) {
        vq_plan_tensor(m->plan, &m->dlogits, VQ_SAVED, VQ_F32, "dlogits", rows, 4);
        vq_plan_tensor(m->plan, &m->ga, VQ_SAVED, VQ_F32, "gradient.a", rows, dim);
        vq_plan_tensor(m->plan, &m->gb, VQ_SAVED, VQ_F32, "gradient.b", rows, dim);
        vq_plan_tensor(m->plan, &m->gc, VQ_SAVED, VQ_F32, "gradient.c", rows, dim);
    }
    if (device) {
        vq_plan_scope_begin(m->plan);
        vq_plan_tensor(m->plan, &m->work, VQ_SCRATCH, VQ_U8, "loss.work", vq_crossentropy_scratch(device, M));
        vq_plan_scope_end(m->plan);
    }
    *out = m;
    return VQDNA_OK;
failed:
    vq_model_destroy(m);
    return status;
}

vq_status vq_model_create(vq_model **out, vq_device *device, const vq_config *config, int M, vq_purpose purpose) {
    vq_model *m;
    VQ_TRY(vq_model_plan(&m, device, config, M, purpose));
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

vq_status vq_model_state(vq_state *out, const vq_config *config) {
    vq_model *list;
    VQ_TRY(vq_model_plan(&list, NULL, config, 1, VQ_INFERENCE));
    vq_status status = vq_state_create(out, list->plan);
    vq_model_destroy(list);
    return status;
}

vq_status vq_model_put(vq_model *m, const vq_state *state) {
    VQ_TRY(vq_state_put(state, m->device, m->plan));
    return vq_quantizer_pack(&m->quantizer, m->device);
}

vq_status vq_model_get(const vq_model *m, vq_state *state) {
    return vq_state_get(state, m->device, m->plan);
}

/* ---- Rows -------------------------------------------------------------------------------------------------------------------- */

void vq_model_use_rows(vq_model *m, int rows) {
    assert(rows >= 1 && rows <= m->planned);
    m->M = m->encoder.M = m->quantizer.M = m->decoder.M = rows;
    for (int i = 0; i < m->config.blocks; i++)
        m->encoder.blocks[i].M = m->decoder.blocks[i].M = rows;
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
    return vq_quantizer_forward(&m->quantizer, m->device, taps, m->rows.view, VQ_NO_VIEW, 0, 0);
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
    int known;
    bool quantized;
} tap_context;

static vq_status tap_gradient(void *user, int level, vq_view d, bool add) {
    tap_context *c = user;
    vq_model *m = c->model;
    if (!c->quantized)
        return vq_quantizer_mean_backward(&m->quantizer, m->device, d, c->dzhat, m->rows.view, add);
    return vq_quantizer_backward(&m->quantizer, m->device, d, c->dzhat, c->taps[level], m->rows.view, level, c->beta, c->known,
                                 add);
}

vq_status vq_model_learn(vq_model *m, int known, float beta, bool quantized) {
    vq_device *device = m->device;
    vq_view rows = m->rows.view, zhat = m->quantizer.zhat.view;
    tap_context c = {.model = m, .beta = beta, .known = known, .quantized = quantized};
    vq_model_taps(m, c.taps);

    VQ_TRY(vq_encoder_forward(&m->encoder, device, rows));
    if (quantized)
        VQ_TRY(vq_quantizer_forward(&m->quantizer, device, c.taps, rows, m->metrics.view, VQ_METRIC_COMMITMENT, known));
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

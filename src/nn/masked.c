#include "nn/masked.h"

#include "base/integer.h"
#include "ops/linear.h"
#include "ops/softmaxloss.h"

#include <assert.h>
#include <stdlib.h>

enum { BASES = 4, METRICS = 2 };

static void plan_heads(vq_masked *m, int most) {
    const size_t W = (size_t)m->config.body.layer.width, H = (size_t)most;
    const int w = (int)W;
    size_t logits = 0, work = 1;
    for (int i = 0; i <= m->config.heads; i++) {
        vq_masked_head *h = &m->heads[i];
        const bool base = i == m->config.heads;
        h->classes = base ? BASES : m->config.classes[i];
        const size_t C = (size_t)h->classes;
        if (base)
            vq_plan_enter(m->plan, "head.base.");
        else
            vq_plan_enter(m->plan, "head.levels.%d.", i);
        vq_plan_weight(m->plan, &h->weight, "weight", vq_weight_start(W), C, W);
        vq_plan_weight(m->plan, &h->bias, "bias", VQ_ZEROS, C);
        vq_plan_tensor(m->plan, &h->metrics, VQ_SUMS, VQ_F32, "metrics", METRICS);
        if (!vq_plan_is_list(m->plan)) {
            vq_plan_tensor(m->plan, &h->targets, VQ_INPUT, VQ_I32, "targets", H);
            logits = vq_max(logits, H * C);
            work = vq_max(work, vq_linear_scratch(m->device, most, w, h->classes));
        }
        vq_plan_leave(m->plan);
    }
    if (vq_plan_is_list(m->plan))
        return;
    const size_t M = (size_t)m->body.planned_B * (size_t)m->body.planned_L;
    vq_plan_tensor(m->plan, &m->picked, VQ_INPUT, VQ_I32, "picked", H);
    vq_plan_tensor(m->plan, &m->back, VQ_INPUT, VQ_I32, "back", M);
    vq_plan_scope_begin(m->plan);
    vq_plan_tensor(m->plan, &m->x, VQ_SCRATCH, VQ_F32, "hidden", H, W);
    if (vq_plan_is_training(m->plan)) {
        vq_plan_tensor(m->plan, &m->dx, VQ_SCRATCH, VQ_F32, "dhidden", H, W);
        vq_plan_tensor(m->plan, &m->part, VQ_SCRATCH, VQ_F32, "dhead", H, W);
    }
    vq_plan_tensor(m->plan, &m->logits, VQ_SCRATCH, VQ_F32, "logits", logits);
    vq_plan_tensor(m->plan, &m->scratch, VQ_SCRATCH, VQ_U8, "loss", vq_softmaxloss_scratch(m->device, most));
    vq_plan_tensor(m->plan, &m->work, VQ_SCRATCH, VQ_U8, "work", work);
    vq_plan_scope_end(m->plan);
}

vq_status vq_masked_plan(vq_masked **out, vq_device *device, const vq_masked_config *config, int B, int L, int most,
                         vq_purpose purpose, const vq_body_training *how) {
    vq_masked *m;
    VQ_TRY(vq_alloc(&m, 1, sizeof *m));
    m->config = *config;
    m->device = device;
    m->most = most;
    vq_status status;
    VQ_TRY_OR(failed, vq_plan_create(&m->plan, device, purpose));
    VQ_TRY_OR(failed, vq_body_plan(&m->body, m->plan, device, &config->body, B, L, how));
    plan_heads(m, most);
    *out = m;
    return VQDNA_OK;
failed:
    vq_masked_destroy(m);
    return status;
}

void vq_masked_destroy(vq_masked *m) {
    if (!m)
        return;
    vq_body_unbind(&m->body);
    vq_plan_destroy(m->plan);
    vq_body_free(&m->body);
    free(m);
}

vq_status vq_masked_state(vq_state *out, const vq_masked_config *config) {
    vq_masked *list;
    VQ_TRY(vq_masked_plan(&list, NULL, config, 1, 1, 1, VQ_INFERENCE, NULL));
    vq_status status = vq_state_create(out, list->plan);
    vq_masked_destroy(list);
    return status;
}

vq_status vq_masked_upload(vq_masked *m, const int32_t *picked, const int32_t *back, const int32_t *targets, int hidden) {
    const size_t M = (size_t)m->body.batch.B * (size_t)m->body.batch.L, H = (size_t)hidden;
    assert(hidden >= 1 && hidden <= m->most);
    m->hidden = hidden;
    VQ_TRY(vq_upload(m->device, m->picked.view, picked, H * sizeof *picked));
    VQ_TRY(vq_upload(m->device, m->back.view, back, M * sizeof *back));
    for (int i = 0; i <= m->config.heads; i++)
        VQ_TRY(vq_upload(m->device, m->heads[i].targets.view, targets + (size_t)i * H, H * sizeof *targets));
    return VQDNA_OK;
}

/* One head over the hidden tokens: its gradient in x to `dx` =. */
static vq_status run_head(vq_masked *m, vq_masked_head *h, vq_view dx, float scale) {
    const int W = m->config.body.layer.width, C = h->classes, H = m->hidden;
    vq_view logits = m->logits.view;
    VQ_TRY(vq_linear_forward(m->device, logits, m->work.view, m->x.view, h->weight.view, h->bias.view, H, W, C));
    VQ_TRY(vq_softmaxloss(m->device, scale > 0 ? logits : VQ_NO_VIEW, VQ_NO_VIEW, h->metrics.view, m->scratch.view, logits,
                          h->targets.view, VQ_NO_VIEW, H, C, scale));
    if (scale <= 0)
        return VQDNA_OK;
    VQ_TRY(vq_linear_backward_weight(m->device, h->weight.grad, h->bias.grad, m->work.view, logits, m->x.view, H, W, C));
    return vq_linear_backward_input(m->device, dx, m->work.view, logits, h->weight.view, VQ_NO_VIEW, H, W, C);
}

vq_status vq_masked_run(vq_masked *m, double dropout, vq_draws draws, float scale) {
    const int M = m->body.batch.B * m->body.batch.L, W = m->config.body.layer.width, H = m->hidden, N = m->config.heads;
    const size_t n = (size_t)H * (size_t)W;
    VQ_TRY(vq_body_forward(&m->body, dropout, draws));
    VQ_TRY(vq_embedding_forward(m->device, m->x.view, m->body.out.view, m->picked.view, H, W, M, 1, false));
    VQ_TRY(run_head(m, &m->heads[N], m->dx.view, scale));
    for (int i = 0; i < N; i++) {
        VQ_TRY(run_head(m, &m->heads[i], m->part.view, scale / (float)N));
        if (scale > 0)
            VQ_TRY(vq_dropout_forward(m->device, m->dx.view, m->dx.view, m->part.view, n, 0, (vq_draws){0}));
    }
    if (scale <= 0)
        return VQDNA_OK;
    VQ_TRY(vq_embedding_forward(m->device, m->body.ga.view, m->dx.view, m->back.view, M, W, H, 1, false));
    return vq_body_backward(&m->body);
}

#include "nn/classifier.h"

#include "base/integer.h"
#include "ops/linear.h"
#include "ops/pool.h"
#include "ops/softmaxloss.h"
#include "ops/squareloss.h"

#include <stdlib.h>
#include <string.h>

static void plan_head(vq_classifier *m, int B) {
    const vq_classifier_config *c = &m->config;
    const size_t W = (size_t)c->body.layer.width, C = (size_t)m->outputs, b = (size_t)B;
    const int w = (int)W;
    if (!c->linear) {
        vq_plan_weight(m->plan, &m->hidden_weight, "head.hidden.weight", vq_weight_start(W), W, W);
        vq_plan_weight(m->plan, &m->hidden_bias, "head.hidden.bias", vq_bias_start(W), W);
    }
    vq_plan_weight(m->plan, &m->out_weight, "head.out.weight", vq_weight_start(W), C, W);
    vq_plan_weight(m->plan, &m->out_bias, "head.out.bias", VQ_ZEROS, C);
    vq_plan_tensor(m->plan, &m->metrics, VQ_SUMS, VQ_F32, "metrics", VQ_CLASSIFIER_METRICS);
    if (vq_plan_is_list(m->plan))
        return;
    vq_plan_tensor(m->plan, &m->targets, VQ_INPUT, c->classes ? VQ_I32 : VQ_F32, "targets", b);
    vq_plan_tensor(m->plan, &m->weights, VQ_INPUT, VQ_F32, "class_weights", C);
    vq_plan_tensor(m->plan, &m->pooled, VQ_SAVED, VQ_F32, "pooled", b, W);
    if (c->max_pool)
        vq_plan_tensor(m->plan, &m->best, VQ_SAVED, VQ_I32, "best", b, W);
    if (!c->linear) {
        vq_plan_tensor(m->plan, &m->pre, VQ_SAVED, VQ_F32, "head.pre", b, W);
        vq_plan_tensor(m->plan, &m->act, VQ_SAVED, VQ_F32, "head.act", b, W);
    }
    vq_plan_tensor(m->plan, &m->logits, VQ_SAVED, VQ_F32, "logits", b, C);
    vq_plan_scope_begin(m->plan);
    if (vq_plan_is_training(m->plan)) {
        vq_plan_tensor(m->plan, &m->dlogits, VQ_SCRATCH, VQ_F32, "dlogits", b, C);
        vq_plan_tensor(m->plan, &m->dact, VQ_SCRATCH, VQ_F32, "dact", b, W);
        vq_plan_tensor(m->plan, &m->dpooled, VQ_SCRATCH, VQ_F32, "dpooled", b, W);
        vq_plan_tensor(m->plan, &m->scratch, VQ_SCRATCH, VQ_U8, "loss", vq_softmaxloss_scratch(m->device, B));
    }
    vq_plan_tensor(m->plan, &m->work, VQ_SCRATCH, VQ_U8, "work",
                   vq_max(vq_linear_scratch(m->device, B, w, w), vq_linear_scratch(m->device, B, w, (int)C)));
    vq_plan_scope_end(m->plan);
}

vq_status vq_classifier_plan(vq_classifier **out, vq_device *device, const vq_classifier_config *config, int B, int L,
                             vq_purpose purpose, const vq_body_training *how) {
    vq_classifier *m;
    VQ_TRY(vq_alloc(&m, 1, sizeof *m));
    m->config = *config;
    m->device = device;
    m->outputs = config->classes ? config->classes : 1;
    vq_status status;
    VQ_TRY_OR(failed, vq_plan_create(&m->plan, device, purpose));
    VQ_TRY_OR(failed, vq_body_plan(&m->body, m->plan, device, &config->body, B, L, how));
    plan_head(m, B);
    *out = m;
    return VQDNA_OK;
failed:
    vq_classifier_destroy(m);
    return status;
}

void vq_classifier_destroy(vq_classifier *m) {
    if (!m)
        return;
    vq_body_unbind(&m->body);
    vq_plan_destroy(m->plan);
    vq_body_free(&m->body);
    free(m);
}

vq_status vq_classifier_state(vq_state *out, const vq_classifier_config *config) {
    vq_classifier *list;
    VQ_TRY(vq_classifier_plan(&list, NULL, config, 1, 1, VQ_INFERENCE, NULL));
    vq_status status = vq_state_create(out, list->plan);
    vq_classifier_destroy(list);
    return status;
}

void vq_classifier_merge(vq_state *to, const vq_classifier *m, const vq_state *from) {
    for (size_t i = 0; i < to->count; i++) {
        const vq_state_tensor *own = vq_state_find(from, to->tensors[i].name);
        memcpy(to->tensors[i].data, own->data, own->count * sizeof *own->data);
    }
    for (int i = 0; i < 4 * m->config.body.layers; i++) {
        const vq_adapter *a = &m->body.adapters[i];
        if (!a->rank)
            continue;
        const float *A = vq_state_find(from, a->A.name)->data, *B = vq_state_find(from, a->B.name)->data;
        float *W = vq_state_find(to, a->base->name)->data;
        for (int o = 0; o < a->out; o++)
            for (int k = 0; k < a->rank; k++)
                for (int j = 0; j < a->in; j++)
                    W[o * a->in + j] += a->scale * B[o * a->rank + k] * A[k * a->in + j];
    }
}

vq_status vq_classifier_forward(vq_classifier *m, double dropout, vq_draws draws) {
    const vq_classifier_config *c = &m->config;
    const vq_layer_batch *batch = &m->body.batch;
    const int B = batch->B, L = batch->L, W = c->body.layer.width;
    vq_view x = m->pooled.view, work = m->work.view;
    VQ_TRY(vq_body_forward(&m->body, dropout, draws));
    if (c->max_pool)
        VQ_TRY(vq_pool_max_forward(m->device, x, m->best.view, m->body.out.view, batch->mask, B, L, W));
    else
        VQ_TRY(vq_pool_mean_forward(m->device, x, m->body.out.view, batch->mask, B, L, W));
    if (!c->linear) {
        VQ_TRY(vq_linear_gelu_forward(m->device, m->act.view, m->pre.view, work, x, m->hidden_weight.view, m->hidden_bias.view, B,
                                      W, W));
        x = m->act.view;
    }
    return vq_linear_forward(m->device, m->logits.view, work, x, m->out_weight.view, m->out_bias.view, B, W, m->outputs);
}

static vq_status loss(vq_classifier *m, bool weighed, float scale) {
    const int B = m->body.batch.B;
    if (!m->config.classes)
        return vq_squareloss(m->device, m->dlogits.view, m->metrics.view, m->logits.view, m->targets.view, B, scale);
    return vq_softmaxloss(m->device, m->dlogits.view, VQ_NO_VIEW, m->metrics.view, m->scratch.view, m->logits.view, m->targets.view,
                          weighed ? m->weights.view : VQ_NO_VIEW, B, m->config.classes, scale);
}

vq_status vq_classifier_learn(vq_classifier *m, double dropout, vq_draws draws, bool weighed, float scale) {
    const vq_classifier_config *c = &m->config;
    const vq_layer_batch *batch = &m->body.batch;
    const int B = batch->B, L = batch->L, W = c->body.layer.width, C = m->outputs;
    vq_view work = m->work.view, x = c->linear ? m->pooled.view : m->act.view, dx = c->linear ? m->dpooled.view : m->dact.view;
    VQ_TRY(vq_classifier_forward(m, dropout, draws));
    VQ_TRY(loss(m, weighed, scale));
    VQ_TRY(vq_linear_backward_weight(m->device, m->out_weight.grad, m->out_bias.grad, work, m->dlogits.view, x, B, W, C));
    if (c->linear && m->body.how.frozen)
        return VQDNA_OK;
    VQ_TRY(vq_linear_backward_input(m->device, dx, work, m->dlogits.view, m->out_weight.view, c->linear ? VQ_NO_VIEW : m->pre.view,
                                    B, W, C));
    if (!c->linear) {
        VQ_TRY(vq_linear_backward_weight(m->device, m->hidden_weight.grad, m->hidden_bias.grad, work, dx, m->pooled.view, B, W, W));
        if (m->body.how.frozen)
            return VQDNA_OK;
        VQ_TRY(vq_linear_backward_input(m->device, m->dpooled.view, work, dx, m->hidden_weight.view, VQ_NO_VIEW, B, W, W));
    }
    vq_view d = m->body.ga.view;
    if (c->max_pool) {
        VQ_TRY(vq_zero(m->device, d));
        VQ_TRY(vq_pool_max_backward(m->device, d, m->dpooled.view, m->best.view, B, L, W));
    } else {
        VQ_TRY(vq_pool_mean_backward(m->device, d, m->dpooled.view, batch->mask, B, L, W));
    }
    return vq_body_backward(&m->body);
}

#include "nn/decoder.h"

#include "base/integer.h"
#include "ops/gelu.h"
#include "ops/head.h"
#include "ops/layernorm.h"
#include "ops/linear.h"

void vq_decoder_plan(vq_decoder *c, vq_plan *plan, vq_device *device, const vq_config *config, int M) {
    size_t m = (size_t)M, s = (size_t)config->stem, d = (size_t)config->dim;
    c->config = config;
    c->M = M;
    for (int i = 0; i < config->blocks; i++) {
        vq_plan_enter(plan, "dec.%d.", i);
        vq_convnext_plan(&c->blocks[i], plan, device, M, config->dim);
        vq_plan_leave(plan);
    }
    vq_plan_weight(plan, &c->unjoin_weight, "unjoin.weight", vq_weight_start(d), s, d);
    vq_plan_weight(plan, &c->unjoin_bias, "unjoin.bias", vq_bias_start(d), s);
    vq_plan_weight(plan, &c->norm_weight, "norm_out.weight", VQ_ONES, s);
    vq_plan_weight(plan, &c->norm_bias, "norm_out.bias", VQ_ZEROS, s);
    vq_plan_weight(plan, &c->conv_weight, "conv_out.weight", vq_weight_start(5 * s), 4, s, 5);
    vq_plan_weight(plan, &c->conv_bias, "conv_out.bias", vq_bias_start(5 * s), 4);
    if (vq_plan_is_list(plan))
        return;

    vq_plan_tensor(plan, &c->logits, VQ_SAVED, VQ_F32, "logits", m, 4);
    const bool training = vq_plan_is_training(plan);
    vq_role kept = training ? VQ_SAVED : VQ_SCRATCH;
    vq_plan_scope_begin(plan);
    vq_plan_tensor(plan, &c->unjoined, kept, VQ_F32, "unjoin.y", m, s);
    vq_plan_tensor(plan, &c->normed, kept, VQ_F32, "norm_out.y", m, s);
    vq_plan_tensor(plan, &c->stem, kept, VQ_F32, "unstem.y", m, s);
    size_t work = vq_head_scratch(device, M, config->stem), linear = vq_linear_scratch(device, M, config->dim, config->stem);
    work = vq_max(work, linear);
    if (training) {
        work = vq_max(work, vq_layernorm_scratch(device, M, config->stem));
        vq_plan_tensor(plan, &c->stats, VQ_SAVED, VQ_F32, "norm_out.stats", m, 2);
        vq_plan_tensor(plan, &c->dstem, VQ_SCRATCH, VQ_F32, "unstem.dy", m, s);
        vq_plan_tensor(plan, &c->dunjoined, VQ_SCRATCH, VQ_F32, "unjoin.dy", m, s);
    }
    vq_plan_tensor(plan, &c->work, VQ_SCRATCH, VQ_U8, "unjoin.work", work);
    vq_plan_scope_end(plan);
}

vq_status vq_decoder_forward(vq_decoder *c, vq_device *device, vq_view zhat, vq_view rows) {
    int M = c->M, S = c->config->stem, D = c->config->dim;
    vq_view x = zhat, work = c->work.view;
    for (int i = 0; i < c->config->blocks; i++) {
        VQ_TRY(vq_convnext_forward(&c->blocks[i], device, x, rows));
        x = c->blocks[i].y.view;
    }
    /* unjoined [M][stem] = x [M][D] unjoin [stem][D]^T */
    VQ_TRY(vq_linear_forward(device, c->unjoined.view, work, x, c->unjoin_weight.view, c->unjoin_bias.view, M, D, S));
    VQ_TRY(vq_layernorm_forward(device, c->normed.view, c->stats.view, c->unjoined.view, c->norm_weight.view, c->norm_bias.view, M,
                                S));
    VQ_TRY(vq_gelu_forward(device, c->stem.view, c->normed.view, (size_t)M * (size_t)S));
    /* logits [M][4] = stem [M][stem] * conv_out [4][stem][5] */
    return vq_head_forward(device, c->logits.view, work, c->stem.view, rows, c->conv_weight.view, c->conv_bias.view, M, S);
}

vq_status vq_decoder_backward(vq_decoder *c, vq_device *device, vq_view *dzhat, vq_view a, vq_view b, vq_view dlogits, vq_view zhat,
                              vq_view rows) {
    int M = c->M, S = c->config->stem, D = c->config->dim, blocks = c->config->blocks;
    vq_view dstem = c->dstem.view, dunjoined = c->dunjoined.view, work = c->work.view;
    /* dstem [M][stem] = dlogits [M][4] * conv_out reversed; dconv_out [4][stem][5] += */
    VQ_TRY(vq_head_backward(device, dstem, c->conv_weight.grad, c->conv_bias.grad, work, dlogits, c->stem.view, rows,
                            c->conv_weight.view, M, S));
    VQ_TRY(vq_gelu_backward(device, dstem, dstem, c->normed.view, (size_t)M * (size_t)S));
    VQ_TRY(vq_layernorm_backward(device, dunjoined, c->norm_weight.grad, c->norm_bias.grad, work, dstem, c->unjoined.view,
                                 c->stats.view, c->norm_weight.view, VQ_NO_VIEW, M, S));
    VQ_TRY(vq_linear_backward_weight(device, c->unjoin_weight.grad, c->unjoin_bias.grad, work, dunjoined,
                                     c->blocks[blocks - 1].y.view, M, D, S));
    /* a [M][D] = dunjoined [M][stem] unjoin [stem][D] */
    VQ_TRY(vq_linear_backward_input(device, a, work, dunjoined, c->unjoin_weight.view, VQ_NO_VIEW, M, D, S));
    for (int i = blocks - 1; i >= 0; i--) {
        VQ_TRY(vq_convnext_backward(&c->blocks[i], device, b, a, i ? c->blocks[i - 1].y.view : zhat, rows));
        vq_view swap = a;
        a = b;
        b = swap;
    }
    *dzhat = a;
    return VQDNA_OK;
}

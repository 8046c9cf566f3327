#include "nn/encoder.h"

#include "base/integer.h"
#include "ops/gelu.h"
#include "ops/layernorm.h"
#include "ops/linear.h"
#include "ops/stem.h"

static void plan_activations(vq_encoder *e, vq_plan *plan, vq_device *device) {
    const bool training = vq_plan_is_training(plan);
    const int M = e->M, S = e->config->stem, D = e->config->dim;
    size_t m = (size_t)M, s = (size_t)S;
    vq_role kept = training ? VQ_SAVED : VQ_SCRATCH;
    vq_plan_tensor(plan, &e->x0, VQ_SAVED, VQ_F32, "enc.x0", m, (size_t)D);
    vq_plan_scope_begin(plan);
    vq_plan_tensor(plan, &e->conv, kept, VQ_F32, "conv_in.y", m, s);
    vq_plan_tensor(plan, &e->normed, kept, VQ_F32, "norm_in.y", m, s);
    vq_plan_tensor(plan, &e->stem, kept, VQ_F32, "stem.y", m, s);
    size_t work = vq_stem_scratch(device, M, S), linear = vq_linear_scratch(device, M, S, D);
    work = vq_max(work, linear);
    if (training) {
        work = vq_max(work, vq_layernorm_scratch(device, M, S));
        vq_plan_tensor(plan, &e->stats, VQ_SAVED, VQ_F32, "norm_in.stats", m, 2);
        vq_plan_tensor(plan, &e->dstem, VQ_SCRATCH, VQ_F32, "stem.dy", m, s);
        vq_plan_tensor(plan, &e->dconv, VQ_SCRATCH, VQ_F32, "conv_in.dy", m, s);
    }
    vq_plan_tensor(plan, &e->work, VQ_SCRATCH, VQ_U8, "conv_in.work", work);
    vq_plan_scope_end(plan);
}

void vq_encoder_plan(vq_encoder *e, vq_plan *plan, vq_device *device, const vq_config *config, int M) {
    size_t s = (size_t)config->stem, d = (size_t)config->dim;
    e->config = config;
    e->M = M;
    vq_plan_weight(plan, &e->conv_weight, "conv_in.weight", vq_weight_start(4 * 5), s, 4, 5);
    vq_plan_weight(plan, &e->conv_bias, "conv_in.bias", vq_bias_start(4 * 5), s);
    vq_plan_weight(plan, &e->norm_weight, "norm_in.weight", VQ_ONES, s);
    vq_plan_weight(plan, &e->norm_bias, "norm_in.bias", VQ_ZEROS, s);
    vq_plan_weight(plan, &e->join_weight, "join.weight", vq_weight_start(s), d, s);
    vq_plan_weight(plan, &e->join_bias, "join.bias", vq_bias_start(s), d);
    if (!vq_plan_is_list(plan))
        plan_activations(e, plan, device);
    for (int i = 0; i < config->blocks; i++) {
        vq_plan_enter(plan, "enc.%d.", i);
        vq_convnext_plan(&e->blocks[i], plan, device, M, config->dim);
        vq_plan_leave(plan);
    }
}

vq_view vq_encoder_tap(const vq_encoder *e, int level) {
    return e->blocks[e->config->taps[level] - 1].y.view;
}

static vq_view input_of(const vq_encoder *e, int block) {
    return block ? e->blocks[block - 1].y.view : e->x0.view;
}

vq_status vq_encoder_forward(vq_encoder *e, vq_device *device, vq_view rows) {
    int M = e->M, S = e->config->stem, D = e->config->dim;
    /* conv [M][stem] = one-hot bases [M][4] * conv_in [stem][4][5] */
    VQ_TRY(vq_stem_forward(device, e->conv.view, e->work.view, rows, e->conv_weight.view, e->conv_bias.view, M, S));
    VQ_TRY(vq_layernorm_forward(device, e->normed.view, e->stats.view, e->conv.view, e->norm_weight.view, e->norm_bias.view, M, S));
    VQ_TRY(vq_gelu_forward(device, e->stem.view, e->normed.view, (size_t)M * (size_t)S));
    /* x0 [M][D] = stem [M][stem] join [D][stem]^T */
    VQ_TRY(vq_linear_forward(device, e->x0.view, e->work.view, e->stem.view, e->join_weight.view, e->join_bias.view, M, S, D));
    for (int i = 0; i < e->config->blocks; i++)
        VQ_TRY(vq_convnext_forward(&e->blocks[i], device, input_of(e, i), rows));
    return VQDNA_OK;
}

vq_status vq_encoder_backward(vq_encoder *e, vq_device *device, vq_view a, vq_view b, vq_view rows, vq_tap_gradient tap,
                              void *user) {
    int M = e->M, S = e->config->stem, D = e->config->dim;
    int level = e->config->levels - 1;
    VQ_TRY(tap(user, level--, a, false));
    for (int i = e->config->blocks - 1; i >= 0; i--) {
        VQ_TRY(vq_convnext_backward(&e->blocks[i], device, b, a, input_of(e, i), rows));
        vq_view swap = a;
        a = b;
        b = swap;
        if (level >= 0 && e->config->taps[level] == i)
            VQ_TRY(tap(user, level--, a, true));
    }
    /* djoin [D][stem] += a [M][D]^T stem [M][stem]; dstem [M][stem] = a [M][D] join [D][stem], through gelu */
    vq_view dstem = e->dstem.view, dconv = e->dconv.view, work = e->work.view;
    VQ_TRY(vq_linear_backward_weight(device, e->join_weight.grad, e->join_bias.grad, work, a, e->stem.view, M, S, D));
    VQ_TRY(vq_linear_backward_input(device, dstem, work, a, e->join_weight.view, e->normed.view, M, S, D));
    VQ_TRY(vq_layernorm_backward(device, dconv, e->norm_weight.grad, e->norm_bias.grad, work, dstem, e->conv.view, e->stats.view,
                                 e->norm_weight.view, VQ_NO_VIEW, M, S));
    return vq_stem_backward(device, e->conv_weight.grad, e->conv_bias.grad, work, dconv, rows, M, S);
}

#include "nn/layer.h"

#include "base/integer.h"
#include "ops/attention.h"
#include "ops/layernorm.h"
#include "ops/linear.h"

static size_t rows(int B, int L) {
    return (size_t)B * (size_t)L;
}

static vq_attention_shape shape_of(const vq_layer_config *c, int B, int L) {
    const int W = c->width;
    return (vq_attention_shape){B, c->heads, L, W / c->heads, {3 * W, 0}, {3 * W, W}, {3 * W, 2 * W}, {W, 0}};
}

/* Fewer sequences may be cut into more parts. */
static size_t attention_scratch(vq_device *device, const vq_layer_config *c, int B, int L) {
    size_t most = 1;
    for (int b = 1; b <= B; b++) {
        const vq_attention_shape shape = shape_of(c, b, L);
        most = vq_max(most, vq_attention_scratch(device, &shape));
    }
    return most;
}

void vq_layer_saved_plan(vq_layer_saved *s, vq_plan *plan, vq_device *device, const vq_layer_config *c, bool attention, bool hyena,
                         int B, int L) {
    const size_t M = rows(B, L), W = (size_t)c->width;
    vq_plan_tensor(plan, &s->qkv, VQ_SAVED, VQ_F32, "qkv", M, 3 * W);
    if (attention)
        vq_plan_tensor(plan, &s->lse, VQ_SAVED, VQ_F32, "lse", M, (size_t)c->heads);
    if (hyena)
        vq_hyena_saved_plan(&s->hyena, plan, device, c->width, B, L);
    vq_plan_tensor(plan, &s->heads, VQ_SAVED, VQ_F32, "heads", M, W);
    vq_plan_tensor(plan, &s->middle, VQ_SAVED, VQ_F32, "middle", M, W);
    vq_plan_tensor(plan, &s->stats1, VQ_SAVED, VQ_F32, "stats1", M, 2);
    vq_plan_tensor(plan, &s->stats2, VQ_SAVED, VQ_F32, "stats2", M, 2);
    vq_plan_tensor(plan, &s->pre, VQ_SAVED, VQ_F32, "pre", M, (size_t)c->feed);
    if (c->post_norm)
        vq_plan_tensor(plan, &s->sum, VQ_SAVED, VQ_F32, "sum", M, W);
}

void vq_layer_plan(vq_layer *l, vq_plan *plan, vq_device *device, const vq_layer_config *config, int B, int L,
                   vq_layer_saved *shared) {
    const size_t M = rows(B, L), W = (size_t)config->width, F = (size_t)config->feed;
    const vq_start wide = vq_weight_start(W), narrow = vq_weight_start(F);
    const vq_start projections = {VQ_START_UNIFORM, (double)W / 1.5, true}; /* of Glorot, three at once */
    const bool hyena = config->mixer == VQ_HYENA;
    l->config = *config;
    l->saved = shared ? shared : &l->own;
    vq_plan_weight(plan, &l->in_weight, hyena ? "mixer.in_proj.weight" : "self_attn.in_proj_weight", projections, 3 * W, W);
    vq_plan_weight(plan, &l->in_bias, hyena ? "mixer.in_proj.bias" : "self_attn.in_proj_bias", VQ_ZEROS, 3 * W);
    if (hyena)
        vq_hyena_plan(&l->hyena, plan, config->width, config->positions);
    vq_plan_weight(plan, &l->out_weight, hyena ? "mixer.out_proj.weight" : "self_attn.out_proj.weight", wide, W, W);
    vq_plan_weight(plan, &l->out_bias, hyena ? "mixer.out_proj.bias" : "self_attn.out_proj.bias", VQ_ZEROS, W);
    vq_plan_weight(plan, &l->up_weight, "linear1.weight", wide, F, W);
    vq_plan_weight(plan, &l->up_bias, "linear1.bias", vq_bias_start(W), F);
    vq_plan_weight(plan, &l->down_weight, "linear2.weight", narrow, W, F);
    vq_plan_weight(plan, &l->down_bias, "linear2.bias", vq_bias_start(F), W);
    vq_plan_weight(plan, &l->norm1_weight, "norm1.weight", VQ_ONES, W);
    vq_plan_weight(plan, &l->norm1_bias, "norm1.bias", VQ_ZEROS, W);
    vq_plan_weight(plan, &l->norm2_weight, "norm2.weight", VQ_ONES, W);
    vq_plan_weight(plan, &l->norm2_bias, "norm2.bias", VQ_ZEROS, W);
    l->in = &l->in_weight;
    l->out = &l->out_weight;
    l->up = &l->up_weight;
    l->down = &l->down_weight;
    if (vq_plan_is_list(plan))
        return;

    if (!shared)
        vq_layer_saved_plan(&l->own, plan, device, config, !hyena, hyena, B, L);
    vq_plan_tensor(plan, &l->y, VQ_SAVED, VQ_F32, "y", M, W);
    vq_plan_scope_begin(plan);
    vq_plan_tensor(plan, &l->wide, VQ_SCRATCH, VQ_F32, "wide", M, vq_max(F, 3 * W));
    vq_plan_tensor(plan, &l->a, VQ_SCRATCH, VQ_F32, "a", M, W);
    const int m = (int)M, w = config->width, f = config->feed;
    size_t work = vq_max(vq_linear_scratch(device, m, w, 3 * w), vq_linear_scratch(device, m, w, w));
    work = vq_max(work, vq_max(vq_linear_scratch(device, m, w, f), vq_linear_scratch(device, m, f, w)));
    if (vq_plan_is_training(plan)) {
        vq_plan_tensor(plan, &l->b, VQ_SCRATCH, VQ_F32, "b", M, W);
        vq_plan_tensor(plan, &l->c, VQ_SCRATCH, VQ_F32, "c", M, W);
        work = vq_max(work, vq_layernorm_scratch(device, m, w));
        if (!hyena)
            vq_plan_tensor(plan, &l->attention, VQ_SCRATCH, VQ_U8, "attention", attention_scratch(device, config, B, L));
    }
    if (hyena)
        vq_hyena_scratch_plan(&l->hyena, plan, device, B, L);
    vq_plan_tensor(plan, &l->work, VQ_SCRATCH, VQ_U8, "work", work);
    vq_plan_scope_end(plan);
}

/* The draws of a layer's first or second branch. */
static vq_draws draws(const vq_layer *l, const vq_layer_batch *batch, int branch) {
    vq_draws d = batch->draws;
    d.stream += (uint32_t)(2 * l->number + branch);
    return d;
}

/* y [M][W] = drop(x [M][in] weight^T + bias) + residual */
static vq_status branch_end(vq_layer *l, vq_device *device, vq_view y, vq_view x, const vq_tensor *weight, const vq_tensor *bias,
                            vq_view residual, int in, int branch, const vq_layer_batch *batch) {
    const int M = batch->B * batch->L, W = l->config.width;
    if (batch->dropout == 0)
        return vq_linear_residual_forward(device, y, l->work.view, x, weight->view, bias->view, residual, M, in, W);
    VQ_TRY(vq_linear_forward(device, y, l->work.view, x, weight->view, bias->view, M, in, W));
    return vq_dropout_forward(device, y, y, residual, (size_t)M * (size_t)W, batch->dropout, draws(l, batch, branch));
}

static vq_status norm(vq_device *device, vq_view y, vq_view x, vq_view stats, const vq_tensor *weight, const vq_tensor *bias, int M,
                      int W) {
    return vq_layernorm_forward(device, y, stats, x, weight->view, bias->view, M, W);
}

/* The input of a branch: norm(x) before it, or x itself where the norm comes after. */
static vq_status branch_input(vq_layer *l, vq_device *device, vq_view *out, vq_view to, vq_view x, int branch, int M) {
    vq_layer_saved *s = l->saved;
    *out = x;
    if (l->config.post_norm)
        return VQDNA_OK;
    *out = to;
    return branch ? norm(device, to, x, s->stats2.view, &l->norm2_weight, &l->norm2_bias, M, l->config.width)
                  : norm(device, to, x, s->stats1.view, &l->norm1_weight, &l->norm1_bias, M, l->config.width);
}

/* z of post-norm, which is not kept but computed again: norm1(middle). */
static vq_status normed_middle(vq_layer *l, vq_device *device, vq_view *out, vq_view to, int M) {
    vq_layer_saved *s = l->saved;
    *out = s->middle.view;
    if (!l->config.post_norm)
        return VQDNA_OK;
    *out = to;
    return norm(device, to, s->middle.view, s->stats1.view, &l->norm1_weight, &l->norm1_bias, M, l->config.width);
}

/* heads [M][W] from qkv [M][3W] */
static vq_status mix(vq_layer *l, vq_device *device, const vq_layer_batch *batch) {
    vq_layer_saved *s = l->saved;
    vq_view qkv = s->qkv.view;
    if (l->config.mixer == VQ_HYENA)
        return vq_hyena_forward(&l->hyena, device, &s->hyena, s->heads.view, l->wide.view, qkv, batch);
    const vq_attention_shape shape = shape_of(&l->config, batch->B, batch->L);
    return vq_attention_forward(device, s->heads.view, s->lse.view, qkv, qkv, qkv, batch->mask, &shape);
}

/* dqkv [M][3W] from dheads [M][W] */
static vq_status mix_backward(vq_layer *l, vq_device *device, vq_view dqkv, vq_view dheads, const vq_layer_batch *batch) {
    vq_layer_saved *s = l->saved;
    vq_view qkv = s->qkv.view;
    if (l->config.mixer == VQ_HYENA)
        return vq_hyena_backward(&l->hyena, device, &s->hyena, dqkv, dheads, qkv, batch);
    const vq_attention_shape shape = shape_of(&l->config, batch->B, batch->L);
    return vq_attention_backward(device, dqkv, dqkv, dqkv, l->attention.view, dheads, qkv, qkv, qkv, s->heads.view, s->lse.view,
                                 batch->mask, &shape);
}

vq_status vq_layer_forward(vq_layer *l, vq_device *device, vq_view x, const vq_layer_batch *batch) {
    const int M = batch->B * batch->L, W = l->config.width, F = l->config.feed;
    vq_layer_saved *s = l->saved;
    vq_view work = l->work.view, qkv = s->qkv.view, hidden = l->wide.view, in, z;
    VQ_TRY(branch_input(l, device, &in, l->a.view, x, 0, M));
    /* qkv [M][3W] = in [M][W] in_proj [3W][W]^T */
    VQ_TRY(vq_linear_forward(device, qkv, work, in, l->in->view, l->in_bias.view, M, W, 3 * W));
    VQ_TRY(mix(l, device, batch));
    /* middle [M][W] = drop(heads [M][W] out_proj [W][W]^T) + x [M][W] */
    VQ_TRY(branch_end(l, device, s->middle.view, s->heads.view, l->out, &l->out_bias, x, W, 0, batch));
    VQ_TRY(normed_middle(l, device, &z, l->a.view, M));
    VQ_TRY(branch_input(l, device, &in, l->a.view, z, 1, M));
    /* hidden [M][F] = gelu(in [M][W] linear1 [F][W]^T) */
    VQ_TRY(vq_linear_gelu_forward(device, hidden, s->pre.view, work, in, l->up->view, l->up_bias.view, M, W, F));
    if (!l->config.post_norm) /* y [M][W] = drop(hidden [M][F] linear2 [W][F]^T) + z [M][W] */
        return branch_end(l, device, l->y.view, hidden, l->down, &l->down_bias, z, F, 1, batch);
    VQ_TRY(branch_end(l, device, s->sum.view, hidden, l->down, &l->down_bias, z, F, 1, batch));
    return norm(device, l->y.view, s->sum.view, s->stats2.view, &l->norm2_weight, &l->norm2_bias, M, W);
}

/* The gradient before dropout, in `to` if there is any. */
static vq_status undropped(vq_layer *l, vq_device *device, vq_view *out, vq_view to, vq_view d, int branch,
                           const vq_layer_batch *batch) {
    *out = d;
    if (batch->dropout == 0)
        return VQDNA_OK;
    *out = to;
    const size_t n = (size_t)batch->B * (size_t)batch->L * (size_t)l->config.width;
    return vq_dropout_backward(device, to, d, n, batch->dropout, draws(l, batch, branch));
}

static vq_status norm_backward(vq_layer *l, vq_device *device, vq_view d, vq_tensor *weight, vq_tensor *bias, vq_view x,
                               vq_view stats, vq_view residual, int M) {
    return vq_layernorm_backward(device, d, weight->grad, bias->grad, l->work.view, d, x, stats, weight->view, residual, M,
                                 l->config.width);
}

static vq_status add(vq_device *device, vq_view y, vq_view x, size_t n) {
    return vq_dropout_forward(device, y, y, x, n, 0, (vq_draws){0});
}

vq_status vq_layer_backward(vq_layer *l, vq_device *device, vq_view dx, vq_view dy, vq_view x, const vq_layer_batch *batch) {
    const int M = batch->B * batch->L, W = l->config.width, F = l->config.feed;
    const size_t n = (size_t)M * (size_t)W;
    const bool post = l->config.post_norm;
    vq_layer_saved *s = l->saved;
    vq_view work = l->work.view, hidden = s->pre.view, dhidden = l->wide.view, dqkv = dhidden;
    vq_view a = l->a.view, b = l->b.view, c = l->c.view, dsum = dy, dfeed, dmixed, z, in;

    /* dsum [M][W]: of z + feed, in c where a norm follows it */
    if (post) {
        VQ_TRY(vq_copy(device, c, 0, dy, 0, n * sizeof(float)));
        dsum = c;
        VQ_TRY(norm_backward(l, device, c, &l->norm2_weight, &l->norm2_bias, s->sum.view, s->stats2.view, VQ_NO_VIEW, M));
    }
    VQ_TRY(undropped(l, device, &dfeed, b, dsum, 1, batch));
    /* dhidden [M][F] = dfeed [M][W] linear2 [W][F], through gelu; hidden from pre */
    VQ_TRY(vq_linear_backward_input(device, dhidden, work, dfeed, l->down->view, s->pre.view, M, F, W));
    /* dlinear2 [W][F] += dfeed [M][W]^T hidden [M][F] */
    VQ_TRY(vq_linear_backward_weight(device, l->down->grad, l->down_bias.grad, work, dfeed, hidden, M, F, W));
    VQ_TRY(normed_middle(l, device, &z, a, M));
    VQ_TRY(branch_input(l, device, &in, a, z, 1, M));
    /* dlinear1 [F][W] += dhidden [M][F]^T in [M][W] */
    VQ_TRY(vq_linear_backward_weight(device, l->up->grad, l->up_bias.grad, work, dhidden, in, M, W, F));
    /* b [M][W] = dhidden [M][F] linear1 [F][W], through norm2 if it stands before, + dsum: the gradient of z; through norm1 if it
     * stands behind: that of middle */
    VQ_TRY(vq_linear_backward_input(device, b, work, dhidden, l->up->view, VQ_NO_VIEW, M, W, F));
    if (post) {
        VQ_TRY(add(device, b, dsum, n));
        VQ_TRY(norm_backward(l, device, b, &l->norm1_weight, &l->norm1_bias, s->middle.view, s->stats1.view, VQ_NO_VIEW, M));
    } else {
        VQ_TRY(norm_backward(l, device, b, &l->norm2_weight, &l->norm2_bias, z, s->stats2.view, dsum, M));
    }

    VQ_TRY(undropped(l, device, &dmixed, a, b, 0, batch));
    /* dout_proj [W][W] += dmixed [M][W]^T heads [M][W]; c [M][W] = dmixed [M][W] out_proj [W][W] */
    VQ_TRY(vq_linear_backward_weight(device, l->out->grad, l->out_bias.grad, work, dmixed, s->heads.view, M, W, W));
    VQ_TRY(vq_linear_backward_input(device, c, work, dmixed, l->out->view, VQ_NO_VIEW, M, W, W));
    VQ_TRY(mix_backward(l, device, dqkv, c, batch));
    VQ_TRY(branch_input(l, device, &in, a, x, 0, M));
    /* din_proj [3W][W] += dqkv [M][3W]^T in [M][W]; dx [M][W] = dqkv [M][3W] in_proj [3W][W], through norm1 if it stands before, + b */
    VQ_TRY(vq_linear_backward_weight(device, l->in->grad, l->in_bias.grad, work, dqkv, in, M, W, 3 * W));
    VQ_TRY(vq_linear_backward_input(device, dx, work, dqkv, l->in->view, VQ_NO_VIEW, M, W, 3 * W));
    if (post)
        return add(device, dx, b, n);
    return norm_backward(l, device, dx, &l->norm1_weight, &l->norm1_bias, x, s->stats1.view, b, M);
}

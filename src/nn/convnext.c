#include "nn/convnext.h"

#include "base/integer.h"
#include "ops/dwconv.h"
#include "ops/layernorm.h"
#include "ops/linear.h"

enum { KERNEL = 7, WIDEN = 4 };

void vq_convnext_plan(vq_convnext *b, vq_plan *plan, vq_device *device, int M, int D) {
    size_t m = (size_t)M, d = (size_t)D, h = WIDEN * d;
    b->M = M;
    b->D = D;
    vq_plan_weight(plan, &b->dw_weight, "dw.weight", vq_weight_start(KERNEL), d, 1, KERNEL);
    vq_plan_weight(plan, &b->dw_bias, "dw.bias", vq_bias_start(KERNEL), d);
    vq_plan_weight(plan, &b->norm_weight, "norm.weight", VQ_ONES, d);
    vq_plan_weight(plan, &b->norm_bias, "norm.bias", VQ_ZEROS, d);
    vq_plan_weight(plan, &b->up_weight, "up.weight", vq_weight_start(d), h, d);
    vq_plan_weight(plan, &b->up_bias, "up.bias", vq_bias_start(d), h);
    vq_plan_weight(plan, &b->down_weight, "down.weight", vq_weight_start(h), d, h);
    vq_plan_weight(plan, &b->down_bias, "down.bias", vq_bias_start(h), d);
    if (vq_plan_is_list(plan))
        return;

    const bool training = vq_plan_is_training(plan);
    vq_plan_tensor(plan, &b->y, VQ_SAVED, VQ_F32, "y", m, d);
    vq_plan_scope_begin(plan);
    vq_plan_tensor(plan, &b->mixed, training ? VQ_SAVED : VQ_SCRATCH, VQ_F32, "mixed", m, d);
    vq_plan_tensor(plan, &b->narrow, VQ_SCRATCH, VQ_F32, "narrow", m, d);
    vq_plan_tensor(plan, &b->wide, VQ_SCRATCH, VQ_F32, "wide", m, h);
    size_t work = vq_max(vq_dwconv_scratch(device, M, D, KERNEL), vq_linear_scratch(device, M, D, WIDEN * D));
    work = vq_max(work, vq_linear_scratch(device, M, WIDEN * D, D));
    if (training) {
        work = vq_max(work, vq_layernorm_scratch(device, M, D));
        vq_plan_tensor(plan, &b->stats, VQ_SAVED, VQ_F32, "stats", m, 2);
        vq_plan_tensor(plan, &b->pre, VQ_SAVED, VQ_F32, "pre", m, h);
    }
    vq_plan_tensor(plan, &b->work, VQ_SCRATCH, VQ_U8, "work", work);
    vq_plan_scope_end(plan);
}

static vq_status normalize(vq_convnext *b, vq_device *device, vq_view normed) {
    return vq_layernorm_forward(device, normed, b->stats.view, b->mixed.view, b->norm_weight.view, b->norm_bias.view, b->M, b->D);
}

vq_status vq_convnext_forward(vq_convnext *b, vq_device *device, vq_view x, vq_view rows) {
    int M = b->M, D = b->D, H = WIDEN * D;
    vq_view work = b->work.view, normed = b->narrow.view, hidden = b->wide.view;
    /* mixed [M][D] = x [M][D] * dw [D][7] */
    VQ_TRY(vq_dwconv_forward(device, b->mixed.view, work, x, rows, b->dw_weight.view, b->dw_bias.view, M, D, KERNEL));
    VQ_TRY(normalize(b, device, normed)); /* [M][D] */
    /* hidden [M][4D] = gelu(normed [M][D] up [4D][D]^T) */
    VQ_TRY(vq_linear_gelu_forward(device, hidden, b->pre.view, work, normed, b->up_weight.view, b->up_bias.view, M, D, H));
    /* y [M][D] = hidden [M][4D] down [D][4D]^T + x [M][D] */
    return vq_linear_residual_forward(device, b->y.view, work, hidden, b->down_weight.view, b->down_bias.view, x, M, H, D);
}

vq_status vq_convnext_backward(vq_convnext *b, vq_device *device, vq_view dx, vq_view dy, vq_view x, vq_view rows) {
    int M = b->M, D = b->D, H = WIDEN * D;
    vq_view work = b->work.view, hidden = b->pre.view, dhidden = b->wide.view;
    vq_view normed = b->narrow.view, dnormed = normed, dmixed = normed;
    /* dhidden [M][4D] = dy [M][D] down [D][4D], through gelu; hidden from pre */
    VQ_TRY(vq_linear_backward_input(device, dhidden, work, dy, b->down_weight.view, b->pre.view, M, H, D));
    /* ddown [D][4D] += dy [M][D]^T hidden [M][4D] */
    VQ_TRY(vq_linear_backward_weight(device, b->down_weight.grad, b->down_bias.grad, work, dy, hidden, M, H, D));
    VQ_TRY(normalize(b, device, normed));
    /* dup [4D][D] += dhidden [M][4D]^T normed [M][D] */
    VQ_TRY(vq_linear_backward_weight(device, b->up_weight.grad, b->up_bias.grad, work, dhidden, normed, M, D, H));
    /* dnormed [M][D] = dhidden [M][4D] up [4D][D] */
    VQ_TRY(vq_linear_backward_input(device, dnormed, work, dhidden, b->up_weight.view, VQ_NO_VIEW, M, D, H));
    VQ_TRY(vq_layernorm_backward(device, dmixed, b->norm_weight.grad, b->norm_bias.grad, work, dnormed, b->mixed.view,
                                 b->stats.view, b->norm_weight.view, VQ_NO_VIEW, M, D));
    /* dx [M][D] = dmixed [M][D] * dw reversed + dy [M][D]; ddw [D][7] += */
    return vq_dwconv_backward(device, dx, b->dw_weight.grad, b->dw_bias.grad, work, dmixed, dy, x, rows, b->dw_weight.view, M, D,
                              KERNEL);
}

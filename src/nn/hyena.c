#include "nn/hyena.h"

#include "base/integer.h"
#include "ops/dwconv.h"
#include "ops/gemm.h"
#include "ops/lagfilter.h"
#include "ops/linear.h"
#include "ops/longconv.h"
#include "ops/sine.h"

#include <math.h>

enum { TAPS = 3, FEATURES = VQ_HYENA_FEATURES, ORDER = VQ_HYENA_ORDER, SINES = VQ_HYENA_SINES };

static const vq_gemm_end store = {.kind = VQ_GEMM_STORE}, plus = {.kind = VQ_GEMM_ADD};

void vq_hyena_features(float *features, int L, int positions) {
    static const double frequencies[] = {1e-4, 1};
    for (int t = 0; t < L; t++, features += FEATURES) {
        const double w = 2 * M_PI * t / positions;
        features[0] = (float)((double)t / vq_max_int(positions - 1, 1));
        for (int i = 0; i < 2; i++) {
            features[1 + i] = (float)cos(frequencies[i] * w);
            features[3 + i] = (float)-sin(frequencies[i] * w);
        }
    }
}

/* ---- Plan -------------------------------------------------------------------------------------------------------------------- */

static vq_longconv_shape shape_of(const vq_hyena *h, int B, int L) {
    return (vq_longconv_shape){B, L, h->width, false};
}

static vq_longconv_layout layout_of(const vq_hyena *h) {
    const int W = h->width;
    return (vq_longconv_layout){{3 * W, 0}, {3 * W, W}, {3 * W, 2 * W}, {W, 0}, {W, 0}};
}

static size_t work_of(const vq_hyena *h, vq_device *device, int B, int L) {
    const int W = h->width;
    size_t most = vq_dwconv_scratch(device, B * L, 3 * W, TAPS);
    for (int b = 1; b <= B; b++) { /* fewer sequences may be cut into more parts */
        const vq_longconv_shape shape = shape_of(h, b, L);
        most = vq_max(most, vq_longconv_scratch(device, &shape));
    }
    most = vq_max(most, vq_max(vq_linear_scratch(device, L, FEATURES, ORDER), vq_linear_scratch(device, L, ORDER, ORDER)));
    most = vq_max(most, vq_max(vq_linear_scratch(device, L, ORDER, 2 * W), vq_sine_scratch(device, L, ORDER)));
    return most;
}

void vq_hyena_plan(vq_hyena *h, vq_plan *plan, int width, int positions) {
    static const char *const names[] = {"linear1", "linear2", "linear3", "linear4"};
    const size_t W = (size_t)width;
    const vq_start start = vq_normal_start(0.02, false);
    h->width = width;
    h->positions = positions;
    vq_plan_weight(plan, &h->short_weight, "mixer.short_filter.weight", vq_weight_start(TAPS), 3 * W, 1, TAPS);
    vq_plan_weight(plan, &h->short_bias, "mixer.short_filter.bias", vq_bias_start(TAPS), 3 * W);
    vq_plan_enter(plan, "mixer.filter.");
    vq_plan_weight(plan, &h->bias, "bias", vq_normal_start(1, false), W);
    vq_plan_weight(plan, &h->freq, "freq", vq_constant_start(10), ORDER);
    for (int i = 0; i <= SINES; i++) {
        vq_plan_enter(plan, "%s.", names[i]);
        vq_plan_weight(plan, &h->weight[i], "weight", start, i < SINES ? ORDER : 2 * W, i ? ORDER : FEATURES);
        if (i < SINES)
            vq_plan_weight(plan, &h->linear_bias[i], "bias", VQ_ZEROS, ORDER);
        vq_plan_leave(plan);
    }
    vq_plan_leave(plan);
}

void vq_hyena_scratch_plan(vq_hyena *h, vq_plan *plan, vq_device *device, int B, int L) {
    const size_t M = (size_t)B * (size_t)L, W = (size_t)h->width, l = (size_t)L;
    vq_plan_tensor(plan, &h->taps, VQ_SCRATCH, VQ_F32, "taps", 2 * l - 1, W);
    vq_plan_tensor(plan, &h->work, VQ_SCRATCH, VQ_U8, "filter_work", work_of(h, device, B, L));
    vq_plan_scope_begin(plan);
    vq_plan_tensor(plan, &h->says, VQ_SCRATCH, VQ_F32, "says", l, 2 * W);
    vq_plan_tensor(plan, &h->a, VQ_SCRATCH, VQ_F32, "filter_a", l, ORDER);
    if (vq_plan_is_training(plan)) {
        vq_plan_tensor(plan, &h->b, VQ_SCRATCH, VQ_F32, "filter_b", l, ORDER);
        vq_plan_tensor(plan, &h->c, VQ_SCRATCH, VQ_F32, "filter_c", l, ORDER);
    }
    vq_plan_scope_end(plan);
    if (vq_plan_is_training(plan)) { /* not needed while the filter is made, nor while its gradient is */
        vq_plan_scope_begin(plan);
        vq_plan_tensor(plan, &h->mixed, VQ_SCRATCH, VQ_F32, "mixed", M, 3 * W);
        vq_plan_scope_end(plan);
    }
}

void vq_hyena_saved_plan(vq_hyena_saved *s, vq_plan *plan, vq_device *device, int width, int B, int L) {
    const vq_longconv_shape shape = {B, L, width, false};
    for (int i = 0; i < SINES; i++)
        vq_plan_tensor(plan, &s->pre[i], VQ_SAVED, VQ_F32, "filter_pre", (size_t)L, ORDER);
    vq_plan_tensor(plan, &s->spectrum, VQ_SAVED, VQ_U8, "spectrum", vq_longconv_spectrum_bytes(device, &shape));
    if (vq_plan_is_training(plan))
        vq_plan_tensor(plan, &s->convolved, VQ_SAVED, VQ_F32, "convolved", (size_t)B * (size_t)L, (size_t)width);
}

/* ---- The filter -------------------------------------------------------------------------------------------------------------- */

static vq_status make_filter(vq_hyena *h, vq_device *device, vq_hyena_saved *s, const vq_layer_batch *batch) {
    const int L = batch->L, W = h->width;
    const vq_longconv_shape shape = shape_of(h, batch->B, L);
    vq_view work = h->work.view, a = h->a.view, x = batch->features;
    for (int i = 0; i < SINES; i++, x = a) {
        VQ_TRY(vq_linear_forward(device, s->pre[i].view, work, x, h->weight[i].view, h->linear_bias[i].view, L,
                                 i ? ORDER : FEATURES, ORDER));
        VQ_TRY(vq_sine_forward(device, a, s->pre[i].view, h->freq.view, L, ORDER));
    }
    /* says [L][2W] = a [L][64] linear4 [2W][64]^T */
    VQ_TRY(vq_gemm(device, h->says.view, a, h->weight[SINES].view, work, L, 2 * W, ORDER, false, true, store));
    VQ_TRY(vq_lagfilter_forward(device, h->taps.view, h->says.view, L, W, vq_max_int(h->positions - 1, 1)));
    return vq_longconv_spectrum(device, s->spectrum.view, work, h->taps.view, &shape);
}

/* From the gradient of the taps. */
static vq_status filter_backward(vq_hyena *h, vq_device *device, vq_hyena_saved *s, const vq_layer_batch *batch) {
    const int L = batch->L, W = h->width;
    vq_view work = h->work.view, a = h->a.view, d = h->b.view, next = h->c.view, dsays = h->says.view;
    VQ_TRY(vq_lagfilter_backward(device, dsays, h->taps.view, L, W, vq_max_int(h->positions - 1, 1)));
    VQ_TRY(vq_sine_forward(device, a, s->pre[SINES - 1].view, h->freq.view, L, ORDER));
    /* dlinear4 [2W][64] += dsays [L][2W]^T a [L][64]; d [L][64] = dsays [L][2W] linear4 [2W][64] */
    VQ_TRY(vq_gemm(device, h->weight[SINES].grad, dsays, a, work, 2 * W, ORDER, L, true, false, plus));
    VQ_TRY(vq_gemm(device, d, dsays, h->weight[SINES].view, work, L, ORDER, 2 * W, false, false, store));
    for (int i = SINES - 1; i >= 0; i--) {
        VQ_TRY(vq_sine_backward(device, d, h->freq.grad, work, d, s->pre[i].view, h->freq.view, L, ORDER));
        if (i)
            VQ_TRY(vq_sine_forward(device, a, s->pre[i - 1].view, h->freq.view, L, ORDER));
        VQ_TRY(vq_linear_backward_weight(device, h->weight[i].grad, h->linear_bias[i].grad, work, d, i ? a : batch->features, L,
                                         i ? ORDER : FEATURES, ORDER));
        if (!i)
            break;
        VQ_TRY(vq_linear_backward_input(device, next, work, d, h->weight[i].view, VQ_NO_VIEW, L, ORDER, ORDER));
        const vq_view swap = d;
        d = next;
        next = swap;
    }
    return VQDNA_OK;
}

/* ---- Forward and backward ---------------------------------------------------------------------------------------------------- */

/* wide [M][3W]: x0, x1 and v of each position. */
static vq_status convolve_shortly(vq_hyena *h, vq_device *device, vq_view wide, vq_view qkv, const vq_layer_batch *batch) {
    return vq_dwconv_forward(device, wide, h->work.view, qkv, batch->rows, h->short_weight.view, h->short_bias.view,
                             batch->B * batch->L, 3 * h->width, TAPS);
}

vq_status vq_hyena_forward(vq_hyena *h, vq_device *device, vq_hyena_saved *s, vq_view heads, vq_view wide, vq_view qkv,
                           const vq_layer_batch *batch) {
    const vq_longconv_shape shape = shape_of(h, batch->B, batch->L);
    const vq_longconv_layout layout = layout_of(h);
    VQ_TRY(make_filter(h, device, s, batch));
    VQ_TRY(convolve_shortly(h, device, wide, qkv, batch));
    return vq_longconv_forward(device, heads, s->convolved.view, h->work.view, wide, wide, wide, s->spectrum.view, h->bias.view,
                               batch->mask, &layout, &shape);
}

vq_status vq_hyena_backward(vq_hyena *h, vq_device *device, vq_hyena_saved *s, vq_view dqkv, vq_view dheads, vq_view qkv,
                            const vq_layer_batch *batch) {
    const int M = batch->B * batch->L, W = h->width;
    const vq_longconv_shape shape = shape_of(h, batch->B, batch->L);
    const vq_longconv_layout layout = layout_of(h);
    const size_t taps = (size_t)vq_longconv_lags(&shape) * (size_t)W * sizeof(float);
    vq_view work = h->work.view, wide = dqkv, dwide = h->mixed.view, dtaps = h->taps.view;
    dtaps.bytes = taps;
    VQ_TRY(convolve_shortly(h, device, wide, qkv, batch));
    VQ_TRY(vq_zero(device, dtaps));
    VQ_TRY(vq_longconv_backward(device, dwide, dwide, dwide, dtaps, h->bias.grad, work, dheads, wide, wide, wide, s->convolved.view,
                                s->spectrum.view, h->bias.view, batch->mask, &layout, &shape));
    VQ_TRY(vq_dwconv_backward(device, dqkv, h->short_weight.grad, h->short_bias.grad, work, dwide, VQ_NO_VIEW, qkv, batch->rows,
                              h->short_weight.view, M, 3 * W, TAPS));
    return h->freq.grad.mem ? filter_backward(h, device, s, batch) : VQDNA_OK;
}

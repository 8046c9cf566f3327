#include "nn/quantizer.h"

#include "ops/assign.h"
#include "ops/codesum.h"
#include "ops/kmeans.h"
#include "ops/quantize.h"

#include <stdio.h>

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

void vq_quantizer_plan(vq_quantizer *q, vq_plan *plan, vq_device *device, const vq_config *config, int M, int start_rows,
                       bool training) {
    size_t m = (size_t)M, d = (size_t)config->dim, widest = 0, work = vq_quantize_scratch(device, M);
    char text[48];
    q->config = config;
    q->M = M;
    q->start_rows = start_rows;
#define NAMED(suffix) (snprintf(text, sizeof text, "books.%d.%s", i, suffix), text)
    for (int i = 0; i < config->levels; i++) {
        vq_level *l = &q->level[i];
        l->K = config->codes[i];
        size_t k = (size_t)l->K;
        vq_plan_tensor(plan, &l->e, VQ_STATE, VQ_F32, NAMED("e"), k, d);
        vq_plan_tensor(plan, &l->n, VQ_STATE, VQ_F32, NAMED("n"), k);
        vq_plan_tensor(plan, &l->s, VQ_STATE, VQ_F32, NAMED("s"), k, d);
        vq_plan_tensor(plan, &l->f, VQ_STATE, VQ_F32, NAMED("f"), k);
        vq_plan_tensor(plan, &l->packed, VQ_SAVED, VQ_U8, NAMED("packed"), vq_assign_packed_bytes(device, config->dim, l->K));
        vq_plan_tensor(plan, &l->codes, VQ_SAVED, VQ_I32, NAMED("codes"), m);
        if (i > 0)
            vq_plan_tensor(plan, &l->h, VQ_SAVED, VQ_F32, NAMED("h"), m, d);
        if (!training)
            continue;
        vq_plan_tensor(plan, &l->usage, VQ_SAVED, VQ_I32, NAMED("usage"), k);
        vq_plan_tensor(plan, &l->reseeded, VQ_SAVED, VQ_I32, NAMED("reseeded"), 1);
        vq_plan_tensor(plan, &l->rows, VQ_INPUT, VQ_I32, NAMED("rows"), k);
        int most_rows = start_rows > M ? start_rows : M;
        work = most(work, vq_codesum_scratch(device, most_rows, l->K));
        work = most(work, vq_codebook_scratch(device, l->K));
        work = most(work, vq_kmeans_scratch(device, most_rows));
        widest = most(widest, k);
    }
#undef NAMED
    vq_plan_tensor(plan, &q->zhat, VQ_SAVED, VQ_F32, "zhat", m, d);
    if (training)
        vq_plan_tensor(plan, &q->gathered, VQ_SAVED, VQ_F32, "books.start", (size_t)start_rows, d);
    vq_plan_scope_begin(plan);
    vq_plan_tensor(plan, &q->total, VQ_SCRATCH, VQ_F32, "books.total", m, d);
    if (training) {
        size_t rows = most((size_t)start_rows, m);
        vq_plan_tensor(plan, &q->counts, VQ_SCRATCH, VQ_I32, "books.counts", widest);
        vq_plan_tensor(plan, &q->sums, VQ_SCRATCH, VQ_F32, "books.sums", widest, d);
        vq_plan_tensor(plan, &q->uniforms, VQ_SCRATCH, VQ_F32, "books.uniforms", widest);
        vq_plan_tensor(plan, &q->order, VQ_SCRATCH, VQ_I32, "books.order", rows);
        vq_plan_tensor(plan, &q->start_codes, VQ_SCRATCH, VQ_I32, "books.start_codes", rows);
    }
    vq_plan_tensor(plan, &q->work, VQ_SCRATCH, VQ_U8, "books.work", work);
    vq_plan_scope_end(plan);
}

static vq_status pack(vq_quantizer *q, vq_device *device, int level) {
    vq_level *l = &q->level[level];
    return vq_assign_pack(device, l->packed.view, l->e.view, q->config->dim, l->K);
}

vq_status vq_quantizer_pack(vq_quantizer *q, vq_device *device) {
    for (int i = 0; i < q->config->levels; i++)
        VQ_TRY(pack(q, device, i));
    return VQDNA_OK;
}

/* What level i quantizes: the tap itself at the first level, else the residual. */
static vq_view target(const vq_quantizer *q, vq_view tap, int i) {
    return i ? q->level[i].h.view : tap;
}

static vq_status residual(vq_quantizer *q, vq_device *device, vq_view tap, int i) {
    return i ? vq_quantize_residual(device, q->level[i].h.view, tap, q->total.view, q->M, q->config->dim, i + 1) : VQDNA_OK;
}

vq_status vq_quantizer_forward(vq_quantizer *q, vq_device *device, const vq_view *taps, vq_view rows, vq_view metrics, int slot) {
    int M = q->M, D = q->config->dim, N = q->config->levels;
    float scale = (float)(1.0 / ((double)N * M * D));
    for (int i = 0; i < N; i++) {
        vq_level *l = &q->level[i];
        VQ_TRY(residual(q, device, taps[i], i));
        vq_view h = target(q, taps[i], i);
        VQ_TRY(vq_assign_forward(device, l->codes.view, h, l->packed.view, M, D, l->K));
        VQ_TRY(vq_quantize_gather(device, q->zhat.view, q->total.view, metrics, l->e.view, h, l->codes.view, rows, q->work.view, M,
                                  D, i + 1, N, slot, scale));
    }
    return VQDNA_OK;
}

vq_status vq_quantizer_backward(vq_quantizer *q, vq_device *device, vq_view d, vq_view dzhat, vq_view tap, vq_view rows, int level,
                                float beta, bool add) {
    int M = q->M, D = q->config->dim, N = q->config->levels;
    const vq_level *l = &q->level[level];
    float commit_scale = (float)(beta * 2.0 / ((double)N * M * D));
    return vq_quantize_backward(device, d, dzhat, target(q, tap, level), l->e.view, l->codes.view, rows, M, D, level + 1, N,
                                commit_scale, add);
}

vq_status vq_quantizer_mean_forward(vq_quantizer *q, vq_device *device, const vq_view *taps, vq_view rows) {
    for (int i = 0; i < q->config->levels; i++)
        VQ_TRY(vq_quantize_mean(device, q->zhat.view, taps[i], rows, q->M, q->config->dim, i + 1, q->config->levels));
    return VQDNA_OK;
}

vq_status vq_quantizer_mean_backward(vq_quantizer *q, vq_device *device, vq_view d, vq_view dzhat, vq_view rows, bool add) {
    return vq_quantize_mean_backward(device, d, dzhat, rows, q->M, q->config->dim, q->config->levels, add);
}

vq_status vq_quantizer_update(vq_quantizer *q, vq_device *device, const vq_view *taps, vq_codebook_rates rates) {
    int M = q->M, D = q->config->dim;
    for (int i = 0; i < q->config->levels; i++) {
        vq_level *l = &q->level[i];
        vq_view h = target(q, taps[i], i), work = q->work.view;
        VQ_TRY(vq_codesum_forward(device, q->sums.view, q->counts.view, q->order.view, h, l->codes.view, work, M, D, l->K));
        VQ_TRY(vq_codesum_usage(device, l->usage.view, q->counts.view, l->K));
        VQ_TRY(vq_codebook_update(device, l->e.view, l->n.view, l->s.view, l->f.view, l->reseeded.view, q->counts.view,
                                  q->sums.view, h, l->rows.view, work, M, D, l->K, rates));
        VQ_TRY(pack(q, device, i));
    }
    return VQDNA_OK;
}

vq_status vq_quantizer_gather(vq_quantizer *q, vq_device *device, const vq_view *taps, vq_view rows, int level, int at) {
    int M = q->M, D = q->config->dim;
    for (int i = 0; i < level; i++) {
        vq_level *l = &q->level[i];
        VQ_TRY(residual(q, device, taps[i], i));
        vq_view h = target(q, taps[i], i);
        VQ_TRY(vq_assign_forward(device, l->codes.view, h, l->packed.view, M, D, l->K));
        VQ_TRY(vq_quantize_gather(device, VQ_NO_VIEW, q->total.view, VQ_NO_VIEW, l->e.view, h, l->codes.view, rows, q->work.view, M,
                                  D, i + 1, q->config->levels, 0, 0));
    }
    VQ_TRY(residual(q, device, taps[level], level));
    size_t bytes = (size_t)M * (size_t)D * sizeof(float);
    return vq_copy(device, q->gathered.view, (size_t)at * bytes, target(q, taps[level], level), 0, bytes);
}

vq_status vq_quantizer_start(vq_quantizer *q, vq_device *device, int level, int count, const float *uniforms, int rounds) {
    vq_level *l = &q->level[level];
    int D = q->config->dim;
    VQ_TRY(vq_upload(device, q->uniforms.view, uniforms, (size_t)l->K * sizeof(float)));
    VQ_TRY(vq_kmeans_seed(device, l->e.view, q->gathered.view, q->uniforms.view, q->work.view, count, D, l->K));
    for (int r = 0; r < rounds; r++) {
        VQ_TRY(pack(q, device, level));
        VQ_TRY(vq_assign_forward(device, q->start_codes.view, q->gathered.view, l->packed.view, count, D, l->K));
        VQ_TRY(vq_codesum_forward(device, q->sums.view, q->counts.view, q->order.view, q->gathered.view, q->start_codes.view,
                                  q->work.view, count, D, l->K));
        VQ_TRY(vq_kmeans_update(device, l->e.view, q->sums.view, q->counts.view, D, l->K));
    }
    VQ_TRY(pack(q, device, level));
    return vq_codebook_start(device, l->n.view, l->s.view, l->f.view, l->e.view, D, l->K);
}

#include "nn/quantizer.h"

#include "base/integer.h"
#include "ops/assign.h"
#include "ops/codesum.h"
#include "ops/kmeans.h"
#include "ops/quantize.h"
#include "ops/reduce.h"

void vq_quantizer_plan(vq_quantizer *q, vq_plan *plan, vq_device *device, const vq_config *config, int M) {
    const bool list = vq_plan_is_list(plan), training = vq_plan_is_training(plan);
    size_t m = (size_t)M, d = (size_t)config->dim, widest = 0, work = list ? 0 : vq_quantize_scratch(device, M);
    q->config = config;
    q->M = M;
    for (int i = 0; i < config->levels; i++) {
        vq_level *l = &q->level[i];
        l->K = config->codes[i];
        size_t k = (size_t)l->K;
        vq_plan_enter(plan, "books.%d.", i);
        vq_plan_tensor(plan, &l->e, VQ_CODES, VQ_F32, "e", k, d);
        vq_plan_tensor(plan, &l->n, VQ_STATE, VQ_F32, "n", k);
        vq_plan_tensor(plan, &l->s, VQ_STATE, VQ_F32, "s", k, d);
        vq_plan_tensor(plan, &l->f, VQ_STATE, VQ_F32, "f", k);
        if (!list) {
            vq_plan_tensor(plan, &l->packed, VQ_SAVED, VQ_U8, "packed", vq_assign_packed_bytes(device, config->dim, l->K));
            vq_plan_tensor(plan, &l->codes, VQ_SAVED, VQ_I32, "codes", m);
            if (i > 0)
                vq_plan_tensor(plan, &l->h, VQ_SAVED, VQ_F32, "h", m, d);
        }
        if (!list && training) {
            vq_plan_tensor(plan, &l->counts, VQ_SAVED, VQ_I32, "counts", k);
            vq_plan_tensor(plan, &l->sums, VQ_SAVED, VQ_F32, "sums", k, d);
            vq_plan_tensor(plan, &l->usage, VQ_SUMS, VQ_I32, "usage", k);
            vq_plan_tensor(plan, &l->reseeded, VQ_SUMS, VQ_I32, "reseeded", 1);
            vq_plan_tensor(plan, &l->rows, VQ_INPUT, VQ_I32, "rows", k);
            work = vq_max(work, vq_codesum_scratch(device, M, l->K));
            work = vq_max(work, vq_codebook_scratch(device, l->K));
            widest = vq_max(widest, k);
        }
        vq_plan_leave(plan);
    }
    if (list)
        return;
    vq_plan_tensor(plan, &q->zhat, VQ_SAVED, VQ_F32, "zhat", m, d);
    vq_plan_scope_begin(plan);
    vq_plan_tensor(plan, &q->total, VQ_SCRATCH, VQ_F32, "books.total", m, d);
    if (training) {
        vq_plan_tensor(plan, &q->counts, VQ_SCRATCH, VQ_I32, "books.counts", widest);
        vq_plan_tensor(plan, &q->sums, VQ_SCRATCH, VQ_F32, "books.sums", widest, d);
        vq_plan_tensor(plan, &q->order, VQ_SCRATCH, VQ_I32, "books.order", m);
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

vq_status vq_quantizer_forward(vq_quantizer *q, vq_device *device, const vq_view *taps, vq_view rows, vq_view metrics, int slot,
                               int known) {
    int M = q->M, D = q->config->dim, N = q->config->levels;
    float scale = known ? (float)(1.0 / ((double)N * known * D)) : 0;
    for (int i = 0; i < N; i++) {
        vq_level *l = &q->level[i];
        VQ_TRY(residual(q, device, taps[i], i));
        vq_view h = target(q, taps[i], i); /* [M][D] */
        /* codes [M] = nearest of e [K][D] */
        VQ_TRY(vq_assign_forward(device, l->codes.view, h, l->packed.view, M, D, l->K));
        /* zhat, total [M][D] from e [K][D] and codes [M] */
        VQ_TRY(vq_quantize_gather(device, q->zhat.view, q->total.view, metrics, l->e.view, h, l->codes.view, rows, q->work.view, M,
                                  D, i + 1, N, slot, scale));
    }
    return VQDNA_OK;
}

vq_status vq_quantizer_backward(vq_quantizer *q, vq_device *device, vq_view d, vq_view dzhat, vq_view tap, vq_view rows, int level,
                                float beta, int known, bool add) {
    int M = q->M, D = q->config->dim, N = q->config->levels;
    const vq_level *l = &q->level[level];
    float commit_scale = known ? (float)(beta * 2.0 / ((double)N * known * D)) : 0;
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

vq_status vq_quantizer_sums(vq_quantizer *q, vq_device *device, const vq_view *taps, vq_view rows, bool add) {
    int M = q->M, D = q->config->dim;
    for (int i = 0; i < q->config->levels; i++) {
        vq_level *l = &q->level[i];
        vq_view sums = add ? q->sums.view : l->sums.view, counts = add ? q->counts.view : l->counts.view; /* [K][D], int32 [K] */
        VQ_TRY(vq_codesum_forward(device, sums, counts, q->order.view, target(q, taps[i], i), l->codes.view, rows, q->work.view, M,
                                  D, l->K));
        if (add) {
            VQ_TRY(vq_codesum_usage(device, l->counts.view, counts, l->K));
            VQ_TRY(vq_reduce_rows(device, l->sums.view, sums, VQ_NO_VIEW, 1, l->K * D, true));
        }
    }
    return VQDNA_OK;
}

vq_status vq_quantizer_update(vq_quantizer *q, vq_device *device, const vq_view *taps, int count, vq_codebook_rates rates) {
    int D = q->config->dim;
    for (int i = 0; i < q->config->levels; i++) {
        vq_level *l = &q->level[i];
        VQ_TRY(vq_codesum_usage(device, l->usage.view, l->counts.view, l->K));
        VQ_TRY(vq_codebook_update(device, l->e.view, l->n.view, l->s.view, l->f.view, l->reseeded.view, l->counts.view,
                                  l->sums.view, target(q, taps[i], i), l->rows.view, q->work.view, count, D, l->K, rates));
        VQ_TRY(pack(q, device, i));
    }
    return VQDNA_OK;
}

vq_status vq_quantizer_target(vq_quantizer *q, vq_device *device, vq_view *out, const vq_view *taps, vq_view rows, int level) {
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
    *out = target(q, taps[level], level);
    return VQDNA_OK;
}

/* ---- A codebook's start ------------------------------------------------------------------------------------------------------ */

void vq_quantizer_start_plan(const vq_quantizer *q, vq_codebook_origin *o, vq_plan *plan, vq_device *device, int count) {
    size_t n = (size_t)count, d = (size_t)q->config->dim, widest = 0, work = vq_kmeans_scratch(device, count);
    for (int i = 0; i < q->config->levels; i++) {
        widest = vq_max(widest, (size_t)q->level[i].K);
        work = vq_max(work, vq_codesum_scratch(device, count, q->level[i].K));
    }
    vq_plan_enter(plan, "start.");
    vq_plan_tensor(plan, &o->vectors, VQ_SAVED, VQ_F32, "vectors", n, d);
    vq_plan_tensor(plan, &o->codes, VQ_SAVED, VQ_I32, "codes", n);
    vq_plan_tensor(plan, &o->order, VQ_SAVED, VQ_I32, "order", n);
    vq_plan_tensor(plan, &o->uniforms, VQ_INPUT, VQ_F32, "uniforms", widest);
    vq_plan_tensor(plan, &o->counts, VQ_SAVED, VQ_I32, "counts", widest);
    vq_plan_tensor(plan, &o->sums, VQ_SAVED, VQ_F32, "sums", widest, d);
    vq_plan_tensor(plan, &o->work, VQ_SAVED, VQ_U8, "work", work);
    vq_plan_leave(plan);
}

vq_status vq_quantizer_start(vq_quantizer *q, vq_device *device, vq_codebook_origin *o, int level, int count, const float *uniforms,
                             int rounds) {
    vq_level *l = &q->level[level];
    vq_view vectors = o->vectors.view, codes = o->codes.view, sums = o->sums.view, counts = o->counts.view, work = o->work.view;
    int D = q->config->dim, K = l->K;
    VQ_TRY(vq_upload(device, o->uniforms.view, uniforms, (size_t)K * sizeof(float)));
    VQ_TRY(vq_kmeans_seed(device, l->e.view, vectors, o->uniforms.view, work, count, D, K)); /* e [K][D] of vectors [count][D] */
    for (int r = 0; r < rounds; r++) {
        VQ_TRY(pack(q, device, level));
        VQ_TRY(vq_assign_forward(device, codes, vectors, l->packed.view, count, D, K));
        VQ_TRY(vq_codesum_forward(device, sums, counts, o->order.view, vectors, codes, VQ_NO_VIEW, work, count, D, K));
        VQ_TRY(vq_kmeans_update(device, l->e.view, sums, counts, D, K));
    }
    VQ_TRY(pack(q, device, level));
    return vq_codebook_start(device, l->n.view, l->s.view, l->f.view, l->e.view, D, K);
}

#include "nn/adapter.h"

#include "base/integer.h"
#include "ops/embedding.h"
#include "ops/gemm.h"

#include <stdlib.h>

static const vq_gemm_end plus = {.kind = VQ_GEMM_ADD};

void vq_adapter_plan(vq_adapter *a, vq_plan *plan, vq_device *device, const char *name, const vq_tensor *base,
                     const vq_adapter_options *o) {
    const size_t out = base->shape[0], in = base->shape[1], r = (size_t)o->rank;
    a->out = (int)out;
    a->in = (int)in;
    a->rank = o->rank;
    a->scale = (float)(o->alpha / o->rank);
    a->base = base;
    vq_plan_enter(plan, "%s.", name);
    vq_plan_weight(plan, &a->A, "lora_A", vq_weight_start(in), r, in);
    vq_plan_weight(plan, &a->B, "lora_B", VQ_ZEROS, out, r);
    if (!vq_plan_is_list(plan)) {
        vq_plan_tensor(plan, &a->merged, VQ_SAVED, VQ_F32, "merged", out, in);
        vq_plan_tensor(plan, &a->dmerged, VQ_SAVED, VQ_F32, "dmerged", out, in);
        vq_plan_tensor(plan, &a->rows, VQ_INPUT, VQ_I32, "rows", vq_max(out, r));
        vq_plan_scope_begin(plan);
        vq_plan_tensor(plan, &a->part, VQ_SCRATCH, VQ_F32, "scaled", vq_max(out, in), r);
        size_t work = vq_gemm_scratch(device, a->out, a->in, a->rank, false, false);
        work = vq_max(work, vq_gemm_scratch(device, a->out, a->rank, a->in, false, true));
        work = vq_max(work, vq_gemm_scratch(device, a->rank, a->in, a->out, true, false));
        vq_plan_tensor(plan, &a->work, VQ_SCRATCH, VQ_U8, "work", work);
        vq_plan_scope_end(plan);
    }
    vq_plan_leave(plan);
}

vq_status vq_adapter_bind(vq_adapter *a, vq_device *device) {
    const size_t count = (size_t)vq_max_int(a->out, a->rank);
    int32_t *rows;
    a->merged.grad = a->dmerged.view;
    VQ_TRY(vq_alloc(&rows, count, sizeof *rows));
    for (size_t i = 0; i < count; i++)
        rows[i] = (int32_t)i;
    vq_status status = vq_write(device, a->rows.view, 0, rows, count * sizeof *rows);
    free(rows);
    return status < 0 ? status : vq_zero(device, a->dmerged.view);
}

/* part = scale x [rows][width] */
static vq_status scaled(vq_adapter *a, vq_device *device, const vq_tensor *x, int rows, int width) {
    return vq_embedding_forward(device, a->part.view, x->view, a->rows.view, rows, width, rows, a->scale, false);
}

vq_status vq_adapter_merge(vq_adapter *a, vq_device *device) {
    VQ_TRY(vq_copy(device, a->merged.view, 0, a->base->view, 0, (size_t)a->out * (size_t)a->in * sizeof(float)));
    VQ_TRY(scaled(a, device, &a->B, a->out, a->rank));
    /* merged [out][in] += scale B [out][rank] A [rank][in] */
    return vq_gemm(device, a->merged.view, a->part.view, a->A.view, a->work.view, a->out, a->in, a->rank, false, false, plus);
}

vq_status vq_adapter_split(vq_adapter *a, vq_device *device) {
    vq_view d = a->dmerged.view;
    VQ_TRY(scaled(a, device, &a->B, a->out, a->rank));
    /* dA [rank][in] += scale B [out][rank]^T dmerged [out][in] */
    VQ_TRY(vq_gemm(device, a->A.grad, a->part.view, d, a->work.view, a->rank, a->in, a->out, true, false, plus));
    VQ_TRY(scaled(a, device, &a->A, a->rank, a->in));
    /* dB [out][rank] += dmerged [out][in] scale A [rank][in]^T */
    VQ_TRY(vq_gemm(device, a->B.grad, d, a->part.view, a->work.view, a->out, a->rank, a->in, false, true, plus));
    return vq_zero(device, d);
}

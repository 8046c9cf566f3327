#include "train/optimizer.h"

#include "ops/adamw.h"

#include <math.h>

vq_status vq_optimizer_open(vq_optimizer *o, vq_device *device, const vq_plan *plan) {
    o->device = device;
    o->plan = plan;
    VQ_TRY(vq_view_create(device, &o->norm_sq, sizeof(float)));
    VQ_TRY(vq_zero(device, o->norm_sq));
    return vq_view_create(device, &o->work, vq_adamw_scratch(device, vq_plan_regions(plan, VQ_ALL).count));
}

void vq_optimizer_close(vq_optimizer *o) {
    vq_view_destroy(&o->norm_sq);
    vq_view_destroy(&o->work);
}

vq_status vq_optimizer_step(vq_optimizer *o, const vq_optimizer_rates *r, double learning_rate, uint64_t step) {
    vq_adamw_rates rates = {learning_rate, r->beta1, r->beta2, 1e-8, r->weight_decay, r->clip, step};
    vq_regions all = vq_plan_regions(o->plan, VQ_ALL);
    VQ_TRY(vq_adamw_norm(o->device, o->norm_sq, all.grad, o->work, all.count));
    for (vq_part part = VQ_DECAYING; part <= VQ_UNDECAYED; part++) {
        vq_regions p = vq_plan_regions(o->plan, part);
        rates.weight_decay = part == VQ_DECAYING ? r->weight_decay : 0;
        if (p.count)
            VQ_TRY(vq_adamw_step(o->device, p.param, p.moment1, p.moment2, p.grad, o->norm_sq, p.count, rates));
    }
    if (!all.average.mem)
        return VQDNA_OK;
    const double share = fmax(1 - r->average, 10 / (9 + (double)step)); /* 1 at the first step: an average begins with weights */
    return vq_adamw_average(o->device, all.average, all.param, all.count, share);
}

vq_status vq_optimizer_swap(vq_device *device, const vq_plan *plan) {
    const vq_regions all = vq_plan_regions(plan, VQ_ALL);
    return all.average.mem ? vq_adamw_swap(device, all.param, all.average, all.count) : VQDNA_OK;
}

vq_status vq_optimizer_norm(const vq_optimizer *o, double *norm) {
    float norm_sq;
    VQ_TRY(vq_read(o->device, &norm_sq, o->norm_sq, 0, sizeof norm_sq));
    *norm = sqrt(norm_sq);
    return VQDNA_OK;
}

#include "train/largest_batch.h"

#include <stdio.h>

vq_status vq_largest_batch(int *out, int most, vq_status (*fits)(void *user, int batch), void *user) {
    int largest = 0, too_large = most + 1;
    while (too_large - largest > 1) {
        const int batch = largest + (too_large - largest) / 2;
        const vq_status status = fits(user, batch);
        if (status == VQDNA_OK)
            largest = batch;
        else if (status == VQDNA_ERR_MEMORY || status == VQDNA_ERR_USAGE)
            too_large = batch;
        else
            return status;
    }
    *out = largest;
    return VQDNA_OK;
}

static vq_status fits(void *user, int batch) {
    const vq_batch_planner *p = user;
    vq_plan *plan;
    void *model;
    VQ_TRY(p->plan(p->user, batch, &plan, &model));
    vq_status status = vq_plan_fits(plan, 0);
    p->destroy(model);
    return status;
}

vq_status vq_batch_plan(vqdna_plan_summary *out, vq_batch_planner planner, int batch, int most, vqdna_plan_fn fn, void *user) {
    vqdna_plan_summary summary = {0};
    vq_plan *plan;
    void *model;
    char sentence[512];
    VQ_TRY(planner.plan(planner.user, batch, &plan, &model));
    if (fn)
        vq_plan_describe(plan, 0, fn, user);
    summary.device_bytes = vq_plan_bytes(plan);
    const vq_status status = vq_plan_fits(plan, 0);
    planner.destroy(model);
    snprintf(sentence, sizeof sentence, "%s", vq_error()); /* the search has its own */
    if (status < 0 && status != VQDNA_ERR_MEMORY)
        return status;
    VQ_TRY(vq_largest_batch(&summary.largest_batch, most, fits, &planner));
    summary.device_limit = out->device_limit;
    *out = summary;
    return status < 0 ? vq_fail(status, "%s", sentence) : VQDNA_OK;
}

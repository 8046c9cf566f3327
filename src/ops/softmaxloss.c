#include "ops/softmaxloss.h"

#include "base/integer.h"

/* Work-items of a GPU's group; logits of a CPU's work-item, where rows are short. */
enum { GROUP = 64, CPU_LOGITS = 4096 };

static int rows_of_group(const vq_device *device, int C) {
    if (vq_shape_of(device, "softmaxloss").family != VQ_FAMILY_CPU)
        return 1;
    return C < CPU_LOGITS ? CPU_LOGITS / C : 1;
}

size_t vq_softmaxloss_scratch(const vq_device *device, int M) {
    (void)device;
    return sizeof(float) * 2 * (size_t)M;
}

vq_status vq_softmaxloss(vq_device *device, vq_view dlogits, vq_view best, vq_view metrics, vq_view scratch, vq_view logits,
                         vq_view targets, vq_view weights, int M, int C, float scale) {
    const int per = rows_of_group(device, C);
    const vq_group g = vq_group_fit(device, "softmaxloss", "", GROUP, GROUP);
    VQ_TRY(vq_run(device, "softmaxloss", "softmaxloss", g.options, vq_grid1((size_t)vq_ceil_div_int(M, per), g.across),
                  vq_in(dlogits), vq_in(best), vq_in(metrics.mem ? scratch : VQ_NO_VIEW), vq_in(logits), vq_in(targets),
                  vq_in(weights), vq_int(M), vq_int(C), vq_float(scale), vq_int(per)));
    if (!metrics.mem)
        return VQDNA_OK;
    return vq_run(device, "softmaxloss", "softmaxloss_sum", g.options, vq_grid1(1, g.across), vq_in(metrics), vq_in(scratch),
                  vq_int(M));
}

#include "ops/crossentropy.h"

enum { GROUP = 64 }; /* work-items of a GPU's work-group */

/* Rows of a work-group: enough for a CPU core to stay at, and on a GPU one or a few for each work-item. The sum of losses depends
 * on them by its rounding. */
static const vq_tunable rows_of_group = {"rows", {4, 8, 16, 32, 64, 128, 256, 512}, {64, 64, 128, 128}};
static const vq_tuning_shape shape = {"all", {65536, 4, 1}, {131, 4, 1}, false};

const vq_tunables vq_crossentropy_tunables = {
    .operation = "crossentropy",
    .list = &rows_of_group,
    .shapes = &shape,
    .count = 1,
    .shape_count = 1,
};

static int rows_per_group(const vq_device *device) {
    return vq_tuned(device, &vq_crossentropy_tunables, 0, 0);
}

static int group_count(const vq_device *device, int M) {
    return (M + rows_per_group(device) - 1) / rows_per_group(device);
}

size_t vq_crossentropy_scratch(const vq_device *device, int M) {
    return sizeof(float) * 2 * (size_t)group_count(device, M);
}

vq_status vq_crossentropy(vq_device *device, vq_view dlogits, vq_view best, vq_view metrics, vq_view scratch, vq_view logits,
                          vq_view rows, int M, int C, float scale) {
    const int groups = group_count(device, M);
    const vq_group g = vq_group_fit(device, "crossentropy", "", GROUP, GROUP);
    VQ_TRY(vq_run(device, "crossentropy", "crossentropy", g.options, vq_grid1((size_t)groups, g.across), vq_in(dlogits),
                  vq_in(best), vq_in(metrics.mem ? scratch : VQ_NO_VIEW), vq_in(logits), vq_in(rows), vq_int(M), vq_int(C),
                  vq_float(scale), vq_int(rows_per_group(device))));
    if (!metrics.mem)
        return VQDNA_OK;
    return vq_run(device, "crossentropy", "crossentropy_sum", g.options, vq_grid1(1, g.across), vq_in(metrics), vq_in(scratch),
                  vq_int(groups));
}

#include "ops/quantize.h"

#include "base/integer.h"

/* Rows of a work-group, and on a GPU work-items over the channels of a row: the sum of squared distances depends on both. */
enum { ROWS, ACROSS, TUNABLES };
enum { GROUP = 128 }; /* work-items of a GPU's work-group */

static const vq_tunable tunables[TUNABLES] = {
    [ROWS] = {"rows", {8, 16, 32, 64, 128, 256, 512}, {32, 32, 256, 256}},
    [ACROSS] = {"LX", {4, 8, 16, 32, 64}, {16, 16, 0, 0}},
};
static const vq_tuning_shape shape = {"all", {4096, 384, 1024, 2}, {270, 5, 9, 2}, true};

const vq_tunables vq_quantize_tunables = {
    .operation = "quantize",
    .list = tunables,
    .shapes = &shape,
    .count = TUNABLES,
    .shape_count = 1,
};

static int rows_of_group(const vq_device *device) {
    return vq_tuned(device, &vq_quantize_tunables, ROWS, 0);
}

static int chunks(const vq_device *device, int M) {
    const int rows = rows_of_group(device);
    return vq_ceil_div_int(M, rows);
}

static vq_group make_group(vq_device *device) {
    return vq_group_fit(device, "quantize", "", vq_tuned(device, &vq_quantize_tunables, ACROSS, 0), GROUP);
}

/* The work-groups of a kernel over rows. */
static vq_grid over_rows(const vq_device *device, const vq_group *g, int M) {
    return vq_grid2((size_t)chunks(device, M), 1, g->across, g->down);
}

size_t vq_quantize_scratch(const vq_device *device, int M) {
    return (size_t)chunks(device, M) * sizeof(float);
}

vq_status vq_quantize_residual(vq_device *device, vq_view h, vq_view z, vq_view total, int M, int D, int level) {
    const vq_group g = make_group(device);
    return vq_run(device, "quantize", "quantize_residual", g.options, over_rows(device, &g, M), vq_in(h), vq_in(z), vq_in(total),
                  vq_int(M), vq_int(D), vq_int(rows_of_group(device)), vq_float((float)level));
}

vq_status vq_quantize_gather(vq_device *device, vq_view zhat, vq_view total, vq_view metrics, vq_view e, vq_view h, vq_view codes,
                             vq_view rows, vq_view scratch, int M, int D, int level, int levels, int slot, float scale) {
    const bool measure = metrics.mem != NULL;
    const vq_group g = make_group(device);
    VQ_TRY(vq_run(device, "quantize", "quantize_gather", g.options, over_rows(device, &g, M),
                  vq_in(level == levels ? zhat : VQ_NO_VIEW), vq_in(total), vq_in(measure ? scratch : VQ_NO_VIEW), vq_in(e),
                  vq_in(measure ? h : VQ_NO_VIEW), vq_in(codes), vq_in(rows), vq_int(M), vq_int(D), vq_int(rows_of_group(device)),
                  vq_int(level == 1), vq_float(1.0f / (float)levels)));
    if (!measure)
        return VQDNA_OK;
    return vq_run(device, "quantize", "quantize_metric", g.options, vq_grid1(1, g.across * g.down), vq_in(metrics), vq_in(scratch),
                  vq_int(chunks(device, M)), vq_int(slot), vq_float(scale));
}

vq_status vq_quantize_mean(vq_device *device, vq_view zhat, vq_view z, vq_view rows, int M, int D, int level, int levels) {
    const vq_group g = make_group(device);
    return vq_run(device, "quantize", "quantize_mean", g.options, over_rows(device, &g, M), vq_in(zhat), vq_in(z), vq_in(rows),
                  vq_int(M), vq_int(D), vq_int(rows_of_group(device)), vq_int(level == 1), vq_float(1.0f / (float)levels));
}

static vq_status backward(vq_device *device, vq_view dz, vq_view dzhat, vq_view h, vq_view e, vq_view codes, vq_view rows, int M,
                          int D, float weight, float commit, bool add) {
    const vq_group g = make_group(device);
    return vq_run(device, "quantize", "quantize_backward", g.options, over_rows(device, &g, M), vq_in(dz), vq_in(dzhat), vq_in(h),
                  vq_in(e), vq_in(codes), vq_in(rows), vq_int(M), vq_int(D), vq_int(rows_of_group(device)), vq_float(weight),
                  vq_float(commit), vq_int(add));
}

vq_status vq_quantize_backward(vq_device *device, vq_view dz, vq_view dzhat, vq_view h, vq_view e, vq_view codes, vq_view rows,
                               int M, int D, int level, int levels, float commit_scale, bool add) {
    return backward(device, dz, dzhat, h, e, codes, rows, M, D, (float)level / (float)levels, (float)level * commit_scale, add);
}

vq_status vq_quantize_mean_backward(vq_device *device, vq_view dz, vq_view dzhat, vq_view rows, int M, int D, int levels,
                                    bool add) {
    return backward(device, dz, dzhat, VQ_NO_VIEW, VQ_NO_VIEW, VQ_NO_VIEW, rows, M, D, 1.0f / (float)levels, 0.0f, add);
}

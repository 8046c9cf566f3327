#include "ops/embedding.h"

#include "base/integer.h"
#include "ops/codesum.h"

/* GROUP: work-items of a GPU's work-group, ACROSS of them over the channels of a row. Rows of a group: a core's share of a batch, or
 * one for each row of items. */
enum { GROUP = 64, ACROSS = 16, CPU_ROWS = 64, GPU_ROWS = GROUP / ACROSS };

static int rows_of_group(const vq_device *device) {
    return vq_shape_of(device, "embedding").family == VQ_FAMILY_CPU ? CPU_ROWS : GPU_ROWS;
}

static vq_grid over_rows(const vq_device *device, const vq_group *g, int rows) {
    return vq_grid2((size_t)vq_ceil_div_int(rows, rows_of_group(device)), 1, g->across, g->down);
}

vq_status vq_embedding_forward(vq_device *device, vq_view y, vq_view table, vq_view ids, int M, int D, int V, float scale,
                               bool add) {
    const vq_group g = vq_group_fit(device, "embedding", "", ACROSS, GROUP);
    return vq_run(device, "embedding", "embedding_forward", g.options, over_rows(device, &g, M), vq_in(y), vq_in(table), vq_in(ids),
                  vq_int(M), vq_int(D), vq_int(V), vq_float(scale), vq_int(add), vq_int(rows_of_group(device)));
}

size_t vq_embedding_scratch(const vq_device *device, int M, int V) {
    return vq_codesum_scratch(device, M, V + 1);
}

vq_status vq_embedding_backward(vq_device *device, vq_view dtable, const vq_embedding_work *work, vq_view dy, vq_view ids, int M,
                                int D, int V, float scale) {
    const vq_group g = vq_group_fit(device, "embedding", "", ACROSS, GROUP);
    VQ_TRY(vq_codesum_forward(device, work->sums, work->counts, work->order, dy, ids, VQ_NO_VIEW, work->scratch, M, D, V + 1));
    return vq_run(device, "embedding", "embedding_add", g.options, over_rows(device, &g, V), vq_in(dtable), vq_in(work->sums),
                  vq_in(work->counts), vq_int(V), vq_int(D), vq_float(scale), vq_int(rows_of_group(device)));
}

#include "ops/stem.h"

#include "base/integer.h"
#include "ops/reduce.h"

enum { COLUMNS = 25 };            /* of the kernels' table: 5 taps x 5 bases */
enum { GROUP = 64, ACROSS = 16 }; /* work-items of a GPU's work-group, and of them over channels */

/* Rows of a work-item of forward; its bits do not depend on them. */
static const vq_tunable rows_of_item = {"rows", {2, 4, 8, 16, 32, 64, 128, 256}, {4, 4, 64, 64}};
static const vq_tuning_shape shape = {"all", {16384, 256}, {150, 72}, false};

const vq_tunables vq_stem_tunables = {
    .operation = "stem",
    .list = &rows_of_item,
    .shapes = &shape,
    .count = 1,
    .shape_count = 1,
};

static vq_group make_group(vq_device *device) {
    return vq_group_fit(device, "stem", "", ACROSS, GROUP);
}

size_t vq_stem_scratch(const vq_device *device, int M, int C) {
    return sizeof(float) * COLUMNS * (size_t)vq_chunk_count(device, M) * (size_t)C;
}

vq_status vq_stem_forward(vq_device *device, vq_view y, vq_view scratch, vq_view rows, vq_view w, vq_view bias, int M, int C) {
    const vq_group g = make_group(device);
    VQ_TRY(vq_run(device, "stem", "stem_table", g.options, vq_grid2(vq_ceil_div((size_t)C, g.spread), COLUMNS, g.spread, 1),
                  vq_in(scratch), vq_in(w), vq_int(C)));
    const vq_shape kernels = vq_shape_of(device, "stem");
    const int per = vq_tuned(device, &vq_stem_tunables, 0, 0);
    const size_t items = vq_ceil_div((size_t)M, (size_t)per), width = (size_t)kernels.width;
    const vq_grid grid = kernels.family == VQ_FAMILY_CPU
                             ? vq_grid2(1, items, 1, 1)
                             : vq_grid2(vq_ceil_div((size_t)C, g.across * width), vq_ceil_div(items, g.down), g.across, g.down);
    return vq_run(device, "stem", "stem_forward", g.options, grid, vq_in(y), vq_in(scratch), vq_in(rows), vq_in(bias), vq_int(M),
                  vq_int(C), vq_int(per));
}

vq_status vq_stem_backward(vq_device *device, vq_view dw, vq_view dbias, vq_view scratch, vq_view dy, vq_view rows, int M, int C) {
    const int per = vq_chunk_rows(device, M), chunks = vq_chunk_count(device, M);
    const vq_shape kernels = vq_shape_of(device, "stem");
    const vq_group g = make_group(device);
    const size_t width = (size_t)kernels.width;
    const vq_grid grid = kernels.family == VQ_FAMILY_CPU
                             ? vq_grid2(1, (size_t)chunks, 1, 1)
                             : vq_grid2(vq_ceil_div((size_t)C, g.across * width), (size_t)chunks, g.across, 1);
    VQ_TRY(vq_run(device, "stem", "stem_backward_chunks", g.options, grid, vq_in(scratch), vq_in(dy), vq_in(rows), vq_int(M),
                  vq_int(C), vq_int(per)));
    return vq_run(device, "stem", "stem_backward_sum", g.options,
                  vq_grid2(vq_ceil_div((size_t)C, g.spread), COLUMNS + 1, g.spread, 1), vq_in(dw), vq_in(dbias), vq_in(scratch),
                  vq_int(C), vq_int(chunks));
}

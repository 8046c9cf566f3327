#include "ops/sine.h"

#include "base/integer.h"
#include "ops/reduce.h"

enum { GROUP = 64, ACROSS = 16 }; /* work-items of a GPU's work-group, and of them over channels */
enum { ROWS = 64 };               /* of a CPU's work-item */

static bool is_cpu(const vq_device *device) {
    return vq_shape_of(device, "sine").family == VQ_FAMILY_CPU;
}

vq_status vq_sine_forward(vq_device *device, vq_view y, vq_view x, vq_view f, int M, int C) {
    const vq_group g = vq_group_fit(device, "sine", "", ACROSS, GROUP);
    const int per = is_cpu(device) ? ROWS : 1;
    const size_t items = vq_ceil_div((size_t)M, (size_t)per), width = (size_t)vq_shape_of(device, "sine").width;
    const vq_grid grid = is_cpu(device)
                             ? vq_grid2(1, items, 1, 1)
                             : vq_grid2(vq_ceil_div((size_t)C, g.across * width), vq_ceil_div(items, g.down), g.across, g.down);
    return vq_run(device, "sine", "sine_forward", g.options, grid, vq_in(y), vq_in(x), vq_in(f), vq_int(M), vq_int(C), vq_int(per));
}

size_t vq_sine_scratch(const vq_device *device, int M, int C) {
    return sizeof(float) * (size_t)vq_chunk_most(device, M) * (size_t)C;
}

vq_status vq_sine_backward(vq_device *device, vq_view dx, vq_view df, vq_view scratch, vq_view dy, vq_view x, vq_view f, int M,
                           int C) {
    const vq_group g = vq_group_fit(device, "sine", "", ACROSS, GROUP);
    const int per = vq_chunk_rows(device, M), chunks = vq_chunk_count(device, M);
    const size_t width = (size_t)vq_shape_of(device, "sine").width;
    const vq_grid grid = is_cpu(device) ? vq_grid2(1, (size_t)chunks, 1, 1)
                                        : vq_grid2(vq_ceil_div((size_t)C, g.spread * width), (size_t)chunks, g.spread, 1);
    VQ_TRY(vq_run(device, "sine", "sine_backward", g.options, grid, vq_in(dx), vq_in(scratch), vq_in(dy), vq_in(x), vq_in(f),
                  vq_int(M), vq_int(C), vq_int(per)));
    return vq_reduce_rows(device, df, scratch, VQ_NO_VIEW, chunks, C, true);
}

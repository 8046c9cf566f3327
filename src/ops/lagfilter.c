#include "ops/lagfilter.h"

#include "base/integer.h"

#include <math.h>

enum { GROUP = 64, ACROSS = 16 }; /* work-items of a GPU's work-group, and of them over channels */
enum { ROWS = 64 };               /* of a CPU's work-item */

static vq_status run(vq_device *device, const char *kernel, vq_view to, vq_view from, int rows, int L, int C, int span) {
    const vq_shape shape = vq_shape_of(device, "lagfilter");
    const bool cpu = shape.family == VQ_FAMILY_CPU;
    const vq_group g = vq_group_fit(device, "lagfilter", "", ACROSS, GROUP);
    const int per = cpu ? ROWS : 1;
    const size_t items = vq_ceil_div((size_t)rows, (size_t)per);
    const vq_grid grid =
        cpu ? vq_grid2(1, items, 1, 1)
            : vq_grid2(vq_ceil_div((size_t)C, g.across * (size_t)shape.width), vq_ceil_div(items, g.down), g.across, g.down);
    const double unit = log(100) / log(2) / span, slow = unit / 1.5, fast = unit / 0.3;
    return vq_run(device, "lagfilter", kernel, g.options, grid, vq_in(to), vq_in(from), vq_int(L), vq_int(C), vq_float((float)slow),
                  vq_float(C > 1 ? (float)((fast - slow) / (C - 1)) : 0), vq_int(per));
}

vq_status vq_lagfilter_forward(vq_device *device, vq_view h, vq_view k, int L, int C, int span) {
    return run(device, "lagfilter_forward", h, k, 2 * L - 1, L, C, span);
}

vq_status vq_lagfilter_backward(vq_device *device, vq_view dk, vq_view dh, int L, int C, int span) {
    return run(device, "lagfilter_backward", dk, dh, L, L, C, span);
}

#include "ops/pool.h"

#include "base/integer.h"

enum { GROUP = 64 };

/* Work-items for `count` registers or channels of each of B sequences. */
static vq_grid over(const vq_group *g, int count, int B) {
    return vq_grid2(vq_ceil_div((size_t)count, g->spread), (size_t)B, g->spread, 1);
}

static int registers(const vq_device *device, int D) {
    return vq_ceil_div_int(D, vq_shape_of(device, "pool").width);
}

vq_status vq_pool_mean_forward(vq_device *device, vq_view y, vq_view x, vq_view mask, int B, int L, int D) {
    const vq_group g = vq_group_fit(device, "pool", "", GROUP, GROUP);
    return vq_run(device, "pool", "pool_mean_forward", g.options, over(&g, registers(device, D), B), vq_in(y), vq_in(x),
                  vq_in(mask), vq_int(L), vq_int(D));
}

vq_status vq_pool_mean_backward(vq_device *device, vq_view dx, vq_view dy, vq_view mask, int B, int L, int D) {
    const vq_group g = vq_group_fit(device, "pool", "", GROUP, GROUP);
    return vq_run(device, "pool", "pool_mean_backward", g.options, over(&g, registers(device, D), B), vq_in(dx), vq_in(dy),
                  vq_in(mask), vq_int(L), vq_int(D));
}

vq_status vq_pool_max_forward(vq_device *device, vq_view y, vq_view best, vq_view x, vq_view mask, int B, int L, int D) {
    const vq_group g = vq_group_fit(device, "pool", "", GROUP, GROUP);
    return vq_run(device, "pool", "pool_max_forward", g.options, over(&g, registers(device, D), B), vq_in(y), vq_in(best), vq_in(x),
                  vq_in(mask), vq_int(L), vq_int(D));
}

vq_status vq_pool_max_backward(vq_device *device, vq_view dx, vq_view dy, vq_view best, int B, int L, int D) {
    const vq_group g = vq_group_fit(device, "pool", "", GROUP, GROUP);
    return vq_run(device, "pool", "pool_max_backward", g.options, over(&g, D, B), vq_in(dx), vq_in(dy), vq_in(best), vq_int(L),
                  vq_int(D));
}

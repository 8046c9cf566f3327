#include "ops/peak.h"

#include "base/integer.h"

#include <stdio.h>

/* A CPU device loops over memory in a few long work-items, a GPU hides its latency behind many, each with no more floats than it has
 * registers to spare. */
enum { GPU_LOCAL = 256, CPU_ITEMS = 4, GPU_GROUPS = 16, GPU_FLOATS = 64 };

static vq_group make_group(vq_device *device, const char *options) {
    return vq_group_fit(device, "peak", options, GPU_LOCAL, GPU_LOCAL);
}

static size_t busy_groups(const vq_device *device) {
    return device->info.compute_units * (size_t)(vq_shape_of(device, "peak").family == VQ_FAMILY_CPU ? CPU_ITEMS : GPU_GROUPS);
}

int vq_peak_items(vq_device *device) {
    return (int)(busy_groups(device) * make_group(device, "").across);
}

vq_status vq_peak_fma(vq_device *device, vq_view end, vq_view start, int items, int width, int chains, float x, float y,
                      int steps) {
    char options[64];
    while (vq_shape_of(device, "peak").family == VQ_FAMILY_GPU && width * chains > GPU_FLOATS && chains % 2 == 0) {
        chains /= 2;
        items *= 2;
    }
    snprintf(options, sizeof options, "-DWIDTH=%d -DCHAINS=%d", width, chains);
    const vq_group g = make_group(device, options);
    return vq_run(device, "peak", "peak_fma", g.options, vq_grid1(vq_ceil_div((size_t)items, g.across), g.across), vq_in(end),
                  vq_in(start), vq_int(items), vq_float(x), vq_float(y), vq_int(steps));
}

/* Groups that share n floats, and the registers of each. */
static vq_grid share(const vq_device *device, const vq_group *g, int n, int *chunk) {
    int registers = n / vq_shape_of(device, "peak").width, local = (int)g->across;
    size_t groups = busy_groups(device);
    *chunk = (int)vq_ceil_div((size_t)registers, groups);
    *chunk = vq_ceil_div_int(*chunk, local) * local;
    return vq_grid1(groups, g->across);
}

vq_status vq_peak_copy(vq_device *device, vq_view y, vq_view x, int n) {
    int chunk;
    const vq_group g = make_group(device, "");
    const vq_grid grid = share(device, &g, n, &chunk);
    return vq_run(device, "peak", "peak_copy", g.options, grid, vq_in(y), vq_in(x), vq_int(n), vq_int(chunk));
}

vq_status vq_peak_triad(vq_device *device, vq_view y, vq_view a, vq_view b, float s, int n) {
    int chunk;
    const vq_group g = make_group(device, "");
    const vq_grid grid = share(device, &g, n, &chunk);
    return vq_run(device, "peak", "peak_triad", g.options, grid, vq_in(y), vq_in(a), vq_in(b), vq_float(s), vq_int(n),
                  vq_int(chunk));
}

vq_status vq_peak_count(vq_device *device, vq_view count) {
    const vq_group g = make_group(device, "");
    return vq_run(device, "peak", "peak_count", g.options, vq_grid1(1, g.across), vq_in(count));
}

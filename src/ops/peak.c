#include "ops/peak.h"

#include <stdio.h>

/* A CPU device loops over memory in a few long work-items, a GPU hides its latency behind many. */
enum { GPU_LOCAL = 256, CPU_ITEMS = 4, GPU_GROUPS = 16 };

static int local_size(const vq_device *device) {
    return vq_shape_of(device, "peak").family == VQ_FAMILY_CPU ? 1 : GPU_LOCAL;
}

static size_t busy_groups(const vq_device *device) {
    return device->info.compute_units * (size_t)(vq_shape_of(device, "peak").family == VQ_FAMILY_CPU ? CPU_ITEMS : GPU_GROUPS);
}

int vq_peak_items(const vq_device *device) {
    return (int)busy_groups(device) * local_size(device);
}

vq_status vq_peak_fma(vq_device *device, vq_view end, vq_view start, int items, int width, int chains, float x, float y,
                      int steps) {
    char options[64];
    int local = local_size(device);
    snprintf(options, sizeof options, "-DLOCAL=%d -DWIDTH=%d -DCHAINS=%d", local, width, chains);
    return vq_run(device, "peak", "peak_fma", options, vq_grid1((size_t)((items + local - 1) / local), (size_t)local), vq_in(end),
                  vq_in(start), vq_int(items), vq_float(x), vq_float(y), vq_int(steps));
}

/* Groups that share n floats, and the registers of each. */
static vq_grid share(const vq_device *device, int n, int *chunk) {
    int registers = n / vq_shape_of(device, "peak").width, local = local_size(device);
    size_t groups = busy_groups(device);
    *chunk = (int)(((size_t)registers + groups - 1) / groups);
    *chunk = (*chunk + local - 1) / local * local;
    return vq_grid1(groups, (size_t)local);
}

static void memory_options(char out[32], const vq_device *device) {
    snprintf(out, 32, "-DLOCAL=%d", local_size(device));
}

vq_status vq_peak_copy(vq_device *device, vq_view y, vq_view x, int n) {
    char options[32];
    int chunk;
    vq_grid grid = share(device, n, &chunk);
    memory_options(options, device);
    return vq_run(device, "peak", "peak_copy", options, grid, vq_in(y), vq_in(x), vq_int(n), vq_int(chunk));
}

vq_status vq_peak_triad(vq_device *device, vq_view y, vq_view a, vq_view b, float s, int n) {
    char options[32];
    int chunk;
    vq_grid grid = share(device, n, &chunk);
    memory_options(options, device);
    return vq_run(device, "peak", "peak_triad", options, grid, vq_in(y), vq_in(a), vq_in(b), vq_float(s), vq_int(n), vq_int(chunk));
}

vq_status vq_peak_count(vq_device *device, vq_view count) {
    char options[32];
    memory_options(options, device);
    return vq_run(device, "peak", "peak_count", options, vq_grid1(1, (size_t)local_size(device)), vq_in(count));
}

#include "ops/assign.h"

#include "ops/gemm.h"

#include <stdio.h>

enum { GPU_PANEL = 64, GPU_SIDE = 16, WANTED_GROUPS = 8 };

static int ceil_div(int a, int b) {
    return (a + b - 1) / b;
}

static int chunks(int D) {
    return ceil_div(D, VQ_TILE_STEPS);
}

/* ---- Tunables: most rows of a work-item's block, and of a panel; neither changes a code ---------------------------------- */

enum { ROWS, PANEL, TUNABLES };
enum { NARROW, WIDE };
enum { WIDE_ROW = 128 };

static const vq_tunable tunables[TUNABLES] = {
    [ROWS] = {"MC", {24, 48, 72, 96, 144, 192, 288}, {0, 0, 144, 144}},
    [PANEL] = {"MR", {4, 6, 8, 10, 12, 14}, {0, 0, 6, 12}},
};

static const vq_tuning_shape shapes[] = {
    [NARROW] = {"narrow", {8192, 64, 512}, {301, 64, 256}, false},
    [WIDE] = {"wide", {4096, 384, 1024}, {77, 257, 96, 2}, false},
};

const vq_tunables vq_assign_tunables = {
    .operation = "assign",
    .cases = "assign",
    .list = tunables,
    .shapes = shapes,
    .count = TUNABLES,
    .shape_count = sizeof shapes / sizeof *shapes,
};

static int tuned(const vq_device *device, int which, int D) {
    return vq_tuned(device, &vq_assign_tunables, which, D < WIDE_ROW ? NARROW : WIDE);
}

/* Most rows of a block. */
static int block(const vq_device *device, int D) {
    return vq_tile_block(device, tuned(device, PANEL, D), tuned(device, ROWS, D), chunks(D), VQ_TILE_STEPS);
}

/* The CPU's shape needs a panel of whole rows in local memory. */
static bool by_tile(const vq_device *device, int D) {
    return device->family == VQ_FAMILY_CPU && !device->plain && block(device, D) > 0;
}

static int codes_of_panel(const vq_device *device, int D) {
    return by_tile(device, D) ? vq_tile_columns(device) : GPU_PANEL;
}

static void build_options(const vq_device *device, int D, char *out, size_t size) {
    if (by_tile(device, D))
        snprintf(out, size, "-DCHUNKS=%d -DMC=%d -DVQ_MR=%d", chunks(D), block(device, D), tuned(device, PANEL, D));
    else
        snprintf(out, size, "-DPANEL=%d", GPU_PANEL);
}

/* ---- Packing and search ------------------------------------------------------------------------------------------------------- */

size_t vq_assign_packed_bytes(const vq_device *device, int D, int K) {
    size_t padded = (size_t)ceil_div(K, codes_of_panel(device, D)) * (size_t)codes_of_panel(device, D);
    return padded * ((size_t)D + 1) * sizeof(float);
}

vq_status vq_assign_pack(vq_device *device, vq_view packed, vq_view e, int D, int K) {
    char options[64];
    build_options(device, D, options, sizeof options);
    size_t width = (size_t)codes_of_panel(device, D);
    return vq_run(device, "assign", "assign_pack", options, vq_grid1(((size_t)K + width - 1) / width, width), vq_in(packed),
                  vq_in(e), vq_int(D), vq_int(K));
}

vq_status vq_assign_forward(vq_device *device, vq_view codes, vq_view h, vq_view packed, int M, int D, int K) {
    char options[64];
    build_options(device, D, options, sizeof options);
    if (M == 0)
        return VQDNA_OK;
    if (!by_tile(device, D))
        return vq_run(device, "assign", "assign_square", options, vq_grid2((size_t)ceil_div(M, GPU_PANEL), 1, GPU_SIDE, GPU_SIDE),
                      vq_in(codes), vq_in(h), vq_in(packed), vq_int(M), vq_int(D), vq_int(K));
    int rows = tuned(device, PANEL, D), down = ceil_div(M, rows), most = block(device, D) / rows;
    int groups = ceil_div(down, most);
    if (groups < WANTED_GROUPS) /* work for some cores, whatever their number */
        groups = down < WANTED_GROUPS ? down : WANTED_GROUPS;
    int height = ceil_div(down, groups);
    return vq_run(device, "assign", "assign_tile", options, vq_grid1((size_t)ceil_div(down, height), 1), vq_in(codes), vq_in(h),
                  vq_in(packed), vq_int(M), vq_int(D), vq_int(K), vq_int(height));
}

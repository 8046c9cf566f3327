#include "ops/assign.h"

#include "base/integer.h"
#include "ops/gemm.h"

#include <stdio.h>

enum { WANTED_GROUPS = 8 };

static int chunks(int D) {
    return vq_ceil_div_int(D, VQ_TILE_STEPS);
}

/* ---- Tunables: none changes a code ------------------------------------------------------------------------------------------- */

/* On a CPU most rows of a work-item's block, and rows of a panel; on a GPU the work-items on a side of a work-group, and the rows,
 * at most, and codes of each. */
enum { ROWS, PANEL, SIDE, HIGH, EACH, TUNABLES };
enum { NARROW, WIDE };
enum { WIDE_ROW = 128 };

static const vq_tunable tunables[TUNABLES] = {
    [ROWS] = {"MC", {24, 48, 72, 96, 144, 192, 288}, {0, 0, 144, 144}},
    [PANEL] = {"MR", {4, 6, 8, 10, 12, 14}, {0, 0, 6, 12}},
    [SIDE] = {"SIDE", {8, 16}, {16, 16, 0, 0}, .slow_on_cpu = true},
    [HIGH] = {"HIGH", {2, 4, 8}, {8, 4, 0, 0}, .slow_on_cpu = true},
    [EACH] = {"EACH", {4, 8}, {8, 4, 0, 0}, .slow_on_cpu = true},
};

static const vq_tuning_shape shapes[] = {
    [NARROW] = {"narrow", {8192, 64, 512}, {301, 64, 256}, false},
    [WIDE] = {"wide", {4096, 384, 1024}, {77, 257, 96, 2}, false},
};

/* Of a GPU's kernel, local memory as declared in cl/assign.cl; a CPU's takes as many rows as there is room for. */
static bool allows(const vq_device *device, int shape, const int *of) {
    const int side = of[SIDE], tall = side * of[HIGH], wide = side * of[EACH];
    (void)shape;
    return of[HIGH] <= side && vq_device_takes(device, (size_t)side, (size_t)side,
                                               (size_t)(side * (tall + 4 + (wide > tall ? wide : tall))) * sizeof(float));
}

const vq_tunables vq_assign_tunables = {
    .operation = "assign",
    .list = tunables,
    .shapes = shapes,
    .count = TUNABLES,
    .shape_count = sizeof shapes / sizeof *shapes,
    .allows = allows,
};

static int tuned(const vq_device *device, int which, int D) {
    return vq_tuned(device, &vq_assign_tunables, which, D < WIDE_ROW ? NARROW : WIDE);
}

/* ---- Which kernel ------------------------------------------------------------------------------------------------------------ */

typedef struct plan {
    enum { PLAIN, TILE, SQUARE } by;
    int panel;       /* codes of a packed panel */
    int rows, block; /* TILE: of a panel of rows, and of a block, in local memory */
    int side, high;  /* SQUARE */
} plan;

static void build_options(const plan *p, int D, char *out, size_t size) {
    if (p->by == TILE)
        snprintf(out, size, "-DCHUNKS=%d -DMC=%d -DVQ_MR=%d", chunks(D), p->block, p->rows);
    else if (p->by == SQUARE)
        snprintf(out, size, "-DPANEL=%d -DSIDE=%d -DEACH=%d -DHIGH=%d", p->panel, p->side, p->panel / p->side, p->high);
    else
        snprintf(out, size, "-DPANEL=1");
}

static plan make_plan(vq_device *device, int D) {
    vq_shape shape = vq_shape_of(device, "assign");
    if (shape.plain)
        return (plan){.by = PLAIN, .panel = 1};
    if (shape.family == VQ_FAMILY_GPU) {
        int side = tuned(device, SIDE, D);
        plan p = {.by = SQUARE, .panel = side * tuned(device, EACH, D), .side = side, .high = tuned(device, HIGH, D)};
        char options[80];
        build_options(&p, D, options, sizeof options);
        if (!vq_group_fits(device, "assign", options, (size_t)side, (size_t)side)) { /* the driver's compiler takes no such group */
            p.side = tunables[SIDE].values[0];
            p.high = tunables[HIGH].values[0];
            p.panel = p.side * tunables[EACH].values[0];
        }
        return p;
    }
    int rows = tuned(device, PANEL, D), fit = vq_tile_block(device, 1, tuned(device, ROWS, D), chunks(D), VQ_TILE_STEPS);
    if (fit == 0) /* local memory has no room for a row */
        return (plan){.by = PLAIN, .panel = 1};
    if (rows > fit)
        rows = fit;
    return (plan){.by = TILE, .panel = vq_tile_columns(device), .rows = rows, .block = fit / rows * rows};
}

/* ---- Packing and search ------------------------------------------------------------------------------------------------------ */

size_t vq_assign_packed_bytes(vq_device *device, int D, int K) {
    plan p = make_plan(device, D);
    return (size_t)vq_ceil_div_int(K, p.panel) * (size_t)p.panel * ((size_t)D + 1) * sizeof(float);
}

vq_status vq_assign_pack(vq_device *device, vq_view packed, vq_view e, int D, int K) {
    plan p = make_plan(device, D);
    char options[80];
    build_options(&p, D, options, sizeof options);
    size_t padded = (size_t)vq_ceil_div_int(K, p.panel) * (size_t)p.panel, local = (size_t)p.panel;
    while (local > device->most_items[0] || local > device->info.max_work_group)
        local /= 2;
    return vq_run(device, "assign", "assign_pack", options, vq_grid1(padded / local, local), vq_in(packed), vq_in(e), vq_int(D),
                  vq_int(K));
}

static vq_status tile(vq_device *device, const plan *p, const char *options, vq_view codes, vq_view h, vq_view packed, int M, int D,
                      int K) {
    const int down = vq_ceil_div_int(M, p->rows), most = p->block / p->rows, each = 4 * (int)device->info.compute_units;
    const int wanted = each > WANTED_GROUPS ? each : WANTED_GROUPS; /* as many for each core as for the next: see ops/gemm.c */
    const int height = vq_ceil_div_int(down, vq_ceil_div_int(vq_ceil_div_int(down, most), wanted) * wanted);
    return vq_run(device, "assign", "assign_tile", options, vq_grid1((size_t)vq_ceil_div_int(down, height), 1), vq_in(codes),
                  vq_in(h), vq_in(packed), vq_int(M), vq_int(D), vq_int(K), vq_int(height));
}

vq_status vq_assign_forward(vq_device *device, vq_view codes, vq_view h, vq_view packed, int M, int D, int K) {
    plan p = make_plan(device, D);
    char options[80];
    if (M == 0)
        return VQDNA_OK;
    while (p.by == SQUARE && p.high > 1 && vq_ceil_div_int(M, p.side * p.high) < (int)device->info.compute_units)
        p.high /= 2; /* fewer rows of a work-group, so that each compute unit has one */
    build_options(&p, D, options, sizeof options);
    if (p.by == TILE)
        return tile(device, &p, options, codes, h, packed, M, D, K);
    vq_grid grid = p.by == PLAIN ? vq_grid1((size_t)M, 1)
                                 : vq_grid2((size_t)vq_ceil_div_int(M, p.side * p.high), 1, (size_t)p.side, (size_t)p.side);
    grid.flops = 2.0 * M * D * K;
    if (p.by == PLAIN)
        return vq_run(device, "assign", "assign_plain", options, grid, vq_in(codes), vq_in(h), vq_in(packed), vq_int(D), vq_int(K));
    return vq_run(device, "assign", "assign_square", options, grid, vq_in(codes), vq_in(h), vq_in(packed), vq_int(M), vq_int(D),
                  vq_int(K));
}

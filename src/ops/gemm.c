#include "ops/gemm.h"

#include "base/integer.h"
#include "device/blas.h"
#include "ops/reduce.h"

#include <math.h>
#include <stdio.h>

/* ---- Tunables ---------------------------------------------------------------------------------------------------------------- */

/* On a CPU: rows and columns of C in a work-item's block at most, steps of K in it, rows of a panel. On a GPU: items of a
 * work-group in each direction, rows and registers of an item, steps of K in local memory. Then who computes it. */
enum { ROWS, COLUMNS, STEPS, PANEL, SIDE, DOWN, ACROSS, DEEP, PROVIDER, TUNABLES };
enum { OURS = 1, CLBLAST = 2 };
enum { SMALL, LARGE, TRANSPOSED };
enum { SMALL_OPERAND = 1 << 16 };

/* None but the provider changes a bit of a product with A as it is stored: the order of a sum is that of k, however k is cut. */
static const vq_tunable tunables[TUNABLES] = {
    [ROWS] = {"MC", {48, 72, 96, 144, 192, 288, 384}, {0, 0, 144, 144}},
    [COLUMNS] = {"NC", {128, 256, 512, 1024, 2048}, {0, 0, 512, 512}},
    [STEPS] = {"KC", {128, 192, 256, 384, 512}, {0, 0, 256, 256}},
    [PANEL] = {"MR", {4, 6, 8, 10, 12, 14}, {0, 0, 6, 12}},
    [SIDE] = {"SIDE", {8, 16}, {16, 16, 0, 0}},
    [DOWN] = {"TM", {2, 4, 8}, {8, 4, 0, 0}},
    [ACROSS] = {"TV", {1, 2}, {1, 1, 0, 0}},
    [DEEP] = {"DEEP", {8, 16, 32}, {16, 16, 0, 0}},
    [PROVIDER] = {"provider", {OURS, CLBLAST}, {OURS, OURS, OURS, OURS}, .slow_on_cpu = true},
};

static const vq_tuning_shape shapes[] = {
    [SMALL] = {"small", {2048, 256, 64, 0, 1, VQ_GEMM_BIAS_GELU}, {301, 96, 257, 0, 1, VQ_GEMM_BIAS_GELU, 2}, false},
    [LARGE] = {"large", {4096, 1536, 384, 0, 1, VQ_GEMM_BIAS_GELU}, {301, 96, 600, 0, 1, VQ_GEMM_BIAS_GELU, 2}, false},
    [TRANSPOSED] = {"transposed", {1536, 384, 4096, 1, 0, VQ_GEMM_ADD}, {170, 256, 600, 1, 0, VQ_GEMM_ADD}, false},
};

/* Local memory as declared in cl/gemm.cl; on a CPU a block has as many rows as there is room for. */
static bool allows(const vq_device *device, int shape, const int *of) {
    const size_t side = (size_t)of[SIDE], deep = (size_t)of[DEEP];
    (void)shape;
    if (!side)
        return vq_tile_block(device, of[PANEL], of[ROWS], 1, of[STEPS]) > 0;
    const size_t a_row = side * (size_t)of[DOWN] + 1, b_row = side * (size_t)(of[ACROSS] * device->vector_width);
    return vq_device_takes(device, side, side, deep * (a_row + b_row) * sizeof(float));
}

const vq_tunables vq_gemm_tunables = {
    .operation = "gemm",
    .list = tunables,
    .shapes = shapes,
    .count = TUNABLES,
    .shape_count = sizeof shapes / sizeof *shapes,
    .allows = allows,
};

/* By what is known of B, never by M: a row's result must not depend on how many there are. */
static int shape_class(int N, int K, bool ta) {
    return ta ? TRANSPOSED : (size_t)N * (size_t)K < SMALL_OPERAND ? SMALL : LARGE;
}

/* ---- The tile of a CPU: as in cl/prelude.cl ---------------------------------------------------------------------------------- */

enum { ROW_PADDING = 16, LEAST_HEIGHT = 2 };

typedef struct sizes {
    int steps, panel, block, columns; /* KC, MR, rows and columns of a block */
} sizes;

int vq_tile_columns(const vq_device *device) {
    return 2 * device->vector_width;
}

int vq_tile_block(const vq_device *device, int panel, int rows, int chunks, int steps) {
    size_t most = device->info.local_bytes / ((size_t)chunks * (size_t)(steps + ROW_PADDING) * sizeof(float));
    return (int)(most < (size_t)rows ? most : (size_t)rows) / panel * panel;
}

static sizes tuned_sizes(const vq_device *device, int shape) {
    int of[TUNABLES];
    vq_tuned_all(of, device, &vq_gemm_tunables, shape);
    return (sizes){of[STEPS], of[PANEL], vq_tile_block(device, of[PANEL], of[ROWS], 1, of[STEPS]), of[COLUMNS]};
}

/* How C is cut into work-groups, in panels, which changes no bit of it. Blocks of a few hundred columns keep their part of C in the
 * second-level cache. The cut that should be done first: each row of groups streams all of B, each column of them packs all of A,
 * which costs about twice as much a float, a float moved as much as 8 multiply-adds, and the core with most groups is waited for. */
static vq_grid cut(const vq_device *device, const sizes *s, int M, int N, int *height, int *width) {
    const int down = vq_ceil_div_int(M, s->panel), across = vq_ceil_div_int(N, vq_tile_columns(device)), most = s->block / s->panel;
    const int units = (int)device->info.compute_units, least = down < LEAST_HEIGHT ? down : LEAST_HEIGHT;
    double best = INFINITY;
    *height = least; /* a product too small for as many groups as cores: as many as there are */
    *width = 1;
    for (int h = most < down ? most : down; h >= least; h--)
        for (int parts = vq_ceil_div_int(N, s->columns), groups = 0; parts <= across && groups < 8 * units; parts++) {
            const int w = vq_ceil_div_int(across, parts), rows = vq_ceil_div_int(down, h), columns = vq_ceil_div_int(across, w);
            groups = rows * columns;
            const double work = (double)M * N + 8 * ((double)rows * N + 2.0 * columns * M);
            const double cost = work * vq_ceil_div_int(groups, units) * units / groups;
            if (groups >= units && cost < best) {
                best = cost;
                *height = vq_ceil_div_int(down, rows);
                *width = w;
            }
        }
    return vq_grid2((size_t)vq_ceil_div_int(down, *height), (size_t)vq_ceil_div_int(across, *width), 1, 1);
}

/* Whether items pack B themselves, a panel of VQ_KC steps at a time: where few rows of groups read it, and sums are long, as in the
 * gradients of small weights, all of it packed would be read, written and read again. */
static bool packs_panels(const vq_grid *grid, bool ta) {
    enum { FEW = 2 };
    return ta && grid->groups[0] <= FEW;
}

static size_t tile_scratch(const vq_device *device, int M, int N, int K, bool ta) {
    const sizes s = tuned_sizes(device, shape_class(N, K, ta));
    const size_t columns = (size_t)vq_tile_columns(device);
    int height, width;
    const vq_grid grid = cut(device, &s, M, N, &height, &width);
    const size_t panels = packs_panels(&grid, ta) ? grid.groups[0] * grid.groups[1] : (size_t)vq_ceil_div_int(N, (int)columns);
    return panels * columns * (size_t)(packs_panels(&grid, ta) ? s.steps : K) * sizeof(float);
}

#define END_OF(end) vq_in((end)->bias), vq_in((end)->pre), vq_in((end)->residual)

static vq_status tile(vq_device *device, vq_view C, vq_view A, vq_view B, vq_view scratch, int M, int N, int K, bool ta, bool tb,
                      const vq_gemm_end *end) {
    const sizes s = tuned_sizes(device, shape_class(N, K, ta));
    char options[96];
    int height, width;
    const vq_grid grid = cut(device, &s, M, N, &height, &width);
    const bool whole = !packs_panels(&grid, ta);
    snprintf(options, sizeof options, "-DVQ_KC=%d -DVQ_MR=%d -DTA=%d -DMC=%d", s.steps, s.panel, ta, s.block);
    if (whole)
        VQ_TRY(vq_run(device, "gemm", "gemm_pack", options,
                      vq_grid2((size_t)vq_ceil_div_int(N, vq_tile_columns(device)), (size_t)vq_ceil_div_int(K, s.steps), 1, 1),
                      vq_in(scratch), vq_in(B), vq_int(N), vq_int(K), vq_int(tb)));
    return vq_run(device, "gemm", "gemm_tile", options, grid, vq_in(C), vq_in(A), vq_in(whole ? scratch : B), vq_in(scratch),
                  vq_int(whole), vq_int(tb), vq_int(end->kind), END_OF(end), vq_int(M), vq_int(N), vq_int(K), vq_int(height),
                  vq_int(width));
}

/* ---- The tile of a GPU ------------------------------------------------------------------------------------------------------- */

/* The tunables' values and the build options; the smallest where the driver's compiler takes no such work-group. */
static void group_shape(vq_device *device, int shape, bool ta, int of[TUNABLES], char options[96]) {
    vq_tuned_all(of, device, &vq_gemm_tunables, shape);
    for (bool tried = false;; tried = true) {
        snprintf(options, 96, "-DGROUP_SIDE=%d -DTM=%d -DTV=%d -DDEEP=%d -DTA=%d", of[SIDE], of[DOWN], of[ACROSS], of[DEEP], ta);
        if (tried || vq_group_fits(device, "gemm", options, (size_t)of[SIDE], (size_t)of[SIDE]))
            return;
        for (int i = SIDE; i <= DEEP; i++)
            of[i] = tunables[i].values[0];
    }
}

/* Parts of the sum over k, each for a work-group of its own: only where M and N are a weight's, so that a row of an activation
 * never depends on how many there are, and only as many as give a large GPU something to do. */
static int parts(vq_device *device, int M, int N, int K, bool ta) {
    enum { GROUPS = 256, LEAST_STEPS = 256 };
    int of[TUNABLES];
    char options[96];
    if (!ta)
        return 1;
    group_shape(device, TRANSPOSED, ta, of, options);
    int down = of[SIDE] * of[DOWN], across = of[SIDE] * of[ACROSS] * device->vector_width;
    int groups = vq_ceil_div_int(M, down) * vq_ceil_div_int(N, across), most = vq_ceil_div_int(K, LEAST_STEPS);
    int count = vq_ceil_div_int(GROUPS, groups);
    count = count < most ? count : most;
    return count < 1 ? 1 : count < VQ_MAX_CHUNKS ? count : VQ_MAX_CHUNKS;
}

static vq_status group(vq_device *device, vq_view C, vq_view A, vq_view B, vq_view scratch, int M, int N, int K, bool ta, bool tb,
                       const vq_gemm_end *end) {
    int of[TUNABLES];
    char options[96];
    group_shape(device, shape_class(N, K, ta), ta, of, options);
    const int side = of[SIDE], rows = of[DOWN], registers = of[ACROSS];
    const bool summed = end->kind == VQ_GEMM_STORE || end->kind == VQ_GEMM_ADD;
    const int steps = vq_ceil_div_int(K, summed ? parts(device, M, N, K, ta) : 1), count = steps ? vq_ceil_div_int(K, steps) : 1;
    const vq_grid grid = {{(size_t)vq_ceil_div_int(N, side * registers * device->vector_width),
                           (size_t)vq_ceil_div_int(M, side * rows), (size_t)count},
                          {(size_t)side, (size_t)side, 1},
                          2.0 * M * N * K};
    VQ_TRY(vq_run(device, "gemm", "gemm_group", options, grid, vq_in(count > 1 ? scratch : C), vq_in(A), vq_in(B), vq_int(tb),
                  vq_int(count > 1 ? VQ_GEMM_STORE : end->kind), END_OF(end), vq_int(M), vq_int(N), vq_int(K), vq_int(steps)));
    if (count == 1)
        return VQDNA_OK;
    return vq_reduce_rows(device, C, scratch, VQ_NO_VIEW, count, M * N, end->kind == VQ_GEMM_ADD);
}

/* ---- Plain kernels ----------------------------------------------------------------------------------------------------------- */

static vq_status plain(vq_device *device, vq_view C, vq_view A, vq_view B, int M, int N, int K, bool ta, bool tb,
                       const vq_gemm_end *end) {
    enum { COLUMNS_OF_ITEM = 64 };
    vq_grid grid = vq_grid2((size_t)vq_ceil_div_int(N, COLUMNS_OF_ITEM), (size_t)M, 1, 1);
    grid.flops = 2.0 * M * N * K;
    return vq_run(device, "gemm", "gemm_plain", ta ? "-DTA=1" : "-DTA=0", grid, vq_in(C), vq_in(A), vq_in(B), vq_int(tb),
                  vq_int(end->kind), END_OF(end), vq_int(M), vq_int(N), vq_int(K));
}

/* What follows a product that lies in C. */
static vq_status finish(vq_device *device, vq_view C, int M, int N, const vq_gemm_end *end) {
    enum { GROUP = 64 };
    if (end->kind == VQ_GEMM_STORE || end->kind == VQ_GEMM_ADD)
        return VQDNA_OK;
    size_t groups = (size_t)vq_ceil_div_int(vq_ceil_div_int(N, device->vector_width), GROUP);
    return vq_run(device, "gemm", "gemm_end", "-DTA=0", vq_grid2(groups, (size_t)M, GROUP, 1), vq_in(C), vq_int(end->kind),
                  END_OF(end), vq_int(N));
}

/* ---- Choice ------------------------------------------------------------------------------------------------------------------ */

/* Who computes a product: CLBlast where it is asked for or was measured to be faster, and is right; else ours, or the plain kernel
 * where that failed. */
typedef enum { PLAIN_KERNEL, CLBLAST_KERNEL, CPU_KERNEL, GPU_KERNEL } variant;

static variant choose(vq_device *device, int shape) {
    const vq_shape kernels = vq_shape_of(device, "gemm");
    const bool clblast = vq_blas_chosen(vq_tuned(device, &vq_gemm_tunables, PROVIDER, shape) == CLBLAST);
    if (kernels.plain && !vq_blas_chosen(false))
        return PLAIN_KERNEL;
    if (clblast && vq_blas_usable(device))
        return CLBLAST_KERNEL;
    return kernels.family == VQ_FAMILY_CPU ? CPU_KERNEL : GPU_KERNEL;
}

vq_status vq_gemm(vq_device *device, vq_view C, vq_view A, vq_view B, vq_view scratch, int M, int N, int K, bool ta, bool tb,
                  vq_gemm_end end) {
    if (M == 0 || N == 0)
        return VQDNA_OK;
    switch (choose(device, shape_class(N, K, ta))) {
    case PLAIN_KERNEL:
        return plain(device, C, A, B, M, N, K, ta, tb, &end);
    case CPU_KERNEL:
        return tile(device, C, A, B, scratch, M, N, K, ta, tb, &end);
    case GPU_KERNEL:
        return group(device, C, A, B, scratch, M, N, K, ta, tb, &end);
    case CLBLAST_KERNEL:
        VQ_TRY(vq_blas_gemm(device, C, A, B, scratch, M, N, K, ta, tb, end.kind == VQ_GEMM_ADD));
        break;
    }
    return finish(device, C, M, N, &end);
}

bool vq_gemm_is_ours(vq_device *device, int N, int K, bool ta) {
    return choose(device, shape_class(N, K, ta)) != CLBLAST_KERNEL;
}

size_t vq_gemm_scratch(vq_device *device, int M, int N, int K, bool ta, bool tb) {
    size_t bytes = 0;
    switch (choose(device, shape_class(N, K, ta))) {
    case PLAIN_KERNEL:
        break;
    case CPU_KERNEL:
        bytes = tile_scratch(device, M, N, K, ta);
        break;
    case GPU_KERNEL:
        if (K > 0 && parts(device, M, N, K, ta) > 1)
            bytes = (size_t)parts(device, M, N, K, ta) * (size_t)M * (size_t)N * sizeof(float);
        break;
    case CLBLAST_KERNEL:
        bytes = vq_blas_scratch(device, M, N, K, ta, tb);
        break;
    }
    return bytes > sizeof(float) ? bytes : sizeof(float);
}

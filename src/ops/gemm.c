#include "ops/gemm.h"

#include "device/blas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ceil_div(int a, int b) {
    return (a + b - 1) / b;
}

/* ---- The tile of a CPU: as in cl/prelude.cl -----------------------------------------------------------------------------------
 */

enum { ROW_FLOATS = VQ_TILE_STEPS + 16, BLOCK_ROWS = 144, BLOCK_COLUMNS = 512, WANTED_GROUPS = 8, LEAST_HEIGHT = 2 };

int vq_tile_rows(const vq_device *device) {
    return device->vector_width == 16 ? 12 : 6;
}

int vq_tile_columns(const vq_device *device) {
    return 2 * device->vector_width;
}

/* 144 rows of 256 steps are a sixth of a second-level cache of 1 MB. */
int vq_tile_block(const vq_device *device, int chunks) {
    size_t rows = device->info.local_bytes / ((size_t)chunks * ROW_FLOATS * sizeof(float));
    int panel = vq_tile_rows(device);
    return (int)(rows < BLOCK_ROWS ? rows : BLOCK_ROWS) / panel * panel;
}

/* How C is cut into work-groups, in panels: a function of the shape and the device's family alone. Blocks of 512 columns keep their
 * part of C in the second-level cache; small products are cut further so that there is work for some cores. */
static void cut(const vq_device *device, int M, int N, int *height, int *width) {
    int down = ceil_div(M, vq_tile_rows(device)), across = ceil_div(N, vq_tile_columns(device));
    int most = vq_tile_block(device, 1) / vq_tile_rows(device);
    int groups = ceil_div(down, most);
    if (groups < WANTED_GROUPS)
        groups = down < WANTED_GROUPS ? down : WANTED_GROUPS;
    *height = ceil_div(down, groups);
    if (*height < LEAST_HEIGHT) /* packing a panel of B's columns again for fewer rows costs more than it brings */
        *height = down < LEAST_HEIGHT ? down : LEAST_HEIGHT;
    if (*height > most)
        *height = most;
    groups = ceil_div(down, *height);
    int parts = ceil_div(N, BLOCK_COLUMNS);
    while (groups * parts < WANTED_GROUPS && parts < across)
        parts++;
    *width = ceil_div(across, parts);
}

static vq_status tile(vq_device *device, vq_view C, vq_view A, vq_view B, vq_view scratch, int M, int N, int K, bool ta, bool tb,
                      const vq_gemm_end *end) {
    char options[64];
    int panels = ceil_div(N, vq_tile_columns(device)), height, width;
    cut(device, M, N, &height, &width);
    snprintf(options, sizeof options, "-DTB=%d", tb);
    VQ_TRY(vq_run(device, "gemm", "gemm_pack", options, vq_grid2((size_t)panels, (size_t)ceil_div(K, VQ_TILE_STEPS), 1, 1),
                  vq_in(scratch), vq_in(B), vq_int(N), vq_int(K)));
    snprintf(options, sizeof options, "-DTA=%d -DMC=%d -DEND=%d", ta, vq_tile_block(device, 1), end->kind);
    vq_grid grid = vq_grid2((size_t)ceil_div(ceil_div(M, vq_tile_rows(device)), height), (size_t)ceil_div(panels, width), 1, 1);
    return vq_run(device, "gemm", "gemm_tile", options, grid, vq_in(C), vq_in(A), vq_in(scratch), vq_in(end->bias), vq_in(end->pre),
                  vq_in(end->residual), vq_int(M), vq_int(N), vq_int(K), vq_int(height), vq_int(width));
}

/* ---- The product first, then a pass for its end -------------------------------------------------------------------------------
 */

static vq_status square(vq_device *device, vq_view C, vq_view A, vq_view B, int M, int N, int K, bool ta, bool tb, bool add) {
    enum { SIDE = 16 };
    char options[64];
    snprintf(options, sizeof options, "-DTA=%d -DTB=%d", ta, tb);
    return vq_run(device, "gemm", "gemm_square", options,
                  vq_grid2((size_t)ceil_div(N, SIDE), (size_t)ceil_div(M, SIDE), SIDE, SIDE), vq_in(C), vq_in(A), vq_in(B),
                  vq_int(M), vq_int(N), vq_int(K), vq_int(add));
}

static vq_status finish(vq_device *device, vq_view C, int M, int N, const vq_gemm_end *end) {
    enum { GROUP = 64 };
    if (end->kind == VQ_GEMM_STORE || end->kind == VQ_GEMM_ADD)
        return VQDNA_OK;
    char options[64];
    snprintf(options, sizeof options, "-DEND=%d", end->kind);
    size_t groups = (size_t)ceil_div(ceil_div(N, device->vector_width), GROUP);
    return vq_run(device, "gemm", "gemm_end", options, vq_grid2(groups, (size_t)M, GROUP, 1), vq_in(C), vq_in(end->bias),
                  vq_in(end->pre), vq_in(end->residual), vq_int(N));
}

/* ---- Choice -------------------------------------------------------------------------------------------------------------------
 */

static bool by_clblast(vq_device *device) {
    const char *provider = getenv("VQDNA_GEMM");
    bool wanted = strcmp(device->info.type, "gpu") == 0;
    if (provider && *provider)
        wanted = strcmp(provider, "clblast") == 0;
    return wanted && vq_blas_usable(device);
}

vq_status vq_gemm(vq_device *device, vq_view C, vq_view A, vq_view B, vq_view scratch, int M, int N, int K, bool ta, bool tb,
                  vq_gemm_end end) {
    bool add = end.kind == VQ_GEMM_ADD;
    if (M == 0 || N == 0)
        return VQDNA_OK;
    if (by_clblast(device))
        VQ_TRY(vq_blas_gemm(device, C, A, B, scratch, M, N, K, ta, tb, add));
    else if (device->family == VQ_FAMILY_CPU)
        return tile(device, C, A, B, scratch, M, N, K, ta, tb, &end);
    else
        VQ_TRY(square(device, C, A, B, M, N, K, ta, tb, add));
    return finish(device, C, M, N, &end);
}

size_t vq_gemm_scratch(vq_device *device, int M, int N, int K, bool ta, bool tb) {
    size_t bytes = sizeof(float);
    if (by_clblast(device)) {
        size_t wanted = vq_blas_scratch(device, M, N, K, ta, tb);
        bytes = wanted > bytes ? wanted : bytes;
    } else if (device->family == VQ_FAMILY_CPU) {
        size_t columns = (size_t)ceil_div(N, vq_tile_columns(device)) * (size_t)vq_tile_columns(device);
        bytes = columns * (size_t)K * sizeof(float);
    }
    return bytes;
}

#include "ops/dwconv.h"

#include "base/integer.h"
#include "ops/reduce.h"

#include <stdio.h>

enum { GROUP = 64, ACROSS = 16 }; /* work-items of a GPU's work-group, and of them over channels */

/* Rows of a work-item, and of them the ones computed together; neither changes a bit. */
enum { ROWS, ABREAST, TUNABLES };
enum { NARROW, WIDE };
enum { WIDE_ROW = 128 };
static const vq_tunable tunables[TUNABLES] = {
    [ROWS] = {"rows", {2, 4, 8, 16, 32, 64, 128, 256}, {4, 4, 64, 64}},
    [ABREAST] = {"abreast", {1, 2, 4, 6, 8, 12, 16}, {4, 4, 4, 8}},
};
static const vq_tuning_shape shapes[] = {
    [NARROW] = {"narrow", {4096, 64, 0, 7}, {200, 64, 1, 7}, false},
    [WIDE] = {"wide", {4096, 384, 0, 7}, {131, 33, 1, 7}, false},
};

const vq_tunables vq_dwconv_tunables = {
    .operation = "dwconv",
    .list = tunables,
    .shapes = shapes,
    .count = TUNABLES,
    .shape_count = sizeof shapes / sizeof *shapes,
};

static int tuned(const vq_device *device, int which, int D) {
    return vq_tuned(device, &vq_dwconv_tunables, which, D < WIDE_ROW ? NARROW : WIDE);
}

/* Work-groups over registers of channels and rows, and build options of all kernels. */
static vq_group make_group(vq_device *device, int D, int T) {
    char options[40];
    snprintf(options, sizeof options, "-DTAPS=%d -DDWCONV_ROWS=%d", T, tuned(device, ABREAST, D));
    return vq_group_fit(device, "dwconv", options, ACROSS, GROUP);
}

/* One work-item `per` rows of all channels on a CPU device, of one register of channels on a GPU. */
static vq_grid row_grid(const vq_device *device, const vq_group *g, int M, int D, int per) {
    const size_t items = vq_ceil_div((size_t)M, (size_t)per);
    const vq_shape kernels = vq_shape_of(device, "dwconv");
    if (kernels.family == VQ_FAMILY_CPU)
        return vq_grid2(1, items, 1, 1);
    return vq_grid2(vq_ceil_div((size_t)D, g->across * (size_t)kernels.width), vq_ceil_div(items, g->down), g->across, g->down);
}

static vq_status pack(vq_device *device, vq_view taps, vq_view w, int D, int T, bool flipped) {
    const vq_group g = make_group(device, D, T);
    return vq_run(device, "dwconv", "dwconv_taps", g.options, vq_grid2(vq_ceil_div((size_t)D, g.spread), (size_t)T, g.spread, 1),
                  vq_in(taps), vq_in(w), vq_int(D), vq_int(flipped));
}

static vq_status convolve(vq_device *device, vq_view y, vq_view start, int stride, vq_view x, vq_view rows, vq_view taps, int M,
                          int D, int T) {
    const int per = tuned(device, ROWS, D);
    const vq_group g = make_group(device, D, T);
    return vq_run(device, "dwconv", "dwconv_forward", g.options, row_grid(device, &g, M, D, per), vq_in(y), vq_in(start), vq_in(x),
                  vq_in(rows), vq_in(taps), vq_int(M), vq_int(D), vq_int(stride), vq_int(per));
}

size_t vq_dwconv_scratch(const vq_device *device, int M, int D, int T) {
    return sizeof(float) * ((size_t)T + 1) * (size_t)vq_chunk_most(device, M) * (size_t)D;
}

vq_status vq_dwconv_forward(vq_device *device, vq_view y, vq_view scratch, vq_view x, vq_view rows, vq_view w, vq_view bias, int M,
                            int D, int T) {
    VQ_TRY(pack(device, scratch, w, D, T, false));
    return convolve(device, y, bias, 0, x, rows, scratch, M, D, T);
}

/* Row m + o reaches row m exactly when row m reaches row m + o, so dx is the same convolution with its taps in reverse order. */
vq_status vq_dwconv_backward(vq_device *device, vq_view dx, vq_view dw, vq_view dbias, vq_view scratch, vq_view dy, vq_view add,
                             vq_view x, vq_view rows, vq_view w, int M, int D, int T) {
    VQ_TRY(pack(device, scratch, w, D, T, true));
    VQ_TRY(convolve(device, dx, add, add.mem ? D : 0, dy, rows, scratch, M, D, T));

    const int per = vq_chunk_rows(device, M), chunks = vq_chunk_count(device, M);
    const vq_shape kernels = vq_shape_of(device, "dwconv");
    const vq_group g = make_group(device, D, T);
    const vq_grid grid = kernels.family == VQ_FAMILY_CPU
                             ? vq_grid2(1, (size_t)chunks, 1, 1)
                             : vq_grid2(vq_ceil_div((size_t)D, g.spread * (size_t)kernels.width), (size_t)chunks, g.spread, 1);
    VQ_TRY(vq_run(device, "dwconv", "dwconv_backward_chunks", g.options, grid, vq_in(scratch), vq_in(dy), vq_in(x), vq_in(rows),
                  vq_int(M), vq_int(D), vq_int(per)));
    return vq_run(device, "dwconv", "dwconv_backward_sum", g.options,
                  vq_grid2(vq_ceil_div((size_t)D, g.spread), (size_t)T + 1, g.spread, 1), vq_in(dw), vq_in(dbias), vq_in(scratch),
                  vq_int(D), vq_int(chunks));
}

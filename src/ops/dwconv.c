#include "ops/dwconv.h"

#include "ops/reduce.h"

#include <stdio.h>

enum { TAPS = 7, LOCAL = 64 };

static size_t ceil_div(size_t a, size_t b) {
    return (a + b - 1) / b;
}

/* Rows of a work-item, and of them the ones computed together; neither changes a bit. */
enum { ROWS, ABREAST, TUNABLES };
enum { NARROW, WIDE };
enum { WIDE_ROW = 128 };
static const vq_tunable tunables[TUNABLES] = {
    [ROWS] = {"rows", {2, 4, 8, 16, 32, 64, 128, 256}, {4, 4, 64, 64}},
    [ABREAST] = {"abreast", {1, 2, 4, 6, 8, 12, 16}, {4, 4, 4, 8}},
};
static const vq_tuning_shape shapes[] = {
    [NARROW] = {"narrow", {4096, 64, 0}, {200, 64, 1}, false},
    [WIDE] = {"wide", {4096, 384, 0}, {131, 33, 1}, false},
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

/* Build options of all kernels. */
typedef struct build {
    char options[32];
} build;

static build build_for(const vq_device *device, int D) {
    build b;
    snprintf(b.options, sizeof b.options, "-DDWCONV_ROWS=%d", tuned(device, ABREAST, D));
    return b;
}

/* One work-item `per` rows of all channels on a CPU device, of one register of channels on a GPU. */
static vq_grid row_grid(const vq_device *device, int M, int D, int per) {
    const size_t items = ceil_div((size_t)M, (size_t)per);
    const vq_shape kernels = vq_shape_of(device, "dwconv");
    if (kernels.family == VQ_FAMILY_CPU)
        return vq_grid2(1, items, 1, 1);
    return vq_grid2(ceil_div((size_t)D, 16 * (size_t)kernels.width), ceil_div(items, 4), 16, 4);
}

static vq_status pack(vq_device *device, vq_view taps, vq_view w, int D, bool flipped) {
    return vq_run(device, "dwconv", "dwconv_taps", build_for(device, D).options,
                  vq_grid2(ceil_div((size_t)D, LOCAL), TAPS, LOCAL, 1), vq_in(taps), vq_in(w), vq_int(D), vq_int(flipped));
}

static vq_status convolve(vq_device *device, vq_view y, vq_view start, int stride, vq_view x, vq_view rows, vq_view taps, int M,
                          int D) {
    const int per = tuned(device, ROWS, D);
    return vq_run(device, "dwconv", "dwconv_forward", build_for(device, D).options, row_grid(device, M, D, per), vq_in(y),
                  vq_in(start), vq_in(x), vq_in(rows), vq_in(taps), vq_int(M), vq_int(D), vq_int(stride), vq_int(per));
}

size_t vq_dwconv_scratch(const vq_device *device, int M, int D) {
    return sizeof(float) * (TAPS + 1) * (size_t)vq_chunk_count(device, M) * (size_t)D;
}

vq_status vq_dwconv_forward(vq_device *device, vq_view y, vq_view scratch, vq_view x, vq_view rows, vq_view w, vq_view bias, int M,
                            int D) {
    VQ_TRY(pack(device, scratch, w, D, false));
    return convolve(device, y, bias, 0, x, rows, scratch, M, D);
}

/* Row m + o reaches row m exactly when row m reaches row m + o, so dx is the same convolution with its taps in reverse order. */
vq_status vq_dwconv_backward(vq_device *device, vq_view dx, vq_view dw, vq_view dbias, vq_view scratch, vq_view dy, vq_view add,
                             vq_view x, vq_view rows, vq_view w, int M, int D) {
    VQ_TRY(pack(device, scratch, w, D, true));
    VQ_TRY(convolve(device, dx, add, add.mem ? D : 0, dy, rows, scratch, M, D));

    const int per = vq_chunk_rows(device, M), chunks = vq_chunk_count(device, M);
    const vq_shape kernels = vq_shape_of(device, "dwconv");
    const vq_grid grid = kernels.family == VQ_FAMILY_CPU
                             ? vq_grid2(1, (size_t)chunks, 1, 1)
                             : vq_grid2(ceil_div((size_t)D, LOCAL * (size_t)kernels.width), (size_t)chunks, LOCAL, 1);
    VQ_TRY(vq_run(device, "dwconv", "dwconv_backward_chunks", build_for(device, D).options, grid, vq_in(scratch), vq_in(dy),
                  vq_in(x), vq_in(rows), vq_int(M), vq_int(D), vq_int(per)));
    return vq_run(device, "dwconv", "dwconv_backward_sum", build_for(device, D).options,
                  vq_grid2(ceil_div((size_t)D, LOCAL), TAPS + 1, LOCAL, 1), vq_in(dw), vq_in(dbias), vq_in(scratch), vq_int(D),
                  vq_int(chunks));
}

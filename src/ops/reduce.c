#include "ops/reduce.h"

#include "base/integer.h"

enum { GROUP = 128, ACROSS = 16 }; /* work-items of a GPU's work-group, and of them over columns */

/* Few and large for a CPU, so that each is worth its launch; the smallest chunk keeps small shapes to one. Measured where most time
 * goes by it: in the gradients of a convolution's taps. */
static const vq_tunable fewest_rows = {"rows", {16, 32, 64, 128, 256, 512}, {16, 16, 32, 32}};
static const vq_tuning_shape shape = {"all", {4096, 192, 0, 7}, {200, 64, 1, 7}, true};

const vq_tunables vq_reduce_tunables = {
    .operation = "reduce",
    .list = &fewest_rows,
    .shapes = &shape,
    .count = 1,
    .shape_count = 1,
};

int vq_chunk_rows(const vq_device *device, int M) {
    int smallest = vq_tuned(device, &vq_reduce_tunables, 0, 0);
    int rows = vq_ceil_div_int(M, VQ_MAX_CHUNKS);
    return rows > smallest ? rows : smallest;
}

int vq_chunk_count(const vq_device *device, int M) {
    int rows = vq_chunk_rows(device, M);
    return vq_ceil_div_int(M, rows);
}

int vq_chunk_most(const vq_device *device, int M) {
    const int smallest = vq_tuned(device, &vq_reduce_tunables, 0, 0);
    return vq_min_int(vq_ceil_div_int(M, smallest), VQ_MAX_CHUNKS);
}

size_t vq_reduce_scratch(const vq_device *device, int M, int N) {
    return (size_t)vq_chunk_most(device, M) * (size_t)N * sizeof(float);
}

static vq_status stage(vq_device *device, vq_view out, vq_view x, int M, int N, int chunk, bool add) {
    int parts = vq_ceil_div_int(M, chunk);
    if (parts == 0)
        parts = 1;
    const vq_group g = vq_group_fit(device, "reduce", "", ACROSS, GROUP);
    const size_t columns = g.across * (size_t)vq_shape_of(device, "reduce").width;
    const vq_grid grid = vq_grid2(vq_ceil_div((size_t)N, columns), (size_t)parts, g.across, g.down);
    return vq_run(device, "reduce", "reduce_rows", g.options, grid, vq_in(out), vq_in(x), vq_int(M), vq_int(N), vq_int(chunk),
                  vq_int(add));
}

vq_status vq_reduce_rows(vq_device *device, vq_view out, vq_view x, vq_view scratch, int M, int N, bool add) {
    if (M <= VQ_MAX_CHUNKS)
        return stage(device, out, x, M, N, M ? M : 1, add);
    int chunk = vq_chunk_rows(device, M);
    VQ_TRY(stage(device, scratch, x, M, N, chunk, false));
    int parts = vq_chunk_count(device, M);
    return stage(device, out, scratch, parts, N, parts, add);
}

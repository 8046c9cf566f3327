#include "ops/layernorm.h"

#include "base/integer.h"
#include "ops/reduce.h"

enum { GROUP = 64 }; /* work-items of a GPU's work-group */

/* Rows of a work-item of forward, on a CPU device. */
enum { NARROW, WIDE };
enum { WIDE_ROW = 128 };
static const vq_tunable rows_of_item = {"rows", {8, 16, 32, 64, 128, 256}, {0, 0, 64, 64}};
static const vq_tuning_shape shapes[] = {
    [NARROW] = {"narrow", {4096, 64}, {150, 64}, false},
    [WIDE] = {"wide", {4096, 384}, {150, 200}, false},
};

const vq_tunables vq_layernorm_tunables = {
    .operation = "layernorm",
    .list = &rows_of_item,
    .shapes = shapes,
    .count = 1,
    .shape_count = sizeof shapes / sizeof *shapes,
};

static bool is_cpu(const vq_device *device) {
    return vq_shape_of(device, "layernorm").family == VQ_FAMILY_CPU;
}

vq_status vq_layernorm_forward(vq_device *device, vq_view y, vq_view stats, vq_view x, vq_view gamma, vq_view beta, int M, int D) {
    const int per = is_cpu(device) ? vq_tuned(device, &vq_layernorm_tunables, 0, D < WIDE_ROW ? NARROW : WIDE) : 1;
    const char *name = is_cpu(device) ? "layernorm_forward" : "layernorm_forward_group";
    const vq_group g = vq_group_fit(device, "layernorm", "", GROUP, GROUP);
    const vq_grid grid = is_cpu(device) ? vq_grid1((size_t)vq_ceil_div_int(M, per), 1) : vq_grid1((size_t)M, g.across);
    return vq_run(device, "layernorm", name, g.options, grid, vq_in(y), vq_in(stats), vq_in(x), vq_in(gamma), vq_in(beta),
                  vq_int(M), vq_int(D), vq_int(per));
}

size_t vq_layernorm_scratch(const vq_device *device, int M, int D) {
    return sizeof(float) * 2 * (size_t)vq_chunk_most(device, M) * (size_t)D;
}

vq_status vq_layernorm_backward(vq_device *device, vq_view dx, vq_view dgamma, vq_view dbeta, vq_view scratch, vq_view dy,
                                vq_view x, vq_view stats, vq_view gamma, vq_view residual, int M, int D) {
    const int per = vq_chunk_rows(device, M);
    const vq_group g = vq_group_fit(device, "layernorm", "", GROUP, GROUP);
    const size_t chunks = (size_t)vq_chunk_count(device, M), columns = vq_ceil_div((size_t)D, g.spread);
    if (is_cpu(device)) {
        VQ_TRY(vq_run(device, "layernorm", "layernorm_backward", g.options, vq_grid1(chunks, 1), vq_in(dx), vq_in(scratch),
                      vq_in(dy), vq_in(x), vq_in(stats), vq_in(gamma), vq_in(residual), vq_int(M), vq_int(D), vq_int(per)));
    } else {
        VQ_TRY(vq_run(device, "layernorm", "layernorm_backward_chunks", g.options, vq_grid2(columns, chunks, g.spread, 1),
                      vq_in(scratch), vq_in(dy), vq_in(x), vq_in(stats), vq_int(M), vq_int(D), vq_int(per), vq_int((int)chunks)));
        VQ_TRY(vq_run(device, "layernorm", "layernorm_backward_group", g.options, vq_grid1((size_t)M, g.across), vq_in(dx),
                      vq_in(dy), vq_in(x), vq_in(stats), vq_in(gamma), vq_in(residual), vq_int(M), vq_int(D)));
    }
    return vq_run(device, "layernorm", "layernorm_backward_sum", g.options, vq_grid2(columns, 2, g.spread, 1), vq_in(dgamma),
                  vq_in(dbeta), vq_in(scratch), vq_int(D), vq_int((int)chunks));
}

#include "ops/head.h"

#include "base/integer.h"
#include "ops/reduce.h"

#include <stdio.h>

enum { OUTPUTS = 4, FILTERS = 20 };

/* Of forward: on a CPU the rows of a work-item, and on both the rows computed together, neither of which changes a bit; on a GPU
 * the work-items that share these, by which a row's sum is ordered. */
enum { ROWS, ABREAST, ITEMS, TUNABLES };

static const vq_tunable tunables[TUNABLES] = {
    [ROWS] = {"rows", {8, 16, 32, 64, 128, 256}, {0, 0, 64, 64}},
    [ABREAST] = {"abreast", {1, 2, 3, 4, 5, 6}, {4, 4, 2, 3}},
    [ITEMS] = {"items", {16, 32, 64, 128, 256}, {64, 64, 0, 0}},
};
static const vq_tuning_shape shape = {"all", {16384, 256}, {150, 72}, false};

/* Local memory as declared in cl/head.cl. */
static bool allows(const vq_device *device, int class, const int *of) {
    (void)class;
    return vq_device_takes(device, (size_t)of[ITEMS], 1, (size_t)(of[ABREAST] * of[ITEMS] * OUTPUTS) * sizeof(float));
}

const vq_tunables vq_head_tunables = {
    .operation = "head",
    .list = tunables,
    .shapes = &shape,
    .count = TUNABLES,
    .shape_count = 1,
    .allows = allows,
};

static int tuned(const vq_device *device, int which) {
    return vq_tuned(device, &vq_head_tunables, which, 0);
}

static bool is_cpu(const vq_device *device) {
    return vq_shape_of(device, "head").family == VQ_FAMILY_CPU;
}

/* The work-group and build options of all kernels. */
static vq_group make_group(vq_device *device) {
    char options[32];
    const int items = is_cpu(device) ? 1 : tuned(device, ITEMS);
    snprintf(options, sizeof options, "-DHEAD_ROWS=%d", tuned(device, ABREAST));
    return vq_group_fit(device, "head", options, items, items);
}

static vq_status lay_filters(vq_device *device, vq_view filters, vq_view w, int C) {
    const vq_group g = make_group(device);
    return vq_run(device, "head", "head_filters", g.options, vq_grid2(vq_ceil_div((size_t)C, g.spread), FILTERS, g.spread, 1),
                  vq_in(filters), vq_in(w), vq_int(C));
}

size_t vq_head_scratch(const vq_device *device, int M, int C) {
    const size_t filters = FILTERS * (size_t)C;
    return sizeof(float) * (filters + (size_t)vq_chunk_count(device, M) * (filters + OUTPUTS));
}

vq_status vq_head_forward(vq_device *device, vq_view y, vq_view scratch, vq_view x, vq_view rows, vq_view w, vq_view bias, int M,
                          int C) {
    VQ_TRY(lay_filters(device, scratch, w, C));
    const bool cpu = is_cpu(device);
    const int per = tuned(device, cpu ? ROWS : ABREAST);
    const vq_group g = make_group(device);
    return vq_run(device, "head", cpu ? "head_forward" : "head_forward_group", g.options,
                  vq_grid1(vq_ceil_div((size_t)M, (size_t)per), g.across), vq_in(y), vq_in(x), vq_in(rows), vq_in(scratch),
                  vq_in(bias), vq_int(M), vq_int(C), vq_int(per));
}

vq_status vq_head_backward(vq_device *device, vq_view dx, vq_view dw, vq_view dbias, vq_view scratch, vq_view dy, vq_view x,
                           vq_view rows, vq_view w, int M, int C) {
    VQ_TRY(lay_filters(device, scratch, w, C));
    const int per = vq_chunk_rows(device, M), chunks = vq_chunk_count(device, M);
    const bool cpu = is_cpu(device);
    const vq_group g = make_group(device);
    const vq_grid grid =
        cpu ? vq_grid2(1, (size_t)chunks, 1, 1) : vq_grid2(vq_ceil_div((size_t)C, g.spread), (size_t)chunks, g.spread, 1);
    VQ_TRY(vq_run(device, "head", cpu ? "head_backward" : "head_backward_group", g.options, grid, vq_in(dx), vq_in(scratch),
                  vq_in(dy), vq_in(x), vq_in(rows), vq_int(M), vq_int(C), vq_int(per)));
    const size_t columns = (size_t)(C > OUTPUTS ? C : OUTPUTS);
    return vq_run(device, "head", "head_backward_sum", g.options,
                  vq_grid2(vq_ceil_div(columns, g.spread), FILTERS + 1, g.spread, 1), vq_in(dw), vq_in(dbias), vq_in(scratch),
                  vq_int(C), vq_int(chunks));
}

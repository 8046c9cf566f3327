#include "ops/head.h"

#include "ops/reduce.h"

enum { OUTPUTS = 4, FILTERS = 20, LOCAL = 64 }; /* LOCAL: HEAD_LOCAL of the kernels */

static size_t ceil_div(size_t a, size_t b) {
    return (a + b - 1) / b;
}

static vq_status lay_filters(vq_device *device, vq_view filters, vq_view w, int C) {
    return vq_run(device, "head", "head_filters", "", vq_grid2(ceil_div((size_t)C, LOCAL), FILTERS, LOCAL, 1), vq_in(filters),
                  vq_in(w), vq_int(C));
}

size_t vq_head_scratch(const vq_device *device, int M, int C) {
    const size_t filters = FILTERS * (size_t)C;
    return sizeof(float) * (filters + (size_t)vq_chunk_count(device, M) * (filters + OUTPUTS));
}

vq_status vq_head_forward(vq_device *device, vq_view y, vq_view scratch, vq_view x, vq_view rows, vq_view w, vq_view bias, int M,
                          int C) {
    VQ_TRY(lay_filters(device, scratch, w, C));
    const bool cpu = device->family == VQ_FAMILY_CPU;
    const int per = 64;
    return vq_run(device, "head", cpu ? "head_forward" : "head_forward_group", "",
                  cpu ? vq_grid1(ceil_div((size_t)M, (size_t)per), 1) : vq_grid1((size_t)M, LOCAL), vq_in(y), vq_in(x), vq_in(rows),
                  vq_in(scratch), vq_in(bias), vq_int(M), vq_int(C), vq_int(per));
}

vq_status vq_head_backward(vq_device *device, vq_view dx, vq_view dw, vq_view dbias, vq_view scratch, vq_view dy, vq_view x,
                           vq_view rows, vq_view w, int M, int C) {
    VQ_TRY(lay_filters(device, scratch, w, C));
    const int per = vq_chunk_rows(device, M), chunks = vq_chunk_count(device, M);
    const vq_grid grid = device->family == VQ_FAMILY_CPU
                             ? vq_grid2(1, (size_t)chunks, 1, 1)
                             : vq_grid2(ceil_div((size_t)C, 16 * (size_t)device->vector_width), (size_t)chunks, 16, 1);
    VQ_TRY(vq_run(device, "head", "head_backward", "", grid, vq_in(dx), vq_in(scratch), vq_in(dy), vq_in(x), vq_in(rows), vq_int(M),
                  vq_int(C), vq_int(per)));
    const size_t columns = (size_t)(C > OUTPUTS ? C : OUTPUTS);
    return vq_run(device, "head", "head_backward_sum", "", vq_grid2(ceil_div(columns, LOCAL), FILTERS + 1, LOCAL, 1), vq_in(dw),
                  vq_in(dbias), vq_in(scratch), vq_int(C), vq_int(chunks));
}

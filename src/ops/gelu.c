#include "ops/gelu.h"

/* Registers of a work-item, and work-items of a work-group: a GPU's neighbours read neighbouring registers. */
static vq_grid grid(const vq_device *device, int n, int *per) {
    const bool cpu = vq_shape_of(device, "gelu").family == VQ_FAMILY_CPU;
    *per = cpu ? 1024 : 1;
    const size_t local = cpu ? 1 : 64, step = local * (size_t)*per * (size_t)vq_shape_of(device, "gelu").width;
    return vq_grid1(((size_t)n + step - 1) / step, local);
}

vq_status vq_gelu_forward(vq_device *device, vq_view y, vq_view x, int n) {
    int per;
    const vq_grid g = grid(device, n, &per);
    return vq_run(device, "gelu", "gelu_forward", "", g, vq_in(y), vq_in(x), vq_int(n), vq_int(per));
}

vq_status vq_gelu_backward(vq_device *device, vq_view dx, vq_view dy, vq_view x, int n) {
    int per;
    const vq_grid g = grid(device, n, &per);
    return vq_run(device, "gelu", "gelu_backward", "", g, vq_in(dx), vq_in(dy), vq_in(x), vq_int(n), vq_int(per));
}

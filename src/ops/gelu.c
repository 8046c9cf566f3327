#include "ops/gelu.h"

#include "base/integer.h"

/* How n elements are shared out: whole registers, elements past them, registers of a work-item. */
typedef struct {
    int whole, rest, per;
    vq_grid grid;
} shares;

/* Of a GPU's work-group neighbours read neighbouring registers. */
static shares share(const vq_device *device, size_t n) {
    const vq_shape shape = vq_shape_of(device, "gelu");
    const bool cpu = shape.family == VQ_FAMILY_CPU;
    const size_t width = (size_t)shape.width, local = cpu ? 1 : 64, per = cpu ? 1024 : 1, step = local * per * width;
    return (shares){(int)(n / width), (int)(n % width), (int)per, vq_grid1(vq_ceil_div(n, step), local)};
}

vq_status vq_gelu_forward(vq_device *device, vq_view y, vq_view x, size_t n) {
    const shares s = share(device, n);
    return vq_run(device, "gelu", "gelu_forward", "", s.grid, vq_in(y), vq_in(x), vq_int(s.whole), vq_int(s.rest), vq_int(s.per));
}

vq_status vq_gelu_backward(vq_device *device, vq_view dx, vq_view dy, vq_view x, size_t n) {
    const shares s = share(device, n);
    return vq_run(device, "gelu", "gelu_backward", "", s.grid, vq_in(dx), vq_in(dy), vq_in(x), vq_int(s.whole), vq_int(s.rest),
                  vq_int(s.per));
}

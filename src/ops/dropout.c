#include "ops/dropout.h"

#include "base/integer.h"

#include <math.h>

/* Registers of a CPU's work-item, and work-items of a GPU's group. */
enum { CPU_REGISTERS = 1024, GROUP = 64 };

static vq_grid share(const vq_device *device, size_t n, int registers, int *per) {
    const vq_shape shape = vq_shape_of(device, "dropout");
    const bool cpu = shape.family == VQ_FAMILY_CPU;
    const size_t local = cpu ? 1 : GROUP;
    *per = cpu ? CPU_REGISTERS / registers : 1;
    return vq_grid1(vq_ceil_div(n, local * (size_t)*per * (size_t)registers * (size_t)shape.width), local);
}

vq_status vq_dropout_forward(vq_device *device, vq_view y, vq_view x, vq_view residual, size_t n, double p, vq_draws d) {
    int per;
    if (p == 0) {
        const vq_grid grid = share(device, n, 1, &per);
        return vq_run(device, "dropout", "dropout_none", "", grid, vq_in(y), vq_in(x), vq_in(residual), vq_int((int)n),
                      vq_int(per));
    }
    const vq_grid grid = share(device, n, 4, &per);
    return vq_run(device, "dropout", "dropout", "", grid, vq_in(y), vq_in(x), vq_in(residual), vq_int((int)n), vq_int(per),
                  vq_float((float)(1 / (1 - p))), vq_int((int)ceil(p * (1 << 24))), vq_int((int)(d.stream << 16)),
                  vq_int((int)(uint32_t)d.step), vq_int((int)(d.step >> 32)), vq_int((int)(uint32_t)d.seed),
                  vq_int((int)(d.seed >> 32)));
}

vq_status vq_dropout_backward(vq_device *device, vq_view dx, vq_view dy, size_t n, double p, vq_draws draws) {
    return vq_dropout_forward(device, dx, dy, VQ_NO_VIEW, n, p, draws);
}

#include "ops/dropout.h"

#include "base/integer.h"

#include <math.h>

/* Of a GPU's work-group neighbours read neighbouring registers. */
static vq_status run(vq_device *device, vq_view y, vq_view x, vq_view residual, size_t n, double p, vq_draws d) {
    const vq_shape shape = vq_shape_of(device, "dropout");
    const bool cpu = shape.family == VQ_FAMILY_CPU;
    const size_t local = cpu ? 1 : 64, per = cpu ? 1024 : 1, groups = vq_ceil_div(n, local * per * (size_t)shape.width);
    return vq_run(device, "dropout", "dropout", "", vq_grid1(groups, local), vq_in(y), vq_in(x), vq_in(residual),
                  vq_int((int)ceil(p * 0x1p24)), vq_float((float)(1 / (1 - p))), vq_int((int32_t)d.seed),
                  vq_int((int32_t)(d.seed >> 32)), vq_int((int32_t)(d.stream << 16)), vq_int((int32_t)d.step),
                  vq_int((int32_t)(d.step >> 32)), vq_int((int)n), vq_int((int)per));
}

vq_status vq_dropout_forward(vq_device *device, vq_view y, vq_view x, vq_view residual, size_t n, double p, vq_draws draws) {
    return run(device, y, x, residual, n, p, draws);
}

vq_status vq_dropout_backward(vq_device *device, vq_view dx, vq_view dy, size_t n, double p, vq_draws draws) {
    return run(device, dx, dy, VQ_NO_VIEW, n, p, draws);
}

#include "ops/adamw.h"

#include "base/integer.h"

#include <math.h>

enum { CHUNK = 8192, GROUP = 256 };

static size_t chunks(size_t count) {
    return vq_ceil_div(count, CHUNK);
}

size_t vq_adamw_scratch(const vq_device *device, size_t count) {
    (void)device;
    return chunks(count) * sizeof(float);
}

vq_status vq_adamw_norm(vq_device *device, vq_view norm_sq, vq_view grad, vq_view scratch, size_t count) {
    const vq_group g = vq_group_fit(device, "adamw", "", GROUP, GROUP);
    VQ_TRY(vq_run(device, "adamw", "adamw_squares", g.options, vq_grid1(chunks(count), g.across), vq_in(scratch), vq_in(grad),
                  vq_int((int32_t)count)));
    return vq_run(device, "adamw", "adamw_total", g.options, vq_grid1(1, g.across), vq_in(norm_sq), vq_in(scratch),
                  vq_int((int32_t)chunks(count)));
}

vq_status vq_adamw_step(vq_device *device, vq_view param, vq_view moment1, vq_view moment2, vq_view grad, vq_view norm_sq,
                        size_t count, vq_adamw_rates rates) {
    const double t = (double)rates.step;
    const vq_group g = vq_group_fit(device, "adamw", "", GROUP, GROUP);
    return vq_run(
        device, "adamw", "adamw_step", g.options, vq_grid1(chunks(count), g.across), vq_in(param), vq_in(moment1), vq_in(moment2),
        vq_in(grad), vq_in(norm_sq), vq_int((int32_t)count), vq_float((float)(rates.learning_rate / (1 - pow(rates.beta1, t)))),
        vq_float((float)(1 / sqrt(1 - pow(rates.beta2, t)))), vq_float((float)(1 - rates.learning_rate * rates.weight_decay)),
        vq_float((float)rates.beta1), vq_float((float)(1 - rates.beta1)), vq_float((float)rates.beta2),
        vq_float((float)(1 - rates.beta2)), vq_float((float)rates.epsilon), vq_float((float)rates.clip));
}

vq_status vq_adamw_average(vq_device *device, vq_view mean, vq_view param, size_t count, double share) {
    const vq_group g = vq_group_fit(device, "adamw", "", GROUP, GROUP);
    return vq_run(device, "adamw", "adamw_average", g.options, vq_grid1(chunks(count), g.across), vq_in(mean), vq_in(param),
                  vq_int((int32_t)count), vq_float((float)share));
}

vq_status vq_adamw_swap(vq_device *device, vq_view a, vq_view b, size_t count) {
    const vq_group g = vq_group_fit(device, "adamw", "", GROUP, GROUP);
    return vq_run(device, "adamw", "adamw_swap", g.options, vq_grid1(chunks(count), g.across), vq_in(a), vq_in(b),
                  vq_int((int32_t)count));
}

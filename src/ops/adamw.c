#include "ops/adamw.h"

#include <math.h>

enum { CHUNK = 8192, GPU_LX = 256 };

static const char *options(const vq_device *device) {
    return vq_shape_of(device, "adamw").family == VQ_FAMILY_CPU ? "-DLX=1 -DCHUNK=8192" : "-DLX=256 -DCHUNK=8192";
}

static size_t local(const vq_device *device) {
    return vq_shape_of(device, "adamw").family == VQ_FAMILY_CPU ? 1 : GPU_LX;
}

static size_t chunks(size_t count) {
    return (count + CHUNK - 1) / CHUNK;
}

size_t vq_adamw_scratch(const vq_device *device, size_t count) {
    (void)device;
    return chunks(count) * sizeof(float);
}

vq_status vq_adamw_norm(vq_device *device, vq_view norm_sq, vq_view grad, vq_view scratch, size_t count) {
    VQ_TRY(vq_run(device, "adamw", "adamw_squares", options(device), vq_grid1(chunks(count), local(device)), vq_in(scratch),
                  vq_in(grad), vq_int((int32_t)count)));
    return vq_run(device, "adamw", "adamw_total", options(device), vq_grid1(1, local(device)), vq_in(norm_sq), vq_in(scratch),
                  vq_int((int32_t)chunks(count)));
}

vq_status vq_adamw_step(vq_device *device, vq_view param, vq_view moment1, vq_view moment2, vq_view grad, vq_view norm_sq,
                        size_t count, vq_adamw_rates rates) {
    const double t = (double)rates.step;
    return vq_run(device, "adamw", "adamw_step", options(device), vq_grid1(chunks(count), local(device)), vq_in(param),
                  vq_in(moment1), vq_in(moment2), vq_in(grad), vq_in(norm_sq), vq_int((int32_t)count),
                  vq_float((float)(rates.learning_rate / (1 - pow(rates.beta1, t)))),
                  vq_float((float)(1 / sqrt(1 - pow(rates.beta2, t)))),
                  vq_float((float)(1 - rates.learning_rate * rates.weight_decay)), vq_float((float)rates.beta1),
                  vq_float((float)(1 - rates.beta1)), vq_float((float)rates.beta2), vq_float((float)(1 - rates.beta2)),
                  vq_float((float)rates.epsilon), vq_float((float)rates.clip));
}

#include "ops/quantize.h"

static const char *options(const vq_device *device) {
    return device->family == VQ_FAMILY_CPU ? "-DLX=1 -DLY=1 -DROWS=256" : "-DLX=16 -DLY=8 -DROWS=32";
}

static int chunks(const vq_device *device, int M) {
    const int rows = device->family == VQ_FAMILY_CPU ? 256 : 32;
    return (M + rows - 1) / rows;
}

static vq_grid grid(const vq_device *device, int M) {
    const bool cpu = device->family == VQ_FAMILY_CPU;
    return vq_grid2((size_t)chunks(device, M), 1, cpu ? 1 : 16, cpu ? 1 : 8);
}

size_t vq_quantize_scratch(const vq_device *device, int M) {
    return (size_t)chunks(device, M) * sizeof(float);
}

vq_status vq_quantize_residual(vq_device *device, vq_view h, vq_view z, vq_view total, int M, int D, int level) {
    return vq_run(device, "quantize", "quantize_residual", options(device), grid(device, M), vq_in(h), vq_in(z), vq_in(total),
                  vq_int(M), vq_int(D), vq_float((float)level));
}

vq_status vq_quantize_gather(vq_device *device, vq_view zhat, vq_view total, vq_view metrics, vq_view e, vq_view h, vq_view codes,
                             vq_view rows, vq_view scratch, int M, int D, int level, int levels, int slot, float scale) {
    const bool measure = metrics.mem != NULL;
    VQ_TRY(vq_run(device, "quantize", "quantize_gather", options(device), grid(device, M),
                  vq_in(level == levels ? zhat : VQ_NO_VIEW), vq_in(total), vq_in(measure ? scratch : VQ_NO_VIEW), vq_in(e),
                  vq_in(measure ? h : VQ_NO_VIEW), vq_in(codes), vq_in(rows), vq_int(M), vq_int(D), vq_int(level == 1),
                  vq_float(1.0f / (float)levels)));
    if (!measure)
        return VQDNA_OK;
    return vq_run(device, "quantize", "quantize_metric", options(device), vq_grid1(1, 1), vq_in(metrics), vq_in(scratch),
                  vq_int(chunks(device, M)), vq_int(slot), vq_float(scale));
}

vq_status vq_quantize_mean(vq_device *device, vq_view zhat, vq_view z, vq_view rows, int M, int D, int level, int levels) {
    return vq_run(device, "quantize", "quantize_mean", options(device), grid(device, M), vq_in(zhat), vq_in(z), vq_in(rows),
                  vq_int(M), vq_int(D), vq_int(level == 1), vq_float(1.0f / (float)levels));
}

static vq_status backward(vq_device *device, vq_view dz, vq_view dzhat, vq_view h, vq_view e, vq_view codes, vq_view rows, int M,
                          int D, float weight, float commit, bool add) {
    return vq_run(device, "quantize", "quantize_backward", options(device), grid(device, M), vq_in(dz), vq_in(dzhat), vq_in(h),
                  vq_in(e), vq_in(codes), vq_in(rows), vq_int(M), vq_int(D), vq_float(weight), vq_float(commit), vq_int(add));
}

vq_status vq_quantize_backward(vq_device *device, vq_view dz, vq_view dzhat, vq_view h, vq_view e, vq_view codes, vq_view rows,
                               int M, int D, int level, int levels, float commit_scale, bool add) {
    return backward(device, dz, dzhat, h, e, codes, rows, M, D, (float)level / (float)levels, (float)level * commit_scale, add);
}

vq_status vq_quantize_mean_backward(vq_device *device, vq_view dz, vq_view dzhat, vq_view rows, int M, int D, int levels,
                                    bool add) {
    return backward(device, dz, dzhat, VQ_NO_VIEW, VQ_NO_VIEW, VQ_NO_VIEW, rows, M, D, 1.0f / (float)levels, 0.0f, add);
}

#include "ops/kmeans.h"

#include "base/integer.h"

/* Not tuned: which rows are drawn depends, by rounding, on the rows of a chunk, and a start is made once. */
enum { CPU_ROWS = 512, CPU_CODES = 64, GPU_ROWS = 64 };

static bool is_cpu(const vq_device *device) {
    return vq_shape_of(device, "kmeans").family == VQ_FAMILY_CPU;
}

static int chunks(const vq_device *device, int M) {
    return vq_ceil_div_int(M, is_cpu(device) ? CPU_ROWS : GPU_ROWS);
}

size_t vq_kmeans_scratch(const vq_device *device, int M) {
    return ((size_t)M + (size_t)chunks(device, M)) * sizeof(float);
}

vq_status vq_kmeans_seed(vq_device *device, vq_view e, vq_view h, vq_view uniforms, vq_view scratch, int M, int D, int K) {
    const vq_group g = vq_group_fit(device, "kmeans", "", GPU_ROWS, GPU_ROWS);
    const int count = chunks(device, M);
    vq_kernel *pick, *distance;
    VQ_TRY(vq_kernel_get(device, &pick, "kmeans", "kmeans_pick", g.options));
    VQ_TRY(vq_kernel_get(device, &distance, "kmeans", "kmeans_distance", g.options));
    for (int k = 0; k < K; k++) {
        VQ_TRY(vq_launch(device, pick, vq_grid1(1, g.across), vq_in(e), vq_in(h), vq_in(scratch), vq_in(uniforms), vq_int(M),
                         vq_int(D), vq_int(count), vq_int(k)));
        if (k + 1 < K)
            VQ_TRY(vq_launch(device, distance, vq_grid1((size_t)count, g.across), vq_in(scratch), vq_in(e), vq_in(h), vq_int(M),
                             vq_int(D), vq_int(k)));
        if (k % 1024 == 1023) /* the queue's length, and with it the driver's memory, stays bounded */
            VQ_TRY(vq_device_finish(device));
    }
    return VQDNA_OK;
}

vq_status vq_kmeans_update(vq_device *device, vq_view e, vq_view sums, vq_view counts, int D, int K) {
    const int codes = is_cpu(device) ? CPU_CODES : 1;
    const vq_group g = vq_group_fit(device, "kmeans", "", GPU_ROWS, GPU_ROWS);
    return vq_run(device, "kmeans", "kmeans_update", g.options, vq_grid1((size_t)vq_ceil_div_int(K, codes), g.across), vq_in(e),
                  vq_in(sums), vq_in(counts), vq_int(K), vq_int(D), vq_int(codes));
}

vq_status vq_kmeans_gather(vq_device *device, vq_view vectors, int first, vq_view h, vq_view index, int count, int D) {
    const int rows = is_cpu(device) ? CPU_CODES : 1;
    const vq_group g = vq_group_fit(device, "kmeans", "", GPU_ROWS, GPU_ROWS);
    return vq_run(device, "kmeans", "kmeans_gather", g.options, vq_grid1((size_t)vq_ceil_div_int(count, rows), g.across),
                  vq_in(vectors), vq_in(h), vq_in(index), vq_int(first), vq_int(count), vq_int(D), vq_int(rows));
}

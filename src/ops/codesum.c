#include "ops/codesum.h"

enum {
    LX = 16,
    LY = 8,
    SCAN = 256, /* of a GPU: cl/codesum.cl */
    STRETCH = 1024,
    CODES = 16, /* of a CPU device */
};

static bool is_cpu(const vq_device *device) {
    return device->family == VQ_FAMILY_CPU;
}

static const char *options(const vq_device *device) {
    return is_cpu(device) ? "-DLX=1 -DLY=1 -DSCAN=1 -DSTRETCH=1024 -DCODES=16" : "-DLX=16 -DLY=8 -DSCAN=256 -DSTRETCH=1 -DCODES=8";
}

static int divide_up(int a, int b) {
    return (a + b - 1) / b;
}

/* Rows of a chunk. Each chunk costs a pass over K counters, so there are few of them when the codebook is large. */
static int chunk_rows(const vq_device *device, int M, int K) {
    const int most = is_cpu(device) ? 16 : 256, least = is_cpu(device) ? 256 : 64, fit = (4 << 20) / K;
    const int chunks = fit < 1 ? 1 : fit < most ? fit : most;
    const int rows = divide_up(M, chunks);
    return rows > least ? rows : least;
}

size_t vq_codesum_scratch(const vq_device *device, int M, int K) {
    return (1 + (size_t)divide_up(M, chunk_rows(device, M, K))) * (size_t)K * sizeof(int32_t);
}

vq_status vq_codesum_forward(vq_device *device, vq_view sums, vq_view counts, vq_view order, vq_view h, vq_view codes,
                             vq_view scratch, int M, int D, int K) {
    const bool cpu = is_cpu(device);
    const char *o = options(device);
    const int rows = chunk_rows(device, M, K), chunks = divide_up(M, rows);
    const vq_grid over_rows = cpu ? vq_grid1((size_t)chunks, 1) : vq_grid1((size_t)divide_up(chunks, LX), LX);
    const vq_grid over_codes = cpu ? vq_grid1((size_t)divide_up(K, STRETCH), 1) : vq_grid1((size_t)divide_up(K, SCAN), SCAN);
    const vq_grid summing = cpu ? vq_grid1((size_t)divide_up(K, CODES), 1) : vq_grid2((size_t)divide_up(K, LY), 1, LX, LY);
    VQ_TRY(vq_run(device, "codesum", "codesum_count", o, over_rows, vq_in(scratch), vq_in(codes), vq_int(M), vq_int(K),
                  vq_int(chunks), vq_int(rows)));
    VQ_TRY(vq_run(device, "codesum", "codesum_column", o, over_codes, vq_in(counts), vq_in(scratch), vq_int(K), vq_int(chunks)));
    VQ_TRY(vq_run(device, "codesum", "codesum_offsets", o, vq_grid1(1, cpu ? 1 : SCAN), vq_in(scratch), vq_in(counts), vq_int(K)));
    VQ_TRY(vq_run(device, "codesum", "codesum_scatter", o, over_rows, vq_in(order), vq_in(scratch), vq_in(codes), vq_int(M),
                  vq_int(K), vq_int(chunks), vq_int(rows)));
    return vq_run(device, "codesum", "codesum_add", o, summing, vq_in(sums), vq_in(counts), vq_in(order), vq_in(h), vq_in(scratch),
                  vq_int(K), vq_int(D));
}

vq_status vq_codesum_usage(vq_device *device, vq_view usage, vq_view counts, int K) {
    const bool cpu = is_cpu(device);
    return vq_run(device, "codesum", "codesum_usage", options(device),
                  cpu ? vq_grid1((size_t)divide_up(K, STRETCH), 1) : vq_grid1((size_t)divide_up(K, SCAN), SCAN), vq_in(usage),
                  vq_in(counts), vq_int(K));
}

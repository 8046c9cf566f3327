#include "ops/codesum.h"

#include "base/integer.h"

/* GROUP: work-items of a GPU's work-group; STRETCH: codes a CPU's work-item scans. */
enum { GROUP = 128, STRETCH = 1024 };

/* Codes a work-group sums, chunks of rows that are sorted apart, at most, and on a GPU work-items over the channels of a code, which
 * leaves the others for its rows: only by this does a sum depend on them. */
enum { CODES, CHUNKS, ACROSS, TUNABLES };

static const vq_tunable tunables[TUNABLES] = {
    [CODES] = {"codes", {4, 8, 16, 32, 64}, {8, 8, 16, 16}},
    [CHUNKS] = {"chunks", {4, 8, 16, 32, 64, 128, 256, 512}, {256, 256, 16, 16}},
    [ACROSS] = {"LX", {4, 8, 16, 32, 64}, {16, 16, 0, 0}},
};
static const vq_tuning_shape shape = {"all", {4096, 384, 1024, 0}, {600, 5, 50, 0}, false};

const vq_tunables vq_codesum_tunables = {
    .operation = "codesum",
    .list = tunables,
    .shapes = &shape,
    .count = TUNABLES,
    .shape_count = 1,
};

static int tuned(const vq_device *device, int which) {
    return vq_tuned(device, &vq_codesum_tunables, which, 0);
}

static bool is_cpu(const vq_device *device) {
    return vq_shape_of(device, "codesum").family == VQ_FAMILY_CPU;
}

static vq_group make_group(vq_device *device) {
    return vq_group_fit(device, "codesum", "", tuned(device, ACROSS), GROUP);
}

/* A kernel that scans codes: work-items have a stretch of them on a CPU, one on a GPU. */
static vq_grid over_codes(const vq_device *device, const vq_group *g, int K) {
    const int items = (int)(g->across * g->down);
    return vq_grid1((size_t)vq_ceil_div_int(K, is_cpu(device) ? STRETCH : items), (size_t)items);
}

/* Rows of a chunk. Each chunk costs a pass over K counters, so there are few of them when the codebook is large. */
static int chunk_rows(const vq_device *device, int M, int K) {
    const int most = tuned(device, CHUNKS), least = is_cpu(device) ? 256 : 64, fit = (4 << 20) / K;
    const int chunks = fit < 1 ? 1 : fit < most ? fit : most;
    const int rows = vq_ceil_div_int(M, chunks);
    return rows > least ? rows : least;
}

size_t vq_codesum_scratch(const vq_device *device, int M, int K) {
    return (1 + (size_t)vq_ceil_div_int(M, chunk_rows(device, M, K))) * (size_t)K * sizeof(int32_t);
}

vq_status vq_codesum_forward(vq_device *device, vq_view sums, vq_view counts, vq_view order, vq_view h, vq_view codes,
                             vq_view table, vq_view scratch, int M, int D, int K) {
    const vq_group g = make_group(device);
    const char *o = g.options;
    const int rows = chunk_rows(device, M, K), chunks = vq_ceil_div_int(M, rows), codes_each = tuned(device, CODES);
    const vq_grid over_rows = vq_grid1(vq_ceil_div((size_t)chunks, g.across), g.across);
    const vq_grid scan = over_codes(device, &g, K), summing = vq_grid2((size_t)vq_ceil_div_int(K, codes_each), 1, g.across, g.down);
    VQ_TRY(vq_zero(device, (vq_view){scratch.mem, vq_codesum_scratch(device, M, K)}));
    VQ_TRY(vq_run(device, "codesum", "codesum_count", o, over_rows, vq_in(scratch), vq_in(codes), vq_in(table), vq_int(M),
                  vq_int(K), vq_int(chunks), vq_int(rows)));
    VQ_TRY(vq_run(device, "codesum", "codesum_column", o, scan, vq_in(counts), vq_in(scratch), vq_int(K), vq_int(chunks)));
    VQ_TRY(vq_run(device, "codesum", "codesum_offsets", o, vq_grid1(1, scan.local[0]), vq_in(scratch), vq_in(counts), vq_int(K)));
    VQ_TRY(vq_run(device, "codesum", "codesum_scatter", o, over_rows, vq_in(order), vq_in(scratch), vq_in(codes), vq_in(table),
                  vq_int(M), vq_int(K), vq_int(chunks), vq_int(rows)));
    return vq_run(device, "codesum", "codesum_add", o, summing, vq_in(sums), vq_in(counts), vq_in(order), vq_in(h), vq_in(scratch),
                  vq_int(K), vq_int(D), vq_int(codes_each));
}

vq_status vq_codesum_usage(vq_device *device, vq_view usage, vq_view counts, int K) {
    const vq_group g = make_group(device);
    return vq_run(device, "codesum", "codesum_usage", g.options, over_codes(device, &g, K), vq_in(usage), vq_in(counts), vq_int(K));
}

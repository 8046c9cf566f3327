#include "ops/codebook.h"

#include "base/integer.h"

enum { MAX_BLOCKS = 256, GROUP = 128 }; /* GROUP: work-items of a GPU's work-group */

/* Codes of a work-group that moves vectors, and on a GPU work-items over the channels of a code: neither changes a bit. */
enum { CODES, ACROSS, TUNABLES };

static const vq_tunable tunables[TUNABLES] = {
    [CODES] = {"codes", {4, 8, 16, 32, 64, 128}, {8, 8, 16, 16}},
    [ACROSS] = {"LX", {4, 8, 16, 32, 64}, {16, 16, 0, 0}},
};
static const vq_tuning_shape shape = {"all", {4096, 384, 1024, 0}, {60, 16, 40, 1}, false};

const vq_tunables vq_codebook_tunables = {
    .operation = "codebook",
    .list = tunables,
    .shapes = &shape,
    .count = TUNABLES,
    .shape_count = 1,
};

static bool is_cpu(const vq_device *device) {
    return vq_shape_of(device, "codebook").family == VQ_FAMILY_CPU;
}

/* Codes of a block of the scalar pass. Every work-item of the vector pass adds up all blocks, so there are few. */
static int block_codes(const vq_device *device, int K) {
    const int least = is_cpu(device) ? 256 : GROUP, fit = vq_ceil_div_int(K, MAX_BLOCKS);
    return fit > least ? fit : least;
}

static vq_group make_group(vq_device *device) {
    return vq_group_fit(device, "codebook", "", vq_tuned(device, &vq_codebook_tunables, ACROSS, 0), GROUP);
}

/* The work-groups of a pass over vectors. */
static vq_grid over_codes(const vq_group *g, int K, int codes) {
    return vq_grid2((size_t)vq_ceil_div_int(K, codes), 1, g->across, g->down);
}

size_t vq_codebook_scratch(const vq_device *device, int K) {
    return (2 * (size_t)vq_ceil_div_int(K, block_codes(device, K)) + (size_t)K) * sizeof(float);
}

vq_status vq_codebook_update(vq_device *device, vq_view e, vq_view n, vq_view s, vq_view f, vq_view reseeded, vq_view counts,
                             vq_view sums, vq_view h, vq_view rows, vq_view scratch, int M, int D, int K, vq_codebook_rates rates) {
    const int block = block_codes(device, K), blocks = vq_ceil_div_int(K, block);
    const float unit = (float)((double)K / M), decay = (float)rates.decay, gain = (float)(1 - rates.decay);
    const int codes = vq_tuned(device, &vq_codebook_tunables, CODES, 0);
    const vq_group g = make_group(device);
    VQ_TRY(vq_run(device, "codebook", "codebook_scalars", g.options, vq_grid1((size_t)blocks, g.across * g.down), vq_in(n),
                  vq_in(f), vq_in(scratch), vq_in(counts), vq_int(K), vq_int(blocks), vq_int(block), vq_float(unit),
                  vq_float(decay), vq_float(gain), vq_float((float)rates.use_decay), vq_float((float)(1 - rates.use_decay)),
                  vq_float((float)rates.expire)));
    return vq_run(device, "codebook", "codebook_vectors", g.options, over_codes(&g, K, codes), vq_in(e), vq_in(s), vq_in(reseeded),
                  vq_in(n), vq_in(sums), vq_in(h), vq_in(rows), vq_in(scratch), vq_int(K), vq_int(D), vq_int(codes), vq_int(blocks),
                  vq_float(unit), vq_float(decay), vq_float(gain), vq_float((float)rates.epsilon));
}

vq_status vq_codebook_start(vq_device *device, vq_view n, vq_view s, vq_view f, vq_view e, int D, int K) {
    const int codes = vq_tuned(device, &vq_codebook_tunables, CODES, 0);
    const vq_group g = make_group(device);
    return vq_run(device, "codebook", "codebook_start", g.options, over_codes(&g, K, codes), vq_in(n), vq_in(s), vq_in(f), vq_in(e),
                  vq_int(K), vq_int(D), vq_int(codes));
}

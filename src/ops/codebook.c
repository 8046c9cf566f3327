#include "ops/codebook.h"

enum { LX = 16, LY = 8, CODES = 16, MAX_BLOCKS = 256 }; /* LX, LY: of a GPU, which has LY codes a group; CODES: of a CPU device */

static const char *options(const vq_device *device) {
    return device->family == VQ_FAMILY_CPU ? "-DLX=1 -DLY=1 -DCODES=16" : "-DLX=16 -DLY=8 -DCODES=8";
}

static int divide_up(int a, int b) {
    return (a + b - 1) / b;
}

/* Codes of a block of the scalar pass. Every work-item of the vector pass adds up all blocks, so there are few. */
static int block_codes(const vq_device *device, int K) {
    const int least = device->family == VQ_FAMILY_CPU ? 256 : 8, fit = divide_up(K, MAX_BLOCKS);
    return fit > least ? fit : least;
}

static vq_grid over_codes(const vq_device *device, int K) {
    return device->family == VQ_FAMILY_CPU ? vq_grid1((size_t)divide_up(K, CODES), 1)
                                           : vq_grid2((size_t)divide_up(K, LY), 1, LX, LY);
}

size_t vq_codebook_scratch(const vq_device *device, int K) {
    return (2 * (size_t)divide_up(K, block_codes(device, K)) + (size_t)K) * sizeof(float);
}

vq_status vq_codebook_update(vq_device *device, vq_view e, vq_view n, vq_view s, vq_view f, vq_view reseeded, vq_view counts,
                             vq_view sums, vq_view h, vq_view rows, vq_view scratch, int M, int D, int K, vq_codebook_rates rates) {
    const int block = block_codes(device, K), blocks = divide_up(K, block);
    const float unit = (float)((double)K / M), decay = (float)rates.decay, gain = (float)(1 - rates.decay);
    VQ_TRY(vq_run(device, "codebook", "codebook_scalars", options(device), vq_grid1((size_t)blocks, 1), vq_in(n), vq_in(f),
                  vq_in(scratch), vq_in(counts), vq_int(K), vq_int(blocks), vq_int(block), vq_float(unit), vq_float(decay),
                  vq_float(gain), vq_float((float)rates.use_decay), vq_float((float)(1 - rates.use_decay)),
                  vq_float((float)rates.expire)));
    return vq_run(device, "codebook", "codebook_vectors", options(device), over_codes(device, K), vq_in(e), vq_in(s),
                  vq_in(reseeded), vq_in(n), vq_in(sums), vq_in(h), vq_in(rows), vq_in(scratch), vq_int(K), vq_int(D),
                  vq_int(blocks), vq_float(unit), vq_float(decay), vq_float(gain), vq_float((float)rates.epsilon));
}

vq_status vq_codebook_start(vq_device *device, vq_view n, vq_view s, vq_view f, vq_view e, int D, int K) {
    return vq_run(device, "codebook", "codebook_start", options(device), over_codes(device, K), vq_in(n), vq_in(s), vq_in(f),
                  vq_in(e), vq_int(K), vq_int(D));
}

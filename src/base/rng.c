#include "base/rng.h"

#include <assert.h>

#include <Random123/philox.h>

vq_rng_block vq_rng(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element) {
    assert(element >> 48 == 0 && stream >> 16 == 0);
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {
        {(uint32_t)element, (uint32_t)(element >> 32) | stream << 16, (uint32_t)step, (uint32_t)(step >> 32)}};
    philox4x32_ctr_t words = philox4x32_R(10, counter, key);
    return (vq_rng_block){{words.v[0], words.v[1], words.v[2], words.v[3]}};
}

uint64_t vq_rng_join(uint32_t low, uint32_t high) {
    return low | (uint64_t)high << 32;
}

double vq_rng_unit(uint64_t bits) {
    return (double)(bits >> 11) * 0x1p-53;
}

float vq_rng_unitf(uint32_t bits) {
    return (float)(bits >> 8) * 0x1p-24f;
}

uint64_t vq_rng_bound(uint64_t bits, uint64_t n) {
    assert(n > 0);
    return (uint64_t)((unsigned __int128)bits * n >> 64);
}

uint32_t vq_rng_u32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element) {
    return vq_rng(seed, stream, step, element).v[0];
}

uint64_t vq_rng_u64(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element) {
    vq_rng_block b = vq_rng(seed, stream, step, element);
    return vq_rng_join(b.v[0], b.v[1]);
}

double vq_rng_uniform(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element) {
    return vq_rng_unit(vq_rng_u64(seed, stream, step, element));
}

uint64_t vq_rng_below(uint64_t n, uint64_t seed, uint32_t stream, uint64_t step, uint64_t element) {
    return vq_rng_bound(vq_rng_u64(seed, stream, step, element), n);
}

/* One step of the codebook's moving averages, in two launches: the scalars of each code, a block of them a work-group, then its
 * vectors, `codes` of them a work-group of LX work-items over channels and LY over codes. Scratch, in floats: sums of n over blocks
 * of codes [blocks], re-seeded codes of a block [blocks], whether a code is re-seeded [K]. */
#define FOR_CODES(k, K)                                                                                                            \
    for (int k = VQ_GROUP_ID(0) * codes + (int)get_local_id(1), end_ = min(K, (VQ_GROUP_ID(0) + 1) * codes); k < end_; \
         k += LY)

kernel VQ_ALL_ITEMS void codebook_scalars(global float *restrict n, global float *restrict f, global float *restrict scratch,
                             global const int *restrict counts, int K, int blocks, int block, float unit, float decay, float gain,
                             float use_decay, float use_gain, float expire) {
    const int b = VQ_GROUP_ID(0);
    float total = 0.0f, lost = 0.0f;
    for (int k = b * block + (int)get_local_id(0); k < min(K, (b + 1) * block); k += LX * LY) {
        const float c = (float)counts[k] * unit;
        float use = fma(use_gain, c, use_decay * f[k]), own = fma(gain, c, decay * n[k]);
        const int dead = use < expire;
        if (dead)
            use = own = 1.0f;
        f[k] = use;
        n[k] = own;
        scratch[2 * blocks + k] = dead ? 1.0f : 0.0f;
        total += own;
        lost += dead ? 1.0f : 0.0f;
    }
#if LX * LY > 1
    local float tree[LX * LY];
    total = vq_group_sum(total, tree, (int)get_local_id(0), LX * LY);
    lost = vq_group_sum(lost, tree, (int)get_local_id(0), LX * LY);
#endif
    if (get_local_id(0) == 0) {
        scratch[b] = total;
        scratch[blocks + b] = lost;
    }
}

kernel VQ_GROUP void codebook_vectors(global float *restrict e, global float *restrict s, global int *restrict reseeded,
                                   global const float *restrict n, global const float *restrict sums,
                                   global const float *restrict h, global const int *restrict rows,
                                   global const float *restrict scratch, int K, int D, int codes, int blocks, float unit,
                                   float decay, float gain, float epsilon) {
    float total = 0.0f;
    for (int b = 0; b < blocks; b++)
        total += scratch[b];
    if (get_global_id(0) == 0 && get_global_id(1) == 0) {
        float lost = 0.0f;
        for (int b = 0; b < blocks; b++)
            lost += scratch[blocks + b];
        reseeded[0] += (int)lost;
    }
    FOR_CODES(k, K) {
        const size_t code = (size_t)k * D;
        const bool dead = scratch[2 * blocks + k] != 0.0f;
        global const float *seed = dead ? h + (size_t)rows[k] * D : h;
        const float smoothed = (n[k] + epsilon) / (total + (float)K * epsilon) * total;
        VQ_CHANNELS(d, w, D) {
            const vf sum =
                dead ? vq_load(seed + d, w) : fma((vf)(gain), vq_load(sums + code + d, w) * unit, decay * vq_load(s + code + d, w));
            vq_store(sum, s + code + d, w);
            vq_store(sum / smoothed, e + code + d, w);
        }
    }
}

kernel VQ_GROUP void codebook_start(global float *restrict n, global float *restrict s, global float *restrict f,
                                 global const float *restrict e, int K, int D, int codes) {
    FOR_CODES(k, K) {
        if (get_local_id(0) == 0)
            n[k] = f[k] = 1.0f;
        VQ_CHANNELS(d, w, D)
        vq_store(vq_load(e + (size_t)k * D + d, w), s + (size_t)k * D + d, w);
    }
}

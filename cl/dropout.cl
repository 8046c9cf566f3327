/* Inverted dropout. The draws are Philox 4x32-10 (Salmon et al. 2011), VW blocks of four words side by side, one in each lane. */
typedef VQ_VECTOR(uint) vu;

/* The words of the blocks whose counters are `block` and `high`. */
void philox(vu *word, vu block, uint high, uint2 step, uint2 key) {
    vu a = block, b = (vu)(high), c = (vu)(step.s0), d = (vu)(step.s1);
    for (int round = 0; round < 10; round++) {
        const vu high_a = mul_hi((vu)(0xD2511F53u), a), low_a = 0xD2511F53u * a;
        const vu high_c = mul_hi((vu)(0xCD9E8D57u), c), low_c = 0xCD9E8D57u * c;
        a = high_c ^ b ^ key.s0;
        b = low_c;
        c = high_a ^ d ^ key.s1;
        d = low_a;
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
    }
    word[0] = a;
    word[1] = b;
    word[2] = c;
    word[3] = d;
}

/* y = x times what is kept + residual, which may be NULL. A work-item takes `per` times 4 VW elements. */
kernel void dropout(global float *y, const global float *x, const global float *residual, int n, int per, float scale, int threshold,
                    int high, int step_low, int step_high, int seed_low, int seed_high) {
    const uint2 step = (uint2)((uint)step_low, (uint)step_high), key = (uint2)((uint)seed_low, (uint)seed_high);
    const size_t first = (size_t)get_global_id(0) * per, end = min(first + per, ((size_t)n + 4 * VW - 1) / (4 * VW));
    for (size_t at = first; at < end; at++) {
        uint number[VW];
        for (int j = 0; j < VW; j++)
            number[j] = (uint)at * VW + j;
        vu word[4];
        philox(word, VLOAD(number), (uint)high, step, key);
        float kept[4][VW], share[4 * VW];
        for (int k = 0; k < 4; k++) {
            const vi keep = VQ_VECTOR(convert_int)(word[k] >> 8) >= threshold;
            VSTORE(keep ? (vf)(scale) : (vf)(0.0f), kept[k]);
        }
        for (int j = 0; j < VW; j++)
            for (int k = 0; k < 4; k++)
                share[4 * j + k] = kept[k][j];
        for (int k = 0; k < 4; k++) {
            const size_t i = (4 * at + k) * VW;
            const int left = (int)min((size_t)VW, (size_t)n - min((size_t)n, i));
            if (left == 0)
                continue;
            const vf v = vq_load(x + i, left) * VLOAD(share + k * VW);
            vq_store(residual ? v + vq_load(residual + i, left) : v, y + i, left);
        }
    }
}

/* y = x + residual, which may be NULL: what is left of it where nothing is dropped. A work-item takes `per` registers. */
kernel void dropout_none(global float *y, const global float *x, const global float *residual, int n, int per) {
    const size_t first = (size_t)get_global_id(0) * per, end = min(first + per, ((size_t)n + VW - 1) / VW);
    for (size_t at = first; at < end; at++) {
        const size_t i = at * VW;
        const int left = (int)min((size_t)VW, (size_t)n - i);
        const vf v = vq_load(x + i, left);
        vq_store(residual ? v + vq_load(residual + i, left) : v, y + i, left);
    }
}

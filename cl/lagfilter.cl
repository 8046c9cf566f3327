/* The two-sided filter of a long convolution from rows of distances, and its gradient. A work-item takes `per` rows of every
 * get_global_size(0)-th register of channels: on a CPU device all channels, on a GPU one register. */
#define FLOOR 0.05f

/* How fast the channels from c on fade, in powers of two a lag. */
vf rate_of(int c, float first, float slope) {
    float rate[VW];
    for (int i = 0; i < VW; i++)
        rate[i] = fma((float)(c + i), slope, first);
    return VLOAD(rate);
}

vf window(int distance, vf rate) {
    return vq_exp2(-(float)distance * rate) + FLOOR;
}

/* h [2L - 1][C], lag 0 in row L - 1, from k [L][2C]: channels of lag t, then of lag -t. */
kernel VQ_GROUP void lagfilter_forward(global float *h, const global float *k, int L, int C, float first, float slope, int per) {
    const int start = get_global_id(1) * per, end = min(start + per, 2 * L - 1), step = get_global_size(0) * VW;
    for (int c = get_global_id(0) * VW; c < C; c += step) {
        const int n = min(VW, C - c);
        const vf rate = rate_of(c, first, slope);
        for (int row = start; row < end; row++) {
            const int lag = row - (L - 1), distance = abs(lag);
            const vf v = vq_load(k + (size_t)distance * 2 * C + (lag < 0 ? C : 0) + c, n);
            vq_store(v * window(distance, rate), h + (size_t)row * C + c, n);
        }
    }
}

/* There is no lag -0: its gradient is 0. */
kernel VQ_GROUP void lagfilter_backward(global float *dk, const global float *dh, int L, int C, float first, float slope, int per) {
    const int start = get_global_id(1) * per, end = min(start + per, L), step = get_global_size(0) * VW;
    for (int c = get_global_id(0) * VW; c < C; c += step) {
        const int n = min(VW, C - c);
        const vf rate = rate_of(c, first, slope);
        for (int t = start; t < end; t++) {
            const vf w = window(t, rate);
            const global float *zero = dh + (size_t)(L - 1) * C + c;
            global float *to = dk + (size_t)t * 2 * C + c;
            vq_store(w * vq_load(zero + (size_t)t * C, n), to, n);
            vq_store(t ? w * vq_load(zero - (size_t)t * C, n) : (vf)(0.0f), to + C, n);
        }
    }
}

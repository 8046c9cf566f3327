/* Pooling over the positions of a sequence. A work-item has a register of channels of one sequence and walks down its positions. */
#define FOR_REGISTER(b, c, n)                                                                                                      \
    const int b = VQ_GROUP_ID(1), c = (int)get_global_id(0) * VW, n = min(VW, D - c);                                              \
    if (c < D)

bool there(const global uchar *mask, int b, int L, int l) {
    return !mask || mask[(size_t)b * L + l];
}

kernel VQ_SPREAD void pool_mean_forward(global float *restrict y, const global float *restrict x, const global uchar *mask, int L, int D) {
    FOR_REGISTER(b, c, n) {
        vf sum = (vf)(0.0f);
        int count = 0;
        for (int l = 0; l < L; l++)
            if (there(mask, b, L, l)) {
                sum += vq_load(x + ((size_t)b * L + l) * D + c, n);
                count++;
            }
        vq_store(sum / (float)max(count, 1), y + (size_t)b * D + c, n);
    }
}

kernel VQ_SPREAD void pool_mean_backward(global float *restrict dx, const global float *restrict dy, const global uchar *mask, int L, int D) {
    FOR_REGISTER(b, c, n) {
        int count = 0;
        for (int l = 0; l < L; l++)
            count += there(mask, b, L, l);
        const vf d = vq_load(dy + (size_t)b * D + c, n) / (float)max(count, 1);
        for (int l = 0; l < L; l++)
            vq_store(there(mask, b, L, l) ? d : (vf)(0.0f), dx + ((size_t)b * L + l) * D + c, n);
    }
}

kernel VQ_SPREAD void pool_max_forward(global float *restrict y, global int *restrict best, const global float *restrict x,
                                       const global uchar *mask, int L, int D) {
    FOR_REGISTER(b, c, n) {
        vf top = (vf)(-INFINITY);
        vi at = (vi)(-1);
        for (int l = 0; l < L; l++)
            if (there(mask, b, L, l)) {
                const vf v = vq_load(x + ((size_t)b * L + l) * D + c, n);
                const vi first = (v > top) | (at < 0);
                at = first ? (vi)(l) : at;
                top = first ? v : top;
            }
        int place[VW];
        VSTORE(at, place);
        vq_store(at < 0 ? (vf)(0.0f) : top, y + (size_t)b * D + c, n);
        VQ_LANES(i, n)
            best[(size_t)b * D + c + i] = place[i];
    }
}

kernel VQ_SPREAD void pool_max_backward(global float *restrict dx, const global float *restrict dy, const global int *restrict best, int L,
                                        int D) {
    const int b = VQ_GROUP_ID(1), c = get_global_id(0);
    if (c < D) {
        const int l = best[(size_t)b * D + c];
        if (l >= 0)
            dx[((size_t)b * L + l) * D + c] += dy[(size_t)b * D + c];
    }
}

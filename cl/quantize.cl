/* Residual quantization around the nearest-code search. A work-group takes `per` rows, LY at a time, LX work-items over the
 * channels of a row: on a CPU device one work-item does all of it. */
#define FOR_ROWS(m, M)                                                                                                             \
    for (int m = VQ_GROUP_ID(0) * per + (int)get_local_id(1), end_ = min(M, (VQ_GROUP_ID(0) + 1) * per); m < end_;     \
         m += LY)

kernel VQ_GROUP void quantize_residual(global float *restrict h, global const float *restrict z, global const float *restrict total,
                                    int M, int D, int per, float level) {
    FOR_ROWS(m, M) {
        const size_t row = (size_t)m * D;
        VQ_CHANNELS(d, n, D) {
            const vf zv = vq_load(z + row + d, n);
            vq_store(total ? fma((vf)(level), zv, -vq_load(total + row + d, n)) : zv * level, h + row + d, n);
        }
    }
}

/* zhat is given at the last level only and total at the others; partial if the squared distance is asked for. */
kernel VQ_GROUP void quantize_gather(global float *restrict zhat, global float *restrict total, global float *restrict partial,
                                  global const float *restrict e, global const float *restrict h, global const int *restrict codes,
                                  global const uchar4 *restrict rows, int M, int D, int per, int first, float inverse) {
#if LX * LY > 1
    local float tree[LX * LY];
#endif
    vf distance = (vf)(0.0f);
    FOR_ROWS(m, M) {
        const size_t row = (size_t)m * D;
        global const float *code = e + (size_t)codes[m] * D;
        const bool seen = zhat && rows[m].s3;
        vf own = (vf)(0.0f);
        VQ_CHANNELS(d, n, D) {
            const vf q = vq_load(code + d, n);
            if (partial) {
                const vf off = vq_load(h + row + d, n) - q;
                own = fma(off, off, own);
            }
            const vf sum = first ? q : vq_load(total + row + d, n) + q;
            if (zhat)
                vq_store(seen ? sum * inverse : (vf)(0.0f), zhat + row + d, n);
            else
                vq_store(sum, total + row + d, n);
        }
        if (rows[m].s0 < 4) /* an unknown base has no say */
            distance += own;
    }
    if (partial) {
        float sum = vq_sum(distance);
#if LX * LY > 1
        sum = vq_group_sum(sum, tree, VQ_GROUP_ITEM, LX * LY);
        if (VQ_GROUP_ITEM == 0)
#endif
            partial[VQ_GROUP_ID(0)] = sum;
    }
}

/* One work-group. */
kernel VQ_ALL_ITEMS void quantize_metric(global float *metrics, global const float *partial, int chunks, int slot, float scale) {
    float sum = 0.0f;
    for (int i = get_local_id(0); i < chunks; i += LX * LY)
        sum += partial[i];
#if LX * LY > 1
    local float tree[LX * LY];
    sum = vq_group_sum(sum, tree, (int)get_local_id(0), LX * LY);
#endif
    if (get_local_id(0) == 0)
        metrics[slot] = fma(scale, sum, metrics[slot]);
}

kernel VQ_GROUP void quantize_mean(global float *restrict zhat, global const float *restrict z, global const uchar4 *restrict rows,
                                int M, int D, int per, int first, float inverse) {
    FOR_ROWS(m, M) {
        const size_t row = (size_t)m * D;
        const bool seen = rows[m].s3;
        VQ_CHANNELS(d, n, D) {
            vf v = seen ? vq_load(z + row + d, n) * inverse : (vf)(0.0f);
            if (!first)
                v += vq_load(zhat + row + d, n);
            vq_store(v, zhat + row + d, n);
        }
    }
}

/* dz (+)= weight seen dzhat + commit (h - e[codes]); without h, and where the base is unknown, the second term is left out. */
kernel VQ_GROUP void quantize_backward(global float *restrict dz, global const float *restrict dzhat, global const float *restrict h,
                                    global const float *restrict e, global const int *restrict codes,
                                    global const uchar4 *restrict rows, int M, int D, int per, float weight, float commit,
                                    int add) {
    FOR_ROWS(m, M) {
        const size_t row = (size_t)m * D;
        const bool seen = rows[m].s3, known = rows[m].s0 < 4;
        global const float *code = h ? e + (size_t)codes[m] * D : h;
        VQ_CHANNELS(d, n, D) {
            vf g = seen ? vq_load(dzhat + row + d, n) * weight : (vf)(0.0f);
            if (h && known)
                g = fma((vf)(commit), vq_load(h + row + d, n) - vq_load(code + d, n), g);
            if (add)
                g += vq_load(dz + row + d, n);
            vq_store(g, dz + row + d, n);
        }
    }
}

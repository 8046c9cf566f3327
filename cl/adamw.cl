/* Streams over whole regions: a work-group takes CHUNK floats, a multiple of LX VW. */
#define CHUNK 8192

kernel VQ_GROUP void adamw_squares(global float *restrict partial, global const float *restrict g, int count) {
    const int first = VQ_GROUP_ID(0) * CHUNK, end = first + min(CHUNK, count - first), step = LX * VW;
    int i = first + (int)get_local_id(0) * VW;
    vf a = (vf)(0.0f), b = (vf)(0.0f), c = (vf)(0.0f), d = (vf)(0.0f);
    for (; i + 3 * step + VW <= end; i += 4 * step) {
        const vf x = VLOAD(g + i), y = VLOAD(g + i + step), z = VLOAD(g + i + 2 * step), w = VLOAD(g + i + 3 * step);
        a = fma(x, x, a);
        b = fma(y, y, b);
        c = fma(z, z, c);
        d = fma(w, w, d);
    }
    for (; i < end; i += step) {
        const vf x = vq_load(g + i, min(VW, end - i));
        a = fma(x, x, a);
    }
    float sum = vq_sum((a + b) + (c + d));
#if LX > 1
    local float tree[LX];
    sum = vq_group_sum(sum, tree, (int)get_local_id(0), LX);
    if (get_local_id(0) == 0)
#endif
        partial[VQ_GROUP_ID(0)] = sum;
}

/* One work-group. */
kernel VQ_GROUP void adamw_total(global float *restrict norm_sq, global const float *restrict partial, int chunks) {
    float sum = 0.0f;
    for (int c = get_local_id(0); c < chunks; c += LX)
        sum += partial[c];
#if LX > 1
    local float tree[LX];
    sum = vq_group_sum(sum, tree, (int)get_local_id(0), LX);
    if (get_local_id(0) == 0)
#endif
        norm_sq[0] = sum;
}

/* mean moves by `share` of the way to p. */
kernel VQ_GROUP void adamw_average(global float *restrict mean, global const float *restrict p, int count, float share) {
    const int first = VQ_GROUP_ID(0) * CHUNK, end = first + min(CHUNK, count - first);
    for (int i = first + (int)get_local_id(0) * VW; i < end; i += LX * VW) {
        const int n = min(VW, end - i);
        const vf was = vq_load(mean + i, n);
        vq_store(fma((vf)(share), vq_load(p + i, n) - was, was), mean + i, n);
    }
}

kernel VQ_GROUP void adamw_swap(global float *restrict a, global float *restrict b, int count) {
    const int first = VQ_GROUP_ID(0) * CHUNK, end = first + min(CHUNK, count - first);
    for (int i = first + (int)get_local_id(0) * VW; i < end; i += LX * VW) {
        const int n = min(VW, end - i);
        const vf was = vq_load(a + i, n);
        vq_store(vq_load(b + i, n), a + i, n);
        vq_store(was, b + i, n);
    }
}

/* rate = learning_rate / (1 - beta1^step), spread = 1 / sqrt(1 - beta2^step), keep = 1 - learning_rate weight_decay. */
kernel VQ_GROUP void adamw_step(global float *restrict p, global float *restrict m, global float *restrict v, global float *restrict g,
                             global const float *restrict norm_sq, int count, float rate, float spread, float keep, float beta1,
                             float gain1, float beta2, float gain2, float epsilon, float clip) {
    const int first = VQ_GROUP_ID(0) * CHUNK, end = first + min(CHUNK, count - first);
    const float scale = clip > 0.0f ? fmin(1.0f, clip / sqrt(norm_sq[0])) : 1.0f;
    for (int i = first + (int)get_local_id(0) * VW; i < end; i += LX * VW) {
        const int n = min(VW, end - i);
        const vf x = vq_load(g + i, n) * scale;
        const vf mean = fma((vf)(gain1), x, beta1 * vq_load(m + i, n));
        const vf square = fma(gain2 * x, x, beta2 * vq_load(v + i, n));
        const vf move = mean / fma(sqrt(square), (vf)(spread), (vf)(epsilon));
        vq_store(mean, m + i, n);
        vq_store(square, v + i, n);
        vq_store(fma((vf)(-rate), move, keep * vq_load(p + i, n)), p + i, n);
        vq_store((vf)(0.0f), g + i, n);
    }
}

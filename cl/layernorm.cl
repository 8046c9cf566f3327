/* Layer normalization over the D channels of each of M rows, and its gradient.
 *
 * On a CPU device a work-item takes `per` rows, one after another. On a GPU (kernels ending in _group) a work-group of
 * LX work-items shares a row, and the parameters' gradients have a kernel of their own that walks down the rows, one channel a
 * work-item. */
#define EPSILON 1e-5f

#ifndef VQ_GPU
/* ---- CPU --------------------------------------------------------------------------------------------------------------------- */

kernel void layernorm_forward(global float *y, global float *stats, const global float *x, const global float *gamma,
                              const global float *beta, int M, int D, int per) {
    const int end = min((int)get_global_id(0) * per + per, M);
    for (int m = get_global_id(0) * per; m < end; m++) {
        const global float *row = x + (size_t)m * D;
        global float *out = y + (size_t)m * D;
        vf sum = 0.0f;
        int d = 0;
        for (; d + VW <= D; d += VW)
            sum += GLOAD(row + d);
        float mean = vq_sum(sum);
        for (; d < D; d++)
            mean += row[d];
        mean /= (float)D;

        sum = 0.0f;
        for (d = 0; d + VW <= D; d += VW) {
            const vf centred = GLOAD(row + d) - mean;
            sum = fma(centred, centred, sum);
        }
        float variance = vq_sum(sum);
        for (; d < D; d++)
            variance = fma(row[d] - mean, row[d] - mean, variance);
        const float rstd = 1.0f / sqrt(variance / (float)D + EPSILON);

        for (d = 0; d + VW <= D; d += VW)
            GSTORE(fma((GLOAD(row + d) - mean) * rstd, GLOAD(gamma + d), GLOAD(beta + d)), out + d);
        for (; d < D; d++)
            out[d] = fma((row[d] - mean) * rstd, gamma[d], beta[d]);
        if (stats)
            vstore2((float2)(mean, rstd), m, stats);
    }
}

/* With n = (x - mean) rstd and g = dy gamma: dx = rstd (g - mean(g) - n mean(g n)) + residual, dgamma = sum over rows of dy n, dbeta of dy. A
 * chunk of `per` rows leaves its two sums in partials [2][chunks][D]. */
kernel void layernorm_backward(global float *dx, global float *partials, const global float *dy, const global float *x,
                               const global float *stats, const global float *gamma, const global float *residual, int M, int D,
                               int per) {
    const int chunk = get_global_id(0), chunks = get_global_size(0), end = min(chunk * per + per, M);
    global float *dgamma = partials + (size_t)chunk * D, *dbeta = partials + ((size_t)chunks + chunk) * D;
    for (int d = 0; d < D; d++)
        dgamma[d] = dbeta[d] = 0.0f;
    for (int m = chunk * per; m < end; m++) {
        const global float *g = dy + (size_t)m * D, *row = x + (size_t)m * D;
        const global float *more = residual ? residual + (size_t)m * D : 0;
        global float *out = dx + (size_t)m * D;
        const float mean = stats[2 * m], rstd = stats[2 * m + 1];
        vf sum = 0.0f, sum_n = 0.0f;
        int d = 0;
        for (; d + VW <= D; d += VW) {
            const vf v = GLOAD(g + d) * GLOAD(gamma + d);
            sum += v;
            sum_n = fma(v, (GLOAD(row + d) - mean) * rstd, sum_n);
        }
        float a = vq_sum(sum), b = vq_sum(sum_n);
        for (; d < D; d++) {
            a += g[d] * gamma[d];
            b = fma(g[d] * gamma[d], (row[d] - mean) * rstd, b);
        }
        a /= (float)D;
        b /= (float)D;

        for (d = 0; d + VW <= D; d += VW) {
            const vf v = GLOAD(g + d), n = (GLOAD(row + d) - mean) * rstd;
            const vf own = rstd * (v * GLOAD(gamma + d) - a - n * b);
            GSTORE(more ? own + GLOAD(more + d) : own, out + d);
            GSTORE(fma(v, n, GLOAD(dgamma + d)), dgamma + d);
            GSTORE(GLOAD(dbeta + d) + v, dbeta + d);
        }
        for (; d < D; d++) {
            const float v = g[d], n = (row[d] - mean) * rstd;
            out[d] = rstd * (v * gamma[d] - a - n * b) + (more ? more[d] : 0.0f);
            dgamma[d] = fma(v, n, dgamma[d]);
            dbeta[d] += v;
        }
    }
}

#else
/* ---- GPU --------------------------------------------------------------------------------------------------------------------- */

/* The same value in every work-item: the sum of `mine` over the group, as a tree of fixed shape. */
float2 group_sum(local float2 *tree, float2 mine) {
    const int l = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    tree[l] = mine;
    for (int step = LX / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (l < step)
            tree[l] += tree[l + step];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return tree[0];
}

kernel VQ_ALL_ITEMS void layernorm_forward_group(global float *y, global float *stats, const global float *x, const global float *gamma,
                        const global float *beta, int M, int D, int per) {
    local float2 tree[LX];
    const int m = VQ_GROUP_ID(0), l = get_local_id(0);
    const global float *row = x + (size_t)m * D;
    float2 sum = 0.0f;
    for (int d = l; d < D; d += LX)
        sum.s0 += row[d];
    const float mean = group_sum(tree, sum).s0 / (float)D;
    sum = 0.0f;
    for (int d = l; d < D; d += LX)
        sum.s0 = fma(row[d] - mean, row[d] - mean, sum.s0);
    const float rstd = 1.0f / sqrt(group_sum(tree, sum).s0 / (float)D + EPSILON);
    for (int d = l; d < D; d += LX)
        y[(size_t)m * D + d] = fma((row[d] - mean) * rstd, gamma[d], beta[d]);
    if (stats && l == 0)
        vstore2((float2)(mean, rstd), m, stats);
}

kernel VQ_ALL_ITEMS void layernorm_backward_group(global float *dx, const global float *dy, const global float *x, const global float *stats,
                         const global float *gamma, const global float *residual, int M, int D) {
    local float2 tree[LX];
    const int m = VQ_GROUP_ID(0), l = get_local_id(0);
    const global float *g = dy + (size_t)m * D, *row = x + (size_t)m * D;
    const float mean = stats[2 * m], rstd = stats[2 * m + 1];
    float2 sum = 0.0f;
    for (int d = l; d < D; d += LX) {
        const float v = g[d] * gamma[d];
        sum = (float2)(sum.s0 + v, fma(v, (row[d] - mean) * rstd, sum.s1));
    }
    sum = group_sum(tree, sum) / (float)D;
    for (int d = l; d < D; d += LX) {
        const size_t at = (size_t)m * D + d;
        dx[at] = rstd * (g[d] * gamma[d] - sum.s0 - (row[d] - mean) * rstd * sum.s1) + (residual ? residual[at] : 0.0f);
    }
}

kernel VQ_ALL_ITEMS void layernorm_backward_chunks(global float *partials, const global float *dy, const global float *x,
                                      const global float *stats, int M, int D, int per, int chunks) {
    const int d = get_global_id(0), chunk = get_global_id(1);
    if (d >= D)
        return;
    float dgamma = 0.0f, dbeta = 0.0f;
    for (int m = chunk * per, end = min(m + per, M); m < end; m++) {
        const float g = dy[(size_t)m * D + d];
        dgamma = fma(g, (x[(size_t)m * D + d] - stats[2 * m]) * stats[2 * m + 1], dgamma);
        dbeta += g;
    }
    partials[(size_t)chunk * D + d] = dgamma;
    partials[((size_t)chunks + chunk) * D + d] = dbeta;
}
#endif

/* Adds the chunks' sums, in order, to the gradients. Work-item (d, 0) has dgamma, (d, 1) dbeta. */
kernel VQ_SPREAD void layernorm_backward_sum(global float *dgamma, global float *dbeta, const global float *partials, int D, int chunks) {
    const int d = get_global_id(0), which = get_global_id(1);
    if (d >= D)
        return;
    const global float *p = partials + (size_t)which * chunks * D + d;
    float sum = 0.0f;
    for (int i = 0; i < chunks; i++)
        sum += p[(size_t)i * D];
    global float *out = which ? dbeta : dgamma;
    out[d] += sum;
}

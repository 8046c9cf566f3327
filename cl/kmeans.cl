/* k-means++ seeding, two launches a centre, and the mean step of Lloyd's rounds. Scratch of the seeding: squared distance of each
 * row to the nearest centre so far [M], then its sums over chunks of ROWS rows. */
#ifdef VQ_GPU
#define ROWS 64
#else
#define ROWS 512
#endif

kernel VQ_GROUP void kmeans_distance(global float *restrict scratch, global const float *restrict e, global const float *restrict h,
                                  int M, int D, int newest) {
    const int first = VQ_GROUP_ID(0) * ROWS, i = get_local_id(0);
    global const float *centre = e + (size_t)newest * D;
    float sum = 0.0f;
    for (int m = first + i; m < min(M, first + ROWS); m += LX) {
        global const float *row = h + (size_t)m * D;
        vf own = (vf)(0.0f);
        for (int d = 0; d < D; d += VW) {
            const int n = min(VW, D - d);
            const vf off = vq_load(row + d, n) - vq_load(centre + d, n);
            own = fma(off, off, own);
        }
        const float distance = vq_sum(own), nearest = newest == 0 ? distance : fmin(distance, scratch[m]);
        scratch[m] = nearest;
        sum += nearest;
    }
#if LX > 1
    local float tree[LX];
    sum = vq_group_sum(sum, tree, i, LX);
    if (i == 0)
#endif
        scratch[M + VQ_GROUP_ID(0)] = sum;
}

/* The first of `count` weights at which their running sum passes `target`; rounding may leave none, then the last that is not zero.
 * `target` loses what lies before it. `at` stays -1 if all are zero. */
#define DRAW(at, target, w, count)                                                                                                 \
    for (int i_ = 0; i_ < (count); i_++)                                                                                           \
        if ((w)[i_] > 0.0f) {                                                                                                      \
            if (at >= 0)                                                                                                           \
                target -= (w)[at];                                                                                                 \
            at = i_;                                                                                                               \
            if (target < (w)[i_])                                                                                                  \
                break;                                                                                                             \
        }

/* Draws one of w [count], *target being left of the running sum: an item sums a stretch, a stretch is drawn, then within it. */
static int draw(global const float *w, int count, float *target, local float *sums) {
    int at = -1;
#if LX > 1
    int first = 0, stretch;
    do {
        stretch = (count + LX - 1) / LX;
        const int from = (int)get_local_id(0) * stretch, to = min(count, from + stretch);
        float sum = 0.0f;
        for (int i = from; i < to; i++)
            sum += w[first + i];
        sums[get_local_id(0)] = sum;
        barrier(CLK_LOCAL_MEM_FENCE);
        at = -1;
        DRAW(at, *target, sums, LX)
        barrier(CLK_LOCAL_MEM_FENCE);
        if (at < 0)
            return -1;
        first += at * stretch;
        count = min(stretch, count - at * stretch);
    } while (stretch > 1);
    return first;
#else
    DRAW(at, *target, w, count)
    return at;
#endif
}

/* One work-group. */
kernel VQ_GROUP void kmeans_pick(global float *restrict e, global const float *restrict h, global const float *restrict scratch,
                                 global const float *restrict uniforms, int M, int D, int chunks, int k) {
    local float sums[LX];
    int row = min((int)(uniforms[k] * (float)M), M - 1);
    if (k > 0) {
        float total = 0.0f;
        for (int c = get_local_id(0); c < chunks; c += LX)
            total += scratch[M + c];
#if LX > 1
        total = vq_group_sum(total, sums, (int)get_local_id(0), LX);
#endif
        float target = uniforms[k] * total;
        const int chunk = draw(scratch + M, chunks, &target, sums);
        if (chunk >= 0)
            row = chunk * ROWS + max(0, draw(scratch + chunk * ROWS, min(ROWS, M - chunk * ROWS), &target, sums));
    }
    for (int d = get_local_id(0); d < D; d += LX)
        e[(size_t)k * D + d] = h[(size_t)row * D + d];
}

kernel VQ_GROUP void kmeans_update(global float *restrict e, global const float *restrict sums, global const int *restrict counts,
                                int K, int D, int codes) {
    const int first = VQ_GROUP_ID(0) * codes;
    for (int k = first; k < min(K, first + codes); k++)
        if (counts[k] > 0)
            for (int d = (int)get_local_id(0) * VW; d < D; d += LX * VW) {
                const int n = min(VW, D - d);
                const size_t at = (size_t)k * D + d;
                vq_store(vq_load(sums + at, n) / (float)counts[k], e + at, n);
            }
}

/* e[i] = h[index[i]], `codes` rows a work-group. */
kernel VQ_GROUP void kmeans_gather(global float *restrict e, global const float *restrict h, global const int *restrict index, int first,
                                int M, int D, int codes) {
    const int start = VQ_GROUP_ID(0) * codes;
    for (int i = start; i < min(M, start + codes); i++)
        for (int d = (int)get_local_id(0) * VW; d < D; d += LX * VW) {
            const int n = min(VW, D - d);
            vq_store(vq_load(h + (size_t)index[i] * D + d, n), e + (size_t)(first + i) * D + d, n);
        }
}

/* k-means++ seeding, two launches a centre, and the mean step of Lloyd's rounds. Scratch of the seeding: squared distance of each
 * row to the nearest centre so far [M], then its sums over chunks of ROWS rows. */
#ifndef LX
#define LX 1 /* work-items of a group */
#endif
#ifndef ROWS
#define ROWS 512
#endif
#define GROUP __attribute__((reqd_work_group_size(LX, 1, 1)))

kernel GROUP void kmeans_distance(global float *restrict scratch, global const float *restrict e, global const float *restrict h,
                                  int M, int D, int newest) {
    const int first = (int)get_group_id(0) * ROWS, i = get_local_id(0);
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
        scratch[M + get_group_id(0)] = sum;
}

/* The first item at which the running sum of w passes `target`; rounding may leave none, then the last that is not zero. *target
 * loses what lies before it. -1 if all are zero. */
static int draw(global const float *w, int count, float *target) {
    int at = -1;
    for (int i = 0; i < count; i++)
        if (w[i] > 0.0f) {
            if (at >= 0)
                *target -= w[at];
            at = i;
            if (*target < w[i])
                break;
        }
    return at;
}

kernel GROUP void kmeans_pick(global float *restrict e, global const float *restrict h, global const float *restrict scratch,
                              global const float *restrict uniforms, int M, int D, int chunks, int k) {
    local int picked;
    if (get_local_id(0) == 0) {
        int row = min((int)(uniforms[k] * (float)M), M - 1);
        if (k > 0) {
            float total = 0.0f;
            for (int c = 0; c < chunks; c++)
                total += scratch[M + c];
            float target = uniforms[k] * total;
            const int chunk = draw(scratch + M, chunks, &target);
            if (chunk >= 0)
                row = chunk * ROWS + max(0, draw(scratch + chunk * ROWS, min(ROWS, M - chunk * ROWS), &target));
        }
        picked = row;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int d = get_local_id(0); d < D; d += LX)
        e[(size_t)k * D + d] = h[(size_t)picked * D + d];
}

kernel GROUP void kmeans_update(global float *restrict e, global const float *restrict sums, global const int *restrict counts,
                                int K, int D, int codes) {
    const int first = (int)get_group_id(0) * codes;
    for (int k = first; k < min(K, first + codes); k++)
        if (counts[k] > 0)
            for (int d = (int)get_local_id(0) * VW; d < D; d += LX * VW) {
                const int n = min(VW, D - d);
                const size_t at = (size_t)k * D + d;
                vq_store(vq_load(sums + at, n) / (float)counts[k], e + at, n);
            }
}

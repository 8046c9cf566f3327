/* Rows of a table by their numbers. A work-group takes `per` rows, LY at a time, LX work-items over the channels of a row: on a CPU
 * device one work-item does all of it. */

kernel VQ_GROUP void embedding_forward(global float *restrict y, const global float *restrict table, const global int *restrict ids,
                                       int M, int D, int V, float scale, int add, int per) {
    const int start = VQ_GROUP_ID(0) * per, end = min(M, start + per);
    for (int m = start + (int)get_local_id(1); m < end; m += LY) {
        const int id = ids[m];
        const global float *from = table + (size_t)id * D;
        global float *to = y + (size_t)m * D;
        VQ_CHANNELS(d, n, D) {
            const vf v = id < V ? vq_load(from + d, n) * scale : (vf)(0.0f);
            vq_store(add ? vq_load(to + d, n) + v : v, to + d, n);
        }
    }
}

/* dtable [V][D] += scale sums, rows that no id named left alone. */
kernel VQ_GROUP void embedding_add(global float *restrict dtable, const global float *restrict sums, const global int *restrict counts,
                                   int V, int D, float scale, int per) {
    const int start = VQ_GROUP_ID(0) * per, end = min(V, start + per);
    for (int v = start + (int)get_local_id(1); v < end; v += LY) {
        if (!counts[v])
            continue;
        VQ_CHANNELS(d, n, D) {
            const size_t at = (size_t)v * D + d;
            vq_store(fma((vf)(scale), vq_load(sums + at, n), vq_load(dtable + at, n)), dtable + at, n);
        }
    }
}

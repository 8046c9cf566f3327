/* A stable counting sort of the rows by code, then the sum of each code's rows. Every order is fixed by the shape: a chunk of rows
 * has a histogram of its own, so nothing is shared and nothing atomic. Scratch: offsets [K], then histograms [chunks][K]. */
#define ITEMS (LX * LY)
#ifdef VQ_GPU
#define STRETCH 1 /* codes of a work-item that walks over histograms */
#else
#define STRETCH 1024
#endif

/* A row whose base is unknown counts nowhere; without the table of rows all count. */
#define COUNTS(m) (!table || table[m].s0 < 4)

/* The histograms are zero before. */
kernel __attribute__((reqd_work_group_size(LX, 1, 1))) void
codesum_count(global int *restrict scratch, global const int *restrict codes, global const uchar4 *restrict table, int M, int K,
              int chunks, int rows) {
    const int c = get_global_id(0);
    if (c >= chunks)
        return;
    global int *seen = scratch + K + (size_t)c * K;
    for (int m = c * rows; m < min(M, (c + 1) * rows); m++)
        if (COUNTS(m))
            seen[codes[m]]++;
}

/* Each histogram becomes the rows of its code in the chunks before it; what is left over is the count. */
kernel VQ_ALL_ITEMS void codesum_column(global int *restrict counts,
                                                                             global int *restrict scratch, int K, int chunks) {
    const int first = (int)get_global_id(0) * STRETCH, end = min(K, first + STRETCH);
    for (int k = first; k < end; k++)
        counts[k] = 0;
    for (int c = 0; c < chunks; c++) {
        global int *seen = scratch + K + (size_t)c * K;
        for (int k = first; k < end; k++) {
            const int own = seen[k];
            seen[k] = counts[k];
            counts[k] += own;
        }
    }
}

/* Offsets of the codes in the sorted order, by one work-group: each work-item has a stretch of codes. */
kernel VQ_ALL_ITEMS void codesum_offsets(global int *restrict offsets,
                                                                              global const int *restrict counts, int K) {
    const int i = get_local_id(0), stretch = (K + ITEMS - 1) / ITEMS, first = min(K, i * stretch), end = min(K, first + stretch);
    int at = 0;
#if ITEMS > 1
    local int sums[ITEMS];
    int sum = 0;
    for (int k = first; k < end; k++)
        sum += counts[k];
    sums[i] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int j = 0; j < i; j++)
        at += sums[j];
#endif
    for (int k = first; k < end; k++) {
        offsets[k] = at;
        at += counts[k];
    }
}

kernel __attribute__((reqd_work_group_size(LX, 1, 1))) void codesum_scatter(global int *restrict order,
                                                                            global int *restrict scratch,
                                                                            global const int *restrict codes,
                                                                            global const uchar4 *restrict table, int M, int K,
                                                                            int chunks, int rows) {
    const int c = get_global_id(0);
    if (c >= chunks)
        return;
    global int *before = scratch + K + (size_t)c * K;
    for (int m = c * rows; m < min(M, (c + 1) * rows); m++) {
        if (!COUNTS(m))
            continue;
        const int k = codes[m];
        order[scratch[k] + before[k]++] = m;
    }
}

/* A work-group `each` codes, LX work-items over the channels and LY over the rows of one. */
kernel VQ_GROUP void codesum_add(global float *restrict sums, global const int *restrict counts, global const int *restrict order,
                                 global const float *restrict h, global const int *restrict offsets, int K, int D, int each) {
    const int first = VQ_GROUP_ID(0) * each, y = get_local_id(1);
#if LY > 1
    local vf tree[ITEMS];
#endif
    for (int k = first; k < min(K, first + each); k++) {
        global const int *own = order + offsets[k];
        const int count = counts[k];
        for (int d0 = 0; d0 < D; d0 += LX * VW) {
            const int d = d0 + (int)get_local_id(0) * VW, n = min(VW, D - d), last = d < D ? count : 0;
            vf sum = (vf)(0.0f);
            for (int i = y; i < last; i += LY)
                sum += vq_load(h + (size_t)own[i] * D + d, n);
#if LY > 1
            sum = vq_column_sum(sum, tree, (int)get_local_id(0), y, LX, LY);
#endif
            if (d < D && y == 0)
                vq_store(sum, sums + (size_t)k * D + d, n);
        }
    }
}

kernel VQ_ALL_ITEMS void codesum_usage(global int *restrict usage,
                                                                            global const int *restrict counts, int K) {
    const int first = (int)get_global_id(0) * STRETCH;
    for (int k = first; k < min(K, first + STRETCH); k++)
        usage[k] += counts[k];
}

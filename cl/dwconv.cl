/* Depth-wise convolution over rows, TAPS taps, an odd number. A work-item takes `per` rows of every get_global_size(0)-th register of channels: on a
 * CPU device all channels of many rows, on a GPU one register of a few rows. */
#ifndef DWCONV_ROWS
#define DWCONV_ROWS 4 /* rows computed together, so that a weight and a row of x are loaded once for several outputs */
#endif
#define CHUNK_ROWS 8 /* the same for the weights' gradient */
#ifndef TAPS
#define TAPS 7
#endif
#define REACH (TAPS / 2)

/* Weights [D][TAPS] to taps [TAPS][D]; flipped: in the reverse order, for the gradient of x. */
kernel VQ_SPREAD void dwconv_taps(global float *taps, const global float *w, int D, int flipped) {
    const int d = get_global_id(0), t = get_global_id(1);
    if (d < D)
        taps[(size_t)t * D + d] = w[(size_t)d * TAPS + (flipped ? TAPS - 1 - t : t)];
}

/* n channels of DWCONV_ROWS rows whose taps are all in reach. */
void full_rows(global float *y, const global float *start, int stride, const global float *x, const global float *taps, int D,
               int n) {
    vf sum[DWCONV_ROWS], v[DWCONV_ROWS + TAPS - 1];
#pragma unroll
    for (int r = 0; r < DWCONV_ROWS; r++)
        sum[r] = start ? vq_load(start + r * stride, n) : (vf)0.0f;
#pragma unroll
    for (int r = 0; r < DWCONV_ROWS + TAPS - 1; r++)
        v[r] = vq_load(x + (r - REACH) * D, n);
#pragma unroll
    for (int r = 0; r < DWCONV_ROWS; r++) {
        VQ_PREFETCH(x + (r + DWCONV_ROWS + REACH) * D);
        if (stride)
            VQ_PREFETCH(start + (r + DWCONV_ROWS) * stride);
    }
#pragma unroll
    for (int t = 0; t < TAPS; t++) {
        const vf k = vq_load(taps + t * D, n);
#pragma unroll
        for (int r = 0; r < DWCONV_ROWS; r++)
            sum[r] = fma(k, v[r + t], sum[r]);
    }
#pragma unroll
    for (int r = 0; r < DWCONV_ROWS; r++)
        vq_store(sum[r], y + r * D, n);
}

/* n channels of one row with taps first to last in reach: the same sum in the same order. */
void edge_row(global float *y, const global float *start, const global float *x, const global float *taps, int D, int first,
              int last, int n) {
    vf sum = start ? vq_load(start, n) : (vf)0.0f;
    for (int t = first; t <= last; t++)
        sum = fma(vq_load(taps + t * D, n), vq_load(x + (t - REACH) * D, n), sum);
    vq_store(sum, y, n);
}

bool all_full(const global uchar4 *rows, int count) {
    for (int r = 0; r < count; r++)
        if (min(rows[r].s1, rows[r].s2) < REACH)
            return false;
    return true;
}

/* y[m] = start[m] + sum over taps in reach of taps[t] x[m + t - REACH]. start: rows `stride` floats apart (0: one row for all), or
 * NULL. */
kernel VQ_GROUP void dwconv_forward(global float *y, const global float *start, const global float *x, const global uchar4 *rows,
                           const global float *taps, int M, int D, int stride, int per) {
    int m = get_global_id(1) * per;
    const int end = min(m + per, M), first_d = get_global_id(0) * VW, step = get_global_size(0) * VW;
    while (m < end) {
        const bool full = m + DWCONV_ROWS <= end && all_full(rows + m, DWCONV_ROWS);
        const int first = max(0, REACH - rows[m].s1), last = min(TAPS - 1, REACH + rows[m].s2);
        for (int d = first_d; d < D; d += step) {
            const size_t at = (size_t)m * D + d;
            const global float *s = start ? start + (size_t)m * stride + d : start;
            const int n = min(VW, D - d);
            if (full && n == VW)
                full_rows(y + at, s, stride, x + at, taps + d, D, VW);
            else if (full)
                full_rows(y + at, s, stride, x + at, taps + d, D, n);
            else if (n == VW)
                edge_row(y + at, s, x + at, taps + d, D, first, last, VW);
            else
                edge_row(y + at, s, x + at, taps + d, D, first, last, n);
        }
        m += full ? DWCONV_ROWS : 1;
    }
}

/* Adds `count` rows to a chunk's sums [TAPS + 1][D]: of dy[m] x[m + t - REACH] for each tap, and last of dy[m]. */
void add_rows(global float *sums, const global float *dy, const global float *x, const global uchar4 *rows, int D, int count,
              bool fresh, int n) {
    vf sum[TAPS + 1];
#pragma unroll
    for (int t = 0; t <= TAPS; t++)
        sum[t] = fresh ? (vf)0.0f : vq_load(sums + t * D, n);
    for (int r = 0; r < count; r++) {
        const vf g = vq_load(dy + r * D, n);
        const global float *v = x + (r - REACH) * D;
        VQ_PREFETCH(dy + (r + CHUNK_ROWS) * D);
        VQ_PREFETCH(v + (CHUNK_ROWS + TAPS - 1) * D);
        sum[TAPS] += g;
        if (min(rows[r].s1, rows[r].s2) >= REACH) {
#pragma unroll
            for (int t = 0; t < TAPS; t++)
                sum[t] = fma(g, vq_load(v + t * D, n), sum[t]);
        } else {
#pragma unroll
            for (int t = 0; t < TAPS; t++)
                if (t - REACH >= -(int)rows[r].s1 && t - REACH <= rows[r].s2)
                    sum[t] = fma(g, vq_load(v + t * D, n), sum[t]);
        }
    }
#pragma unroll
    for (int t = 0; t <= TAPS; t++)
        vq_store(sum[t], sums + t * D, n);
}

/* Sums of a chunk of `per` rows, CHUNK_ROWS rows of all channels at a time so that they are read in the order they lie in. */
kernel VQ_SPREAD void dwconv_backward_chunks(global float *partials, const global float *dy, const global float *x, const global uchar4 *rows,
                                   int M, int D, int per) {
    const int start = get_global_id(1) * per, end = min(start + per, M), first_d = get_global_id(0) * VW,
              step = get_global_size(0) * VW;
    global float *sums = partials + (size_t)get_global_id(1) * (TAPS + 1) * D;
    for (int m = start; m < end; m += CHUNK_ROWS)
        for (int d = first_d; d < D; d += step) {
            const size_t at = (size_t)m * D + d;
            if (d + VW <= D)
                add_rows(sums + d, dy + at, x + at, rows + m, D, min(CHUNK_ROWS, end - m), m == start, VW);
            else
                add_rows(sums + d, dy + at, x + at, rows + m, D, min(CHUNK_ROWS, end - m), m == start, D - d);
        }
}

/* Adds the chunks' sums, in order, to dw [D][TAPS] and dbias [D]. */
kernel VQ_SPREAD void dwconv_backward_sum(global float *dw, global float *dbias, const global float *partials, int D, int chunks) {
    const int d = get_global_id(0), t = get_global_id(1);
    if (d >= D)
        return;
    float sum = 0.0f;
    for (int i = 0; i < chunks; i++)
        sum += partials[((size_t)i * (TAPS + 1) + t) * D + d];
    if (t < TAPS)
        dw[(size_t)d * TAPS + t] += sum;
    else
        dbias[d] += sum;
}

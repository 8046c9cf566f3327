/* Last convolution, 5 taps, from C channels to the logits of the 4 bases. Weights stand as filters [tap][output][C]: one row of C
 * floats for each of the 20 pairs. */
#ifndef HEAD_ROWS
#define HEAD_ROWS (VW == 16 ? 3 : 2) /* rows computed together, each with 4 sums in registers */
#endif
#define GRADIENT_ROWS 8 /* the same for the gradients */
#define TAPS 5
#define REACH 2
#define OUTPUTS 4
#define FILTERS 20

/* Weights [4][C][5] to filters. */
kernel VQ_SPREAD void head_filters(global float *filters, const global float *w, int C) {
    const int c = get_global_id(0), f = get_global_id(1), t = f / OUTPUTS, o = f % OUTPUTS;
    if (c < C)
        filters[(size_t)f * C + c] = w[((size_t)o * C + c) * TAPS + t];
}

bool reaches(const global uchar4 *rows, int m, int offset) {
    return offset >= -(int)rows[m].s1 && offset <= rows[m].s2;
}

#ifndef VQ_GPU
/* ---- CPU --------------------------------------------------------------------------------------------------------------------- */

/* Adds n channels of HEAD_ROWS rows, all taps in reach. */
void add_full(vf (*sum)[OUTPUTS], const global float *x, const global float *filters, int C, int n) {
    vf v[HEAD_ROWS + TAPS - 1];
#pragma unroll
    for (int r = 0; r < HEAD_ROWS + TAPS - 1; r++)
        v[r] = vq_load(x + (r - REACH) * C, n);
#pragma unroll
    for (int t = 0; t < TAPS; t++)
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++) {
            const vf k = vq_load(filters + (t * OUTPUTS + o) * C, n);
#pragma unroll
            for (int r = 0; r < HEAD_ROWS; r++)
                sum[r][o] = fma(k, v[r + t], sum[r][o]);
        }
}

/* The same sums in the same order for one row, taps first to last in reach. */
void add_edge(vf *sum, const global float *x, const global float *filters, int C, int first, int last, int n) {
    for (int t = first; t <= last; t++) {
        const vf v = vq_load(x + (t - REACH) * C, n);
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++)
            sum[o] = fma(vq_load(filters + (t * OUTPUTS + o) * C, n), v, sum[o]);
    }
}

float4 logits_of(const vf *sum, float4 bias) {
    return bias + (float4)(vq_sum(sum[0]), vq_sum(sum[1]), vq_sum(sum[2]), vq_sum(sum[3]));
}

/* A work-item takes `per` rows. */
kernel void head_forward(global float *y, const global float *x, const global uchar4 *rows, const global float *filters,
                         const global float *bias, int M, int C, int per) {
    int m = get_global_id(0) * per;
    const int end = min(m + per, M);
    const float4 b = vload4(0, bias);
    while (m < end) {
        bool full = m + HEAD_ROWS <= end;
        for (int r = 0; full && r < HEAD_ROWS; r++)
            full = min(rows[m + r].s1, rows[m + r].s2) >= REACH;
        const global float *row = x + (size_t)m * C;
        int c = 0;
        if (full) {
            vf sum[HEAD_ROWS][OUTPUTS];
#pragma unroll
            for (int r = 0; r < HEAD_ROWS; r++)
#pragma unroll
                for (int o = 0; o < OUTPUTS; o++)
                    sum[r][o] = 0.0f;
            for (; c + VW <= C; c += VW)
                add_full(sum, row + c, filters + c, C, VW);
            if (c < C)
                add_full(sum, row + c, filters + c, C, C - c);
#pragma unroll
            for (int r = 0; r < HEAD_ROWS; r++)
                vstore4(logits_of(sum[r], b), m + r, y);
            m += HEAD_ROWS;
        } else {
            const int first = max(0, REACH - rows[m].s1), last = min(TAPS - 1, REACH + rows[m].s2);
            vf sum[OUTPUTS] = {0.0f, 0.0f, 0.0f, 0.0f};
            for (; c + VW <= C; c += VW)
                add_edge(sum, row + c, filters + c, C, first, last, VW);
            if (c < C)
                add_edge(sum, row + c, filters + c, C, first, last, C - c);
            vstore4(logits_of(sum, b), m, y);
            m++;
        }
    }
}

/* n channels of `count` rows of dx, and their share of the filters' gradient: g[r] holds the 20 values of dy that row r met. */
void gradients(global float *dx, global float *dfilters, const float (*g)[FILTERS], const global float *x,
               const global float *filters, int C, int count, bool fresh, int n) {
    vf v[GRADIENT_ROWS], sum[GRADIENT_ROWS];
#pragma unroll
    for (int r = 0; r < GRADIENT_ROWS; r++) {
        v[r] = vq_load(x + min(r, count - 1) * C, n);
        sum[r] = 0.0f;
    }
    for (int f = 0; f < FILTERS; f++) {
        const vf k = vq_load(filters + f * C, n);
        vf d = fresh ? (vf)0.0f : vq_load(dfilters + f * C, n);
#pragma unroll
        for (int r = 0; r < GRADIENT_ROWS; r++) {
            sum[r] = fma(k, (vf)g[r][f], sum[r]);
            d = fma(v[r], (vf)g[r][f], d);
        }
        vq_store(d, dfilters + f * C, n);
    }
#pragma unroll
    for (int r = 0; r < GRADIENT_ROWS; r++)
        if (r < count)
            vq_store(sum[r], dx + r * C, n);
}

/* A chunk of `per` rows: dx, and the sums over the chunk in partials: of the filters' gradient [20][C], then of dy
 * [4]. The sums follow the filters in `scratch`. */
kernel void head_backward(global float *dx, global float *scratch, const global float *dy, const global float *x,
                          const global uchar4 *rows, int M, int C, int per) {
    const int chunk = get_global_id(1), start = chunk * per, end = min(start + per, M);
    const int first_c = get_global_id(0) * VW, step = get_global_size(0) * VW;
    const global float *filters = scratch;
    global float *partials = scratch + FILTERS * C + (size_t)chunk * (FILTERS * C + OUTPUTS);
    if (first_c >= C)
        return;
    float4 dbias = 0.0f;
    for (int m = start; m < end; m += GRADIENT_ROWS) {
        const int count = min(GRADIENT_ROWS, end - m);
        float g[GRADIENT_ROWS][FILTERS];
        for (int r = 0; r < GRADIENT_ROWS; r++)
            for (int t = 0; t < TAPS; t++) {
                /* Row m + r was tap t of the row REACH - t further on. */
                const bool met = r < count && reaches(rows, m + r, REACH - t);
                const float4 d = met ? vload4(m + r + REACH - t, dy) : (float4)0.0f;
                vstore4(d, t, g[r]);
                if (t == REACH)
                    dbias += d;
            }
        for (int c = first_c; c < C; c += step) {
            const size_t at = (size_t)m * C + c;
            if (c + VW <= C)
                gradients(dx + at, partials + c, g, x + at, filters + c, C, count, m == start, VW);
            else
                gradients(dx + at, partials + c, g, x + at, filters + c, C, count, m == start, C - c);
        }
    }
    if (first_c == 0)
        vstore4(dbias, 0, partials + FILTERS * C);
}

#else
/* ---- GPU --------------------------------------------------------------------------------------------------------------------- */

/* A work-group shares HEAD_ROWS rows, its items over the channels. A tap out of reach counts as a zero. */
kernel VQ_ALL_ITEMS void head_forward_group(global float *y, const global float *x, const global uchar4 *rows, const global float *filters,
                   const global float *bias, int M, int C, int per) {
    local float4 tree[HEAD_ROWS][LX];
    const int m0 = VQ_GROUP_ID(0) * HEAD_ROWS, l = get_local_id(0);
    float4 sum[HEAD_ROWS];
    int first[HEAD_ROWS], last[HEAD_ROWS];
    VQ_UNROLL for (int r = 0; r < HEAD_ROWS; r++) {
        const int m = min(m0 + r, M - 1);
        first[r] = max(0, REACH - rows[m].s1);
        last[r] = min(TAPS - 1, REACH + rows[m].s2);
        sum[r] = 0.0f;
    }
    for (int c = l; c < C; c += LX) {
        float v[HEAD_ROWS + TAPS - 1];
        VQ_UNROLL for (int r = 0; r < HEAD_ROWS + TAPS - 1; r++) v[r] = x[(size_t)clamp(m0 + r - REACH, 0, M - 1) * C + c];
        VQ_UNROLL for (int t = 0; t < TAPS; t++) {
            const global float *k = filters + (size_t)t * OUTPUTS * C + c;
            const float4 filter = (float4)(k[0], k[C], k[2 * C], k[3 * C]);
            VQ_UNROLL for (int r = 0; r < HEAD_ROWS; r++) {
                sum[r] = fma(filter, (float4)(t >= first[r] && t <= last[r] ? v[r + t] : 0.0f), sum[r]);
            }
        }
    }
    VQ_UNROLL for (int r = 0; r < HEAD_ROWS; r++) tree[r][l] = sum[r];
    for (int step = LX / 2; step > 0; step /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (l < step)
            VQ_UNROLL for (int r = 0; r < HEAD_ROWS; r++) tree[r][l] += tree[r][l + step];
    }
    for (int r = 0; l == 0 && r < min(HEAD_ROWS, M - m0); r++)
        vstore4(vload4(0, bias) + tree[r][0], m0 + r, y);
}

/* An item a channel and chunk of `per` rows: dx, and in partials the sums of head_backward, its filters and their gradient in
 * registers. */
kernel VQ_SPREAD void head_backward_group(global float *dx, global float *scratch, const global float *dy, const global float *x,
                                const global uchar4 *rows, int M, int C, int per) {
    const int c = get_global_id(0), chunk = get_global_id(1), start = chunk * per, end = min(start + per, M);
    global float *partials = scratch + FILTERS * C + (size_t)chunk * (FILTERS * C + OUTPUTS);
    if (c >= C)
        return;
    float4 filter[TAPS], sum[TAPS], dbias = 0.0f;
    VQ_UNROLL for (int t = 0; t < TAPS; t++) {
        const global float *k = scratch + t * OUTPUTS * C + c;
        filter[t] = (float4)(k[0], k[C], k[2 * C], k[3 * C]);
        sum[t] = 0.0f;
    }
    for (int m = start; m < end; m++) {
        const float v = x[(size_t)m * C + c];
        float d = 0.0f;
        VQ_UNROLL for (int t = 0; t < TAPS; t++) { /* row m was tap t of the row REACH - t further on */
            const float4 g = reaches(rows, m, REACH - t) ? vload4(m + REACH - t, dy) : (float4)0.0f;
            d = fma(filter[t].s0, g.s0, d);
            d = fma(filter[t].s1, g.s1, d);
            d = fma(filter[t].s2, g.s2, d);
            d = fma(filter[t].s3, g.s3, d);
            sum[t] = fma((float4)v, g, sum[t]);
            if (t == REACH)
                dbias += g;
        }
        dx[(size_t)m * C + c] = d;
    }
    VQ_UNROLL for (int t = 0; t < TAPS; t++) {
        global float *to = partials + t * OUTPUTS * C + c;
        to[0] = sum[t].s0;
        to[C] = sum[t].s1;
        to[2 * C] = sum[t].s2;
        to[3 * C] = sum[t].s3;
    }
    if (c == 0)
        vstore4(dbias, 0, partials + FILTERS * C);
}
#endif

/* Adds the chunks' sums, in order, to dw [4][C][5] and, by work-items (o, FILTERS), to dbias [4]. */
kernel VQ_SPREAD void head_backward_sum(global float *dw, global float *dbias, const global float *scratch, int C, int chunks) {
    const int c = get_global_id(0), f = get_global_id(1), t = f / OUTPUTS, o = f % OUTPUTS;
    if (c >= (f < FILTERS ? C : OUTPUTS))
        return;
    const global float *partials = scratch + FILTERS * C + (size_t)f * C + c;
    float sum = 0.0f;
    for (int i = 0; i < chunks; i++)
        sum += partials[(size_t)i * (FILTERS * C + OUTPUTS)];
    if (f < FILTERS)
        dw[((size_t)o * C + c) * TAPS + t] += sum;
    else
        dbias[c] += sum;
}

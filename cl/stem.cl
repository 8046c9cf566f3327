/* First convolution, 5 taps, from bases: with one-hot inputs a tap's product is a column of its weights, so an output row is a sum
 * of five columns. Columns stand as table [tap][base][C]; base 4, for an unknown base and for a tap out of reach, is a column of
 * zeros. Work-items divide the work as in dwconv.cl. */
#define TAPS 5
#define REACH 2
#define COLUMNS 25 /* taps x bases */

/* Weights [C][4][5] to the table. */
kernel VQ_SPREAD void stem_table(global float *table, const global float *w, int C) {
    const int c = get_global_id(0), column = get_global_id(1), t = column / 5, base = column % 5;
    if (c < C)
        table[(size_t)column * C + c] = base < 4 ? w[(c * 4 + base) * TAPS + t] : 0.0f;
}

/* The column of the table that tap t of row m takes. */
int column_of(const global uchar4 *rows, int m, int t) {
    const int o = t - REACH;
    const bool reached = o >= -(int)rows[m].s1 && o <= rows[m].s2;
    return t * 5 + (reached ? min((int)rows[m + o].s0, 4) : 4);
}

kernel VQ_GROUP void stem_forward(global float *y, const global float *table, const global uchar4 *rows, const global float *bias, int M,
                         int C, int per) {
    const int start = get_global_id(1) * per, end = min(start + per, M), step = get_global_size(0) * VW;
    for (int m = start; m < end; m++) {
        const global float *column[TAPS];
#pragma unroll
        for (int t = 0; t < TAPS; t++)
            column[t] = table + (size_t)column_of(rows, m, t) * C;
        int c = get_global_id(0) * VW;
        for (; c + VW <= C; c += step) {
            vf sum = GLOAD(bias + c);
#pragma unroll
            for (int t = 0; t < TAPS; t++)
                sum += GLOAD(column[t] + c);
            GSTORE(sum, y + (size_t)m * C + c);
        }
        if (c < C) {
            vf sum = vq_load(bias + c, C - c);
#pragma unroll
            for (int t = 0; t < TAPS; t++)
                sum += vq_load(column[t] + c, C - c);
            vq_store(sum, y + (size_t)m * C + c, C - c);
        }
    }
}

/* The table's gradient from a chunk of `per` rows: dy[m] is added to each column row m took. */
kernel void stem_backward_chunks(global float *partials, const global float *dy, const global uchar4 *rows, int M, int C, int per) {
    const int start = get_global_id(1) * per, end = min(start + per, M), first_c = get_global_id(0) * VW,
              step = get_global_size(0) * VW;
    global float *table = partials + (size_t)get_global_id(1) * COLUMNS * C;
    for (int column = 0; column < COLUMNS; column++)
        for (int c = first_c; c < C; c += step)
            vq_store((vf)0.0f, table + (size_t)column * C + c, min(VW, C - c));
    for (int m = start; m < end; m++) {
        global float *column[TAPS];
#pragma unroll
        for (int t = 0; t < TAPS; t++)
            column[t] = table + (size_t)column_of(rows, m, t) * C;
        int c = first_c;
        for (; c + VW <= C; c += step) {
            const vf g = GLOAD(dy + (size_t)m * C + c);
#pragma unroll
            for (int t = 0; t < TAPS; t++)
                GSTORE(GLOAD(column[t] + c) + g, column[t] + c);
        }
        if (c < C) {
            const vf g = vq_load(dy + (size_t)m * C + c, C - c);
#pragma unroll
            for (int t = 0; t < TAPS; t++)
                vq_store(vq_load(column[t] + c, C - c) + g, column[t] + c, C - c);
        }
    }
}

/* Adds the chunks' tables, in order, to dw [C][4][5]. Work-item (c, COLUMNS) has dbias[c]: every row's middle tap took one of the
 * five columns of its own base, so these five add up to the sum of dy. */
kernel VQ_SPREAD void stem_backward_sum(global float *dw, global float *dbias, const global float *partials, int C, int chunks) {
    const int c = get_global_id(0), column = get_global_id(1), t = column / 5, base = column % 5;
    if (c >= C || (base == 4 && column < COLUMNS))
        return;
    const int first = column < COLUMNS ? column : REACH * 5, last = column < COLUMNS ? column : REACH * 5 + 4;
    float sum = 0.0f;
    for (int i = 0; i < chunks; i++)
        for (int j = first; j <= last; j++)
            sum += partials[((size_t)i * COLUMNS + j) * C + c];
    if (column < COLUMNS)
        dw[(c * 4 + base) * TAPS + t] += sum;
    else
        dbias[c] += sum;
}

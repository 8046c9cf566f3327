/* Scaled dot product attention of D channels a head: o = softmax(scale q k^T) v over blocks of keys, with the running maximum and
 * sum of the online softmax (Milakov and Gimelshein, arXiv 1805.02867; Dao et al., arXiv 2205.14135). Scores are kept in powers of
 * two: q is multiplied by scale log2(e) when it is read, and a probability is 2^(score - log-sum-exp).
 *
 * Row l of head h of batch entry b of an operand starts at (b L + l) stride + column + h D. Group id 1 is b H + h. Every sum runs
 * in order of the key or query it runs over. */
#ifndef D
#define D 64
#endif
#define LOG2E 1.4426950408889634f
#define LN2 0.6931471805599453f
#define SHAPE                                                                                                                      \
    int H, int L, int q_stride, int q_column, int k_stride, int k_column, int v_stride, int v_column, int o_stride, int o_column
#define HEAD(p, stride, column) ((p) + (size_t)(bh / H) * L * (stride) + (column) + (size_t)(bh % H) * D)

/* delta[b][h][l] = sum over the channels of do o: what the softmax's gradient takes off every score of a query. An item has ROWS
 * queries. */
#ifndef ROWS
#define ROWS 1
#endif
kernel void attention_delta(global float *restrict delta, const global float *restrict d_o, const global float *restrict o, int H,
                            int L, int stride, int column) {
    const int bh = get_global_id(1), first = get_global_id(0) * ROWS, last = min(L, first + ROWS);
    const global float *a = HEAD(d_o, stride, column), *b = HEAD(o, stride, column);
    for (int l = first; l < last; l++) {
        vf sum = (vf)(0.0f);
        for (int c = 0; c < D; c += VW) {
            const size_t at = (size_t)l * stride + c;
            sum = fma(vq_load(a + at, min(VW, D - c)), vq_load(b + at, min(VW, D - c)), sum);
        }
        delta[(size_t)bh * L + l] = vq_sum(sum);
    }
}

/* ---- CPU ----------------------------------------------------------------------------------------------------------------------
 *
 * A panel is NR queries (forward) or keys (backward) side by side in the lanes of two registers; what they meet comes row by row.
 * So the softmax needs no sums across lanes, and each product is a tile of TR rows by a panel. */
#define NR VQ_NR
#ifndef TR /* rows of a tile; divides 32, 64 and 128 channels */
#define TR (VW == 16 ? 8 : 4)
#endif
#ifndef QP /* forward: panels of queries of a work-item */
#define QP 1
#endif
#ifndef KB /* forward: keys of a block, a multiple of TR */
#define KB TR
#endif
#ifndef KP /* backward: panels of keys of a block */
#define KP 1
#endif
#ifndef QB /* backward: queries of a block, a multiple of TR */
#define QB TR
#endif
#define DP ((D + TR - 1) / TR * TR) /* channels with their padding, zeros */
#define DS (DP + 16)                /* floats between rows of a block: no power of two, lest they share a cache set */
#define DN ((D + NR - 1) / NR)      /* panels of channels */

/* c0[i], c1[i] += sum over k < n of a[i * row + k * step] b[k], in order of k; n a multiple of 4. */
__attribute__((always_inline)) void tile(vf *c0, vf *c1, const local float *a, const int row, const int step, const local vf *b,
                                         int n) {
    for (int k = 0; k < n; k += 4) {
        VQ_UNROLL for (int u = 0; u < 4; u++) {
            const vf b0 = b[2 * u], b1 = b[2 * u + 1];
            VQ_UNROLL for (int i = 0; i < TR; i++) {
                const vf x = (vf)(a[i * row + u * step]);
                c0[i] = fma(x, b0, c0[i]);
                c1[i] = fma(x, b1, c1[i]);
            }
        }
        a += 4 * step;
        b += 8;
    }
}

/* The same for any n and little n. */
__attribute__((always_inline)) void tile_rest(vf *c0, vf *c1, const local float *a, const int row, const local vf *b, int n) {
    for (int k = 0; k < n; k++)
        VQ_UNROLL for (int i = 0; i < TR; i++) {
            const vf x = (vf)(a[i * row + k]);
            c0[i] = fma(x, b[2 * k], c0[i]);
            c1[i] = fma(x, b[2 * k + 1], c1[i]);
        }
}

int round_up(int n) {
    return (n + TR - 1) / TR * TR;
}

/* Rows of D floats times `by`, DS apart, with zeros for padding channels and for rows n to `rows`. */
void read_rows(local float *restrict to, const global float *restrict from, int stride, int n, int rows, float by) {
    for (int l = 0; l < rows; l++, to += DS, from += stride) {
        int c = 0;
        if (l < n) {
            VQ_UNROLL for (; c + VW <= D; c += VW) VSTORE(GLOAD(from + c) * by, to + c);
            for (; c < D; c++)
                to[c] = from[c] * by;
        }
        for (; c < DP; c++)
            to[c] = 0.0f;
    }
}

/* Four rows of four floats become columns, 16 floats at a time instead of one. */
__attribute__((always_inline)) void turn(float4 *m) {
    const float4 a = m[0], b = m[1], c = m[2], d = m[3];
    m[0] = (float4)(a.s0, b.s0, c.s0, d.s0);
    m[1] = (float4)(a.s1, b.s1, c.s1, d.s1);
    m[2] = (float4)(a.s2, b.s2, c.s2, d.s2);
    m[3] = (float4)(a.s3, b.s3, c.s3, d.s3);
}

/* A panel from n rows times `by`: row l becomes lane l; zeros for padding. */
void read_panel(local vf *panel, const global float *restrict from, int stride, int n, float by) {
    local float *to = (local float *)panel;
    const size_t next = stride;
    for (int l = 0; l < NR; l += 4, from += 4 * next) {
        int c = 0;
        if (l + 4 <= n)
            for (; c + 4 <= D; c += 4) {
                float4 m[4];
                VQ_UNROLL for (int i = 0; i < 4; i++) m[i] = vload4(0, from + i * next + c);
                turn(m);
                VQ_UNROLL for (int i = 0; i < 4; i++) vstore4(m[i] * by, 0, to + (c + i) * NR + l);
            }
        for (; c < DP; c++)
            for (int i = 0; i < 4; i++)
                to[c * NR + l + i] = c < D && l + i < n ? from[i * next + c] * by : 0.0f;
    }
}

/* The lanes of a panel to `rows` rows, lane l < n times by[l]; zeros from n on. */
void write_panel(global float *restrict to, int stride, const local vf *panel, int n, int rows, vf by0, vf by1) {
    const local float *from = (const local float *)panel;
    const size_t next = stride;
    float by[NR];
    VSTORE(by0, by);
    VSTORE(by1, by + VW);
    for (int l = 0; l < min(rows, NR); l += 4, to += 4 * next) {
        int c = 0;
        if (l + 4 <= n)
            for (; c + 4 <= D; c += 4) {
                float4 m[4];
                VQ_UNROLL for (int i = 0; i < 4; i++) m[i] = vload4(0, from + (c + i) * NR + l);
                turn(m);
                VQ_UNROLL for (int i = 0; i < 4; i++) vstore4(m[i] * by[l + i], 0, to + i * next + c);
            }
        for (int i = 0; i < min(rows - l, 4); i++)
            for (int j = c; j < D; j++)
                to[i * next + j] = l + i < n ? from[j * NR + l + i] * by[l + i] : 0.0f;
    }
}

/* sums[c] = fade sums[c] + sum over rows r < n of rows[r][c] b[r], for a panel of sums and one of b. */
__attribute__((always_inline)) void accumulate(local vf *sums, vf fade0, vf fade1, const local float *rows, const local vf *b,
                                               int n) {
    for (int c = 0; c < DP; c += TR, sums += 2 * TR) {
        vf c0[TR], c1[TR];
        VQ_UNROLL for (int i = 0; i < TR; i++) {
            c0[i] = sums[2 * i] * fade0;
            c1[i] = sums[2 * i + 1] * fade1;
        }
        tile(c0, c1, rows + c, 1, DS, b, n);
        VQ_UNROLL for (int i = 0; i < TR; i++) {
            sums[2 * i] = c0[i];
            sums[2 * i + 1] = c1[i];
        }
    }
}

#define ZERO_TILE VQ_UNROLL for (int i = 0; i < TR; i++) c0[i] = c1[i] = (vf)(0.0f);

/* One work-item `panels` <= QP panels of queries against all keys. */
kernel VQ_ONE_ITEM void attention_tile(global float *o, global float *restrict lse, const global float *q, const global float *k,
                                       const global float *v, const global int *keys, SHAPE, float scale, int panels) {
    local vf queries[QP * DP * 2], sums[QP * DP * 2], p[KB * 2];
    local float kb[KB * DS], vb[KB * DS];
    vf top[2 * QP], total[2 * QP];
    const int bh = get_group_id(1), first = get_group_id(0) * panels * NR, known = keys ? min(keys[bh / H], L) : L;
    panels = min(panels, (L - first + NR - 1) / NR);
    q = HEAD(q, q_stride, q_column) + (size_t)first * q_stride;
    o = HEAD(o, o_stride, o_column) + (size_t)first * o_stride;
    k = HEAD(k, k_stride, k_column);
    v = HEAD(v, v_stride, v_column);
    for (int panel = 0; panel < panels; panel++) {
        read_panel(queries + panel * DP * 2, q + (size_t)panel * NR * q_stride, q_stride, L - first - panel * NR, scale * LOG2E);
        for (int c = 0; c < DP * 2; c++)
            sums[panel * DP * 2 + c] = (vf)(0.0f);
        for (int s = 2 * panel; s < 2 * panel + 2; s++) {
            top[s] = (vf)(-INFINITY);
            total[s] = (vf)(0.0f);
        }
    }
    for (int k0 = 0; k0 < known; k0 += KB) {
        const int n = min(KB, known - k0), rows = round_up(n);
        read_rows(kb, k + (size_t)k0 * k_stride, k_stride, n, rows, 1.0f);
        read_rows(vb, v + (size_t)k0 * v_stride, v_stride, n, rows, 1.0f);
        for (int panel = 0; panel < panels; panel++) {
            vf top0 = top[2 * panel], top1 = top[2 * panel + 1];
            for (int j = 0; j < rows; j += TR) {
                vf c0[TR], c1[TR];
                ZERO_TILE
                tile(c0, c1, kb + j * DS, DS, 1, queries + panel * DP * 2, DP);
                if (j + TR > n)
                    VQ_UNROLL for (int i = 0; i < TR; i++) if (j + i >= n) c0[i] = c1[i] = (vf)(-INFINITY);
                VQ_UNROLL for (int i = 0; i < TR; i++) {
                    top0 = c0[i] > top0 ? c0[i] : top0;
                    top1 = c1[i] > top1 ? c1[i] : top1;
                    p[2 * (j + i)] = c0[i];
                    p[2 * (j + i) + 1] = c1[i];
                }
            }
            const vf fade0 = vq_exp2(top[2 * panel] - top0), fade1 = vq_exp2(top[2 * panel + 1] - top1);
            vf total0 = total[2 * panel] * fade0, total1 = total[2 * panel + 1] * fade1;
            for (int j = 0; j < n; j++) {
                const vf p0 = vq_exp2(p[2 * j] - top0), p1 = vq_exp2(p[2 * j + 1] - top1);
                total0 += p0;
                total1 += p1;
                p[2 * j] = p0;
                p[2 * j + 1] = p1;
            }
            for (int j = n; j < rows; j++)
                p[2 * j] = p[2 * j + 1] = (vf)(0.0f);
            top[2 * panel] = top0;
            top[2 * panel + 1] = top1;
            total[2 * panel] = total0;
            total[2 * panel + 1] = total1;
            accumulate(sums + panel * DP * 2, fade0, fade1, vb, p, rows);
        }
    }
    for (int panel = 0; panel < panels; panel++) {
        const int l = first + panel * NR, n = min(NR, L - l);
        const vf total0 = total[2 * panel], total1 = total[2 * panel + 1], none = (vf)(0.0f), one = (vf)(1.0f);
        write_panel(o + (size_t)panel * NR * o_stride, o_stride, sums + panel * DP * 2, n, n, known > 0 ? one / total0 : none,
                    known > 0 ? one / total1 : none);
        float ends[NR];
        VSTORE(fma(top[2 * panel], (vf)(LN2), log(total0)), ends);
        VSTORE(fma(top[2 * panel + 1], (vf)(LN2), log(total1)), ends + VW);
        for (int i = 0; i < n; i++)
            lse[(size_t)bh * L + l + i] = known > 0 ? ends[i] : 0.0f;
    }
}

/* One work-item `blocks` blocks of KP panels of keys against all queries: its dk and dv, and what its keys add to dq, which goes to
 * a part of its own (group id 0) if dq is cut in parts. */
kernel VQ_ONE_ITEM void attention_grad_tile(global float *dq, global float *dk, global float *dv, const global float *d_o,
                                            const global float *q, const global float *k, const global float *v,
                                            const global float *restrict lse, const global float *restrict delta,
                                            const global int *keys, SHAPE, int dq_stride, int dq_column, float scale, int blocks) {
    local vf kt[KP * DP * 2], vt[KP * DP * 2], kr[KP * NR * DN * 2], dkt[KP * DP * 2], dvt[KP * DP * 2];
    local vf p[KP * QB * 2], ds[KP * QB * 2];
    local float qb[QB * DS], ob[QB * DS];
    float ends[QB], deltas[QB];
    const vf one = (vf)(1.0f);
    const int bh = get_group_id(1), first = get_group_id(0) * blocks * KP * NR, last = min(L, first + blocks * KP * NR);
    const int known = keys ? min(keys[bh / H], L) : L;
    dq += (size_t)get_group_id(0) * (get_num_groups(1) / H) * L * dq_stride;
    dq = HEAD(dq, dq_stride, dq_column);
    dk = HEAD(dk, k_stride, k_column);
    dv = HEAD(dv, v_stride, v_column);
    d_o = HEAD(d_o, o_stride, o_column);
    q = HEAD(q, q_stride, q_column);
    k = HEAD(k, k_stride, k_column);
    v = HEAD(v, v_stride, v_column);
    if (known <= first)
        for (int l = 0; l < L; l++)
            for (int c = 0; c < D; c++)
                dq[(size_t)l * dq_stride + c] = 0.0f;
    for (int k0 = first; k0 < last; k0 += KP * NR) {
        const int n = clamp(known - k0, 0, KP * NR), panels = (n + NR - 1) / NR;
        const int written = min(last - k0, KP * NR); /* keys past the known ones have zero gradients */
        for (int i = 0; i < KP * DP * 2; i++)
            dkt[i] = dvt[i] = (vf)(0.0f);
        for (int panel = 0; panel < panels; panel++) {
            const size_t l = k0 + panel * NR;
            read_panel(kt + panel * DP * 2, k + l * k_stride, k_stride, n - panel * NR, 1.0f);
            read_panel(vt + panel * DP * 2, v + l * v_stride, v_stride, n - panel * NR, 1.0f);
        }
        for (int j = 0; j < n; j++) /* kr [DN][KP NR][NR] */
            VQ_UNROLL for (int c = 0; c < DN * NR; c += VW) kr[(c / NR * KP * NR + j) * 2 + c / VW % 2] =
                c < D ? vq_load(k + (size_t)(k0 + j) * k_stride + c, min(VW, D - c)) * scale : (vf)(0.0f);
        for (int q0 = 0; q0 < L && n > 0; q0 += QB) {
            const int m = min(QB, L - q0), padded = round_up(m);
            read_rows(qb, q + (size_t)q0 * q_stride, q_stride, m, padded, scale * LOG2E);
            read_rows(ob, d_o + (size_t)q0 * o_stride, o_stride, m, padded, 1.0f);
            for (int i = 0; i < padded; i++) {
                const size_t l = (size_t)bh * L + q0 + i;
                ends[i] = i < m ? lse[l] * LOG2E : 0.0f;
                deltas[i] = i < m ? delta[l] : 0.0f;
            }
            for (int panel = 0; panel < panels; panel++) {
                local vf *pp = p + panel * QB * 2, *dsp = ds + panel * QB * 2;
                for (int j = 0; j < padded; j += TR) {
                    vf c0[TR], c1[TR];
                    ZERO_TILE
                    tile(c0, c1, qb + j * DS, DS, 1, kt + panel * DP * 2, DP);
                    VQ_UNROLL for (int i = 0; i < TR; i++) {
                        pp[2 * (j + i)] = vq_exp2(c0[i] - ends[j + i]);
                        pp[2 * (j + i) + 1] = vq_exp2(c1[i] - ends[j + i]);
                    }
                    ZERO_TILE
                    tile(c0, c1, ob + j * DS, DS, 1, vt + panel * DP * 2, DP);
                    VQ_UNROLL for (int i = 0; i < TR; i++) {
                        dsp[2 * (j + i)] = pp[2 * (j + i)] * (c0[i] - deltas[j + i]);
                        dsp[2 * (j + i) + 1] = pp[2 * (j + i) + 1] * (c1[i] - deltas[j + i]);
                    }
                }
                accumulate(dvt + panel * DP * 2, one, one, ob, pp, padded);
                accumulate(dkt + panel * DP * 2, one, one, qb, dsp, padded);
            }
            for (int j = 0; j < m; j += TR)
                for (int c = 0; c < D; c += NR) {
                    vf c0[TR], c1[TR];
                    global float *sum = dq + (size_t)(q0 + j) * dq_stride + c;
                    const int left = min(VW, D - c), right = min(VW, D - c - VW);
                    ZERO_TILE
                    if (k0 > first)
                        VQ_UNROLL for (int i = 0; i < TR; i++) if (j + i < m) {
                            c0[i] = vq_load(sum + (size_t)i * dq_stride, left);
                            if (right > 0)
                                c1[i] = vq_load(sum + (size_t)i * dq_stride + VW, right);
                        }
                    for (int panel = 0; panel < panels; panel++) {
                        const local float *a = (const local float *)(ds + (panel * QB + j) * 2);
                        const local vf *b = kr + (c / NR * KP + panel) * NR * 2;
                        const int steps = min(NR, n - panel * NR), even = steps / 4 * 4;
                        tile(c0, c1, a, NR, 1, b, even);
                        tile_rest(c0, c1, a + even, NR, b + 2 * even, steps - even);
                    }
                    VQ_UNROLL for (int i = 0; i < TR; i++) if (j + i < m) {
                        vq_store(c0[i], sum + (size_t)i * dq_stride, left);
                        if (right > 0)
                            vq_store(c1[i], sum + (size_t)i * dq_stride + VW, right);
                    }
                }
        }
        for (int panel = 0; panel * NR < written; panel++) {
            const size_t l = k0 + panel * NR;
            const int lanes = n - panel * NR, rows = written - panel * NR;
            write_panel(dk + l * k_stride, k_stride, dkt + panel * DP * 2, lanes, rows, (vf)(LN2), (vf)(LN2));
            write_panel(dv + l * v_stride, v_stride, dvt + panel * DP * 2, lanes, rows, one, one);
        }
    }
}

/* dq = the sum of its parts [parts][B][L][H][D], which lie behind delta, in order. One item ROWS queries. */
kernel void attention_grad_sum(global float *restrict dq, const global float *restrict scratch, int H, int L, int q_stride,
                               int q_column, int parts) {
    const int bh = get_global_id(1), first = get_global_id(0) * ROWS, last = min(L, first + ROWS);
    const size_t rows = get_global_size(1) * L;
    const global float *partial = HEAD(scratch, H * D, rows);
    dq = HEAD(dq, q_stride, q_column);
    for (int l = first; l < last; l++)
        for (int c = 0; c < D; c += VW) {
            const int n = min(VW, D - c);
            const global float *from = partial + (size_t)l * H * D + c;
            vf sum = vq_load(from, n);
            for (int i = 1; i < parts; i++)
                sum += vq_load(from + i * rows * D, n);
            vq_store(sum, dq + (size_t)l * q_stride + c, n);
        }
}

/* ---- GPU ----------------------------------------------------------------------------------------------------------------------
 *
 * A work-group owns SQUARE rows (queries, or keys for dk and dv) and meets the others SQUARE at a time. Item (x, y) has own rows
 * y EACH + i, other rows x + j SIDE and channels x + j SIDE. */
#define SIDE 16
#define EACH 4
#define SQUARE (SIDE * EACH)
#define COLUMNS ((D + SIDE - 1) / SIDE)
#define STRIDE (SQUARE + 1) /* of what lies in local memory, so that no two items meet in a bank */
#define STAGE (2 * SIDE * STRIDE)
#define SQUARES __attribute__((reqd_work_group_size(SIDE, SIDE, 1)))

/* sum[i][j] = a_i . b_j, in order of the channel; zero where either has no such row. */
void products(float sum[EACH][EACH], local float *stage, const global float *a, int a_stride, int a_rows, const global float *b,
              int b_stride, int b_rows) {
    const int x = get_local_id(0), y = get_local_id(1);
    for (int i = 0; i < EACH; i++)
        for (int j = 0; j < EACH; j++)
            sum[i][j] = 0.0f;
    for (int c = 0; c < D; c += SIDE) {
        for (int i = 0; i < EACH; i++) {
            const int row = y + i * SIDE;
            stage[x * STRIDE + row] = row < a_rows && c + x < D ? a[(size_t)row * a_stride + c + x] : 0.0f;
            stage[(SIDE + x) * STRIDE + row] = row < b_rows && c + x < D ? b[(size_t)row * b_stride + c + x] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int s = 0; s < SIDE; s++)
            for (int i = 0; i < EACH; i++)
                for (int j = 0; j < EACH; j++)
                    sum[i][j] = fma(stage[s * STRIDE + y * EACH + i], stage[(SIDE + s) * STRIDE + x + j * SIDE], sum[i][j]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

/* acc[i][j] += sum over other rows r < n of weights[r][i] rows[r][j], in order of r. */
void gather(float acc[EACH][COLUMNS], local float *stage, const local float *weights, const global float *rows, int stride, int n) {
    const int x = get_local_id(0), y = get_local_id(1);
    n = min(n, SQUARE);
    for (int first = 0; first < n; first += SIDE) {
        for (int j = 0; j < COLUMNS; j++) {
            const int c = x + j * SIDE;
            stage[y * COLUMNS * SIDE + c] = first + y < n && c < D ? rows[(size_t)(first + y) * stride + c] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int r = 0; r < SIDE; r++)
            for (int i = 0; i < EACH; i++) {
                const float w = weights[(first + r) * STRIDE + y * EACH + i];
                for (int j = 0; j < COLUMNS; j++)
                    acc[i][j] = fma(w, stage[r * COLUMNS * SIDE + x + j * SIDE], acc[i][j]);
            }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

void write_own(global float *to, int stride, int rows, float acc[EACH][COLUMNS], const float by[EACH]) {
    const int x = get_local_id(0), y = get_local_id(1);
    for (int i = 0; i < EACH; i++)
        for (int j = 0; j < COLUMNS; j++)
            if (y * EACH + i < rows && x + j * SIDE < D)
                to[(size_t)(y * EACH + i) * stride + x + j * SIDE] = acc[i][j] * by[i];
}

/* What the SIDE items of a row hold, to all of them, through `table`. */
void share(float of[EACH], local float *table, bool largest) {
    const int x = get_local_id(0), y = get_local_id(1);
    for (int i = 0; i < EACH; i++)
        table[(y * EACH + i) * STRIDE + x] = of[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < EACH; i++) {
        const local float *row = table + (y * EACH + i) * STRIDE;
        float all = row[0];
        for (int s = 1; s < SIDE; s++)
            all = largest ? (row[s] > all ? row[s] : all) : all + row[s];
        of[i] = all;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

kernel SQUARES void attention_square(global float *o, global float *restrict lse, const global float *q, const global float *k,
                                     const global float *v, const global int *keys, SHAPE, float scale) {
    local float stage[STAGE], weights[SQUARE * STRIDE];
    const int x = get_local_id(0), y = get_local_id(1), bh = get_group_id(1), first = get_group_id(0) * SQUARE;
    const int known = keys ? min(keys[bh / H], L) : L;
    float top[EACH], total[EACH], acc[EACH][COLUMNS];
    q = HEAD(q, q_stride, q_column) + (size_t)first * q_stride;
    o = HEAD(o, o_stride, o_column) + (size_t)first * o_stride;
    k = HEAD(k, k_stride, k_column);
    v = HEAD(v, v_stride, v_column);
    for (int i = 0; i < EACH; i++) {
        top[i] = -INFINITY;
        total[i] = 0.0f;
        for (int j = 0; j < COLUMNS; j++)
            acc[i][j] = 0.0f;
    }
    for (int k0 = 0; k0 < known; k0 += SQUARE) {
        float s[EACH][EACH], now[EACH];
        products(s, stage, q, q_stride, L - first, k + (size_t)k0 * k_stride, k_stride, known - k0);
        for (int i = 0; i < EACH; i++) {
            now[i] = top[i];
            for (int j = 0; j < EACH; j++) {
                s[i][j] = k0 + x + j * SIDE < known ? s[i][j] * (scale * LOG2E) : -INFINITY;
                now[i] = s[i][j] > now[i] ? s[i][j] : now[i];
            }
        }
        share(now, weights, true);
        for (int i = 0; i < EACH; i++) {
            const float fade = exp2(top[i] - now[i]);
            top[i] = now[i];
            total[i] *= fade;
            for (int j = 0; j < COLUMNS; j++)
                acc[i][j] *= fade;
            for (int j = 0; j < EACH; j++) {
                const float p = exp2(s[i][j] - now[i]);
                total[i] += p;
                weights[(x + j * SIDE) * STRIDE + y * EACH + i] = p;
            }
        }
        gather(acc, stage, weights, v + (size_t)k0 * v_stride, v_stride, known - k0);
    }
    share(total, weights, false);
    float by[EACH];
    for (int i = 0; i < EACH; i++) {
        const int l = first + y * EACH + i;
        by[i] = known > 0 ? 1.0f / total[i] : 0.0f;
        if (x == 0 && l < L)
            lse[(size_t)bh * L + l] = known > 0 ? fma(top[i], LN2, log(total[i])) : 0.0f;
    }
    write_own(o, o_stride, L - first, acc, by);
}

kernel SQUARES void attention_grad_queries(global float *dq, const global float *d_o, const global float *q, const global float *k,
                                           const global float *v, const global float *restrict lse,
                                           const global float *restrict delta, const global int *keys, SHAPE, float scale) {
    local float stage[STAGE], weights[SQUARE * STRIDE];
    const int x = get_local_id(0), y = get_local_id(1), bh = get_group_id(1), first = get_group_id(0) * SQUARE;
    const int known = keys ? min(keys[bh / H], L) : L;
    float ends[EACH], deltas[EACH], by[EACH], acc[EACH][COLUMNS];
    q = HEAD(q, q_stride, q_column) + (size_t)first * q_stride;
    dq = HEAD(dq, q_stride, q_column) + (size_t)first * q_stride;
    d_o = HEAD(d_o, o_stride, o_column) + (size_t)first * o_stride;
    k = HEAD(k, k_stride, k_column);
    v = HEAD(v, v_stride, v_column);
    for (int i = 0; i < EACH; i++) {
        const size_t at = (size_t)bh * L + min(L - 1, first + y * EACH + i);
        ends[i] = lse[at] * LOG2E;
        deltas[i] = delta[at];
        by[i] = scale;
        for (int j = 0; j < COLUMNS; j++)
            acc[i][j] = 0.0f;
    }
    for (int k0 = 0; k0 < known; k0 += SQUARE) {
        float p[EACH][EACH], dp[EACH][EACH];
        products(p, stage, q, q_stride, L - first, k + (size_t)k0 * k_stride, k_stride, known - k0);
        products(dp, stage, d_o, o_stride, L - first, v + (size_t)k0 * v_stride, v_stride, known - k0);
        for (int j = 0; j < EACH; j++) {
            const int row = x + j * SIDE;
            for (int i = 0; i < EACH; i++)
                weights[row * STRIDE + y * EACH + i] =
                    k0 + row < known ? exp2(p[i][j] * (scale * LOG2E) - ends[i]) * (dp[i][j] - deltas[i]) : 0.0f;
        }
        gather(acc, stage, weights, k + (size_t)k0 * k_stride, k_stride, known - k0);
    }
    write_own(dq, q_stride, L - first, acc, by);
}

kernel SQUARES void attention_grad_keys(global float *dk, global float *dv, const global float *d_o, const global float *q,
                                        const global float *k, const global float *v, const global float *restrict lse,
                                        const global float *restrict delta, const global int *keys, SHAPE, float scale) {
    local float stage[STAGE], weights[SQUARE * STRIDE];
    const int x = get_local_id(0), y = get_local_id(1), bh = get_group_id(1), first = get_group_id(0) * SQUARE;
    const int known = keys ? min(keys[bh / H], L) : L;
    float dk_sum[EACH][COLUMNS], dv_sum[EACH][COLUMNS], by_k[EACH], by_v[EACH];
    q = HEAD(q, q_stride, q_column);
    d_o = HEAD(d_o, o_stride, o_column);
    k = HEAD(k, k_stride, k_column) + (size_t)first * k_stride;
    v = HEAD(v, v_stride, v_column) + (size_t)first * v_stride;
    dk = HEAD(dk, k_stride, k_column) + (size_t)first * k_stride;
    dv = HEAD(dv, v_stride, v_column) + (size_t)first * v_stride;
    for (int i = 0; i < EACH; i++) {
        const bool used = first + y * EACH + i < known;
        by_k[i] = used ? scale : 0.0f;
        by_v[i] = used ? 1.0f : 0.0f;
        for (int j = 0; j < COLUMNS; j++)
            dk_sum[i][j] = dv_sum[i][j] = 0.0f;
    }
    for (int q0 = 0; q0 < L && first < known; q0 += SQUARE) {
        const int n = L - q0;
        float p[EACH][EACH], dp[EACH][EACH];
        products(p, stage, k, k_stride, known - first, q + (size_t)q0 * q_stride, q_stride, n);
        for (int j = 0; j < EACH; j++) {
            const int row = x + j * SIDE;
            const float end = row < n ? lse[(size_t)bh * L + q0 + row] * LOG2E : 0.0f;
            for (int i = 0; i < EACH; i++) {
                p[i][j] = row < n && first + y * EACH + i < known ? exp2(p[i][j] * (scale * LOG2E) - end) : 0.0f;
                weights[row * STRIDE + y * EACH + i] = p[i][j];
            }
        }
        gather(dv_sum, stage, weights, d_o + (size_t)q0 * o_stride, o_stride, n);
        products(dp, stage, v, v_stride, known - first, d_o + (size_t)q0 * o_stride, o_stride, n);
        for (int j = 0; j < EACH; j++) {
            const int row = x + j * SIDE;
            const float off = row < n ? delta[(size_t)bh * L + q0 + row] : 0.0f;
            for (int i = 0; i < EACH; i++)
                weights[row * STRIDE + y * EACH + i] = p[i][j] * (dp[i][j] - off);
        }
        gather(dk_sum, stage, weights, q + (size_t)q0 * q_stride, q_stride, n);
    }
    write_own(dk, k_stride, L - first, dk_sum, by_k);
    write_own(dv, v_stride, L - first, dv_sum, by_v);
}

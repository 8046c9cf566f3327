/* Scaled dot product attention of D channels a head: o = softmax(scale q k^T) v over blocks of keys, with the running maximum and
 * sum of the online softmax (Milakov and Gimelshein, arXiv 1805.02867; Dao et al., arXiv 2205.14135). Scores are kept in powers of
 * two: q is multiplied by scale log2(e) when it is read, and a probability is 2^(score - log-sum-exp).
 *
 * Row l of head h of batch entry b of an operand starts at (b L + l) stride + column + h D. Group id 1 is b H + h. Every sum runs
 * in order of the key or query it runs over. mask [B][L] may be NULL; keys it leaves out are skipped, never read. CPU family:
 * *_tile; plain (VW = 1): *_plain; GPU family: attention_group.cl. */
#ifndef D
#define D 64
#endif
#define LOG2E 1.4426950408889634f
#define LN2 0.6931471805599453f
#define SHAPE                                                                                                                      \
    int H, int L, int q_stride, int q_column, int k_stride, int k_column, int v_stride, int v_column, int o_stride, int o_column
#define HEAD(p, stride, column) ((p) + (size_t)(bh / H) * L * (stride) + (column) + (size_t)(bh % H) * D)
#define MASK_OF_ENTRY(mask) ((mask) ? (mask) + (size_t)(bh / H) * L : (mask))

/* delta[b][h][l] = sum over the channels of do o: what the softmax's gradient takes off every score of a query. An item has `per`
 * queries. */
kernel void attention_delta(global float *restrict delta, const global float *restrict d_o, const global float *restrict o, int H,
                            int L, int stride, int column, int per) {
    const int bh = get_global_id(1), first = get_global_id(0) * per, last = min(L, first + per);
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

#if VW > 1
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
#define EACH_ROW VQ_UNROLL for (int i = 0; i < TR; i++)
#define EACH_HALF VQ_UNROLL for (int h = 0; h < 2; h++)

/* c[i] += sum over k < n of a[i * row + k * step] b[k], in order of k; n a multiple of 4. */
__attribute__((always_inline)) void tile(vf c[TR][2], const local float *a, const int row, const int step, const local vf *b,
                                         int n) {
    for (int k = 0; k < n; k += 4) {
        VQ_UNROLL for (int u = 0; u < 4; u++) {
            const vf b0 = b[2 * u], b1 = b[2 * u + 1];
            EACH_ROW {
                const vf x = (vf)(a[i * row + u * step]);
                c[i][0] = fma(x, b0, c[i][0]);
                c[i][1] = fma(x, b1, c[i][1]);
            }
        }
        a += 4 * step;
        b += 8;
    }
}

/* The same for any n and little n, step 1. */
__attribute__((always_inline)) void tile_rest(vf c[TR][2], const local float *a, const int row, const local vf *b, int n) {
    for (int k = 0; k < n; k++)
        EACH_ROW EACH_HALF c[i][h] = fma((vf)(a[i * row + k]), b[2 * k + h], c[i][h]);
}

__attribute__((always_inline)) void clear(vf c[TR][2]) {
    EACH_ROW c[i][0] = c[i][1] = (vf)(0.0f);
}

/* sums[c] = fade sums[c] + sum over rows r < n of rows[r][c] b[r], for a panel of sums and one of b. */
__attribute__((always_inline)) void accumulate(local vf *sums, const vf fade[2], const local float *rows, const local vf *b,
                                               int n) {
    for (int j = 0; j < DP; j += TR, sums += 2 * TR) {
        vf c[TR][2];
        EACH_ROW EACH_HALF c[i][h] = sums[2 * i + h] * fade[h];
        tile(c, rows + j, 1, DS, b, n);
        EACH_ROW EACH_HALF sums[2 * i + h] = c[i][h];
    }
}

int round_up(int n) {
    return (n + TR - 1) / TR * TR;
}

/* The next keys from position *next to `end` that are attended to, at most `most`: at[0], at[1], ... Returns how many. */
int list_keys(local int *at, const global uchar *mask, int *next, int end, int most) {
    int n = 0, l = *next;
    for (; l < end && n < most; l++) {
        at[n] = l;
        n += !mask || mask[l];
    }
    *next = l;
    return n;
}

/* n rows of D floats times `by`, DS apart: row at[l], or l without a list. Zeros for padding channels and for rows n to `rows`. */
void read_rows(local float *restrict to, const global float *restrict from, int stride, const local int *at, int n, int rows,
               float by) {
    for (int l = 0; l < rows; l++, to += DS) {
        const global float *row = from + (size_t)(l >= n ? 0 : at ? at[l] : l) * stride;
        int c = 0;
        if (l < n) {
            VQ_UNROLL for (; c + VW <= D; c += VW) VSTORE(GLOAD(row + c) * by, to + c);
            for (; c < D; c++)
                to[c] = row[c] * by;
        }
        for (; c < DP; c++)
            to[c] = 0.0f;
    }
}

/* A panel from n rows times `by`: row at[l], or l, becomes lane l; zeros for padding. */
void read_panel(local vf *panel, const global float *restrict from, int stride, const local int *at, int n, float by) {
    local float *to = (local float *)panel;
    for (int l = 0; l < NR; l += 4) {
        const global float *row[4];
        int c = 0;
        VQ_UNROLL for (int i = 0; i < 4; i++) row[i] = from + (size_t)(l + i >= n ? 0 : at ? at[l + i] : l + i) * stride;
        if (l + 4 <= n)
            for (; c + 4 <= D; c += 4) {
                float4 m[4];
                VQ_UNROLL for (int i = 0; i < 4; i++) m[i] = vload4(0, row[i] + c);
                vq_turn(m);
                VQ_UNROLL for (int i = 0; i < 4; i++) vstore4(m[i] * by, 0, to + (c + i) * NR + l);
            }
        for (; c < DP; c++)
            VQ_UNROLL for (int i = 0; i < 4; i++) to[c * NR + l + i] = c < D && l + i < n ? row[i][c] * by : 0.0f;
    }
}

/* n lanes of a panel to rows: lane l times by[l] to row at[l], or l. */
void write_panel(global float *restrict to, int stride, const local int *at, const local vf *panel, int n, const vf by[2]) {
    const local float *from = (const local float *)panel;
    float factor[NR];
    EACH_HALF VSTORE(by[h], factor + h * VW);
    for (int l = 0; l < min(n, NR); l += 4) {
        global float *row[4];
        int c = 0;
        VQ_UNROLL for (int i = 0; i < 4; i++) row[i] = to + (size_t)(l + i >= n ? 0 : at ? at[l + i] : l + i) * stride;
        if (l + 4 <= n)
            for (; c + 4 <= D; c += 4) {
                float4 m[4];
                VQ_UNROLL for (int i = 0; i < 4; i++) m[i] = vload4(0, from + (c + i) * NR + l);
                vq_turn(m);
                VQ_UNROLL for (int i = 0; i < 4; i++) vstore4(m[i] * factor[l + i], 0, row[i] + c);
            }
        for (; c < D; c++)
            for (int i = 0; i < min(n - l, 4); i++)
                row[i][c] = from[c * NR + l + i] * factor[l + i];
    }
}

/* One work-item `panels` <= QP panels of queries against all keys. */
kernel VQ_ONE_ITEM void attention_tile(global float *o, global float *restrict lse, const global float *q, const global float *k,
                                       const global float *v, const global uchar *mask, SHAPE, float scale, int panels) {
    local vf queries[QP * DP * 2], sums[QP * DP * 2], p[KB * 2];
    local float kb[KB * DS], vb[KB * DS];
    local int at[KB];
    vf top[QP][2], total[QP][2];
    const int bh = VQ_GROUP_ID(1), first = VQ_GROUP_ID(0) * panels * NR;
    panels = min(panels, (L - first + NR - 1) / NR);
    q = HEAD(q, q_stride, q_column) + (size_t)first * q_stride;
    o = HEAD(o, o_stride, o_column) + (size_t)first * o_stride;
    k = HEAD(k, k_stride, k_column);
    v = HEAD(v, v_stride, v_column);
    mask = MASK_OF_ENTRY(mask);
    for (int panel = 0; panel < panels; panel++) {
        read_panel(queries + panel * DP * 2, q + (size_t)panel * NR * q_stride, q_stride, 0, L - first - panel * NR, scale * LOG2E);
        for (int c = 0; c < DP * 2; c++)
            sums[panel * DP * 2 + c] = (vf)(0.0f);
        EACH_HALF {
            top[panel][h] = (vf)(-INFINITY);
            total[panel][h] = (vf)(0.0f);
        }
    }
    for (int next = 0, n; (n = list_keys(at, mask, &next, L, KB)) > 0;) {
        const int rows = round_up(n);
        read_rows(kb, k, k_stride, at, n, rows, 1.0f);
        read_rows(vb, v, v_stride, at, n, rows, 1.0f);
        for (int panel = 0; panel < panels; panel++) {
            vf now[2] = {top[panel][0], top[panel][1]}, sum[2], fade[2];
            for (int j = 0; j < rows; j += TR) {
                vf c[TR][2];
                clear(c);
                tile(c, kb + j * DS, DS, 1, queries + panel * DP * 2, DP);
                if (j + TR > n)
                    EACH_ROW if (j + i >= n) c[i][0] = c[i][1] = (vf)(-INFINITY);
                EACH_ROW EACH_HALF {
                    now[h] = c[i][h] > now[h] ? c[i][h] : now[h];
                    p[2 * (j + i) + h] = c[i][h];
                }
            }
            EACH_HALF {
                fade[h] = vq_exp2(top[panel][h] - now[h]);
                sum[h] = total[panel][h] * fade[h];
            }
            for (int j = 0; j < n; j++)
                EACH_HALF {
                    const vf x = vq_exp2(p[2 * j + h] - now[h]);
                    sum[h] += x;
                    p[2 * j + h] = x;
                }
            for (int j = n; j < rows; j++)
                p[2 * j] = p[2 * j + 1] = (vf)(0.0f);
            EACH_HALF {
                top[panel][h] = now[h];
                total[panel][h] = sum[h];
            }
            accumulate(sums + panel * DP * 2, fade, vb, p, rows);
        }
    }
    for (int panel = 0; panel < panels; panel++) { /* a total is 0 only without keys */
        const int l = first + panel * NR, n = min(NR, L - l);
        vf by[2];
        float ends[NR];
        EACH_HALF {
            const vf all = total[panel][h];
            by[h] = all == 0.0f ? (vf)(0.0f) : 1.0f / all;
            VSTORE(all == 0.0f ? (vf)(0.0f) : fma(top[panel][h], (vf)(LN2), log(all)), ends + h * VW);
        }
        write_panel(o + (size_t)panel * NR * o_stride, o_stride, 0, sums + panel * DP * 2, n, by);
        for (int i = 0; i < n; i++)
            lse[(size_t)bh * L + l + i] = ends[i];
    }
}

/* One work-item `blocks` blocks of KP panels of keys against all queries: its dk and dv, and what its keys add to dq, which goes to
 * a part of its own (group id 0) if dq is cut in parts. */
kernel VQ_ONE_ITEM void attention_grad_tile(global float *dq, global float *dk, global float *dv, const global float *d_o,
                                            const global float *q, const global float *k, const global float *v,
                                            const global float *restrict lse, const global float *restrict delta,
                                            const global uchar *mask, SHAPE, int dq_stride, int dq_column, float scale,
                                            int blocks) {
    local vf kt[KP * DP * 2], vt[KP * DP * 2], kr[KP * NR * DN * 2], dkt[KP * DP * 2], dvt[KP * DP * 2];
    local vf p[KP * QB * 2], ds[KP * QB * 2];
    local float qb[QB * DS], ob[QB * DS];
    local int at[KP * NR];
    float ends[QB], deltas[QB];
    const vf one[2] = {(vf)(1.0f), (vf)(1.0f)}, ln2[2] = {(vf)(LN2), (vf)(LN2)};
    const int bh = VQ_GROUP_ID(1), first = VQ_GROUP_ID(0) * blocks * KP * NR, last = min(L, first + blocks * KP * NR);
    bool empty = true; /* nothing was added to dq yet */
    dq += (size_t)VQ_GROUP_ID(0) * (get_num_groups(1) / H) * L * dq_stride;
    dq = HEAD(dq, dq_stride, dq_column);
    dk = HEAD(dk, k_stride, k_column);
    dv = HEAD(dv, v_stride, v_column);
    d_o = HEAD(d_o, o_stride, o_column);
    q = HEAD(q, q_stride, q_column);
    k = HEAD(k, k_stride, k_column);
    v = HEAD(v, v_stride, v_column);
    mask = MASK_OF_ENTRY(mask);
    for (int l = first; l < last && mask; l++)
        for (int c = 0; c < D && !mask[l]; c++)
            dk[(size_t)l * k_stride + c] = dv[(size_t)l * v_stride + c] = 0.0f;
    for (int next = first, n; (n = list_keys(at, mask, &next, last, KP * NR)) > 0; empty = false) {
        const int panels = (n + NR - 1) / NR;
        for (int i = 0; i < KP * DP * 2; i++)
            dkt[i] = dvt[i] = (vf)(0.0f);
        for (int panel = 0; panel < panels; panel++) {
            read_panel(kt + panel * DP * 2, k, k_stride, at + panel * NR, n - panel * NR, 1.0f);
            read_panel(vt + panel * DP * 2, v, v_stride, at + panel * NR, n - panel * NR, 1.0f);
        }
        for (int j = 0; j < n; j++) /* kr [DN][KP NR][NR] */
            VQ_UNROLL for (int c = 0; c < DN * NR; c += VW) kr[(c / NR * KP * NR + j) * 2 + c / VW % 2] =
                c < D ? vq_load(k + (size_t)at[j] * k_stride + c, min(VW, D - c)) * scale : (vf)(0.0f);
        for (int q0 = 0; q0 < L; q0 += QB) {
            const int m = min(QB, L - q0), padded = round_up(m);
            read_rows(qb, q + (size_t)q0 * q_stride, q_stride, 0, m, padded, scale * LOG2E);
            read_rows(ob, d_o + (size_t)q0 * o_stride, o_stride, 0, m, padded, 1.0f);
            for (int i = 0; i < padded; i++) {
                const size_t l = (size_t)bh * L + q0 + i;
                ends[i] = i < m ? lse[l] * LOG2E : 0.0f;
                deltas[i] = i < m ? delta[l] : 0.0f;
            }
            for (int panel = 0; panel < panels; panel++) {
                local vf *pp = p + panel * QB * 2, *dsp = ds + panel * QB * 2;
                for (int j = 0; j < padded; j += TR) {
                    vf c[TR][2];
                    clear(c);
                    tile(c, qb + j * DS, DS, 1, kt + panel * DP * 2, DP);
                    EACH_ROW EACH_HALF pp[2 * (j + i) + h] = vq_exp2(c[i][h] - ends[j + i]);
                    clear(c);
                    tile(c, ob + j * DS, DS, 1, vt + panel * DP * 2, DP);
                    EACH_ROW EACH_HALF dsp[2 * (j + i) + h] = pp[2 * (j + i) + h] * (c[i][h] - deltas[j + i]);
                }
                accumulate(dvt + panel * DP * 2, one, ob, pp, padded);
                accumulate(dkt + panel * DP * 2, one, qb, dsp, padded);
            }
            for (int j = 0; j < m; j += TR)
                for (int x = 0; x < D; x += NR) {
                    vf c[TR][2];
                    global float *sum = dq + (size_t)(q0 + j) * dq_stride + x;
                    const int left = min(VW, D - x), right = min(VW, D - x - VW);
                    clear(c);
                    if (!empty)
                        EACH_ROW if (j + i < m) {
                            c[i][0] = vq_load(sum + (size_t)i * dq_stride, left);
                            if (right > 0)
                                c[i][1] = vq_load(sum + (size_t)i * dq_stride + VW, right);
                        }
                    for (int panel = 0; panel < panels; panel++) {
                        const local float *a = (const local float *)(ds + (panel * QB + j) * 2);
                        const local vf *b = kr + (x / NR * KP + panel) * NR * 2;
                        const int steps = min(NR, n - panel * NR), even = steps / 4 * 4;
                        tile(c, a, NR, 1, b, even);
                        tile_rest(c, a + even, NR, b + 2 * even, steps - even);
                    }
                    EACH_ROW if (j + i < m) {
                        vq_store(c[i][0], sum + (size_t)i * dq_stride, left);
                        if (right > 0)
                            vq_store(c[i][1], sum + (size_t)i * dq_stride + VW, right);
                    }
                }
        }
        for (int panel = 0; panel < panels; panel++) {
            write_panel(dk, k_stride, at + panel * NR, dkt + panel * DP * 2, n - panel * NR, ln2);
            write_panel(dv, v_stride, at + panel * NR, dvt + panel * DP * 2, n - panel * NR, one);
        }
    }
    for (int l = 0; l < L && empty; l++)
        for (int c = 0; c < D; c++)
            dq[(size_t)l * dq_stride + c] = 0.0f;
}

/* dq = the sum of its parts [parts][B][L][H][D], which lie behind delta, in order. An item has `per` queries. */
kernel void attention_grad_sum(global float *restrict dq, const global float *restrict scratch, int H, int L, int q_stride,
                               int q_column, int parts, int per) {
    const int bh = get_global_id(1), first = get_global_id(0) * per, last = min(L, first + per);
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

#else
/* ---- Plain --------------------------------------------------------------------------------------------------------------------
 *
 * One work-item a query (forward and dq) or a key (dk and dv), no local memory. */
float dot_product(const global float *a, const global float *b) {
    float sum = 0.0f;
    for (int c = 0; c < D; c++)
        sum = fma(a[c], b[c], sum);
    return sum;
}

kernel void attention_plain(global float *o, global float *restrict lse, const global float *q, const global float *k,
                            const global float *v, const global uchar *mask, SHAPE, float scale) {
    const int l = get_global_id(0), bh = get_global_id(1);
    float sums[D], top = -INFINITY, total = 0.0f;
    q = HEAD(q, q_stride, q_column) + (size_t)l * q_stride;
    o = HEAD(o, o_stride, o_column) + (size_t)l * o_stride;
    k = HEAD(k, k_stride, k_column);
    v = HEAD(v, v_stride, v_column);
    mask = MASK_OF_ENTRY(mask);
    for (int c = 0; c < D; c++)
        sums[c] = 0.0f;
    for (int j = 0; j < L; j++) {
        if (mask && !mask[j])
            continue;
        const float score = dot_product(q, k + (size_t)j * k_stride) * scale, last = top;
        top = score > top ? score : top;
        const float fade = exp(last - top), p = exp(score - top);
        total = fma(total, fade, p);
        for (int c = 0; c < D; c++)
            sums[c] = fma(sums[c], fade, p * v[(size_t)j * v_stride + c]);
    }
    for (int c = 0; c < D; c++)
        o[c] = total == 0.0f ? 0.0f : sums[c] / total;
    lse[(size_t)bh * L + l] = total == 0.0f ? 0.0f : top + log(total);
}

kernel void attention_grad_queries_plain(global float *dq, const global float *d_o, const global float *q, const global float *k,
                                         const global float *v, const global float *restrict lse,
                                         const global float *restrict delta, const global uchar *mask, SHAPE, float scale) {
    const int l = get_global_id(0), bh = get_global_id(1);
    const float end = lse[(size_t)bh * L + l], off = delta[(size_t)bh * L + l];
    float sums[D];
    q = HEAD(q, q_stride, q_column) + (size_t)l * q_stride;
    dq = HEAD(dq, q_stride, q_column) + (size_t)l * q_stride;
    d_o = HEAD(d_o, o_stride, o_column) + (size_t)l * o_stride;
    k = HEAD(k, k_stride, k_column);
    v = HEAD(v, v_stride, v_column);
    mask = MASK_OF_ENTRY(mask);
    for (int c = 0; c < D; c++)
        sums[c] = 0.0f;
    for (int j = 0; j < L; j++) {
        if (mask && !mask[j])
            continue;
        const float p = exp(dot_product(q, k + (size_t)j * k_stride) * scale - end);
        const float ds = p * (dot_product(d_o, v + (size_t)j * v_stride) - off);
        for (int c = 0; c < D; c++)
            sums[c] = fma(ds, k[(size_t)j * k_stride + c], sums[c]);
    }
    for (int c = 0; c < D; c++)
        dq[c] = sums[c] * scale;
}

kernel void attention_grad_keys_plain(global float *dk, global float *dv, const global float *d_o, const global float *q,
                                      const global float *k, const global float *v, const global float *restrict lse,
                                      const global float *restrict delta, const global uchar *mask, SHAPE, float scale) {
    const int j = get_global_id(0), bh = get_global_id(1);
    float dk_sums[D], dv_sums[D];
    q = HEAD(q, q_stride, q_column);
    d_o = HEAD(d_o, o_stride, o_column);
    k = HEAD(k, k_stride, k_column) + (size_t)j * k_stride;
    v = HEAD(v, v_stride, v_column) + (size_t)j * v_stride;
    dk = HEAD(dk, k_stride, k_column) + (size_t)j * k_stride;
    dv = HEAD(dv, v_stride, v_column) + (size_t)j * v_stride;
    mask = MASK_OF_ENTRY(mask);
    for (int c = 0; c < D; c++)
        dk_sums[c] = dv_sums[c] = 0.0f;
    for (int l = 0; l < L && (!mask || mask[j]); l++) {
        const size_t at = (size_t)bh * L + l;
        const float p = exp(dot_product(q + (size_t)l * q_stride, k) * scale - lse[at]);
        const float ds = p * (dot_product(d_o + (size_t)l * o_stride, v) - delta[at]);
        for (int c = 0; c < D; c++) {
            dk_sums[c] = fma(ds, q[(size_t)l * q_stride + c], dk_sums[c]);
            dv_sums[c] = fma(p, d_o[(size_t)l * o_stride + c], dv_sums[c]);
        }
    }
    for (int c = 0; c < D; c++) {
        dk[c] = dk_sums[c] * scale;
        dv[c] = dv_sums[c];
    }
}
#endif

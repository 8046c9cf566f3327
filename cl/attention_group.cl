/* Scaled dot product attention on a GPU: what attention.cl does on a CPU, with the same layout and the same online softmax.
 *
 * A work-group of SIDE x SIDE items owns SQUARE rows (queries, or keys for dk and dv) and meets the others SQUARE at a time. Item
 * (x, y) has own rows y EACH + i, other rows 4 (x + j SIDE) to + 3 and the same channels. EACH <= SIDE, a multiple of 4. */
#ifndef D
#define D 64
#endif
#ifndef SIDE
#define SIDE 16
#endif
#ifndef EACH
#define EACH 4
#endif
#define LOG2E 1.4426950408889634f
#define LN2 0.6931471805599453f
#define SHAPE                                                                                                                      \
    int H, int L, int q_stride, int q_column, int k_stride, int k_column, int v_stride, int v_column, int o_stride, int o_column
#define HEAD(p, stride, column) ((p) + (size_t)(bh / H) * L * (stride) + (column) + (size_t)(bh % H) * D)
#define MASK_OF_ENTRY(mask) ((mask) ? (mask) + (size_t)(bh / H) * L : (mask))
#define SQUARE (SIDE * EACH)
#define OTHERS (EACH / 4)
#define COLUMNS ((D + 4 * SIDE - 1) / (4 * SIDE))
#define WIDTH (COLUMNS * 4 * SIDE) /* channels with their padding, zeros */
#define STRIDE (SQUARE + 4)        /* of rows in local memory: no multiple of its banks, and of whole float4 */
#define STAGE (2 * STRIDE > WIDTH ? SIDE * 2 * STRIDE : SIDE * WIDTH)
#define SQUARES __attribute__((reqd_work_group_size(SIDE, SIDE, 1)))
#define EACH_OWN VQ_UNROLL for (int i = 0; i < EACH; i++)
#define EACH_OTHER VQ_UNROLL for (int j = 0; j < OTHERS; j++)
#define EACH_COLUMN VQ_UNROLL for (int j = 0; j < COLUMNS; j++)
#define ROLLED _Pragma("unroll 1") /* unrolled further, they take more registers than there are */

/* n rows of a head, at positions at[0], at[1], ... */
typedef struct row_list {
    const global float *from;
    int stride;
    const local int *at;
    int n;
} row_list;

/* Positions from `first` to first + SQUARE and L that the mask leaves in; returns how many. */
int list_rows(local int *at, const global uchar *mask, int first, int L) {
    const int item = get_local_id(1) * SIDE + get_local_id(0), l = first + item;
    const bool own = item < SQUARE && l < L && (!mask || mask[l]);
    int n = 0, before = item;
    barrier(CLK_LOCAL_MEM_FENCE); /* the last list was used to the end */
    if (mask) {
        if (item < SQUARE)
            at[item] = own;
        barrier(CLK_LOCAL_MEM_FENCE);
        ROLLED for (int i = 0; i < SQUARE; i++) {
            before = i == item ? n : before;
            n += at[i];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (own)
        at[before] = l;
    barrier(CLK_LOCAL_MEM_FENCE);
    return mask ? n : min(SQUARE, L - first);
}

/* sum[i][j] = a_i . b_j, in order of the channel; zero where either has no such row. */
void products(float4 sum[EACH][OTHERS], local float *stage, row_list a, row_list b) {
    const int x = get_local_id(0), y = get_local_id(1);
    local float *other = stage + SIDE * STRIDE;
    EACH_OWN EACH_OTHER sum[i][j] = (float4)(0.0f);
    ROLLED for (int c = 0; c < D; c += SIDE) {
        EACH_OWN {
            const int row = y + i * SIDE;
            stage[x * STRIDE + row] = row < a.n && c + x < D ? a.from[(size_t)a.at[row] * a.stride + c + x] : 0.0f;
            other[x * STRIDE + row] = row < b.n && c + x < D ? b.from[(size_t)b.at[row] * b.stride + c + x] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        _Pragma("unroll 2") for (int s = 0; s < SIDE; s++) {
            float own[EACH];
            float4 they[OTHERS];
            EACH_OTHER vstore4(vload4(0, stage + s * STRIDE + y * EACH + 4 * j), j, own);
            EACH_OTHER they[j] = vload4(0, other + s * STRIDE + 4 * (x + j * SIDE));
            EACH_OWN EACH_OTHER sum[i][j] = fma((float4)(own[i]), they[j], sum[i][j]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

/* acc[i] += sum over other rows r of weights[own row i][r] rows[r], in order of r; no weight but 0 for r >= rows.n. */
void gather(float4 acc[EACH][COLUMNS], local float *stage, const local float *weights, row_list rows) {
    const int x = get_local_id(0), y = get_local_id(1);
    ROLLED for (int first = 0; first < rows.n; first += SIDE) {
        VQ_UNROLL for (int i = 0; i < WIDTH / SIDE; i++) {
            const int c = x + i * SIDE;
            stage[y * WIDTH + c] = first + y < rows.n && c < D ? rows.from[(size_t)rows.at[first + y] * rows.stride + c] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        ROLLED for (int r = 0; r < SIDE; r += 4) {
            float w[EACH][4];
            EACH_OWN vstore4(vload4(0, weights + (y * EACH + i) * STRIDE + first + r), 0, w[i]);
            VQ_UNROLL for (int u = 0; u < 4; u++) EACH_COLUMN {
                const float4 b = vload4(0, stage + (r + u) * WIDTH + 4 * (x + j * SIDE));
                EACH_OWN acc[i][j] = fma((float4)(w[i][u]), b, acc[i][j]);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

/* acc times by[i] to own rows. */
void write_own(global float *to, int stride, const local int *at, int n, float4 acc[EACH][COLUMNS], const float by[EACH]) {
    const int x = get_local_id(0), y = get_local_id(1);
    EACH_OWN if (y * EACH + i < n) {
        global float *row = to + (size_t)at[y * EACH + i] * stride;
        EACH_COLUMN {
            float part[4];
            vstore4(acc[i][j] * by[i], 0, part);
            VQ_UNROLL for (int u = 0; u < 4; u++) if (4 * (x + j * SIDE) + u < D) row[4 * (x + j * SIDE) + u] = part[u];
        }
    }
}

/* The largest, or the sum, of what the SIDE items of a row hold, to all of them, through `table`. */
void share(float of[EACH], local float *table, bool largest) {
    const int x = get_local_id(0), y = get_local_id(1);
    EACH_OWN table[(y * EACH + i) * STRIDE + x] = of[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    ROLLED for (int s = 0; s < SIDE; s++) EACH_OWN {
        const float one = table[(y * EACH + i) * STRIDE + s];
        of[i] = s == 0 ? one : largest ? (one > of[i] ? one : of[i]) : of[i] + one;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

/* Which of the other rows 4 (x + j SIDE) to + 3 there are, of n. */
int4 among(int j, int n) {
    return 4 * ((int)get_local_id(0) + j * SIDE) + (int4)(0, 1, 2, 3) < (int4)(n);
}

/* Their values times `by`, from n values; 0 for the others. */
float4 of_others(const global float *from, int j, int n, float by) {
    const int r = 4 * (get_local_id(0) + j * SIDE);
    return by * (float4)(r < n ? from[r] : 0.0f, r + 1 < n ? from[r + 1] : 0.0f, r + 2 < n ? from[r + 2] : 0.0f,
                         r + 3 < n ? from[r + 3] : 0.0f);
}

kernel void attention_delta(global float *restrict delta, const global float *restrict d_o, const global float *restrict o, int H,
                            int L, int stride, int column, int per) {
    const int bh = get_global_id(1), first = get_global_id(0) * per;
    for (int l = first; l < min(L, first + per); l++) {
        const global float *a = HEAD(d_o, stride, column) + (size_t)l * stride, *b = HEAD(o, stride, column) + (size_t)l * stride;
        float sum = 0.0f;
        for (int c = 0; c < D; c++)
            sum = fma(a[c], b[c], sum);
        delta[(size_t)bh * L + l] = sum;
    }
}

kernel SQUARES void attention_group(global float *o, global float *restrict lse, const global float *q, const global float *k,
                                   const global float *v, const global uchar *mask, SHAPE, float scale) {
    local float stage[STAGE], weights[SQUARE * STRIDE];
    local int own[SQUARE], other[SQUARE];
    const int x = get_local_id(0), y = get_local_id(1), bh = VQ_GROUP_ID(1), first = VQ_GROUP_ID(0) * SQUARE;
    const row_list queries = {HEAD(q, q_stride, q_column), q_stride, own, list_rows(own, 0, first, L)};
    row_list keys = {HEAD(k, k_stride, k_column), k_stride, other, 0}, values = {HEAD(v, v_stride, v_column), v_stride, other, 0};
    float top[EACH], total[EACH], by[EACH];
    float4 acc[EACH][COLUMNS];
    mask = MASK_OF_ENTRY(mask);
    EACH_OWN {
        top[i] = -INFINITY;
        total[i] = 0.0f;
        EACH_COLUMN acc[i][j] = (float4)(0.0f);
    }
    ROLLED for (int k0 = 0; k0 < L; k0 += SQUARE) {
        float4 s[EACH][OTHERS];
        float now[EACH];
        keys.n = values.n = list_rows(other, mask, k0, L);
        if (keys.n == 0)
            continue;
        products(s, stage, queries, keys);
        EACH_OWN {
            now[i] = top[i];
            EACH_OTHER {
                s[i][j] = among(j, keys.n) ? s[i][j] * (scale * LOG2E) : (float4)(-INFINITY);
                const float2 most = s[i][j].lo > s[i][j].hi ? s[i][j].lo : s[i][j].hi;
                now[i] = most.s0 > now[i] ? most.s0 : now[i];
                now[i] = most.s1 > now[i] ? most.s1 : now[i];
            }
        }
        share(now, weights, true);
        EACH_OWN {
            const float fade = exp2(top[i] - now[i]);
            top[i] = now[i];
            total[i] *= fade;
            EACH_COLUMN acc[i][j] *= fade;
            EACH_OTHER {
                const float4 p = exp2(s[i][j] - now[i]);
                total[i] += (p.s0 + p.s1) + (p.s2 + p.s3);
                vstore4(p, 0, weights + (y * EACH + i) * STRIDE + 4 * (x + j * SIDE));
            }
        }
        gather(acc, stage, weights, values);
    }
    share(total, weights, false);
    EACH_OWN {
        const int l = first + y * EACH + i;
        by[i] = total[i] == 0.0f ? 0.0f : 1.0f / total[i];
        if (x == 0 && l < L)
            lse[(size_t)bh * L + l] = total[i] == 0.0f ? 0.0f : fma(top[i], LN2, log(total[i]));
    }
    write_own(HEAD(o, o_stride, o_column), o_stride, own, queries.n, acc, by);
}

kernel SQUARES void attention_grad_queries_group(global float *dq, const global float *d_o, const global float *q,
                                                const global float *k, const global float *v, const global float *restrict lse,
                                                const global float *restrict delta, const global uchar *mask, SHAPE, float scale) {
    local float stage[STAGE], weights[SQUARE * STRIDE];
    local int own[SQUARE], other[SQUARE];
    const int x = get_local_id(0), y = get_local_id(1), bh = VQ_GROUP_ID(1), first = VQ_GROUP_ID(0) * SQUARE;
    const int n = list_rows(own, 0, first, L);
    const row_list queries = {HEAD(q, q_stride, q_column), q_stride, own, n};
    const row_list d_os = {HEAD(d_o, o_stride, o_column), o_stride, own, n};
    row_list keys = {HEAD(k, k_stride, k_column), k_stride, other, 0}, values = {HEAD(v, v_stride, v_column), v_stride, other, 0};
    float ends[EACH], deltas[EACH], by[EACH];
    float4 acc[EACH][COLUMNS];
    mask = MASK_OF_ENTRY(mask);
    EACH_OWN {
        const size_t at = (size_t)bh * L + min(L - 1, first + y * EACH + i);
        ends[i] = lse[at] * LOG2E;
        deltas[i] = delta[at];
        by[i] = scale;
        EACH_COLUMN acc[i][j] = (float4)(0.0f);
    }
    ROLLED for (int k0 = 0; k0 < L; k0 += SQUARE) {
        float4 s[EACH][OTHERS], dp[EACH][OTHERS];
        keys.n = values.n = list_rows(other, mask, k0, L);
        if (keys.n == 0)
            continue;
        products(s, stage, queries, keys);
        products(dp, stage, d_os, values);
        EACH_OWN EACH_OTHER {
            const float4 ds = exp2(s[i][j] * (scale * LOG2E) - ends[i]) * (dp[i][j] - deltas[i]);
            vstore4(among(j, keys.n) ? ds : (float4)(0.0f), 0, weights + (y * EACH + i) * STRIDE + 4 * (x + j * SIDE));
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        gather(acc, stage, weights, keys);
    }
    write_own(HEAD(dq, q_stride, q_column), q_stride, own, n, acc, by);
}

kernel SQUARES void attention_grad_keys_group(global float *dk, global float *dv, const global float *d_o, const global float *q,
                                             const global float *k, const global float *v, const global float *restrict lse,
                                             const global float *restrict delta, const global uchar *mask, SHAPE, float scale) {
    local float stage[STAGE], weights[SQUARE * STRIDE];
    local int own[SQUARE], other[SQUARE];
    const int x = get_local_id(0), y = get_local_id(1), bh = VQ_GROUP_ID(1), first = VQ_GROUP_ID(0) * SQUARE;
    mask = MASK_OF_ENTRY(mask);
    const int n = list_rows(own, mask, first, L);
    const row_list keys = {HEAD(k, k_stride, k_column), k_stride, own, n}, values = {HEAD(v, v_stride, v_column), v_stride, own, n};
    row_list queries = {HEAD(q, q_stride, q_column), q_stride, other, 0};
    row_list d_os = {HEAD(d_o, o_stride, o_column), o_stride, other, 0};
    float4 dk_sum[EACH][COLUMNS], dv_sum[EACH][COLUMNS];
    float by_k[EACH], by_v[EACH];
    dk = HEAD(dk, k_stride, k_column);
    dv = HEAD(dv, v_stride, v_column);
    EACH_OWN {
        by_k[i] = scale;
        by_v[i] = 1.0f;
        EACH_COLUMN dk_sum[i][j] = dv_sum[i][j] = (float4)(0.0f);
    }
    ROLLED for (int q0 = 0; q0 < L && n > 0; q0 += SQUARE) {
        const size_t at = (size_t)bh * L + q0;
        float4 p[EACH][OTHERS], dp[EACH][OTHERS];
        queries.n = d_os.n = list_rows(other, 0, q0, L);
        products(p, stage, keys, queries);
        EACH_OTHER {
            const float4 ends = of_others(lse + at, j, queries.n, LOG2E);
            EACH_OWN {
                p[i][j] = among(j, queries.n) ? exp2(p[i][j] * (scale * LOG2E) - ends) : (float4)(0.0f);
                vstore4(p[i][j], 0, weights + (y * EACH + i) * STRIDE + 4 * (x + j * SIDE));
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        gather(dv_sum, stage, weights, d_os);
        products(dp, stage, values, d_os);
        EACH_OTHER {
            const float4 deltas = of_others(delta + at, j, queries.n, 1.0f);
            EACH_OWN vstore4(p[i][j] * (dp[i][j] - deltas), 0, weights + (y * EACH + i) * STRIDE + 4 * (x + j * SIDE));
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        gather(dk_sum, stage, weights, queries);
    }
    write_own(dk, k_stride, own, n, dk_sum, by_k);
    write_own(dv, v_stride, own, n, dv_sum, by_v);
    ROLLED for (int row = first + y; row < min(L, first + SQUARE) && mask; row += SIDE)
        for (int c = x; c < D && !mask[row]; c += SIDE)
            dk[(size_t)row * k_stride + c] = dv[(size_t)row * v_stride + c] = 0.0f;
}

/* C[M][N] = op(A) op(B), row-major, with what follows the product done while the tile is in registers.
 *
 * CPU family: gemm_pack lays B out in panels of VQ_NR columns, gemm_tile does the rest: each work-item owns a block of C, copies
 * VQ_KC steps of its rows of A to local memory at a time and keeps partial sums in C. GPU family (built with GROUP_SIDE): gemm_group.
 * Plain: gemm_plain. An element of C is one chain of fused multiply-adds in order of k in all, whatever M, its row, and the cutting
 * of the work; only gemm_group may be asked for parts of a sum over k. */
#ifndef TA /* A is stored [K][M] */
#define TA 0
#endif
#ifndef MC /* rows of A in local memory, a multiple of VQ_MR */
#define MC VQ_MR
#endif

/* What follows the product: as vq_gemm_kind. */
#define STORE 0
#define ADD 1
#define BIAS 2
#define BIAS_GELU 3
#define BIAS_RESIDUAL 4
#define GELU_GRAD 5

/* What becomes of n products of a row from column `at` on; `offset` is where they lie in C. `kind` is an argument, not a build
 * option: a tile takes a driver a second to compile, and the branch costs nothing beside it. */
__attribute__((always_inline)) vf end(vf product, int kind, const global float *bias, global float *pre,
                                      const global float *residual, int at, size_t offset, int n) {
    if (kind == BIAS || kind == BIAS_GELU || kind == BIAS_RESIDUAL)
        product += vq_load(bias + at, n);
    if (kind == BIAS_RESIDUAL)
        product += vq_load(residual + offset, n);
    if (kind == BIAS_GELU) {
        if (pre)
            vq_store(product, pre + offset, n);
        product = vq_gelu(product);
    }
    if (kind == GELU_GRAD) {
        const vf x = vq_load(pre + offset, n);
        product *= vq_gelu_grad(x);
        vq_store(vq_gelu(x), pre + offset, n);
    }
    return product;
}

/* ---- CPU --------------------------------------------------------------------------------------------------------------------- */

#ifndef VQ_GPU
/* Columns n0 to n0 + VQ_NR of B, n steps from k0, as a panel [n][VQ_NR]. tb: B is stored [N][K]. */
void pack_panel(global float *restrict to, const global float *restrict B, int n0, int N, int K, int k0, int n, int tb) {
    if (tb) {
        vq_pack_rows(to, B, n0, N, K, k0, n);
        return;
    }
    const int left = min(N - n0, VW), right = min(N - n0 - VW, VW);
    for (int k = 0; k < n; k++, to += VQ_NR) {
        const global float *from = B + (size_t)(k0 + k) * N + n0;
        VSTORE(vq_load(from, left), to);
        VSTORE(right > 0 ? vq_load(from + VW, right) : (vf)(0.0f), to + VW);
    }
}

/* One work-item a panel and VQ_KC steps: packed [ceil(N / VQ_NR)][K][VQ_NR]. */
kernel VQ_ONE_ITEM void gemm_pack(global float *restrict packed, const global float *restrict B, int N, int K, int tb) {
    const int n0 = VQ_GROUP_ID(0) * VQ_NR, k0 = VQ_GROUP_ID(1) * VQ_KC, k1 = min(K, k0 + VQ_KC);
    pack_panel(packed + (size_t)n0 * K + (size_t)k0 * VQ_NR, B, n0, N, K, k0, k1 - k0, tb);
}

/* Columns m0 to m1 of A [K][M], n steps from k0, copied in panels [n][VQ_MR], VQ_MR VQ_KS floats apart. Whole registers are copied
 * where A has them: what they write past a row is the next one's, or lies between panels. */
void pack_columns(local float *restrict to, const global float *restrict A, int m0, int m1, int M, int k0, int n) {
    for (int k = 0; k < n; k++) {
        const global float *from = A + (size_t)(k0 + k) * M;
        local float *row = to + k * VQ_MR;
        for (int m = m0; m < m1; m += VQ_MR, row += VQ_MR * VQ_KS) {
            VQ_PREFETCH(from + 8 * (size_t)M + m);
            if (m + (VQ_MR + VW - 1) / VW * VW <= M)
                VQ_UNROLL for (int i = 0; i < VQ_MR; i += VW) LSTORE(GLOAD(from + m + i), row + i);
            else
                for (int i = 0; i < VQ_MR; i++)
                    row[i] = m + i < m1 ? from[m + i] : 0.0f;
        }
    }
}

/* A tile of sums between registers and rows `stride` floats apart. */
#define LOAD_TILE(p, stride)                                                                                                       \
    VQ_UNROLL for (int i = 0; i < VQ_MR; i++) {                                                                                    \
        c0[i] = VLOAD((p) + i * (stride));                                                                                         \
        c1[i] = VLOAD((p) + i * (stride) + VW);                                                                                    \
    }
#define STORE_TILE(p, stride)                                                                                                      \
    VQ_UNROLL for (int i = 0; i < VQ_MR; i++) {                                                                                    \
        VSTORE(c0[i], (p) + i * (stride));                                                                                         \
        VSTORE(c1[i], (p) + i * (stride) + VW);                                                                                    \
    }

/* The end of a whole tile of VQ_NR columns, which lies in `tile`, to C, written once: as end(), a kind at a time, so that no branch
 * stands between rows, and GELU of two rows abreast. */
#define ABREAST(i) ((i) / 2 * stride + (i) % 2 * VW)
void finish(global float *c, const float *tile, int kind, const global float *bias, global float *pre, const global float *residual,
            size_t stride) {
    const vf b0 = kind == GELU_GRAD ? (vf)(0.0f) : GLOAD(bias), b1 = kind == GELU_GRAD ? (vf)(0.0f) : GLOAD(bias + VW);
    if (kind == GELU_GRAD)
        for (int r = 0; r < VQ_MR; r += 2, tile += 2 * VQ_NR, c += 2 * stride, pre += 2 * stride) {
            vf x[VQ_ABREAST], y[VQ_ABREAST];
            VQ_EACH(4) x[i] = GLOAD(pre + ABREAST(i));
            vq_gelu_grads(y, x, 4);
            VQ_EACH(4) GSTORE(VLOAD(tile + i * VW) * y[i], c + ABREAST(i));
            vq_gelus(y, x, 4);
            VQ_EACH(4) GSTORE(y[i], pre + ABREAST(i));
        }
    if (kind == BIAS)
        for (int r = 0; r < VQ_MR; r++, tile += VQ_NR, c += stride) {
            GSTORE(VLOAD(tile) + b0, c);
            GSTORE(VLOAD(tile + VW) + b1, c + VW);
        }
    if (kind == BIAS_RESIDUAL)
        for (int r = 0; r < VQ_MR; r++, tile += VQ_NR, c += stride, residual += stride) {
            GSTORE(VLOAD(tile) + b0 + GLOAD(residual), c);
            GSTORE(VLOAD(tile + VW) + b1 + GLOAD(residual + VW), c + VW);
        }
    if (kind == BIAS_GELU)
        for (int r = 0; r < VQ_MR; r += 2, tile += 2 * VQ_NR, c += 2 * stride) {
            vf x[VQ_ABREAST], y[VQ_ABREAST];
            VQ_EACH(4) x[i] = VLOAD(tile + i * VW) + (i % 2 ? b1 : b0);
            if (pre) {
                VQ_EACH(4) GSTORE(x[i], pre + ABREAST(i));
                pre += 2 * stride;
            }
            vq_gelus(y, x, 4);
            VQ_EACH(4) GSTORE(y[i], c + ABREAST(i));
        }
}

/* One work-item a block of `height` panels of VQ_MR rows (height VQ_MR <= MC) by `width` panels of VQ_NR columns. A tile that
 * crosses the edge of C goes through `edge`, with the same arithmetic. B is packed as a `whole`, or
 * (TA) is as it is stored, and an item packs the steps of a panel at a time, to its own place in `panels`. */
kernel VQ_ONE_ITEM void gemm_tile(global float *C, const global float *restrict A, const global float *restrict B,
                                  global float *restrict panels, int whole, int tb, int kind, const global float *bias,
                                  global float *pre, const global float *residual, int M, int N, int K, int height, int width) {
    local float block[MC * VQ_KS];
    float edge[VQ_MR * VQ_NR];
    const int down = (M + height * VQ_MR - 1) / (height * VQ_MR);
    global float *panel = panels + (VQ_GROUP_ID(1) * (size_t)down + VQ_GROUP_ID(0)) * VQ_KC * VQ_NR;
    const int m0 = VQ_GROUP_ID(0) * height * VQ_MR, m1 = min(M, m0 + height * VQ_MR);
    const int n0 = VQ_GROUP_ID(1) * width * VQ_NR, n1 = min(N, n0 + width * VQ_NR);
    const size_t stride = N;
    for (int k0 = 0; k0 < K; k0 += VQ_KC) {
        const int steps = min(VQ_KC, K - k0);
        if (TA)
            pack_columns(block, A, m0, m1, M, k0, steps);
        else
            vq_pack_block(block, A, m0, m1, height * VQ_MR, K, k0, steps);
        for (int n = n0; n < n1; n += VQ_NR) {
            const bool right = n + VQ_NR < n1; /* whether the next panel is of these steps */
            const size_t next = right ? n + VQ_NR : n0, from = right ? k0 : k0 + steps;
            const global float *b = B + (size_t)n * K + (size_t)k0 * VQ_NR, *ahead = B + next * K + from * VQ_NR;
            if (TA && !whole) {
                pack_panel(panel, B, n, N, K, k0, steps, tb);
                b = panel;
                ahead = B + from * N + next;
            }
            for (int m = m0; m < m1; m += VQ_MR) {
                const int share = VQ_SHARE(m - m0);
                vf c0[VQ_MR], c1[VQ_MR];
                global float *c = C + m * stride + n;
                const int rows = min(m1 - m, VQ_MR), columns = min(n1 - n, VQ_NR);
                const bool full = rows == VQ_MR && columns == VQ_NR;
                if (k0 == 0 && kind != ADD) {
                    VQ_UNROLL for (int i = 0; i < VQ_MR; i++) c0[i] = c1[i] = (vf)(0.0f);
                } else if (full) {
                    LOAD_TILE(c, stride)
                } else {
                    for (int i = 0; i < VQ_MR * VQ_NR; i++) {
                        const int y = i / VQ_NR, x = i % VQ_NR;
                        edge[i] = y < rows && x < columns ? c[y * stride + x] : 0.0f;
                    }
                    LOAD_TILE(edge, VQ_NR)
                }
                /* What the end will read and write, and the next tile's sums, come from memory while this tile is computed. */
                const bool last = k0 + steps == K;
                const global float *later = c;
                if (last && (kind == GELU_GRAD || (kind == BIAS_GELU && pre)))
                    later = pre + (c - C);
                if (last && kind == BIAS_RESIDUAL)
                    later = residual + (c - C);
                VQ_UNROLL for (int i = 0; i < VQ_MR; i++) {
                    VQ_PREFETCH(later + i * stride);
                    VQ_PREFETCH(later + i * stride + VW);
                }
                if (later != c)
                    VQ_UNROLL for (int i = 0; i < VQ_MR; i++) {
                        VQ_PREFETCH_TO_WRITE(c + i * stride);
                        VQ_PREFETCH_TO_WRITE(c + i * stride + VW);
                    }
                if (k0 > 0 || kind == ADD)
                    VQ_UNROLL for (int i = 0; i < VQ_MR; i++) {
                        VQ_PREFETCH(c + (VQ_MR + i) * stride);
                        VQ_PREFETCH(c + (VQ_MR + i) * stride + VW);
                    }
                if (TA)
                    vq_tile(c0, c1, block + (m - m0) * VQ_KS, 1, VQ_MR, b, steps,
                            ahead +
                                (whole ? (size_t)share * (VQ_KC / 4) * VW : (size_t)(share / 2 * (VQ_KC / 4)) * N + share % 2 * VW),
                            whole ? VW : N);
                else
                    vq_tile(c0, c1, block + (m - m0) * VQ_KS, VQ_KS, 1, b, steps, ahead + share * (VQ_KC / 4) * VW, VW);
                const bool ends = last && kind > ADD;
                const size_t at = m * stride + n;
                if (full && !ends) {
                    STORE_TILE(c, stride)
                    continue;
                }
                STORE_TILE(edge, VQ_NR)
                if (full) {
                    finish(c, edge, kind, bias + n, pre ? pre + at : pre, residual + at, stride);
                    continue;
                }
                for (int y = 0; y < rows; y++)
                    for (int x = 0; x < columns; x += ends ? VW : 1) {
                        const int count = ends ? min(columns - x, VW) : 1;
                        const size_t place = at + y * stride + x;
                        if (ends) {
                            const vf product = VLOAD(edge + y * VQ_NR + x);
                            vq_store(end(product, kind, bias, pre, residual, n + x, place, count), C + place, count);
                        } else {
                            C[place] = edge[y * VQ_NR + x];
                        }
                    }
            }
        }
    }
}

/* One work-item PLAIN columns of a row. */
#define PLAIN 64
kernel void gemm_plain(global float *C, const global float *restrict A, const global float *restrict B, int tb, int kind,
                       const global float *bias, global float *pre, const global float *residual, int M, int N, int K) {
    const int m = get_global_id(1), last = min(N, (int)(get_global_id(0) + 1) * PLAIN);
    for (int n = get_global_id(0) * PLAIN; n < last; n++) {
        const size_t at = (size_t)m * N + n;
        float sum = kind == ADD ? C[at] : 0.0f;
        for (int k = 0; k < K; k++)
            sum = fma(A[TA ? (size_t)k * M + m : (size_t)m * K + k], B[tb ? (size_t)n * K + k : (size_t)k * N + n], sum);
        vq_store(end((vf)(sum), kind, bias, pre, residual, n, at, 1), C + at, 1);
    }
}
#endif

/* ---- GPU --------------------------------------------------------------------------------------------------------------------- */

#ifdef GROUP_SIDE /* items of a work-group in each direction; TM rows of TV registers each, DEEP steps of k in local memory */
#define ITEMS (GROUP_SIDE * GROUP_SIDE)
#define DOWN (GROUP_SIDE * TM)
#define ACROSS (GROUP_SIDE * TV * VW)
#define A_ROW (DOWN + 1) /* an odd stride: A's transposed rows fall on different banks */

/* One work-group a tile of DOWN x ACROSS, and (dimension 2) a part of `steps` of the sum over k, which goes to C + part M N: item
 * (x, y) has rows y + i GROUP_SIDE and the registers of columns (x + j GROUP_SIDE) VW. kind is STORE where there are several parts. */
kernel __attribute__((reqd_work_group_size(GROUP_SIDE, GROUP_SIDE, 1))) void
gemm_group(global float *C, const global float *restrict A, const global float *restrict B, int tb, int kind,
           const global float *bias, global float *pre, const global float *residual, int M, int N, int K, int steps) {
    local float a[DEEP * A_ROW];
    local vf registers[DEEP * GROUP_SIDE * TV]; /* of this type, so that one access fetches a register */
    local float *b = (local float *)registers;
    const int x = get_local_id(0), y = get_local_id(1), item = y * GROUP_SIDE + x;
    const int m0 = VQ_GROUP_ID(1) * DOWN, n0 = VQ_GROUP_ID(0) * ACROSS;
    const int first = VQ_GROUP_ID(2) * steps, last = min(K, first + steps);
    vf c[TM][TV];
    C += VQ_GROUP_ID(2) * (size_t)M * N;
    VQ_UNROLL for (int i = 0; i < TM; i++) VQ_UNROLL for (int j = 0; j < TV; j++) {
        const int m = m0 + y + i * GROUP_SIDE, n = n0 + (x + j * GROUP_SIDE) * VW;
        c[i][j] = kind == ADD && m < M && n < N ? vq_load(C + (size_t)m * N + n, min(N - n, VW)) : (vf)(0.0f);
    }
    for (int k0 = first; k0 < last; k0 += DEEP) {
        /* Neighbouring items read neighbouring floats of either layout. */
        for (int i = item; i < DEEP * DOWN; i += ITEMS) {
            const int k = TA ? i / DOWN : i % DEEP, m = TA ? i % DOWN : i / DEEP;
            const bool in = k0 + k < last && m0 + m < M;
            a[k * A_ROW + m] = in ? A[TA ? (size_t)(k0 + k) * M + m0 + m : (size_t)(m0 + m) * K + k0 + k] : 0.0f;
        }
        for (int i = item; i < DEEP * ACROSS; i += ITEMS) {
            const int k = tb ? i % DEEP : i / ACROSS, n = tb ? i / DEEP : i % ACROSS;
            const bool in = k0 + k < last && n0 + n < N;
            b[k * ACROSS + n] = in ? B[tb ? (size_t)(n0 + n) * K + k0 + k : (size_t)(k0 + k) * N + n0 + n] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        const int count = min(DEEP, last - k0);
        for (int k = 0; k < count; k++) {
            vf right[TV];
            VQ_UNROLL for (int j = 0; j < TV; j++) right[j] = registers[(k * TV + j) * GROUP_SIDE + x];
            VQ_UNROLL for (int i = 0; i < TM; i++) {
                const vf left = (vf)(a[k * A_ROW + y + i * GROUP_SIDE]);
                VQ_UNROLL for (int j = 0; j < TV; j++) c[i][j] = fma(left, right[j], c[i][j]);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    VQ_UNROLL for (int i = 0; i < TM; i++) VQ_UNROLL for (int j = 0; j < TV; j++) {
        const int m = m0 + y + i * GROUP_SIDE, n = n0 + (x + j * GROUP_SIDE) * VW;
        if (m < M && n < N) {
            const size_t at = (size_t)m * N + n;
            const int count = min(N - n, VW);
            vq_store(end(c[i][j], kind, bias, pre, residual, n, at, count), C + at, count);
        }
    }
}
#endif

/* ---- Anywhere ---------------------------------------------------------------------------------------------------------------- */

/* One work-item VW columns of a row: what follows a product that lies in C. */
kernel void gemm_end(global float *C, int kind, const global float *bias, global float *pre, const global float *residual, int N) {
    const int n = get_global_id(0) * VW;
    if (n >= N)
        return;
    const size_t at = (size_t)get_global_id(1) * N + n;
    const int count = min(N - n, VW);
    vq_store(end(vq_load(C + at, count), kind, bias, pre, residual, n, at, count), C + at, count);
}

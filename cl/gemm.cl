/* C[M][N] = op(A) op(B), row-major, with what follows the product done while the tile is in registers.
 *
 * CPU family: gemm_pack lays B out in panels of VQ_NR columns, gemm_tile does the rest: each work-item owns a block of C, copies
 * VQ_KC steps of its rows of A to local memory at a time and keeps partial sums in C. GPU family: gemm_square, then gemm_end. An
 * element of C is one chain of fused multiply-adds in order of k in both, whatever M, its row, and the cutting of the work. */
#ifndef TA /* A is stored [K][M] */
#define TA 0
#endif
#ifndef TB /* B is stored [N][K] */
#define TB 0
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
#ifndef END
#define END STORE
#endif

/* What becomes of n products of a row from column `at` on; `offset` is where they lie in C. */
__attribute__((always_inline)) vf end(vf product, const global float *bias, global float *pre, const global float *residual, int at,
                                      size_t offset, int n) {
    int kind = END;
    if (kind == BIAS || kind == BIAS_GELU || kind == BIAS_RESIDUAL)
        product += vq_load(bias + at, n);
    if (kind == BIAS_RESIDUAL)
        product += vq_load(residual + offset, n);
    if (kind == BIAS_GELU) {
        if (pre)
            vq_store(product, pre + offset, n);
        product = vq_gelu(product);
    }
    if (kind == GELU_GRAD)
        product *= vq_gelu_grad(vq_load(pre + offset, n));
    return product;
}

/* ---- CPU ----------------------------------------------------------------------------------------------------------------------
 */

/* One work-item a panel and VQ_KC steps: packed [ceil(N / VQ_NR)][K][VQ_NR]. */
kernel VQ_ONE_ITEM void gemm_pack(global float *restrict packed, const global float *restrict B, int N, int K) {
    const int n0 = get_group_id(0) * VQ_NR, k0 = get_group_id(1) * VQ_KC, k1 = min(K, k0 + VQ_KC);
    global float *to = packed + (size_t)n0 * K;
#if TB
    vq_pack_rows(to, B, n0, N, K, k0, k1);
#else
    const int left = min(N - n0, VW), right = min(N - n0 - VW, VW);
    for (int k = k0; k < k1; k++) {
        const global float *from = B + (size_t)k * N + n0;
        VSTORE(vq_load(from, left), to + (size_t)k * VQ_NR);
        VSTORE(right > 0 ? vq_load(from + VW, right) : (vf)(0.0f), to + (size_t)k * VQ_NR + VW);
    }
#endif
}

/* Columns m0 to m1 of A [K][M], n steps from k0, copied in panels [n][VQ_MR]. */
void pack_columns(local float *restrict to, const global float *restrict A, int m0, int m1, int M, int k0, int n) {
    for (int m = m0; m < m1; m += VQ_MR, to += VQ_KC * VQ_MR)
        for (int k = 0; k < n; k++) {
            const global float *from = A + (size_t)(k0 + k) * M + m;
            if (m + VQ_MR <= m1)
                VQ_UNROLL for (int i = 0; i < VQ_MR; i++) to[k * VQ_MR + i] = from[i];
            else
                for (int i = 0; i < VQ_MR; i++)
                    to[k * VQ_MR + i] = m + i < m1 ? from[i] : 0.0f;
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

/* One work-item a block of `height` panels of VQ_MR rows (height VQ_MR <= MC) by `width` panels of VQ_NR columns. A tile that
 * crosses the edge of C goes through `edge`, with the same arithmetic. */
kernel VQ_ONE_ITEM void gemm_tile(global float *C, const global float *restrict A, const global float *restrict packed,
                                  const global float *bias, global float *pre, const global float *residual, int M, int N, int K,
                                  int height, int width) {
    local float block[MC * VQ_KS];
    float edge[VQ_MR * VQ_NR];
    const int m0 = get_group_id(0) * height * VQ_MR, m1 = min(M, m0 + height * VQ_MR);
    const int n0 = get_group_id(1) * width * VQ_NR, n1 = min(N, n0 + width * VQ_NR);
    const size_t stride = N;
    int kind = END;
    for (int k0 = 0; k0 < K; k0 += VQ_KC) {
        const int steps = min(VQ_KC, K - k0);
        if (TA)
            pack_columns(block, A, m0, m1, M, k0, steps);
        else
            vq_pack_block(block, A, m0, m1, height * VQ_MR, K, k0, steps);
        for (int n = n0; n < n1; n += VQ_NR)
            for (int m = m0; m < m1; m += VQ_MR) {
                vf c0[VQ_MR], c1[VQ_MR];
                global float *c = C + m * stride + n;
                const int rows = min(m1 - m, VQ_MR), columns = min(n1 - n, VQ_NR);
                const bool whole = rows == VQ_MR && columns == VQ_NR;
                if (k0 == 0 && kind != ADD) {
                    VQ_UNROLL for (int i = 0; i < VQ_MR; i++) c0[i] = c1[i] = (vf)(0.0f);
                } else if (whole) {
                    LOAD_TILE(c, stride)
                } else {
                    for (int i = 0; i < VQ_MR * VQ_NR; i++) {
                        const int y = i / VQ_NR, x = i % VQ_NR;
                        edge[i] = y < rows && x < columns ? c[y * stride + x] : 0.0f;
                    }
                    LOAD_TILE(edge, VQ_NR)
                }
                const global float *b = packed + (size_t)n * K + (size_t)k0 * VQ_NR;
                if (TA)
                    vq_tile(c0, c1, block + (m - m0) * VQ_KC, 1, VQ_MR, b, steps);
                else
                    vq_tile(c0, c1, block + (m - m0) * VQ_KS, VQ_KS, 1, b, steps);
                if (whole) {
                    STORE_TILE(c, stride)
                } else {
                    STORE_TILE(edge, VQ_NR)
                    for (int y = 0; y < rows; y++)
                        for (int x = 0; x < columns; x++)
                            c[y * stride + x] = edge[y * VQ_NR + x];
                }
                if (kind > ADD && k0 + steps == K)
                    for (int i = 0; i < rows; i++)
                        for (int x = 0; x < columns; x += VW) {
                            const int count = min(columns - x, VW);
                            const size_t at = (m + i) * stride + n + x;
                            vq_store(end(vq_load(C + at, count), bias, pre, residual, n + x, at, count), C + at, count);
                        }
            }
    }
}

/* ---- GPU ----------------------------------------------------------------------------------------------------------------------
 */

#define SIDE 16

/* One work-item an element, one work-group a square of SIDE x SIDE; C = the product, or C += it. */
kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void
gemm_square(global float *C, const global float *restrict A, const global float *restrict B, int M, int N, int K, int add) {
    local float a[SIDE][SIDE + 1], b[SIDE][SIDE + 1];
    const int x = get_local_id(0), y = get_local_id(1);
    const int m0 = get_group_id(1) * SIDE, n0 = get_group_id(0) * SIDE, m = m0 + y, n = n0 + x;
    float sum = add && m < M && n < N ? C[(size_t)m * N + n] : 0.0f;
    for (int k0 = 0; k0 < K; k0 += SIDE) {
#if TA
        a[x][y] = k0 + y < K && m0 + x < M ? A[(size_t)(k0 + y) * M + m0 + x] : 0.0f;
#else
        a[y][x] = k0 + x < K && m < M ? A[(size_t)m * K + k0 + x] : 0.0f;
#endif
#if TB
        b[x][y] = k0 + x < K && n0 + y < N ? B[(size_t)(n0 + y) * K + k0 + x] : 0.0f;
#else
        b[y][x] = k0 + y < K && n < N ? B[(size_t)(k0 + y) * N + n] : 0.0f;
#endif
        barrier(CLK_LOCAL_MEM_FENCE);
        const int steps = min(SIDE, K - k0);
        for (int k = 0; k < steps; k++)
            sum = fma(a[y][k], b[k][x], sum);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (m < M && n < N)
        C[(size_t)m * N + n] = sum;
}

/* One work-item VW columns of a row: what follows a product that lies in C. */
kernel void gemm_end(global float *C, const global float *bias, global float *pre, const global float *residual, int N) {
    const int n = get_global_id(0) * VW;
    if (n >= N)
        return;
    const size_t at = (size_t)get_global_id(1) * N + n;
    const int count = min(N - n, VW);
    vq_store(end(vq_load(C + at, count), bias, pre, residual, n, at, count), C + at, count);
}

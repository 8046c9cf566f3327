/* Nearest code: codes[m] = the lowest k among those that minimize ||e_k||^2 - 2 h_m . e_k, which is ||h_m - e_k||^2 less a constant
 * of the row. The products of a tile of rows and codes never leave registers. Both sums are chains of fused multiply-adds in order
 * of the channel, so that both shapes below give the same codes. A row with a NaN compares false with everything and gets code 0.
 */
#ifndef PANEL /* codes of a packed panel: VQ_NR for assign_tile, SQUARE for assign_square */
#define PANEL VQ_NR
#endif
#ifndef CHUNKS /* blocks of VQ_KC channels in a row */
#define CHUNKS 1
#endif
#ifndef MC /* rows in local memory, a multiple of VQ_MR */
#define MC VQ_MR
#endif

/* One work-item a code, of ceil(K / PANEL) PANEL: `norms` [K rounded up], then `panels` [K / PANEL][D][PANEL]. Codes past K are
 * never near. */
kernel void assign_pack(global float *restrict packed, const global float *restrict e, int D, int K) {
    const int k = get_global_id(0), panel = k / PANEL, lane = k % PANEL;
    const size_t padded = (K + PANEL - 1) / PANEL * PANEL;
    global float *to = packed + padded + (size_t)panel * D * PANEL + lane;
    float norm = 0.0f;
    for (int d = 0; d < D; d++) {
        const float v = k < K ? e[(size_t)k * D + d] : 0.0f;
        to[(size_t)d * PANEL] = v;
        norm = fma(v, v, norm);
    }
    packed[k] = k < K ? norm : INFINITY;
}

/* ---- CPU ----------------------------------------------------------------------------------------------------------------------
 */

/* The least lane. */
float least4(float4 v) {
    const float2 a = v.lo < v.hi ? v.lo : v.hi;
    return a.x < a.y ? a.x : a.y;
}
float least8(float8 v) {
    return least4(v.lo < v.hi ? v.lo : v.hi);
}
float least16(float16 v) {
    return least8(v.lo < v.hi ? v.lo : v.hi);
}
int lowest4(int4 v) {
    const int2 a = min(v.lo, v.hi);
    return min(a.x, a.y);
}
int lowest8(int8 v) {
    return lowest4(min(v.lo, v.hi));
}
int lowest16(int16 v) {
    return lowest8(min(v.lo, v.hi));
}

/* One work-item `height` panels of VQ_MR rows (height VQ_MR <= MC). A panel of codes stays in the first-level cache while the rows
 * pass by; each lane keeps its nearest code so far, as the number of the register of codes it was seen in. */
kernel VQ_ONE_ITEM void assign_tile(global int *restrict codes, const global float *restrict h, const global float *restrict packed,
                                    int M, int D, int K, int height) {
    local float block[CHUNKS * MC * VQ_KS];
    vf nearest[MC];
    vi seen[MC];
    const int m0 = get_group_id(0) * height * VQ_MR, m1 = min(M, m0 + height * VQ_MR);
    const size_t padded = (K + VQ_NR - 1) / VQ_NR * VQ_NR;
    for (int c = 0; c < CHUNKS; c++)
        vq_pack_block(block + c * MC * VQ_KS, h, m0, m1, height * VQ_MR, D, c * VQ_KC, min(VQ_KC, D - c * VQ_KC));
    for (int i = 0; i < height * VQ_MR; i++) {
        nearest[i] = (vf)(INFINITY);
        seen[i] = (vi)(0);
    }
    for (int k = 0; k < K; k += VQ_NR) {
        const vf norm0 = VLOAD(packed + k), norm1 = VLOAD(packed + k + VW);
        const global float *panel = packed + padded + (size_t)k * D;
        const vi left = (vi)(k / VW), right = left + 1;
        for (int m = m0; m < m1; m += VQ_MR) {
            vf c0[VQ_MR], c1[VQ_MR];
            VQ_UNROLL for (int i = 0; i < VQ_MR; i++) c0[i] = c1[i] = (vf)(0.0f);
            for (int c = 0; c < CHUNKS; c++)
                vq_tile(c0, c1, block + (c * MC + m - m0) * VQ_KS, VQ_KS, 1, panel + c * VQ_KC * VQ_NR, min(VQ_KC, D - c * VQ_KC));
            VQ_UNROLL for (int i = 0; i < VQ_MR; i++) {
                const vf d0 = fma((vf)(-2.0f), c0[i], norm0), d1 = fma((vf)(-2.0f), c1[i], norm1);
                vf near = nearest[m - m0 + i];
                vi at = seen[m - m0 + i];
                at = d0 < near ? left : at;
                near = d0 < near ? d0 : near;
                at = d1 < near ? right : at;
                near = d1 < near ? d1 : near;
                nearest[m - m0 + i] = near;
                seen[m - m0 + i] = at;
            }
        }
    }
    int number[VW];
    for (int i = 0; i < VW; i++)
        number[i] = i;
    const vi lane = VQ_JOIN(vload, VW)(0, number);
    for (int m = m0; m < m1; m++) {
        const vf near = nearest[m - m0];
        const vi code = seen[m - m0] * VW + lane;
        codes[m] = VQ_JOIN(lowest, VW)(near == VQ_JOIN(least, VW)(near) ? code : (vi)(INT_MAX));
    }
}

/* ---- GPU ----------------------------------------------------------------------------------------------------------------------
 */

#define SIDE 16
#define EACH 4 /* rows and codes of an item */
#define SQUARE (SIDE * EACH)

/* One work-group SQUARE rows against all codes, SQUARE at a time: item (x, y) has rows y EACH + i and codes x + j SIDE of the
 * panel. */
kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void assign_square(global int *restrict codes,
                                                                               const global float *restrict h,
                                                                               const global float *restrict packed, int M, int D,
                                                                               int K) {
    local float a[SIDE][SQUARE + 1], b[SIDE][SQUARE];
    local float nearests[SQUARE][SIDE];
    local int seens[SQUARE][SIDE];
    const int x = get_local_id(0), y = get_local_id(1), m0 = get_group_id(0) * SQUARE;
    const size_t padded = (K + SQUARE - 1) / SQUARE * SQUARE;
    float nearest[EACH];
    int seen[EACH];
    for (int i = 0; i < EACH; i++) {
        nearest[i] = INFINITY;
        seen[i] = 0;
    }
    for (int k = 0; k < K; k += SQUARE) {
        const global float *panel = packed + padded + (size_t)k * D;
        float sum[EACH][EACH];
        for (int i = 0; i < EACH; i++)
            for (int j = 0; j < EACH; j++)
                sum[i][j] = 0.0f;
        for (int d0 = 0; d0 < D; d0 += SIDE) {
            for (int i = 0; i < EACH; i++) {
                const int row = y + i * SIDE;
                a[x][row] = m0 + row < M && d0 + x < D ? h[(size_t)(m0 + row) * D + d0 + x] : 0.0f;
                b[y][x + i * SIDE] = d0 + y < D ? panel[(size_t)(d0 + y) * SQUARE + x + i * SIDE] : 0.0f;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            const int steps = min(SIDE, D - d0);
            for (int d = 0; d < steps; d++)
                for (int i = 0; i < EACH; i++)
                    for (int j = 0; j < EACH; j++)
                        sum[i][j] = fma(a[d][y * EACH + i], b[d][x + j * SIDE], sum[i][j]);
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        for (int j = 0; j < EACH; j++) {
            const int code = k + x + j * SIDE;
            for (int i = 0; i < EACH; i++) {
                const float distance = fma(-2.0f, sum[i][j], packed[code]);
                seen[i] = distance < nearest[i] ? code : seen[i];
                nearest[i] = distance < nearest[i] ? distance : nearest[i];
            }
        }
    }
    for (int i = 0; i < EACH; i++) {
        nearests[y * EACH + i][x] = nearest[i];
        seens[y * EACH + i][x] = seen[i];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    const int row = y * SIDE + x;
    if (row >= SQUARE || m0 + row >= M)
        return;
    float near = nearests[row][0];
    int code = seens[row][0];
    for (int i = 1; i < SIDE; i++) {
        const float distance = nearests[row][i];
        const int other = seens[row][i];
        if (distance < near || (distance == near && other < code)) {
            near = distance;
            code = other;
        }
    }
    codes[m0 + row] = code;
}

/* Nearest code: codes[m] = the lowest k among those that minimize ||e_k||^2 - 2 h_m . e_k, which is ||h_m - e_k||^2 less a constant
 * of the row. The products of a tile of rows and codes never leave registers. Both sums are chains of fused multiply-adds in order
 * of the channel, so that the three shapes below give the same codes. A row with a NaN compares false with everything and gets
 * code 0. */
#ifndef PANEL /* codes of a packed panel: VQ_NR for assign_tile, WIDE for assign_square, 1 for assign_plain */
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

#ifndef VQ_GPU
/* ---- Plain ------------------------------------------------------------------------------------------------------------------- */

/* One work-item a row. */
kernel void assign_plain(global int *restrict codes, const global float *restrict h, const global float *restrict packed, int D,
                         int K) {
    const int m = get_global_id(0);
    const global float *row = h + (size_t)m * D;
    float nearest = INFINITY;
    int code = 0;
    for (int k = 0; k < K; k++) {
        const global float *e = packed + K + (size_t)k * D;
        float sum = 0.0f;
        for (int d = 0; d < D; d++)
            sum = fma(row[d], e[d], sum);
        const float distance = fma(-2.0f, sum, packed[k]);
        if (distance < nearest) {
            nearest = distance;
            code = k;
        }
    }
    codes[m] = code;
}

/* ---- CPU --------------------------------------------------------------------------------------------------------------------- */

/* The least lane. */
float least1(float v) {
    return v;
}
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
int lowest1(int v) {
    return v;
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
    const int m0 = VQ_GROUP_ID(0) * height * VQ_MR, m1 = min(M, m0 + height * VQ_MR);
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
                vq_tile(c0, c1, block + (c * MC + m - m0) * VQ_KS, VQ_KS, 1, panel + c * VQ_KC * VQ_NR, min(VQ_KC, D - c * VQ_KC),
                        panel + (size_t)D * VQ_NR + c * VQ_KC * VQ_NR + (size_t)VQ_SHARE(m - m0) * (VQ_KC / 4) * VW, VW);
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
    const vi lane = VLOAD(number);
    for (int m = m0; m < m1; m++) {
        const vf near = nearest[m - m0];
        const vi code = seen[m - m0] * VW + lane;
        codes[m] = VQ_JOIN(lowest, VW)(near == VQ_JOIN(least, VW)(near) ? code : (vi)(INT_MAX));
    }
}

#else
/* ---- GPU --------------------------------------------------------------------------------------------------------------------- */

#ifndef SIDE
#define SIDE 16 /* items of a work-group across, and down; channels in local memory */
#endif
#ifndef HIGH
#define HIGH 4 /* rows of an item, at most SIDE */
#endif
#ifndef EACH
#define EACH 4 /* codes of an item */
#endif
#define TALL (SIDE * HIGH)
#define WIDE (SIDE * EACH)
#define A_ROW (TALL + 4) /* aligned as four floats, and transposed rows fall on different banks */
#define OF_ITEM(x, j) (((x) + (j) / 4 * SIDE) * 4 + (j) % 4) /* where code j of item x lies in a panel; EACH is a multiple of 4 */

/* One work-group TALL rows against all codes, WIDE at a time: item (x, y) has rows y HIGH + i and codes OF_ITEM(x, j) of the panel.
 * `pool` holds SIDE channels of the rows and of the codes, and at the end the nearest codes of each item. */
kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void assign_square(global int *restrict codes,
                                                                               const global float *restrict h,
                                                                               const global float *restrict packed, int M, int D,
                                                                               int K) {
    local float pool[SIDE * (A_ROW + (WIDE > TALL ? WIDE : TALL))] __attribute__((aligned(16)));
    local float *a = pool, *b = pool + SIDE * A_ROW, *nearests = pool;
    local int *seens = (local int *)pool + SIDE * TALL;
    const int x = get_local_id(0), y = get_local_id(1), m0 = VQ_GROUP_ID(0) * TALL;
    const size_t padded = (K + WIDE - 1) / WIDE * WIDE;
    float nearest[HIGH];
    int seen[HIGH];
    VQ_UNROLL for (int i = 0; i < HIGH; i++) {
        nearest[i] = INFINITY;
        seen[i] = 0;
    }
    for (int k = 0; k < K; k += WIDE) {
        const global float *panel = packed + padded + (size_t)k * D;
        float sum[HIGH][EACH];
        VQ_UNROLL for (int i = 0; i < HIGH; i++) VQ_UNROLL for (int j = 0; j < EACH; j++) sum[i][j] = 0.0f;
        for (int d0 = 0; d0 < D; d0 += SIDE) { /* zeros past D change no sum */
            VQ_UNROLL for (int i = 0; i < HIGH; i++) {
                const int row = y + i * SIDE;
                a[x * A_ROW + row] = m0 + row < M && d0 + x < D ? h[(size_t)(m0 + row) * D + d0 + x] : 0.0f;
            }
            VQ_UNROLL for (int j = 0; j < EACH; j++) {
                b[y * WIDE + x + j * SIDE] = d0 + y < D ? panel[(size_t)(d0 + y) * WIDE + x + j * SIDE] : 0.0f;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            for (int d = 0; d < SIDE; d++) {
                float row[HIGH], code[EACH];
                VQ_UNROLL for (int i = 0; i < HIGH; i++) row[i] = a[d * A_ROW + y * HIGH + i];
                VQ_UNROLL for (int j = 0; j < EACH; j++) code[j] = b[d * WIDE + OF_ITEM(x, j)];
                VQ_UNROLL for (int i = 0; i < HIGH; i++) VQ_UNROLL for (int j = 0; j < EACH; j++) {
                    sum[i][j] = fma(row[i], code[j], sum[i][j]);
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        VQ_UNROLL for (int j = 0; j < EACH; j++) {
            const int code = k + OF_ITEM(x, j);
            const float norm = packed[code];
            VQ_UNROLL for (int i = 0; i < HIGH; i++) {
                const float distance = fma(-2.0f, sum[i][j], norm);
                seen[i] = distance < nearest[i] ? code : seen[i];
                nearest[i] = distance < nearest[i] ? distance : nearest[i];
            }
        }
    }
    VQ_UNROLL for (int i = 0; i < HIGH; i++) {
        nearests[(y * HIGH + i) * SIDE + x] = nearest[i];
        seens[(y * HIGH + i) * SIDE + x] = seen[i];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    const int row = y * SIDE + x;
    if (row >= TALL || m0 + row >= M)
        return;
    float near = nearests[row * SIDE];
    int code = seens[row * SIDE];
    for (int i = 1; i < SIDE; i++) {
        const float distance = nearests[row * SIDE + i];
        const int other = seens[row * SIDE + i];
        if (distance < near || (distance == near && other < code)) {
            near = distance;
            code = other;
        }
    }
    codes[m0 + row] = code;
}
#endif

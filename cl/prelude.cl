/* Stands before every file of cl/. Built with -DVW=1|4|8|16, the floats of a vector register; 1 makes plain loops of the kernels for
 * a CPU, for an operation whose other kernels a device gets wrong.
 *
 * Arithmetic is the same for every row wherever it lies in a batch: no contraction is left to the compiler, fused multiply-adds are
 * written out, so codes never depend on how a contig was cut. */
#pragma OPENCL FP_CONTRACT OFF

#ifndef VW
#define VW 4
#endif
#define VQ_JOIN_(a, b) a##b
#define VQ_JOIN(a, b) VQ_JOIN_(a, b)
#if VW == 1
#define VQ_VECTOR(name) name
#define VLOAD(p) (*(p))
#define VSTORE(v, p) (*(p) = (v))
#else
#define VQ_VECTOR(name) VQ_JOIN(name, VW)
#define VLOAD(p) VQ_JOIN(vload, VW)(0, p)
#define VSTORE(v, p) VQ_JOIN(vstore, VW)(v, 0, p)
#endif
typedef VQ_VECTOR(float) vf; /* a register of floats */
typedef VQ_VECTOR(int) vi;

/* The same for one kind of memory, as one access that may lie at any float: PoCL 3.1 takes VLOAD apart into pairs of floats, and
 * LLVM does not always put them together again (up to 4 times slower). */
typedef struct __attribute__((packed, aligned(4))) vf_anywhere {
    vf v;
} vf_anywhere;
#define GLOAD(p) (((const global vf_anywhere *)(p))->v)
#define GSTORE(w, p) (((global vf_anywhere *)(p))->v = (w))
#define LSTORE(w, p) (((local vf_anywhere *)(p))->v = (w)) /* local memory */

/* Asks for the cache line at a global address that will be read soon: several rows read abreast are too much for the hardware to
 * foresee. PoCL has an empty prefetch(). */
#ifdef POCL_DEVICE_ADDRESS_BITS
#define VQ_PREFETCH(p) __builtin_prefetch(p)
#define VQ_PREFETCH_TO_WRITE(p) __builtin_prefetch(p, 1)
#define VQ_PREFETCH_FAR(p) __builtin_prefetch(p, 0, 2) /* to the second-level cache */
#else
#define VQ_PREFETCH(p) prefetch(p, 1)
#define VQ_PREFETCH_TO_WRITE(p) prefetch(p, 1)
#define VQ_PREFETCH_FAR(p) prefetch(p, 1)
#endif
#define VINT(v) VQ_VECTOR(convert_int)(v)
#define AS_VF(v) VQ_VECTOR(as_float)(v)
#define AS_VI(v) VQ_VECTOR(as_int)(v)

#ifdef VQ_ROLLED /* kernels of a GPU on a CPU, where unrolling makes compilers take half as long again and nothing faster */
#define VQ_UNROLL
#else
#define VQ_UNROLL _Pragma("unroll")
#endif

/* Polynomials of up to VQ_ABREAST registers are worked out term by term: alone, each would wait for its own sums. On a GPU other
 * work-items have their turn meanwhile. */
#ifdef VQ_GPU
#define VQ_ABREAST 1
#else
#define VQ_ABREAST 4
#endif
#define VQ_EACH(n) VQ_UNROLL for (int i = 0; i < (n); i++)
#define VQ_TERM(c) VQ_EACH(n) y[i] = fma(y[i], t[i], (vf)(c));

/* Gauss error functions for GELU in its exact (erf) form. Both polynomials are minimax fits made for this file on |x| <= 5.75, in
 * t = 2 |x| / 5.75 - 1, of the function over (5.75 - |x|)^2, so that they end in an exact zero; past the end float32 has nothing
 * left to tell. Largest errors: gelu 1.1e-7 + half an ulp, gradient 5e-7. NaN and infinities pass through. */
#define VQ_GELU_END 5.75f
#define VQ_GELU_START(first)                                                                                                       \
    vf a[VQ_ABREAST], t[VQ_ABREAST];                                                                                               \
    VQ_EACH(n) {                                                                                                                   \
        a[i] = fabs(x[i]);                                                                                                         \
        a[i] = a[i] > VQ_GELU_END ? (vf)(VQ_GELU_END) : a[i];                                                                      \
        t[i] = fma(a[i], (vf)(2.0f / VQ_GELU_END), (vf)(-1.0f));                                                                   \
        y[i] = (vf)(first);                                                                                                        \
    }
#define VQ_GELU_TAIL(i) y[i] * ((VQ_GELU_END - a[i]) * (VQ_GELU_END - a[i]))

/* y = x Phi(x), Phi the normal distribution's cumulative function: x - x Q(x) right of zero, x Q(-x) left of it, Q = 1 - Phi. */
static __attribute__((always_inline)) void vq_gelus(vf *y, const vf *x, const int n) {
    VQ_GELU_START(0.000548715994f)
    VQ_TERM(-0.000290608295f) VQ_TERM(-0.00262189517f) VQ_TERM(0.00227455702f) VQ_TERM(0.0044943681f) VQ_TERM(-0.00702317199f)
    VQ_TERM(-0.00070277293f) VQ_TERM(0.00933837797f) VQ_TERM(-0.00860467274f) VQ_TERM(-0.000548678567f) VQ_TERM(0.00872290786f)
    VQ_TERM(-0.00957600214f) VQ_TERM(0.00547962077f) VQ_TERM(-0.00173668156f) VQ_TERM(0.000244402036f)
    VQ_EACH(n) {
        const vf right = x[i] < 0.0f ? (vf)(0.0f) : x[i];
        y[i] = fma(-a[i], VQ_GELU_TAIL(i), right);
    }
}

/* y = Phi(x) + x phi(x): 1 - g(x) right of zero, g(-x) left of it, with g(a) = Q(a) - a phi(a). */
static __attribute__((always_inline)) void vq_gelu_grads(vf *y, const vf *x, const int n) {
    VQ_GELU_START(-0.00561270956f)
    VQ_TERM(-0.0098733604f) VQ_TERM(0.0213252157f) VQ_TERM(0.0336970501f) VQ_TERM(-0.0478098504f) VQ_TERM(-0.0402470417f)
    VQ_TERM(0.0794433206f) VQ_TERM(-0.00528266421f) VQ_TERM(-0.0771169364f) VQ_TERM(0.0701719001f) VQ_TERM(0.0105742635f)
    VQ_TERM(-0.0658338368f) VQ_TERM(0.0459682941f) VQ_TERM(-0.000233765444f) VQ_TERM(-0.0172875598f) VQ_TERM(0.00998185389f)
    VQ_TERM(-0.00198102975f)
    VQ_EACH(n) {
        const vf g = VQ_GELU_TAIL(i);
        y[i] = x[i] < 0.0f ? g : 1.0f - g;
    }
}

vf vq_gelu(vf x) {
    vf y;
    vq_gelus(&y, &x, 1);
    return y;
}

vf vq_gelu_grad(vf x) {
    vf y;
    vq_gelu_grads(&y, &x, 1);
    return y;
}

/* 2^x for x <= 0, to 2e-7 of the value; never under 2^-125, for -INFINITY too. A minimax polynomial on [-1/2, 1/2] made for this
 * file, times 2 to the whole part of x: the low bits of the shifted sum are its exponent. NaN passes through. */
#define VQ_EXP2_SHIFT 12583039.0f /* 1.5 2^23 + 127 */
vf vq_exp2(vf x) {
    x = x < -125.0f ? (vf)(-125.0f) : x;
    const vf shifted = x + VQ_EXP2_SHIFT, t = x - (shifted - VQ_EXP2_SHIFT);
    vf y = (vf)(0.00015345812f);
    y = fma(y, t, (vf)(0.00133999312f));
    y = fma(y, t, (vf)(0.00961848896f));
    y = fma(y, t, (vf)(0.0555032878f));
    y = fma(y, t, (vf)(0.240226469f));
    y = fma(y, t, (vf)(0.693147206f));
    y = fma(y, t, (vf)(1.0f));
    return y * AS_VF(AS_VI(shifted) << 23);
}

/* n floats of a register, 1 <= n <= VW, for channel counts that are no multiple of VW: zeros fill the rest, and only n are stored.
 * With n = VW known to the compiler it is a plain load or store. */
#ifdef VQ_GPU /* unrolled, lest `part` lie in memory */
#define VQ_LANES(i, n) _Pragma("unroll") for (int i = 0; i < VW; i++) if (i < (n))
#else
#define VQ_LANES(i, n) for (int i = 0; i < (n); i++)
#endif
vf vq_load(const global float *p, int n) {
    if (n == VW)
        return GLOAD(p);
    float part[VW];
    VQ_LANES(i, VW)
    part[i] = i < n ? p[i] : 0.0f;
    return VLOAD(part);
}
void vq_store(vf v, global float *p, int n) {
    if (n == VW) {
        GSTORE(v, p);
        return;
    }
    float part[VW];
    VSTORE(v, part);
    VQ_LANES(i, n)
    p[i] = part[i];
}

/* The lanes of a register added in a fixed order, halves first. */
float vq_sum1(float v) {
    return v;
}
float vq_sum4(float4 v) {
    return (v.s0 + v.s2) + (v.s1 + v.s3);
}
float vq_sum8(float8 v) {
    return vq_sum4(v.lo + v.hi);
}
float vq_sum16(float16 v) {
    return vq_sum8(v.lo + v.hi);
}
#define vq_sum(v) VQ_JOIN(vq_sum, VW)(v)

/* Sum over a work-group of n items, a power of two, item i giving v: a tree in `tree` [n] whose order is fixed. To every item. */
float vq_group_sum(float v, local float *tree, int i, int n) {
    tree[i] = v;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int span = n / 2; span > 0; span /= 2) {
        if (i < span)
            tree[i] += tree[i + span];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float sum = tree[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum;
}

/* The same of registers over the y of a work-group of across x down items, item (x, y) giving v: to every item of a column. */
vf vq_column_sum(vf v, local vf *tree, int x, int y, int across, int down) {
    local vf *own = tree + y * across + x;
    *own = v;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int span = down / 2; span > 0; span /= 2) {
        if (y < span)
            *own += own[span * across];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const vf sum = tree[x];
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum;
}

/* The number of this work-group along dimension d: a launch may be a part of a grid, and get_group_id starts anew in each. */
#define VQ_GROUP_ID(d) ((int)((uint)get_global_id(d) / (uint)get_local_size(d)))

/* A work-group of LX x LY items on a GPU, one item on a CPU. */
#ifndef LX
#define LX 1
#endif
#ifndef LY
#define LY 1
#endif
#define VQ_GROUP __attribute__((reqd_work_group_size(LX, LY, 1)))
#define VQ_GROUP_ITEM ((int)(get_local_id(1) * LX + get_local_id(0)))     /* the number of an item in it, of LX LY */
#define VQ_ALL_ITEMS __attribute__((reqd_work_group_size(LX * LY, 1, 1))) /* the same items in a row */
#ifdef VQ_GPU /* the same where a CPU takes as many as it likes: told of fewer than it must expect, a compiler has more registers */
#define VQ_SPREAD VQ_ALL_ITEMS
#else
#define VQ_SPREAD
#endif
/* The n channels from d on of a register, for each of a row's D that is this item's. */
#define VQ_CHANNELS(d, n, D) for (int d = (int)get_local_id(0) * VW, n; n = min(VW, D - d), d < D; d += LX * VW)

/* The register tile of the matrix kernels on a CPU: VQ_MR rows of A by VQ_NR columns of B in 24 (or 12) accumulators, two registers
 * of B and a broadcast of A; 32 registers of 16 floats, or 16 of 8. VQ_KC steps of both operands stay in the first-level cache. */
#define VQ_ONE_ITEM __attribute__((reqd_work_group_size(1, 1, 1)))
#ifndef VQ_MR
#define VQ_MR (VW == 16 ? 12 : 6)
#endif
#define VQ_NR (2 * VW)
#ifndef VQ_KC
#define VQ_KC 256
#endif
#define VQ_KS (VQ_KC + 16) /* floats between packed rows of A: no power of two, lest they share a cache set */

/* c[i] += sum over k < n of a[i * row + k * step] b[k], a chain of fused multiply-adds in order of k: any cutting of k into calls
 * yields the same bits. c0 and c1 hold the left and right half of each row; b is a packed panel of VQ_NR columns. Meanwhile a register
 * of what lies at `ahead`, `hop` floats from one to the next, is asked for every four steps: tiles share the fetching of the panel after
 * theirs, the tile of row m of a block having share VQ_SHARE(m) of 4 VQ_NR / VW, of VQ_KC / 4 registers each. */
#define VQ_SHARE(m) ((m) / VQ_MR % (4 * VQ_NR / VW))
__attribute__((always_inline)) void vq_tile(vf *c0, vf *c1, const local float *a, const int row, const int step,
                                            const global float *b, int n, const global float *ahead, size_t hop) {
    for (; n >= 4; n -= 4) {
        VQ_PREFETCH_FAR(ahead);
        ahead += hop;
        VQ_UNROLL for (int k = 0; k < 4; k++) {
            const vf b0 = VLOAD(b + k * VQ_NR), b1 = VLOAD(b + k * VQ_NR + VW);
            VQ_UNROLL for (int i = 0; i < VQ_MR; i++) {
                const vf x = (vf)(a[i * row + k * step]);
                c0[i] = fma(x, b0, c0[i]);
                c1[i] = fma(x, b1, c1[i]);
            }
        }
        a += 4 * step;
        b += 4 * VQ_NR;
    }
    for (; n > 0; n--) {
        const vf b0 = VLOAD(b), b1 = VLOAD(b + VW);
        VQ_UNROLL for (int i = 0; i < VQ_MR; i++) {
            const vf x = (vf)(a[i * row]);
            c0[i] = fma(x, b0, c0[i]);
            c1[i] = fma(x, b1, c1[i]);
        }
        a += step;
        b += VQ_NR;
    }
}

/* Four rows of four floats become columns, 16 floats at a time instead of one. */
__attribute__((always_inline)) void vq_turn(float4 *m) {
    const float4 a = m[0], b = m[1], c = m[2], d = m[3];
    m[0] = (float4)(a.s0, b.s0, c.s0, d.s0);
    m[1] = (float4)(a.s1, b.s1, c.s1, d.s1);
    m[2] = (float4)(a.s2, b.s2, c.s2, d.s2);
    m[3] = (float4)(a.s3, b.s3, c.s3, d.s3);
}

/* Rows n0 to n0 + VQ_NR of x [N][K], n steps from k0, transposed as a panel [n][VQ_NR]. Zeros stand for rows past N. */
void vq_pack_rows(global float *restrict to, const global float *restrict x, int n0, int N, int K, int k0, int n) {
    int j = 0;
    for (; j + 4 <= min(N - n0, VQ_NR); j += 4) {
        const global float *from = x + (size_t)(n0 + j) * K + k0;
        int k = 0;
        for (; k + 4 <= n; k += 4) {
            float4 m[4];
            VQ_UNROLL for (int i = 0; i < 4; i++) m[i] = vload4(0, from + (size_t)i * K + k);
            vq_turn(m);
            VQ_UNROLL for (int i = 0; i < 4; i++) vstore4(m[i], 0, to + (size_t)(k + i) * VQ_NR + j);
        }
        for (; k < n; k++)
            for (int i = 0; i < 4; i++)
                to[(size_t)k * VQ_NR + j + i] = from[(size_t)i * K + k];
    }
    for (; j < VQ_NR; j++) {
        const global float *from = x + (size_t)(n0 + j) * K + k0;
        if (n0 + j < N)
            for (int k = 0; k < n; k++)
                to[(size_t)k * VQ_NR + j] = from[k];
        else
            for (int k = 0; k < n; k++)
                to[(size_t)k * VQ_NR + j] = 0.0f;
    }
}

/* Rows m0 to m1 of x [M][K], steps k0 to k0 + n, copied to `to` with VQ_KS floats between rows; rows past m1 up to `rows` become
 * zeros. */
void vq_pack_block(local float *restrict to, const global float *restrict x, int m0, int m1, int rows, int K, int k0, int n) {
    for (int i = 0; i < rows; i++) {
        local float *row = to + i * VQ_KS;
        const global float *from = x + (size_t)(m0 + i) * K + k0;
        int k = 0;
        if (m0 + i < m1) {
            for (; k + VW <= n; k += VW)
                LSTORE(GLOAD(from + k), row + k);
            for (; k < n; k++)
                row[k] = from[k];
        }
        for (; k < n; k++)
            row[k] = 0.0f;
    }
}

/* y = dropout(x) + residual, and without a residual the gradient too. A work-item takes `per` registers, whole blocks. What is kept
 * is drawn as base/rng.h says: words lie in a register in the order of the elements they are for, four a block. */
#define M0 0xD2511F53U
#define M1 0xCD9E8D57U
#if VW == 16
#define BLOCKS(x, step) (uint16)(x, x + step, x + 2 * step, x + 3 * step)
#define PAIRS(w) as_ulong8(w)
#define WORDS(p) as_uint16(p)
#define REVERSED s32107654ba98fedc
typedef uint16 words;
typedef ulong8 pairs;
#elif VW == 8
#define BLOCKS(x, step) (uint8)(x, x + step)
#define PAIRS(w) as_ulong4(w)
#define WORDS(p) as_uint8(p)
#define REVERSED s32107654
typedef uint8 words;
typedef ulong4 pairs;
#else
#define BLOCKS(x, step) (x)
#define PAIRS(w) as_ulong2(w)
#define WORDS(p) as_uint4(p)
#define REVERSED s3210
typedef uint4 words;
typedef ulong2 pairs;
#endif
#define SAME(a, b, c, d) BLOCKS((uint4)(a, b, c, d), 0)
#if VW <= 4 /* a GPU's compiler sees that 32 bits are multiplied, a CPU has an instruction for the low halves of a register */
#define PRODUCTS(p) (pairs)((ulong)(uint)(p).x * M0, (ulong)(uint)(p).y * M1)
#else
#define PRODUCTS(p) ((p & 0xffffffffUL) * PAIRS(SAME(M0, 0, M1, 0)))
#endif

/* Philox 4x32-10 of a register's counters. A round makes of (a, b, c, d), with the products c M1 and a M0 as halves,
 * (high1 ^ b ^ key0, low1, high0 ^ d ^ key1, low0): the products of words 0 and 2, as pairs and backwards. */
words philox(words counter, uint key0, uint key1) {
    words key = SAME(key0, 0, key1, 0);
    pairs p = PAIRS(counter);
    VQ_UNROLL for (int round = 0; round < 10; round++) {
        p = PAIRS(WORDS(PRODUCTS(p)).REVERSED) ^ (p >> 32) ^ PAIRS(key);
        key += SAME(0x9E3779B9U, 0, 0xBB67AE85U, 0);
    }
    return WORDS(p);
}

/* Elements whose word is below the limit, in units of 2^-24, are dropped; the others are scaled. */
kernel void dropout(global float *y, const global float *x, const global float *residual, int limit, float scale, uint key0,
                    uint key1, uint stream, uint step0, uint step1, uint n, uint per) {
    const uint first = (uint)get_global_id(0) * per * VW, end = min(first + per * VW, n);
    words counter = BLOCKS(((uint4)(first / 4, stream, step0, step1)), ((uint4)(1, 0, 0, 0)));
#if VW == 1
    words four = 0;
#endif
    for (uint i = first; i < end; i += VW) {
        const int part = min(end - i, (uint)VW);
        vf v = vq_load(x + i, part);
        if (limit) {
#if VW == 1
            if (i % 4 == 0) {
                four = philox(counter, key0, key1);
                counter.s0++;
            }
            const uint word = i & 2 ? i & 1 ? four.s3 : four.s2 : i & 1 ? four.s1 : four.s0;
#else
            const words word = philox(counter, key0, key1);
            counter += SAME(VW / 4, 0, 0, 0);
#endif
            v = AS_VI(word >> 8) < limit ? (vf)(0.0f) : v * scale;
        }
        vq_store(residual ? v + vq_load(residual + i, part) : v, y + i, part);
    }
}

/* Transforms along the rows of [N][C]. N is cut into one to three lengths n, each a pass over memory: a work-group takes the n rows of G
 * registers of columns through a block of local memory, by steps of radix 2, 3, 4, 5 and 8 that leave the frequencies in reversed order
 * of digits, where the next step wants them. The first step reads its rows from where they lie and the last one writes them to where
 * they belong, so the block is crossed one time less than there are steps.
 *
 * A column is a channel of a row: of a pass but the last the `stride` rows below one another are columns too, of as many transforms, and
 * of the last pass the C channels of each of the N / n transforms. On a CPU an item takes the whole block and a register holds VW
 * columns, which are channels of one row if ALIGNED (C is a multiple of G VW) and any columns otherwise. On a GPU an item takes a column
 * and every LY-th butterfly. Backward is forward with real and imaginary parts in each other's place. */
#ifndef G
#define G 1 /* registers of a group */
#endif
#ifndef ALIGNED
#define ALIGNED 0
#endif
#ifdef VQ_GPU
#define FW 1
typedef float lanes;
#define LANE(v, l) (v)
#define STEP_ENDS() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE) /* rows may be written where they were read */
#else
#define FW VW
typedef vf lanes;
#define STEP_ENDS()
#endif
#define REGISTERS ((G + LX - 1) / LX) /* of an item */
#define EACH_VALUE(i, R) _Pragma("unroll") for (int i = 0; i < 8; i++) if (i < (R))

/* What a group knows: where its rows lie. */
typedef struct where {
    const global float *re, *im; /* read from */
    global float *to_re, *to_im; /* written to */
    const global float *fine, *coarse; /* exp(-2 pi i k / M): k < 2^shift, and multiples of 2^shift */
    size_t step, to_step; /* floats between rows */
    int shift, imaginary; /* floats from real to imaginary parts in the block */
    int count;            /* columns from the group's first on */
#if ALIGNED
    size_t at, to;
    int turn;
#else
    size_t at[REGISTERS * FW], to[REGISTERS * FW];
    int turn[REGISTERS * FW];
    bool run_in[REGISTERS], run_out[REGISTERS], alike[REGISTERS];
#endif
} where;

#include "butterfly.cl"

INLINE void butterfly(const int R, lanes *re, lanes *im) {
    if (R == 2)
        dft2(re, im);
    else if (R == 3)
        dft3(re, im);
    else if (R == 4)
        dft4(re, im);
    else if (R == 5)
        dft5(re, im);
    else if (R == 8)
        dft8(re, im);
}

INLINE void turn_by(lanes *re, lanes *im, const lanes wr, const lanes wi) {
    const lanes r = *re;
    *re = fma(r, wr, -(*im * wi));
    *im = fma(r, wi, *im * wr);
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------------------- */

/* exp(-2 pi i e / M), a product of two that are tabled. */
INLINE float2 root_of(const where *w, const int e) {
    const float2 a = vload2(e & ((1 << w->shift) - 1), w->fine), b = vload2(e >> w->shift, w->coarse);
    return (float2)(fma(a.x, b.x, -(a.y * b.y)), fma(a.x, b.y, a.y * b.x));
}

INLINE lanes read_row(const where *w, const global float *from, const int g, const size_t row) {
#if ALIGNED
    return GLOAD(from + w->at + g * FW + row);
#elif FW == 1
    return from[w->at[g] + row];
#else
    if (w->run_in[g])
        return GLOAD(from + w->at[g * FW] + row);
    float part[FW];
    for (int l = 0; l < FW; l++)
        part[l] = from[w->at[g * FW + l] + row];
    return VLOAD(part);
#endif
}

INLINE void write_row(const where *w, global float *to, const int g, const int first, const size_t row, const lanes v) {
#if ALIGNED
    GSTORE(v, to + w->to + g * FW + row);
#elif FW == 1
    to[w->to[g] + row] = v;
#else
    if (w->run_out[g]) {
        GSTORE(v, to + w->to[g * FW] + row);
        return;
    }
    float part[FW];
    VSTORE(v, part);
    for (int l = 0; l < FW && first + l < w->count; l++)
        to[w->to[g * FW + l] + row] = part[l];
#endif
}

/* Rows that are read, or written, next are asked for in time: they lie too far apart for the hardware to foresee. */
INLINE void expect_row(const where *w, const int g, const size_t row) {
#if ALIGNED
    VQ_PREFETCH(w->re + w->at + g * FW + row);
    VQ_PREFETCH(w->im + w->at + g * FW + row);
#endif
}

INLINE void claim_row(const where *w, const int g, const size_t row) {
#if ALIGNED
    VQ_PREFETCH_TO_WRITE(w->to_re + w->to + g * FW + row);
    VQ_PREFETCH_TO_WRITE(w->to_im + w->to + g * FW + row);
#endif
}

/* Turns row k of register g as far as its columns' places in the cut of N ask for. */
INLINE void turn_row(const where *w, const int g, const int k, lanes *re, lanes *im) {
#if ALIGNED
    const float2 root = root_of(w, w->turn * k);
    turn_by(re, im, (lanes)(root.x), (lanes)(root.y));
#elif FW == 1
    const float2 root = root_of(w, w->turn[g] * k);
    turn_by(re, im, root.x, root.y);
#else
    if (w->alike[g]) {
        const float2 root = root_of(w, w->turn[g * FW] * k);
        turn_by(re, im, (lanes)(root.x), (lanes)(root.y));
        return;
    }
    float r[FW], i[FW];
    for (int l = 0; l < FW; l++) {
        const float2 root = root_of(w, w->turn[g * FW + l] * k);
        r[l] = root.x;
        i[l] = root.y;
    }
    turn_by(re, im, VLOAD(r), VLOAD(i));
#endif
}

/* ---- Steps ---------------------------------------------------------------------------------------------------------------------- */

/* All butterflies of radix R in transforms of length m, of which n / m lie one behind another in the block. Of the first step m is n, of
 * the last R. twiddles: exp(-2 pi i j q / m) at j (R - 1) + q - 1; of the last step the butterfly that rows t, t + n / R, ... come of,
 * which are written in their order. */
INLINE void take_step(const int R, const bool first, const bool last, const where *w, local float *block, const int pitch,
                 const global float *twiddles, const int n, const int m, const bool turned) {
    const int span = m / R, count = n / R, lx = (int)get_local_id(0);
    for (int t = (int)get_local_id(1); t < count; t += LY) {
        const int s = first ? 0 : last ? (int)twiddles[t] : t / span, j = first ? t : last ? 0 : t - s * span;
        local float *rows = block + (s * m + j) * pitch;
        const global float *roots = twiddles + 2 * (R - 1) * j;
        for (int r = 0; r < REGISTERS; r++) {
            const int g = r * LX + lx;
            lanes re[8], im[8];
            if (!ALIGNED && g * FW >= w->count)
                break;
            EACH_VALUE(i, R) {
                if (first) {
                    const size_t row = (size_t)(t + i * span) * w->step;
                    expect_row(w, r, row + w->step);
                    re[i] = read_row(w, w->re, r, row);
                    im[i] = read_row(w, w->im, r, row);
                } else {
                    const local float *row = rows + i * span * pitch + g * FW;
                    re[i] = *(const local lanes *)row;
                    im[i] = *(const local lanes *)(row + w->imaginary);
                }
            }
            if (last)
                EACH_VALUE(i, R) claim_row(w, r, (size_t)(t + 1 + i * count) * w->to_step);
            butterfly(R, re, im);
            EACH_VALUE(i, R) {
                if (last) {
                    const int to = t + i * count;
                    if (turned)
                        turn_row(w, r, to, &re[i], &im[i]);
                    write_row(w, w->to_re, r, g * FW, (size_t)to * w->to_step, re[i]);
                    write_row(w, w->to_im, r, g * FW, (size_t)to * w->to_step, im[i]);
                } else {
                    if (i)
                        turn_by(&re[i], &im[i], (lanes)(roots[2 * i - 2]), (lanes)(roots[2 * i - 1]));
                    local float *row = rows + i * span * pitch + g * FW;
                    *(local lanes *)row = re[i];
                    *(local lanes *)(row + w->imaginary) = im[i];
                }
            }
        }
    }
    STEP_ENDS();
}

INLINE void choose_step(const int R, const bool first, const bool last, const where *w, local float *block, const int pitch,
                 const global float *twiddles, const int n, const int m, const bool turned) {
    switch (R) {
    case 8:
        take_step(8, first, last, w, block, pitch, twiddles, n, m, turned);
        break;
    case 5:
        take_step(5, first, last, w, block, pitch, twiddles, n, m, turned);
        break;
    case 4:
        take_step(4, first, last, w, block, pitch, twiddles, n, m, turned);
        break;
    case 3:
        take_step(3, first, last, w, block, pitch, twiddles, n, m, turned);
        break;
    case 2:
        take_step(2, first, last, w, block, pitch, twiddles, n, m, turned);
        break;
    default:
        take_step(1, first, last, w, block, pitch, twiddles, n, m, turned);
    }
}

/* A pass: transforms of length n, `stride` rows apart, of `rows` = N / n in all. radices: decimal digits, the first lowest, at least two.
 * in and out: planes of in_planes and out_planes entries, read and written from entry in_first and out_first on. turns: where the roots of
 * n stride begin in the table, 0 in the last pass, whose transform r = a lower + b gives rows b upper + a, upper = rows / lower, and every
 * rows-th after it. */
kernel VQ_GROUP void fft_pass(global float *out, const global float *in, const global float *table, local float *block, int n,
                              int stride, int rows, int C, int radices, int turns, int shift, int lower, int in_planes, int in_first,
                              int out_planes, int out_first, int swaps) {
    const size_t entry = (size_t)n * rows * C, in_plane = entry * in_planes, out_plane = entry * out_planes;
    const global float *from = in + entry * (in_first + VQ_GROUP_ID(1));
    global float *to = out + entry * (out_first + VQ_GROUP_ID(1));
    const int upper = rows / lower;
    where w;
    w.re = from + (swaps & 1 ? in_plane : 0);
    w.im = from + (swaps & 1 ? 0 : in_plane);
    w.to_re = to + (swaps & 2 ? out_plane : 0);
    w.to_im = to + (swaps & 2 ? 0 : out_plane);
    w.fine = table + turns;
    w.coarse = w.fine + (2 << shift);
    w.step = (size_t)stride * C;
    w.to_step = turns ? w.step : (size_t)rows * C;
    w.shift = shift;
#ifdef VQ_GPU
    const int pitch = G;
    w.imaginary = n * G;
#else
    const int pitch = (2 * G + 1) * FW; /* odd, lest rows that are read together share a cache set */
    w.imaginary = G * FW;
#endif
    const size_t first = (size_t)VQ_GROUP_ID(0) * (G * FW), columns = (size_t)rows * C;
    w.count = (int)min((size_t)(G * FW), columns - first);
#if ALIGNED
    {
        const int row = (int)(first / C), c = (int)(first - (size_t)row * C), a = row / (turns ? stride : lower),
                  b = row - a * (turns ? stride : lower);
        w.at = ((turns ? (size_t)a * n * stride + b : (size_t)row * n)) * C + c;
        w.to = turns ? w.at : ((size_t)b * upper + a) * C + c;
        w.turn = b;
    }
#else
    for (int r = 0; r < REGISTERS; r++) {
        for (int l = 0; l < FW; l++) {
            const size_t column = min(first + (r * LX + get_local_id(0)) * FW + l, columns - 1);
            const int row = (int)(column / C), c = (int)(column - (size_t)row * C), a = row / (turns ? stride : lower),
                      b = row - a * (turns ? stride : lower), i = r * FW + l;
            w.at[i] = ((turns ? (size_t)a * n * stride + b : (size_t)row * n)) * C + c;
            w.to[i] = turns ? w.at[i] : ((size_t)b * upper + a) * C + c;
            w.turn[i] = b;
        }
        const bool whole = r * FW + FW <= w.count;
        w.run_in[r] = w.run_out[r] = whole;
        w.alike[r] = true;
        for (int l = 1; l < FW; l++) {
            w.run_in[r] = w.run_in[r] && w.at[r * FW + l] == w.at[r * FW] + l;
            w.run_out[r] = w.run_out[r] && w.to[r * FW + l] == w.to[r * FW] + l;
            w.alike[r] = w.alike[r] && w.turn[r * FW + l] == w.turn[r * FW];
        }
    }
#endif
    int m = n, R = radices % 10;
    choose_step(R, true, false, &w, block, pitch, table, n, m, false);
    table += 2 * (m / R) * (R - 1);
    m /= R;
    for (radices /= 10; radices >= 10; radices /= 10) {
        R = radices % 10;
        choose_step(R, false, false, &w, block, pitch, table, n, m, false);
        table += 2 * (m / R) * (R - 1);
        m /= R;
    }
    if (turns)
        choose_step(radices, false, true, &w, block, pitch, table, n, m, true);
    else
        choose_step(radices, false, true, &w, block, pitch, table, n, m, false);
}

/* The plain one: a step of radix R over all of a series whose transforms of length `done` are there, an output an item: sums over the R
 * series that lie N / R apart, turned. roots: exp(-2 pi i k / N), k < N. Planes as above. */
kernel VQ_SPREAD void fft_plain(global float *out, const global float *in, const global float *roots, int N, int C, int R, int done,
                                int in_planes, int in_first, int out_planes, int out_first, int swaps) {
    const size_t entry = (size_t)N * C, in_plane = entry * in_planes, out_plane = entry * out_planes, at = get_global_id(0);
    if (at >= entry)
        return;
    const int n = (int)(at / C), c = (int)(at - (size_t)n * C), low = n % done, k = n % (done * R), apart = N / R;
    const global float *from = in + entry * (in_first + VQ_GROUP_ID(1)) + (size_t)(n / (done * R) * done + low) * C + c;
    float re = 0.0f, im = 0.0f;
    for (int i = 0; i < R; i++) {
        const size_t row = (size_t)i * apart * C;
        const float a = from[row + (swaps & 1 ? in_plane : 0)], b = from[row + (swaps & 1 ? 0 : in_plane)];
        const float2 root = vload2((size_t)i * k % (done * R) * (N / (done * R)), roots);
        re = fma(a, root.x, fma(-b, root.y, re));
        im = fma(a, root.y, fma(b, root.x, im));
    }
    global float *to = out + entry * (out_first + VQ_GROUP_ID(1)) + at;
    to[swaps & 2 ? out_plane : 0] = re;
    to[swaps & 2 ? 0 : out_plane] = im;
}

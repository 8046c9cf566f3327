/* Gated long convolution by transforms modulo X^N - i (src/ops/longconv.h). A series of N points is transformed in place: the first pass,
 * fused with reading the rows, splits it into FIRST series modulo X^M - r for the roots r of i; each pass after it, of a radix named by the
 * host, splits every series again; the last splits series of LEAF points into single ones in registers, where they are multiplied by the
 * filter's. Backward runs the same passes in reverse, and the last of them writes rows. No pass reorders: bins lie as the splits leave them.
 *
 * A point is a row of real parts and, `imag` floats behind, one of imaginary parts: of one register of channels on a CPU, whose work-item
 * takes a series from one end to the other, deepest blocks first, so that most passes find theirs in the nearest cache; of all channels on
 * a GPU, where each pass is a launch and a work-item has one butterfly of one register. */
#ifndef FIRST
#define FIRST 8
#endif
#ifndef LEAF
#define LEAF 8
#endif
#ifndef MOST /* the largest radix of the passes between */
#define MOST 8
#endif
typedef vf lanes;
#include "butterfly.cl"

#define DFT(R) VQ_JOIN(dft, R)

/* ---- Passes ------------------------------------------------------------------------------------------------------------------ */

INLINE void get(vf *re, vf *im, const global float *from, const int imag) {
    *re = GLOAD(from);
    *im = GLOAD(from + imag);
}

INLINE void put(vf re, vf im, global float *to, const int imag) {
    GSTORE(re, to);
    GSTORE(im, to + imag);
}

/* x times (or, `back`, times the conjugate of) the complex number at w. */
INLINE void rotate(vf *re, vf *im, const global float *w, const bool back) {
    const vf c = (vf)(w[0]), s = (vf)(back ? -w[1] : w[1]), r = fma(*re, c, -(*im * s));
    *im = fma(*im, c, *re * s);
    *re = r;
}

/* Column j of a series of R M points: split into R series of M points, or joined again. w: factors [M][R - 1]. R a literal, and arrays no
 * longer than that: one compiler leaves them in memory otherwise. */
#define PASSES(R)                                                                                                                  \
    INLINE void split##R(global float *x, const global float *w, int M, int j, const int imag) {                                   \
        vf re[R], im[R];                                                                                                           \
        const size_t step = (size_t)M * 2 * imag;                                                                                  \
        x += (size_t)j * 2 * imag;                                                                                                 \
        w += 2 * (R - 1) * (size_t)j;                                                                                              \
        VQ_UNROLL for (int q = 0; q < R; q++) get(re + q, im + q, x + q * step, imag);                                             \
        dft##R(re, im);                                                                                                            \
        VQ_UNROLL for (int k = 1; k < R; k++) rotate(re + k, im + k, w + 2 * (k - 1), false);                                      \
        VQ_UNROLL for (int k = 0; k < R; k++) put(re[k], im[k], x + k * step, imag);                                               \
    }                                                                                                                              \
    INLINE void join##R(global float *x, const global float *w, int M, int j, const int imag) {                                    \
        vf re[R], im[R];                                                                                                           \
        const size_t step = (size_t)M * 2 * imag;                                                                                  \
        x += (size_t)j * 2 * imag;                                                                                                 \
        w += 2 * (R - 1) * (size_t)j;                                                                                              \
        VQ_UNROLL for (int k = 0; k < R; k++) get(re + k, im + k, x + k * step, imag);                                             \
        VQ_UNROLL for (int k = 1; k < R; k++) rotate(re + k, im + k, w + 2 * (k - 1), true);                                       \
        dft##R(im, re);                                                                                                            \
        VQ_UNROLL for (int q = 0; q < R; q++) put(re[q], im[q], x + q * step, imag);                                               \
    }
PASSES(2)
PASSES(3)
PASSES(4)
PASSES(5)
PASSES(8)
#if MOST == 16
PASSES(16)
#endif

#define EACH_POINT VQ_UNROLL for (int q = 0; q < LEAF; q++)

INLINE void get_leaf(vf *re, vf *im, const global float *x, const int imag) {
    EACH_POINT get(re + q, im + q, x + q * 2 * imag, imag);
}

INLINE void put_leaf(const vf *re, const vf *im, global float *x, const int imag) {
    EACH_POINT put(re[q], im[q], x + q * 2 * imag, imag);
}

/* LEAF points of a filter: its spectrum, divided by N once for all. */
INLINE void leaf_spectrum(global float *x, float scale, const int imag) {
    vf re[LEAF], im[LEAF];
    get_leaf(re, im, x, imag);
    DFT(LEAF)(re, im);
    EACH_POINT {
        re[q] *= scale;
        im[q] *= scale;
    }
    put_leaf(re, im, x, imag);
}

/* LEAF points convolved with the filter whose spectrum is h, and a bias at lag 0. */
INLINE void leaf_convolve(global float *x, const global float *h, vf bias, const int imag) {
    vf re[LEAF], im[LEAF];
    get_leaf(re, im, x, imag);
    DFT(LEAF)(re, im);
    EACH_POINT {
        const vf hr = GLOAD(h + q * 2 * imag) + bias, hi = GLOAD(h + q * 2 * imag + imag), r = fma(re[q], hr, -(im[q] * hi));
        im[q] = fma(im[q], hr, re[q] * hi);
        re[q] = r;
    }
    DFT(LEAF)(im, re);
    put_leaf(re, im, x, imag);
}

/* One point of the spectra of u and of s's gradient g: g = u's gradient; that of h's gradient is added to dh, or opens it. */
INLINE void point_gradient(vf *re, vf *im, const global float *u, global float *dh, const global float *h, vf bias, bool opens,
                           const int imag) {
    const vf gr = *re, gi = *im;
    vf ur, ui, hr, hi, dr = (vf)(0.0f), di = (vf)(0.0f);
    get(&ur, &ui, u, imag);
    get(&hr, &hi, h, imag);
    if (!opens)
        get(&dr, &di, dh, imag);
    put(fma(gr, ur, fma(gi, ui, dr)), fma(gi, ur, fma(-gr, ui, di)), dh, imag);
    hr += bias;
    *re = fma(gr, hr, gi * hi);
    *im = fma(gi, hr, -(gr * hi));
}

/* From LEAF points of u and g. The spectrum of u goes by memory, for registers do not hold both. */
INLINE void leaf_gradient(global float *g, global float *u, global float *dh, const global float *h, vf bias, bool opens,
                          const int imag) {
    vf re[LEAF], im[LEAF];
    get_leaf(re, im, u, imag);
    DFT(LEAF)(re, im);
    put_leaf(re, im, u, imag);
    get_leaf(re, im, g, imag);
    DFT(LEAF)(re, im);
    EACH_POINT {
        const int at = q * 2 * imag;
        point_gradient(re + q, im + q, u + at, dh + at, h + at, bias, opens, imag);
    }
    DFT(LEAF)(im, re);
    put_leaf(re, im, g, imag);
}

/* LEAF points of the sum of `parts` spectra, `apart` floats from one to the next, back into the first. */
INLINE void leaf_back(global float *x, int parts, size_t apart, const int imag) {
    vf re[LEAF], im[LEAF];
    get_leaf(re, im, x, imag);
    for (int p = 1; p < parts; p++)
        EACH_POINT {
            re[q] += GLOAD(x + p * apart + q * 2 * imag);
            im[q] += GLOAD(x + p * apart + q * 2 * imag + imag);
        }
    DFT(LEAF)(im, re);
    put_leaf(re, im, x, imag);
}

/* ---- First and last pass: rows ----------------------------------------------------------------------------------------------- */

/* Column j of N points: FIRST real values, which are to be read into re, turned by a quarter of a circle over N points and split.
 * tables: FIRST factors exp(i pi q / 2 FIRST), then [M][FIRST] of the split, with the turn of column j. */
#define EACH_FIRST VQ_UNROLL for (int q = 0; q < FIRST; q++)

INLINE void open_series(global float *x, vf *re, vf *im, const global float *tables, int M, int j, const int imag) {
    const size_t step = (size_t)M * 2 * imag;
    const global float *w = tables + 2 * FIRST * (1 + (size_t)j);
    DFT(FIRST)(re, im);
    x += (size_t)j * 2 * imag;
    VQ_UNROLL for (int k = 0; k < FIRST; k++) {
        rotate(re + k, im + k, w + 2 * k, false);
        put(re[k], im[k], x + k * step, imag);
    }
}

INLINE void close_series(vf *re, vf *im, const global float *x, const global float *tables, int M, int j, const int imag) {
    const size_t step = (size_t)M * 2 * imag;
    const global float *w = tables + 2 * FIRST * (1 + (size_t)j);
    x += (size_t)j * 2 * imag;
    VQ_UNROLL for (int k = 0; k < FIRST; k++) {
        get(re + k, im + k, x + k * step, imag);
        rotate(re + k, im + k, w + 2 * k, true);
    }
    DFT(FIRST)(im, re);
}

/* n channels of the rows of one entry. Rows `stride` floats apart; NULL: ones. */
typedef struct rows {
    const global float *at;
    int stride;
} rows;
typedef struct rows_out {
    global float *at;
    int stride;
} rows_out;

#define ROW(r, l) ((r).at + (size_t)(l) * (r).stride)

bool is_there(const global uchar *mask, int L, int l) {
    return l < L && (!mask || mask[l]);
}

/* u = v x1 */
INLINE void read_values(global float *x, rows v, rows gate, const global uchar *mask, const global float *tables, int L, int M, int j,
                        int n, const int imag) {
    vf re[FIRST], im[FIRST];
    EACH_FIRST {
        const int l = j + q * M;
        vf u = (vf)(0.0f);
        if (is_there(mask, L, l)) {
            u = vq_load(ROW(v, l), n);
            if (gate.at)
                u *= vq_load(ROW(gate, l), n);
        }
        re[q] = u * tables[2 * q];
        im[q] = u * tables[2 * q + 1];
    }
    open_series(x, re, im, tables, M, j, imag);
}

/* s, y = s x0 */
INLINE void write_values(const global float *x, rows_out y, rows_out s, rows gate, const global uchar *mask, const global float *tables,
                         int L, int M, int j, int n, const int imag) {
    vf re[FIRST], im[FIRST];
    close_series(re, im, x, tables, M, j, imag);
    EACH_FIRST {
        const int l = j + q * M;
        if (l < L) {
            vf sum = fma(re[q], (vf)(tables[2 * q]), im[q] * tables[2 * q + 1]), gated = sum;
            if (!is_there(mask, L, l))
                sum = gated = (vf)(0.0f);
            else if (gate.at)
                gated = sum * vq_load(ROW(gate, l), n);
            if (s.at)
                vq_store(sum, s.at + (size_t)l * s.stride, n);
            vq_store(gated, y.at + (size_t)l * y.stride, n);
        }
    }
}

/* g = dy x0, dx0 = dy s */
INLINE void read_gradients(global float *x, rows_out dgate, rows dy, rows gate, rows s, const global uchar *mask,
                           const global float *tables, int L, int M, int j, int n, const int imag) {
    vf re[FIRST], im[FIRST];
    EACH_FIRST {
        const int l = j + q * M;
        vf g = (vf)(0.0f), d = g;
        if (is_there(mask, L, l)) {
            g = vq_load(ROW(dy, l), n);
            if (gate.at) {
                d = g * vq_load(ROW(s, l), n);
                g *= vq_load(ROW(gate, l), n);
            }
        }
        if (gate.at && l < L)
            vq_store(d, dgate.at + (size_t)l * dgate.stride, n);
        re[q] = g * tables[2 * q];
        im[q] = g * tables[2 * q + 1];
    }
    open_series(x, re, im, tables, M, j, imag);
}

/* dx1 = du v, dv = du x1 */
INLINE void write_gradients(const global float *x, rows_out dgate, rows_out dv, rows v, rows gate, const global uchar *mask,
                            const global float *tables, int L, int M, int j, int n, const int imag) {
    vf re[FIRST], im[FIRST];
    close_series(re, im, x, tables, M, j, imag);
    EACH_FIRST {
        const int l = j + q * M;
        if (l < L) {
            const bool there = is_there(mask, L, l);
            vf du = fma(re[q], (vf)(tables[2 * q]), im[q] * tables[2 * q + 1]), d = (vf)(0.0f);
            if (!there)
                du = d;
            if (gate.at) {
                if (there) {
                    d = du * vq_load(ROW(v, l), n);
                    du *= vq_load(ROW(gate, l), n);
                }
                vq_store(d, dgate.at + (size_t)l * dgate.stride, n);
            }
            vq_store(du, dv.at + (size_t)l * dv.stride, n);
        }
    }
}

/* Lag q of a filter at its place; lag q - N, where it has negative ones, as its product with -i. h: n channels of rows of C, from lag -before
 * on. */
INLINE void read_filter(global float *x, const global float *h, const global float *tables, int L, int C, int before, int N, int j, int n,
                        const int imag) {
    vf re[FIRST], im[FIRST];
    const int M = N / FIRST;
    EACH_FIRST {
        const int l = j + q * M;
        const vf ahead = l < L ? vq_load(h + (size_t)(before + l) * C, n) : (vf)(0.0f);
        const vf behind = N - l <= before ? vq_load(h + (size_t)(before + l - N) * C, n) : (vf)(0.0f);
        const float c = tables[2 * q], s = tables[2 * q + 1];
        re[q] = fma(ahead, (vf)(c), behind * s);
        im[q] = fma(ahead, (vf)(s), -(behind * c));
    }
    open_series(x, re, im, tables, M, j, imag);
}

/* Adds to dh, and lag 0 to dbias, which acts there. */
INLINE void write_filter(const global float *x, global float *dh, global float *dbias, const global float *tables, int L, int C, int before,
                         int N, int j, int n, const int imag) {
    vf re[FIRST], im[FIRST];
    const int M = N / FIRST;
    const float scale = 1.0f / N;
    close_series(re, im, x, tables, M, j, imag);
    EACH_FIRST {
        const int l = j + q * M;
        const float c = tables[2 * q] * scale, s = tables[2 * q + 1] * scale;
        const vf ahead = fma(re[q], (vf)(c), im[q] * s), behind = fma(re[q], (vf)(s), -(im[q] * c));
        global float *to = dh + (size_t)(before + l) * C;
        if (l < L)
            vq_store(vq_load(to, n) + ahead, to, n);
        to = dh + (size_t)(before + l - N) * C;
        if (N - l <= before)
            vq_store(vq_load(to, n) + behind, to, n);
        if (l == 0)
            vq_store(vq_load(dbias, n) + ahead, dbias, n);
    }
}

/* ---- Factors ----------------------------------------------------------------------------------------------------------------- */

/* The radix of pass i between first and last, one less in four bits each, the longest series first; 1 where there is none. */
int radix_of(int radices, int i) {
    return 1 + (radices >> 4 * i & 15);
}

/* exp(-2 pi i a / b): with a brought near zero first, its rounding is that of a small angle. */
void put_factor(global float *to, long a, int b) {
    int part = (int)(a % b);
    if (2 * part > b)
        part -= b;
    else if (2 * part < -b)
        part += b;
    const float turns = 2.0f * part / b;
    to[0] = cospi(turns);
    to[1] = -sinpi(turns);
}

/* All passes' tables, an item the columns from `per` times its number on: y = 0 for the first pass, y = i + 1 for pass i between. */
kernel VQ_SPREAD void longconv_tables(global float *tables, int N, int radices, int per) {
    const int level = get_global_id(1), first = get_global_id(0) * per;
    int M = N / FIRST;
    global float *w = tables + 2 * FIRST;
    if (level == 0) {
        if (first == 0)
            for (int q = 0; q < FIRST; q++)
                put_factor(tables + 2 * q, -q, 4 * FIRST);
        for (int j = first; j < min(M, first + per); j++)
            for (int k = 0; k < FIRST; k++)
                put_factor(w + 2 * ((size_t)j * FIRST + k), (long)j * (4 * k - 1), 4 * N);
        return;
    }
    w += 2 * N;
    for (int i = 0; i < level; i++) {
        const int R = radix_of(radices, i);
        if (i == level - 1)
            for (int j = first; j < min(M / R, first + per); j++)
                for (int k = 1; k < R; k++)
                    put_factor(w + 2 * ((size_t)j * (R - 1) + k - 1), (long)j * k, M);
        w += 2 * (M / R) * (R - 1);
        M /= R;
    }
}

/* Rows of batch entry b from channel c on, and what kernels are told of them. */
#define IN(name) ((rows){name ? name + (size_t)b * L * name##_stride + name##_column + c : name, name##_stride})
#define OUT(name, like) ((rows_out){name ? name + (size_t)b * L * like##_stride + like##_column + c : name, like##_stride})
#define LAYOUTS                                                                                                                    \
    int x0_stride, int x0_column, int x1_stride, int x1_column, int v_stride, int v_column, int y_stride, int y_column,            \
        int s_stride, int s_column
#define SHAPE int L, int C, int N, int radices, int factors

#ifdef VQ_GPU
#include "longconv_passes.cl"
#else
#include "longconv_series.cl"
#endif

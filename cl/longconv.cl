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
#define INLINE __attribute__((always_inline))

/* ---- Butterflies -------------------------------------------------------------------------------------------------------------
 *
 * y[k] = sum over n of x[n] exp(-2 pi i n k / R), in place; with real and imaginary parts exchanged the exponent's sign turns. */
INLINE void dft2(vf *re, vf *im) {
    const vf r = re[0] - re[1], i = im[0] - im[1];
    re[0] += re[1];
    im[0] += im[1];
    re[1] = r;
    im[1] = i;
}

INLINE void dft3(vf *re, vf *im) {
    const vf sr = re[1] + re[2], si = im[1] + im[2];
    const vf dr = (re[1] - re[2]) * 0.866025404f, di = (im[1] - im[2]) * 0.866025404f;
    const vf mr = fma(sr, (vf)(-0.5f), re[0]), mi = fma(si, (vf)(-0.5f), im[0]);
    re[0] += sr;
    im[0] += si;
    re[1] = mr + di;
    im[1] = mi - dr;
    re[2] = mr - di;
    im[2] = mi + dr;
}

/* Of every `step`-th from x[0]. */
INLINE void dft4_of(vf *re, vf *im, const int step) {
    const vf ar = re[0] + re[2 * step], ai = im[0] + im[2 * step], br = re[0] - re[2 * step], bi = im[0] - im[2 * step];
    const vf cr = re[step] + re[3 * step], ci = im[step] + im[3 * step];
    const vf dr = re[step] - re[3 * step], di = im[step] - im[3 * step];
    re[0] = ar + cr;
    im[0] = ai + ci;
    re[step] = br + di;
    im[step] = bi - dr;
    re[2 * step] = ar - cr;
    im[2 * step] = ai - ci;
    re[3 * step] = br - di;
    im[3 * step] = bi + dr;
}

INLINE void dft4(vf *re, vf *im) {
    dft4_of(re, im, 1);
}

INLINE void dft5(vf *re, vf *im) {
    const vf c1 = (vf)(0.309016994f), c2 = (vf)(-0.809016994f), s1 = (vf)(0.951056516f), s2 = (vf)(0.587785252f);
    const vf ar = re[1] + re[4], ai = im[1] + im[4], br = re[2] + re[3], bi = im[2] + im[3];
    const vf cr = re[1] - re[4], ci = im[1] - im[4], dr = re[2] - re[3], di = im[2] - im[3];
    const vf pr = fma(ar, c1, fma(br, c2, re[0])), pi = fma(ai, c1, fma(bi, c2, im[0]));
    const vf qr = fma(ar, c2, fma(br, c1, re[0])), qi = fma(ai, c2, fma(bi, c1, im[0]));
    const vf ur = fma(cr, s1, dr * s2), ui = fma(ci, s1, di * s2), wr = fma(cr, s2, -(dr * s1)), wi = fma(ci, s2, -(di * s1));
    re[0] += ar + br;
    im[0] += ai + bi;
    re[1] = pr + ui;
    im[1] = pi - ur;
    re[2] = qr + wi;
    im[2] = qi - wr;
    re[3] = qr - wi;
    im[3] = qi + wr;
    re[4] = pr - ui;
    im[4] = pi + ur;
}

/* x = x exp(-2 pi i turn), whose cosine is c and sine s. */
INLINE void turn(vf *re, vf *im, float c, float s) {
    const vf r = fma(*re, (vf)(c), *im * s);
    *im = fma(*im, (vf)(c), -(*re * s));
    *re = r;
}

INLINE void dft8(vf *re, vf *im) {
    vf xr[8], xi[8];
    VQ_UNROLL for (int n = 0; n < 4; n++) {
        xr[n] = re[n] + re[n + 4];
        xi[n] = im[n] + im[n + 4];
        xr[n + 4] = re[n] - re[n + 4];
        xi[n + 4] = im[n] - im[n + 4];
    }
    const float h = 0.707106781f;
    const vf r5 = (xr[5] + xi[5]) * h, i5 = (xi[5] - xr[5]) * h, r6 = xi[6], i6 = -xr[6], r7 = (xi[7] - xr[7]) * h,
             i7 = (xr[7] + xi[7]) * -h;
    xr[5] = r5;
    xi[5] = i5;
    xr[6] = r6;
    xi[6] = i6;
    xr[7] = r7;
    xi[7] = i7;
    dft4(xr, xi);
    dft4(xr + 4, xi + 4);
    VQ_UNROLL for (int k = 0; k < 4; k++) {
        re[2 * k] = xr[k];
        im[2 * k] = xi[k];
        re[2 * k + 1] = xr[k + 4];
        im[2 * k + 1] = xi[k + 4];
    }
}

INLINE void dft16(vf *re, vf *im) {
    const float c1 = 0.923879533f, s1 = 0.382683432f, h = 0.707106781f;
    VQ_UNROLL for (int n = 0; n < 4; n++) dft4_of(re + n, im + n, 4);
    turn(re + 5, im + 5, c1, s1); /* x[n + 4 k] by n k sixteenths */
    turn(re + 9, im + 9, h, h);
    turn(re + 13, im + 13, s1, c1);
    turn(re + 6, im + 6, h, h);
    const vf r10 = im[10];
    im[10] = -re[10];
    re[10] = r10;
    turn(re + 14, im + 14, -h, h);
    turn(re + 7, im + 7, s1, c1);
    turn(re + 11, im + 11, -h, h);
    turn(re + 15, im + 15, -c1, -s1);
    vf xr[16], xi[16];
    VQ_UNROLL for (int k = 0; k < 4; k++) {
        dft4(re + 4 * k, im + 4 * k);
        VQ_UNROLL for (int n = 0; n < 4; n++) {
            xr[k + 4 * n] = re[4 * k + n];
            xi[k + 4 * n] = im[4 * k + n];
        }
    }
    VQ_UNROLL for (int k = 0; k < 16; k++) {
        re[k] = xr[k];
        im[k] = xi[k];
    }
}

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

#ifndef VQ_GPU
/* ---- CPU: a work-item a register of channels ---------------------------------------------------------------------------------- */

#define POINT (2 * VW)
#define SERIES(N) ((size_t)(N) * POINT)
#if MOST == 16
#define LARGEST(what) what(16)
#else
#define LARGEST(what)
#endif
#define BY_RADIX(R, what)                                                                                                          \
    switch (R) {                                                                                                                   \
    case 2:                                                                                                                        \
        what(2) break;                                                                                                             \
    case 3:                                                                                                                        \
        what(3) break;                                                                                                             \
    case 4:                                                                                                                        \
        what(4) break;                                                                                                             \
    case 5:                                                                                                                        \
        what(5) break;                                                                                                             \
    case 8:                                                                                                                        \
        what(8) break;                                                                                                             \
    default:                                                                                                                       \
        LARGEST(what) break;          \
    }

void split_all(global float *x, const global float *w, int R, int M) {
#define SPLIT(r)                                                                                                                   \
    for (int j = 0; j < M; j++)                                                                                                    \
        split##r(x, w, M, j, VW);
    BY_RADIX(R, SPLIT)
}

void join_all(global float *x, const global float *w, int R, int M) {
#define JOIN(r)                                                                                                                    \
    for (int j = 0; j < M; j++)                                                                                                    \
        join##r(x, w, M, j, VW);
    BY_RADIX(R, JOIN)
}

/* Between the first pass and the last: every series is split, seen in leaves and joined before the next. */
enum { SPECTRUM, CONVOLVE, GRADIENT, BACK };
typedef struct middle {
    global float *x;  /* the series */
    global float *u;  /* GRADIENT: that of u, which is only split */
    global float *dh; /* GRADIENT: spectrum that is added to, or opened; BACK: `parts` spectra to sum up, `apart` floats apart */
    const global float *h;
    vf bias;
    float scale;
    bool opens;
    int parts;
    size_t apart;
} middle;

INLINE void see_leaves(const middle *m, size_t at, const int what) {
    if (what == SPECTRUM)
        leaf_spectrum(m->x + at, m->scale, VW);
    else if (what == CONVOLVE)
        leaf_convolve(m->x + at, m->h + at, m->bias, VW);
    else if (what == GRADIENT)
        leaf_gradient(m->x + at, m->u + at, m->dh + at, m->h + at, m->bias, m->opens, VW);
    else
        leaf_back(m->x + at, m->parts, m->apart, VW);
}

INLINE void through(const middle *m, const global float *tables, int N, int radices, const int what) {
    int stretch = N / FIRST, passes = 0; /* points of a series of the last pass between */
    for (; radix_of(radices, passes) > 1; passes++)
        stretch /= passes ? radix_of(radices, passes - 1) : 1;
    for (int first = 0; first < N; first += stretch) {
        const global float *w = tables + 2 * (FIRST + N);
        int size = N / FIRST;
        for (int i = 0; i < passes; i++) {
            const int R = radix_of(radices, i), M = size / R;
            if (what != BACK && first % size == 0) {
                split_all(m->x + SERIES(first), w, R, M);
                if (what == GRADIENT)
                    split_all(m->u + SERIES(first), w, R, M);
            }
            w += 2 * M * (R - 1);
            size = M;
        }
        for (int at = first; at < first + stretch; at += LEAF)
            see_leaves(m, SERIES(at), what);
        for (int i = passes - 1; i >= 0; i--) {
            const int R = radix_of(radices, i), M = size;
            size *= R;
            w -= 2 * M * (R - 1);
            if (what != SPECTRUM && (first + stretch) % size == 0)
                join_all(m->x + SERIES(first + stretch - size), w, R, M);
        }
    }
}

/* For every column, with the count of channels known where the register is full. */
#define COLUMNS(call)                                                                                                              \
    if (n == VW)                                                                                                                   \
        for (int j = 0; j < N / FIRST; j++) {                                                                                      \
            const int width = VW;                                                                                                  \
            call;                                                                                                                  \
        }                                                                                                                          \
    else                                                                                                                           \
        for (int j = 0; j < N / FIRST; j++) {                                                                                      \
            const int width = n;                                                                                                   \
            call;                                                                                                                  \
        }
/* spectrum: `factors` floats of tables, then a series for each register of channels. */
kernel VQ_ONE_ITEM void longconv_spectrum(global float *spectrum, const global float *h, SHAPE, int before) {
    const int block = get_global_id(0), c = block * VW, n = min(VW, C - c);
    const global float *tables = spectrum;
    const middle m = {.x = spectrum + factors + block * SERIES(N), .scale = 1.0f / N};
    COLUMNS(read_filter(m.x, h + c, tables, L, C, before, N, j, width, VW))
    through(&m, tables, N, radices, SPECTRUM);
}

/* An item has `per` of B entries times registers of channels, and a series. */
kernel VQ_ONE_ITEM void longconv_forward(global float *y, global float *s, global float *scratch, const global float *x0,
                                         const global float *x1, const global float *v, const global float *spectrum,
                                         const global float *bias, const global uchar *mask, LAYOUTS, SHAPE, int B, int jobs, int per) {
    const int item = get_global_id(0), end = min(jobs, (item + 1) * per), M = N / FIRST;
    const global float *tables = spectrum;
    for (int job = item * per; job < end; job++) {
        const int b = job % B, block = job / B, c = block * VW, n = min(VW, C - c);
        const middle m = {.x = scratch + item * SERIES(N),
                          .h = spectrum + factors + block * SERIES(N),
                          .bias = vq_load(bias + c, n) / (float)N};
        const global uchar *there = mask ? mask + (size_t)b * L : mask;
        const rows of_v = IN(v), of_x1 = IN(x1), of_x0 = IN(x0);
        const rows_out of_y = OUT(y, y), of_s = OUT(s, s);
        COLUMNS(read_values(m.x, of_v, of_x1, there, tables, L, M, j, width, VW))
        through(&m, tables, N, radices, CONVOLVE);
        COLUMNS(write_values(m.x, of_y, of_s, of_x0, there, tables, L, M, j, width, VW))
    }
}

/* The same over parts of `entries` batch entries of a register of channels, whose entries add to one spectrum, in order. scratch: two
 * series an item, then the spectra, by part and register. */
kernel VQ_ONE_ITEM void longconv_backward(global float *dx0, global float *dx1, global float *dv, global float *scratch,
                                          const global float *dy, const global float *x0, const global float *x1,
                                          const global float *v, const global float *s, const global float *spectrum,
                                          const global float *bias, const global uchar *mask, LAYOUTS, SHAPE, int B, int jobs, int per,
                                          int entries) {
    const int item = get_global_id(0), end = min(jobs, (item + 1) * per), M = N / FIRST, blocks = (C + VW - 1) / VW;
    const global float *tables = spectrum;
    for (int job = item * per; job < end; job++) {
        const int part = job / blocks, block = job % blocks, c = block * VW, n = min(VW, C - c), first = part * entries;
        middle m = {.x = scratch + 2 * item * SERIES(N),
                    .u = scratch + (2 * item + 1) * SERIES(N),
                    .dh = scratch + (2 * get_global_size(0) + job) * SERIES(N),
                    .h = spectrum + factors + block * SERIES(N),
                    .bias = vq_load(bias + c, n) / (float)N};
        for (int b = first; b < min(B, first + entries); b++) {
            const global uchar *there = mask ? mask + (size_t)b * L : mask;
            const rows of_v = IN(v), of_x1 = IN(x1), of_x0 = IN(x0), of_s = IN(s), of_dy = {dy + (size_t)b * L * y_stride + y_column + c, y_stride};
            const rows_out of_dx0 = OUT(dx0, x0), of_dx1 = OUT(dx1, x1), of_dv = OUT(dv, v);
            m.opens = b == first;
            COLUMNS(read_gradients(m.x, of_dx0, of_dy, of_x0, of_s, there, tables, L, M, j, width, VW))
            COLUMNS(read_values(m.u, of_v, of_x1, there, tables, L, M, j, width, VW))
            through(&m, tables, N, radices, GRADIENT);
            COLUMNS(write_gradients(m.x, of_dx1, of_dv, of_v, of_x1, there, tables, L, M, j, width, VW))
        }
    }
}

/* dh and dbias += from the parts' spectra, which come behind `series` series of scratch. */
kernel VQ_ONE_ITEM void longconv_filter(global float *dh, global float *dbias, global float *scratch, const global float *spectrum, SHAPE,
                                        int before, int parts, int series) {
    const int block = get_global_id(0), blocks = (C + VW - 1) / VW, c = block * VW, n = min(VW, C - c);
    const global float *tables = spectrum;
    const middle m = {.x = scratch + (series + block) * SERIES(N), .parts = parts, .apart = blocks * SERIES(N)};
    through(&m, tables, N, radices, BACK);
    COLUMNS(write_filter(m.x, dh + c, dbias + c, tables, L, C, before, N, j, width, VW))
}
#else
/* ---- GPU: a work-item a butterfly of one register of channels -------------------------------------------------------------------
 *
 * Along x registers of channels, along y columns or leaves, along z batch entries, whose series lie behind `before` others. */
#define ITEM                                                                                                                       \
    const int c = get_global_id(0) * VW, j = get_global_id(1), imag = (C + VW - 1) / VW * VW;                                      \
    if (c >= C)                                                                                                                    \
        return;
#define COLUMN                                                                                                                     \
    ITEM const int M = N / FIRST, n = min(VW, C - c);                                                                              \
    if (j >= M)                                                                                                                    \
        return;
#define LEAVES                                                                                                                     \
    ITEM const size_t at = (size_t)j * LEAF * 2 * imag + c;                                                                        \
    if (j >= N / LEAF)                                                                                                             \
        return;
#define SERIES(N) ((size_t)(N) * 2 * imag)
#define ENTRY const int b = get_global_id(2);
#define ENTRY_MASK const global uchar *there = mask ? mask + (size_t)b * L : mask;

kernel VQ_GROUP void longconv_open(global float *x, const global float *x1, const global float *v, const global float *tables,
                                   const global uchar *mask, LAYOUTS, SHAPE, int before) {
    COLUMN ENTRY ENTRY_MASK read_values(x + (before + b) * SERIES(N) + c, IN(v), IN(x1), there, tables, L, M, j, n, imag);
}

kernel VQ_GROUP void longconv_close(global float *y, global float *s, const global float *x, const global float *x0,
                                    const global float *tables, const global uchar *mask, LAYOUTS, SHAPE) {
    COLUMN ENTRY ENTRY_MASK write_values(x + b * SERIES(N) + c, OUT(y, y), OUT(s, s), IN(x0), there, tables, L, M, j, n, imag);
}

kernel VQ_GROUP void longconv_open_gradients(global float *x, global float *dx0, const global float *dy, const global float *x0,
                                             const global float *s, const global float *tables, const global uchar *mask, LAYOUTS, SHAPE) {
    COLUMN ENTRY ENTRY_MASK const rows of_dy = {dy + (size_t)b * L * y_stride + y_column + c, y_stride};
    read_gradients(x + b * SERIES(N) + c, OUT(dx0, x0), of_dy, IN(x0), IN(s), there, tables, L, M, j, n, imag);
}

kernel VQ_GROUP void longconv_close_gradients(global float *dx1, global float *dv, const global float *x, const global float *x1,
                                              const global float *v, const global float *tables, const global uchar *mask, LAYOUTS,
                                              SHAPE) {
    COLUMN ENTRY ENTRY_MASK write_gradients(x + b * SERIES(N) + c, OUT(dx1, x1), OUT(dv, v), IN(v), IN(x1), there, tables, L, M, j, n,
                                            imag);
}

kernel VQ_GROUP void longconv_open_filter(global float *spectrum, const global float *h, SHAPE, int before) {
    COLUMN read_filter(spectrum + factors + c, h + c, spectrum, L, C, before, N, j, n, imag);
}

kernel VQ_GROUP void longconv_close_filter(global float *dh, global float *dbias, const global float *x, const global float *tables, SHAPE,
                                           int before, int B) {
    COLUMN write_filter(x + 2 * B * SERIES(N) + c, dh + c, dbias + c, tables, L, C, before, N, j, n, imag);
}

/* A pass between over all series of R M points; x from float `from` and entry `before` on, w from float `factor` of the tables on. */
#define BUTTERFLY(R)                                                                                                                  \
    ITEM ENTRY if (j >= N / R) return;                                                                                             \
    x += from + (before + b) * SERIES(N) + (size_t)(j / M) * SERIES(R * M) + c;                                                               \
    const global float *w = tables + factor;
#define PASS_KERNELS(R)                                                                                                            \
    kernel VQ_GROUP void longconv_split##R(global float *x, const global float *tables, int from, int before, int factor, int M, int N, int C) {   \
        BUTTERFLY(R) split##R(x, w, M, j % M, imag);                                                                                  \
    }                                                                                                                              \
    kernel VQ_GROUP void longconv_join##R(global float *x, const global float *tables, int from, int before, int factor, int M, int N, int C) {    \
        BUTTERFLY(R) join##R(x, w, M, j % M, imag);                                                                                   \
    }
PASS_KERNELS(2)
PASS_KERNELS(3)
PASS_KERNELS(4)
PASS_KERNELS(5)
PASS_KERNELS(8)

kernel VQ_GROUP void longconv_leaves_spectrum(global float *x, float scale, int from, int N, int C) {
    LEAVES ENTRY leaf_spectrum(x + from + b * SERIES(N) + at, scale, imag);
}

kernel VQ_GROUP void longconv_leaves_convolve(global float *x, const global float *spectrum, const global float *bias, int factors, int N,
                                              int C) {
    LEAVES ENTRY leaf_convolve(x + b * SERIES(N) + at, spectrum + factors + at, vq_load(bias + c, min(VW, C - c)) / (float)N, imag);
}

kernel VQ_GROUP void longconv_leaves_back(global float *x, int before, int N, int C) {
    LEAVES ENTRY leaf_back(x + (before + b) * SERIES(N) + at, 1, 0, imag);
}

/* x: spectra of g, then of u, of B entries each, then that of dh. */
kernel VQ_GROUP void longconv_points_gradient(global float *x, const global float *spectrum, const global float *bias, int factors, int N,
                                              int C, int B) {
    ITEM if (j >= N) return;
    const size_t at = (size_t)j * 2 * imag + c;
    const vf lag0 = vq_load(bias + c, min(VW, C - c)) / (float)N;
    for (int b = 0; b < B; b++) {
        global float *g = x + b * SERIES(N) + at;
        vf re, im;
        get(&re, &im, g, imag);
        point_gradient(&re, &im, x + (B + b) * SERIES(N) + at, x + 2 * B * SERIES(N) + at, spectrum + factors + at, lag0, b == 0, imag);
        put(re, im, g, imag);
    }
}
#endif

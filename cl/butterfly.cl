/* Transforms of R numbers in registers, shared by fft.cl and longconv.cl, which include it: y[k] = sum over n of x[n] exp(-2 pi i n k / R),
 * in place; with real and imaginary parts exchanged the exponent's sign turns. lanes: the type of a register. */
#define INLINE __attribute__((always_inline))

INLINE void dft2(lanes *re, lanes *im) {
    const lanes r = re[0] - re[1], i = im[0] - im[1];
    re[0] += re[1];
    im[0] += im[1];
    re[1] = r;
    im[1] = i;
}

INLINE void dft3(lanes *re, lanes *im) {
    const lanes sr = re[1] + re[2], si = im[1] + im[2];
    const lanes dr = (re[1] - re[2]) * 0.866025404f, di = (im[1] - im[2]) * 0.866025404f;
    const lanes mr = fma(sr, (lanes)(-0.5f), re[0]), mi = fma(si, (lanes)(-0.5f), im[0]);
    re[0] += sr;
    im[0] += si;
    re[1] = mr + di;
    im[1] = mi - dr;
    re[2] = mr - di;
    im[2] = mi + dr;
}

/* Of every `step`-th from x[0]. */
INLINE void dft4_of(lanes *re, lanes *im, const int step) {
    const lanes ar = re[0] + re[2 * step], ai = im[0] + im[2 * step], br = re[0] - re[2 * step], bi = im[0] - im[2 * step];
    const lanes cr = re[step] + re[3 * step], ci = im[step] + im[3 * step];
    const lanes dr = re[step] - re[3 * step], di = im[step] - im[3 * step];
    re[0] = ar + cr;
    im[0] = ai + ci;
    re[step] = br + di;
    im[step] = bi - dr;
    re[2 * step] = ar - cr;
    im[2 * step] = ai - ci;
    re[3 * step] = br - di;
    im[3 * step] = bi + dr;
}

INLINE void dft4(lanes *re, lanes *im) {
    dft4_of(re, im, 1);
}

INLINE void dft5(lanes *re, lanes *im) {
    const lanes c1 = (lanes)(0.309016994f), c2 = (lanes)(-0.809016994f), s1 = (lanes)(0.951056516f), s2 = (lanes)(0.587785252f);
    const lanes ar = re[1] + re[4], ai = im[1] + im[4], br = re[2] + re[3], bi = im[2] + im[3];
    const lanes cr = re[1] - re[4], ci = im[1] - im[4], dr = re[2] - re[3], di = im[2] - im[3];
    const lanes pr = fma(ar, c1, fma(br, c2, re[0])), pi = fma(ai, c1, fma(bi, c2, im[0]));
    const lanes qr = fma(ar, c2, fma(br, c1, re[0])), qi = fma(ai, c2, fma(bi, c1, im[0]));
    const lanes ur = fma(cr, s1, dr * s2), ui = fma(ci, s1, di * s2), wr = fma(cr, s2, -(dr * s1)), wi = fma(ci, s2, -(di * s1));
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
INLINE void turn(lanes *re, lanes *im, float c, float s) {
    const lanes r = fma(*re, (lanes)(c), *im * s);
    *im = fma(*im, (lanes)(c), -(*re * s));
    *re = r;
}

INLINE void dft8(lanes *re, lanes *im) {
    lanes xr[8], xi[8];
    VQ_UNROLL for (int n = 0; n < 4; n++) {
        xr[n] = re[n] + re[n + 4];
        xi[n] = im[n] + im[n + 4];
        xr[n + 4] = re[n] - re[n + 4];
        xi[n + 4] = im[n] - im[n + 4];
    }
    const float h = 0.707106781f;
    const lanes r5 = (xr[5] + xi[5]) * h, i5 = (xi[5] - xr[5]) * h, r6 = xi[6], i6 = -xr[6], r7 = (xi[7] - xr[7]) * h,
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

INLINE void dft16(lanes *re, lanes *im) {
    const float c1 = 0.923879533f, s1 = 0.382683432f, h = 0.707106781f;
    VQ_UNROLL for (int n = 0; n < 4; n++) dft4_of(re + n, im + n, 4);
    turn(re + 5, im + 5, c1, s1); /* x[n + 4 k] by n k sixteenths */
    turn(re + 9, im + 9, h, h);
    turn(re + 13, im + 13, s1, c1);
    turn(re + 6, im + 6, h, h);
    const lanes r10 = im[10];
    im[10] = -re[10];
    re[10] = r10;
    turn(re + 14, im + 14, -h, h);
    turn(re + 7, im + 7, s1, c1);
    turn(re + 11, im + 11, -h, h);
    turn(re + 15, im + 15, -c1, -s1);
    lanes xr[16], xi[16];
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

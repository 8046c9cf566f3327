/* The kernels of longconv.cl on a GPU: a work-item takes a butterfly of one register of channels.
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

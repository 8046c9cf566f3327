/* The kernels of longconv.cl on a CPU: a work-item takes a register of channels from one end to the other. */

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

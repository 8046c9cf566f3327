/* Kernels that each meet one limit of the device: arithmetic, memory, and the cost of a launch. peak_fma is built
 * with -DWIDTH=n and -DCHAINS=n too. */
#ifndef WIDTH
#define WIDTH VW
#endif
#ifndef CHAINS
#define CHAINS 8
#endif
#if WIDTH == 1
typedef float wide;
#define WIDE_LOAD(p) (*(p))
#define WIDE_STORE(v, p) (*(p) = (v))
#else
typedef VQ_JOIN(float, WIDTH) wide;
#define WIDE_LOAD(p) VQ_JOIN(vload, WIDTH)(0, p)
#define WIDE_STORE(v, p) VQ_JOIN(vstore, WIDTH)(v, 0, p)
#endif

/* Each work-item steps CHAINS registers of WIDTH floats: c = x c + y. A chain waits for itself, so as many are needed as the
 * arithmetic units hold steps under way, and no more than there are registers. */
kernel VQ_GROUP void peak_fma(global float *end, const global float *start, int items, float x, float y, int steps) {
    const size_t at = get_global_id(0) * (CHAINS * WIDTH);
    if ((int)get_global_id(0) >= items)
        return;
    const wide a = x, b = y;
    wide c[CHAINS];
    VQ_UNROLL for (int i = 0; i < CHAINS; i++) c[i] = WIDE_LOAD(start + at + i * WIDTH);
    int s = 0;
    for (; s + 4 <= steps; s += 4)
        VQ_UNROLL for (int u = 0; u < 4; u++) VQ_UNROLL for (int i = 0; i < CHAINS; i++) c[i] = fma(a, c[i], b);
    for (; s < steps; s++)
        VQ_UNROLL for (int i = 0; i < CHAINS; i++) c[i] = fma(a, c[i], b);
    VQ_UNROLL for (int i = 0; i < CHAINS; i++) WIDE_STORE(c[i], end + at + i * WIDTH);
}

/* A group walks `chunk` registers of n floats, its items side by side; the last item of all takes what fills no register. */
#define EACH_REGISTER(i)                                                                                                         \
    for (size_t i = (size_t)VQ_GROUP_ID(0) * chunk + get_local_id(0),                                                           \
                last = min((size_t)(VQ_GROUP_ID(0) + 1) * chunk, (size_t)(n / VW));                                             \
         i < last; i += LX)
#define EACH_LEFT_OVER(i) for (int i = get_global_id(0) + 1 == get_global_size(0) ? n / VW * VW : n; i < n; i++)

kernel VQ_GROUP void peak_copy(global float *restrict y, const global float *restrict x, int n, int chunk) {
    EACH_REGISTER(i)
        ((global vf *)y)[i] = ((const global vf *)x)[i];
    EACH_LEFT_OVER(i)
        y[i] = x[i];
}

/* y = a + s b */
kernel VQ_GROUP void peak_triad(global float *restrict y, const global float *restrict a, const global float *restrict b, float s,
                                int n, int chunk) {
    EACH_REGISTER(i)
        ((global vf *)y)[i] = fma((vf)s, ((const global vf *)b)[i], ((const global vf *)a)[i]);
    EACH_LEFT_OVER(i)
        y[i] = fma(s, b[i], a[i]);
}

/* As little work as can be seen to have been done. */
kernel VQ_GROUP void peak_count(global int *n) {
    if (get_global_id(0) == 0)
        n[0] += 1;
}

/* y = sin(f x) of M rows of C channels, and its gradients. A work-item takes `per` rows of every get_global_size(0)-th register of
 * channels: on a CPU device all channels, on a GPU one register. */

/* The remainder of x by pi, in +-pi/2, taken off x `n` times. An odd minimax polynomial of it made for this file, to 6e-9 of the sine. */
vf sine_of_rest(vf x, vf n) {
    vf r = fma(n, (vf)(-3.14159274f), x);
    r = fma(n, (vf)(8.74227766e-8f), r); /* what the float is more than pi */
    const vf s = r * r;
    vf y = (vf)(2.6056306e-6f);
    y = fma(y, s, (vf)(-1.98095388e-4f));
    y = fma(y, s, (vf)(8.33306543e-3f));
    y = fma(y, s, (vf)(-0.166666595f));
    return fma(y * s, r, r);
}

/* To a few ulp of the argument for |x| < 2^22, which is all that a filter's network says; a library's sine is right everywhere, and takes twice as
 * long on a CPU. The low bit of the shifted sum says whether `n` is odd. NaN and infinities become NaN. */
#define WHOLE 12582912.0f /* 1.5 2^23 */
#define PER_PI 0.318309886f
vf sine(vf x) {
    const vf shifted = fma(x, (vf)(PER_PI), (vf)(WHOLE));
    return AS_VF(AS_VI(sine_of_rest(x, shifted - WHOLE)) ^ (AS_VI(shifted) << 31));
}
vf cosine(vf x) {
    const vf shifted = fma(x, (vf)(PER_PI), (vf)(-0.5f)) + WHOLE;
    return AS_VF(AS_VI(-sine_of_rest(x, shifted - WHOLE + 0.5f)) ^ (AS_VI(shifted) << 31));
}

kernel VQ_GROUP void sine_forward(global float *y, const global float *x, const global float *f, int M, int C, int per) {
    const int first = get_global_id(1) * per, end = min(first + per, M), step = get_global_size(0) * VW;
    for (int c = get_global_id(0) * VW; c < C; c += step) {
        const int n = min(VW, C - c);
        const vf w = vq_load(f + c, n);
        for (int m = first; m < end; m++) {
            const size_t at = (size_t)m * C + c;
            vq_store(sine(w * vq_load(x + at, n)), y + at, n);
        }
    }
}

/* dx = dy f cos(f x); a chunk of `per` rows leaves its sum of dy x cos(f x) in partials [chunks][C]. */
kernel VQ_SPREAD void sine_backward(global float *dx, global float *partials, const global float *dy, const global float *x,
                                    const global float *f, int M, int C, int per) {
    const int chunk = get_global_id(1), first = chunk * per, end = min(first + per, M), step = get_global_size(0) * VW;
    for (int c = get_global_id(0) * VW; c < C; c += step) {
        const int n = min(VW, C - c);
        const vf w = vq_load(f + c, n);
        vf sum = (vf)(0.0f);
        for (int m = first; m < end; m++) {
            const size_t at = (size_t)m * C + c;
            const vf v = vq_load(x + at, n), g = vq_load(dy + at, n) * cosine(w * v);
            sum = fma(g, v, sum);
            vq_store(g * w, dx + at, n);
        }
        vq_store(sum, partials + (size_t)chunk * C + c, n);
    }
}

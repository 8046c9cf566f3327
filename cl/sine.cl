/* y = sin(f x) of M rows of C channels, and its gradients. A work-item takes `per` rows of every get_global_size(0)-th register of
 * channels: on a CPU device all channels, on a GPU one register. */

kernel VQ_GROUP void sine_forward(global float *y, const global float *x, const global float *f, int M, int C, int per) {
    const int first = get_global_id(1) * per, end = min(first + per, M), step = get_global_size(0) * VW;
    for (int c = get_global_id(0) * VW; c < C; c += step) {
        const int n = min(VW, C - c);
        const vf w = vq_load(f + c, n);
        for (int m = first; m < end; m++) {
            const size_t at = (size_t)m * C + c;
            vq_store(sin(w * vq_load(x + at, n)), y + at, n);
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
            const vf v = vq_load(x + at, n), g = vq_load(dy + at, n) * cos(w * v);
            sum = fma(g, v, sum);
            vq_store(g * w, dx + at, n);
        }
        vq_store(sum, partials + (size_t)chunk * C + c, n);
    }
}

/* Sums over rows in a fixed order. */

/* One work-item a column: out[n] (+)= x[0][n] + x[1][n] + ... Rows `first` to `first + rows` of group y go to row y of `out`. */
kernel void reduce_rows(global float *restrict out, global const float *restrict x, int M, int N, int chunk, int add) {
    const int n = get_global_id(0) * VW, part = get_global_id(1);
    const int first = part * chunk, last = min(first + chunk, M);
    if (n + VW <= N) {
        vf sum = add ? VLOAD(out + (size_t)part * N + n) : (vf)(0);
        for (int m = first; m < last; m++)
            sum += VLOAD(x + (size_t)m * N + n);
        VSTORE(sum, out + (size_t)part * N + n);
        return;
    }
    for (int j = n; j < N; j++) {
        float sum = add ? out[(size_t)part * N + j] : 0;
        for (int m = first; m < last; m++)
            sum += x[(size_t)m * N + j];
        out[(size_t)part * N + j] = sum;
    }
}

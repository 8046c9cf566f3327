/* Sums over rows in a fixed order. */

/* Rows first, first + step, ... before `last`, n columns of each, added to `sum`. */
vf add_rows(vf sum, const global float *x, int N, int first, int last, int step, int n) {
    for (int m = first; m < last; m += step)
        sum += vq_load(x + (size_t)m * N, n);
    return sum;
}

/* A column of work-items a register of columns: out[n] (+)= x[0][n] + x[1][n] + ... Rows `first` to `first + chunk` of group y go to
 * row y of `out`; each work-item of a column has every LY-th of them. */
kernel VQ_GROUP void reduce_rows(global float *restrict out, global const float *restrict x, int M, int N, int chunk, int add) {
    const int n = get_global_id(0) * VW, w = min(VW, N - n), y = get_local_id(1), part = VQ_GROUP_ID(1);
    const int first = part * chunk, last = min(first + chunk, M);
    global float *to = out + (size_t)part * N + n;
    vf sum = (vf)(0);
    if (n < N) {
        if (add && y == 0)
            sum = vq_load(to, w);
        sum = w == VW ? add_rows(sum, x + n, N, first + y, last, LY, VW) : add_rows(sum, x + n, N, first + y, last, LY, w);
    }
#if LY > 1
    local vf tree[LX * LY];
    sum = vq_column_sum(sum, tree, (int)get_local_id(0), y, LX, LY);
#endif
    if (n < N && y == 0)
        vq_store(sum, to, w);
}

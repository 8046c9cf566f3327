/* Bias gradient of a Linear layer: column sums of dy. The products are those of gemm.cl. */
#ifndef STRIP /* registers of columns a work-item sums */
#define STRIP 1
#endif

/* One work-item `chunk` rows (dimension 1) of STRIP VW columns (dimension 0): partial[part][n] = sum of dy[m][n] over its rows, in
 * order. */
kernel void linear_bias_partial(global float *restrict partial, const global float *restrict dy, int M, int N, int chunk) {
    const int part = get_global_id(1), first = part * chunk, last = min(first + chunk, M);
    const int n0 = get_global_id(0) * STRIP * VW;
    if (n0 + STRIP * VW <= N) {
        vf sum[STRIP];
        VQ_UNROLL for (int j = 0; j < STRIP; j++) sum[j] = (vf)(0.0f);
        for (int m = first; m < last; m++)
            VQ_UNROLL for (int j = 0; j < STRIP; j++) sum[j] += VLOAD(dy + (size_t)m * N + n0 + j * VW);
        VQ_UNROLL for (int j = 0; j < STRIP; j++) VSTORE(sum[j], partial + (size_t)part * N + n0 + j * VW);
        return;
    }
    for (int n = n0; n < N; n++) {
        float sum = 0.0f;
        for (int m = first; m < last; m++)
            sum += dy[(size_t)m * N + n];
        partial[(size_t)part * N + n] = sum;
    }
}

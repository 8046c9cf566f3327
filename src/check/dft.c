#include "check/dft.h"

#include <math.h>
#include <stdlib.h>

static int least_factor(int n) {
    for (int p = 2; p * p <= n; p++)
        if (n % p == 0)
            return p;
    return n;
}

/* in has elements `step` apart, roots[k] = exp(sign 2 pi i k / (N step)); spare: as many as N. */
static void transform(double (*out)[2], const double (*in)[2], double (*spare)[2], const double (*roots)[2], int N, int step) {
    const int p = least_factor(N), m = N / p;
    if (N == 1) {
        out[0][0] = in[0][0];
        out[0][1] = in[0][1];
        return;
    }
    for (int i = 0; i < p; i++) /* each p-th element, from i on */
        transform(spare + i * m, in + (size_t)i * (size_t)step, out + i * m, roots, m, step * p);
    for (int k = 0; k < N; k++) {
        double re = 0, im = 0;
        for (int i = 0; i < p; i++) {
            const double *r = roots[(size_t)((int64_t)i * k % N) * (size_t)step], *v = spare[i * m + k % m];
            re += v[0] * r[0] - v[1] * r[1];
            im += v[0] * r[1] + v[1] * r[0];
        }
        out[k][0] = re;
        out[k][1] = im;
    }
}

vq_status vq_dft(double (*out)[2], const double (*in)[2], int N, int sign) {
    double(*work)[2];
    VQ_TRY(vq_alloc(&work, 2 * (size_t)N, sizeof *work));
    for (int k = 0; k < N; k++) {
        const double angle = sign * 2 * M_PI * k / N;
        work[k][0] = cos(angle);
        work[k][1] = sin(angle);
    }
    transform(out, in, work + N, (const double(*)[2])work, N, 1);
    free(work);
    return VQDNA_OK;
}

/* Discrete Fourier transforms of complex series that lie side by side, as channels of rows do:
 *     out[b][k][c] = sum_n in[b][n][c] exp(sign 2 pi i n k / N)          sign -1 forward, +1 backward; neither is scaled
 * in and out are two planes, the real parts [B][N][C] and behind them the imaginary parts; they may be one buffer, and overlap in no other
 * way. N is a product of powers of 2, 3 and 5 up to 2^22: vq_fft_length gives the least that is large enough.
 *
 * Who transforms is chosen by measurement, for short and for long series, clFFT (device/clfft.h) where it is there, right and faster; VQDNA_FFT=own or
 * clfft decides instead. Kernels of our own are always there. */
#ifndef VQ_OPS_FFT_H
#define VQ_OPS_FFT_H

#include "device/launch.h"
#include "device/tune.h"

enum { VQ_FFT_LONGEST = 1 << 22 };

typedef struct vq_fft_shape {
    int B, N, C;
} vq_fft_shape;

/* The least length of at least n >= 1 that is transformed; 0 where there is none. */
int vq_fft_length(int n);

/* scratch: vq_fft_scratch bytes. */
vq_status vq_fft(vq_device *device, vq_view out, vq_view in, vq_view scratch, const vq_fft_shape *shape, int sign);
size_t vq_fft_scratch(vq_device *device, const vq_fft_shape *shape);

extern const vq_tunables vq_fft_tunables;

#endif

/* The discrete Fourier transform in double precision, for references: of any length, by its definition over each prime factor. */
#ifndef VQ_CHECK_DFT_H
#define VQ_CHECK_DFT_H

#include "base/status.h"

/* out[k] = sum over n of in[n] exp(sign 2 pi i n k / N): complex numbers as pairs. in and out do not overlap. */
vq_status vq_dft(double (*out)[2], const double (*in)[2], int N, int sign);

#endif

/* Gated convolution along a whole sequence (Poli et al., arXiv 2302.10866; Nguyen et al., arXiv 2306.15794), a filter a channel:
 *     u = v x1        s[b][l][c] = bias[c] u[b][l][c] + sum over lags t of h[t][c] u[b][l - t][c]        y = s x0
 * Positions before 0 and from L on are zeros. Lags are 0 .. L-1 (causal) or -(L-1) .. L-1 (centred).
 *
 * The sums are taken by one complex transform of length N >= L, not 2L: polynomials modulo X^N - i, whose roots are X = exp(i pi / 2N) times
 * the N-th roots of one (the right-angle convolution of Nussbaumer; Crandall and Fagin, Math. Comp. 62, 1994). With X^N = i the products that
 * would wrap around come out imaginary, so the real part of the result is the linear convolution; a lag -t lies as -i h[-t] at N - t. The
 * spectrum of the filter at lags turned around is the conjugate, which is all that backward needs. float32 rounding leaks between positions:
 * what is 0 by causality is only small against the largest |u| |h|. */
#ifndef VQ_OPS_LONGCONV_H
#define VQ_OPS_LONGCONV_H

#include "device/launch.h"
#include "device/tune.h"

typedef struct vq_longconv_shape {
    int B, L, C; /* L at most 2^22 */
    bool causal; /* else centred */
} vq_longconv_shape;

/* A buffer of rows: channel c of position l of batch entry b is float (b L + l) stride + column + c. As three in one buffer of rows of 3C, x0,
 * x1 and v have columns 0, C and 2C. */
typedef struct vq_longconv_rows {
    int stride, column;
} vq_longconv_rows;

typedef struct vq_longconv_layout {
    vq_longconv_rows x0, x1, v, y, s; /* a gradient lies as what it is the gradient of */
} vq_longconv_layout;

/* How many lags a filter has: rows of h [lags][C], the smallest lag first. */
int vq_longconv_lags(const vq_longconv_shape *shape);

/* The filter's spectrum = from h, once a step. In a layout of its own that forward and backward know. scratch as below. */
vq_status vq_longconv_spectrum(vq_device *device, vq_view spectrum, vq_view scratch, vq_view h, const vq_longconv_shape *shape);
size_t vq_longconv_spectrum_bytes(vq_device *device, const vq_longconv_shape *shape);

/* y =, s = (for backward; VQ_NO_VIEW: not kept). x0 or x1 VQ_NO_VIEW: ones. mask uint8 [B][L]: 0 where a position is not there: its u is 0 and
 * is not read, its y and s are 0; VQ_NO_VIEW: all are. y may be one of x0, x1, v; x0, x1, v may be one buffer. */
vq_status vq_longconv_forward(vq_device *device, vq_view y, vq_view s, vq_view scratch, vq_view x0, vq_view x1, vq_view v,
                              vq_view spectrum, vq_view bias, vq_view mask, const vq_longconv_layout *layout,
                              const vq_longconv_shape *shape);

/* dx0 =, dx1 =, dv = (VQ_NO_VIEW where x0, x1 are), dh [lags][C] +=, dbias [C] +=, from dy and what forward had and kept. dx0, dx1, dv may be one
 * buffer, but none of the inputs'. */
vq_status vq_longconv_backward(vq_device *device, vq_view dx0, vq_view dx1, vq_view dv, vq_view dh, vq_view dbias, vq_view scratch,
                               vq_view dy, vq_view x0, vq_view x1, vq_view v, vq_view s, vq_view spectrum, vq_view bias,
                               vq_view mask, const vq_longconv_layout *layout, const vq_longconv_shape *shape);

/* Bytes of scratch, the most of the three. */
size_t vq_longconv_scratch(vq_device *device, const vq_longconv_shape *shape);

extern const vq_tunables vq_longconv_tunables;

#endif

/* CLBlast: matrix products on GPUs. The only room that knows it. Calls are serialized under one lock, because CLBlast 1.5 races on
 * its own caches; its kernel variant GEMMK=1, wrong on some GPUs, is never used. */
#ifndef VQ_DEVICE_BLAS_H
#define VQ_DEVICE_BLAS_H

#include "device/memory.h"
#include "device/tune.h"

/* Which of several sets of CLBlast's own parameters; the device has one set for all products. */
extern const vq_tunables vq_blas_tunables;

/* Whether CLBlast gives right answers on this device: tried once for each device and set of parameters with known answers, and
 * warned of if it does not. */
bool vq_blas_usable(vq_device *device);

/* When a device closes: with the last one that used CLBlast goes what CLBlast keeps. */
void vq_blas_release(vq_device *device);

/* Who multiplies by $VQDNA_GEMM: tile or clblast; it is refused if it says anything else, or clblast where that is not usable. */
vq_status vq_blas_check_choice(vq_device *device);
bool vq_blas_chosen(bool otherwise);

/* C[M][N] = op(A) op(B), or C += it if `add`; row-major. op(A) [M][K] is stored [K][M] if `ta`, op(B) [K][N] is stored [N][K] if
 * `tb`. C must overlap neither A nor B. */
vq_status vq_blas_gemm(vq_device *device, vq_view C, vq_view A, vq_view B, vq_view scratch, int M, int N, int K, bool ta, bool tb,
                       bool add);

/* Bytes of `scratch` of the above. */
size_t vq_blas_scratch(vq_device *device, int M, int N, int K, bool ta, bool tb);

#endif

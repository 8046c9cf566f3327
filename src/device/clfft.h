/* clFFT: transforms on GPUs. The only room that knows it. The library, libclFFT.so.2 or what $VQDNA_CLFFT_LIBRARY names, is opened at run
 * time, so that a program that was built with it runs without it; -DVQDNA_CLFFT=OFF builds without. clFFT bakes plans under no lock and
 * leaks them, and some of its plans are wrong on some devices (its issues 250, 119, 171, 98, 187): calls are serialized under one lock, a
 * plan is kept for each shape until the device closes, and each is checked at first use, by impulses and against sums in double
 * precision, and there and back. A plan that is wrong or cannot be made is never used, and warned of once. */
#ifndef VQ_DEVICE_CLFFT_H
#define VQ_DEVICE_CLFFT_H

#include "device/memory.h"

/* Whether clFFT gives right answers for transforms of length N of C channels side by side, laid out as ops/fft.h says: the plan is made and
 * checked at the first time it is asked for. Never where N C floats are no multiple of the device's alignment. */
bool vq_clfft_usable(vq_device *device, int N, int C);

/* Why it is not there at all, the beginning of a sentence; NULL if it is. */
const char *vq_clfft_missing(void);

/* Who transforms by $VQDNA_FFT: own or clfft; it is refused if it says anything else, or clfft where that is not there. */
vq_status vq_clfft_check_choice(const vq_device *device);
bool vq_clfft_chosen(bool otherwise);

/* B entries by a plan that is usable. out may be in. scratch: vq_clfft_scratch bytes. */
vq_status vq_clfft(vq_device *device, vq_view out, vq_view in, vq_view scratch, int B, int N, int C, int sign);
size_t vq_clfft_scratch(vq_device *device, int N, int C);

/* When a device closes. */
void vq_clfft_release(vq_device *device);

#endif

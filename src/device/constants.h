/* Tables that kernels read and that depend on a few numbers alone: made on the host at first use, kept until the device closes. */
#ifndef VQ_DEVICE_CONSTANTS_H
#define VQ_DEVICE_CONSTANTS_H

#include "device/memory.h"

enum { VQ_CONSTANT_KEYS = 4 };

typedef void (*vq_constant_fill)(float *out, const int key[VQ_CONSTANT_KEYS]);

/* *out is borrowed: `count` floats as `fill` writes them for `key`. One fill and key have one count. */
vq_status vq_constant(vq_device *device, vq_view *out, vq_constant_fill fill, const int key[VQ_CONSTANT_KEYS], size_t count);

/* When a device closes. */
void vq_constants_destroy(vq_device *device);

#endif

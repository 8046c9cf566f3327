/* Known answers when a device or driver is first seen: the kernels that give codes, forward, at one shape each. */
#ifndef VQ_OPS_FIRSTUSE_H
#define VQ_OPS_FIRSTUSE_H

#include "device/device.h"

/* Checks the device, or reads the verdict of an earlier check of this program on it from the cache folder. If the tiles of products
 * and of the nearest code fail, device->plain is set, the plain kernels are checked in their place, and a warning says so; a warning
 * too if anything stays wrong. With $VQDNA_KERNEL_DIR the verdict is not kept. Never fails. */
void vq_first_use(vq_device *device);

#endif

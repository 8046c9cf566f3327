/* Known answers when a device or driver is first seen: the kernels that give codes, and, when a model is to be trained, the others:
 * the shapes of the case tables that say so. */
#ifndef VQ_CHECK_FIRSTUSE_H
#define VQ_CHECK_FIRSTUSE_H

#include "check/case.h"

/* Checks the device, or reads the verdict of an earlier check of this program on it from the cache folder. An operation whose
 * kernels fail gets its plain ones (vq_shape_of), which are checked in their place, and a warning says so; another one if they are
 * wrong too. With $VQDNA_KERNEL_DIR the verdict is not kept. Never fails. */
void vq_first_use(vq_device *device, vq_use use);

#endif

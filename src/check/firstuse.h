/* Known answers when a device or driver is first seen: the kernels that give codes, and, when a model is to be trained, the others:
 * the shapes of the case tables that say so. */
#ifndef VQ_CHECK_FIRSTUSE_H
#define VQ_CHECK_FIRSTUSE_H

#include "check/case.h"

/* Checks the device, or reads the verdict of an earlier check of this program on it from the cache folder. An operation whose
 * kernels give wrong answers gets its plain ones (vq_shape_of), which are checked in their place, and a warning says so; another one
 * if they are wrong too. Kernels that cannot run, tried twice, are no verdict: plain ones stand in until the next start. With
 * $VQDNA_KERNEL_DIR or $VQDNA_PLAIN nothing is kept. Never fails. */
void vq_first_use(vq_device *device, vq_use use);

/* Both anew, whatever was kept. */
void vq_first_use_again(vq_device *device);

#endif

/* Choosing and opening a device: the roof of this floor, for it starts and ends the rooms that a device has. */
#ifndef VQ_DEVICE_OPEN_H
#define VQ_DEVICE_OPEN_H

#include "device/device.h"

/* Every platform and device, as vqdna_devices. *out is malloc'ed. */
vq_status vq_device_list(vqdna_device_info **out, size_t *count, const char *selector);

/* Opens the device a selector names (NULL: $VQDNA_DEVICE, then the best). `threads` cores of a CPU device, 0 for all. */
vq_status vq_device_open(vq_device **out, const char *selector, int threads);
void vq_device_close(vq_device *device);

#endif

/* Work limited by one thing each, to measure a device by: fused multiply-adds in registers, memory, the launch of a kernel. */
#ifndef VQ_OPS_PEAK_H
#define VQ_OPS_PEAK_H

#include "device/launch.h"

/* end, start [items][chains][width]: each float stepped `steps` times by c = x c + y, 2 operations a step. width 1, 2, 4, 8 or 16:
 * the floats of a register; chains: the registers a work-item steps side by side, shared by several on a GPU if they are many. end may be start. */
vq_status vq_peak_fma(vq_device *device, vq_view end, vq_view start, int items, int width, int chains, float x, float y, int steps);

/* Work-items of vq_peak_fma that keep every core busy several times over. */
int vq_peak_items(vq_device *device);

/* y = x and y = a + s b; y, x, a, b [n], which must not overlap. They move 8 n and 12 n bytes. */
vq_status vq_peak_copy(vq_device *device, vq_view y, vq_view x, int n);
vq_status vq_peak_triad(vq_device *device, vq_view y, vq_view a, vq_view b, float s, int n);

/* count int32 [1] += 1. */
vq_status vq_peak_count(vq_device *device, vq_view count);

#endif

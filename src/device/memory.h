/* Pieces of device memory, and transfers to and from them. */
#ifndef VQ_DEVICE_MEMORY_H
#define VQ_DEVICE_MEMORY_H

#include "device/device.h"

/* A piece of device memory (a sub-buffer of a slab), passed by value and owned by its plan (device/plan.h). */
typedef struct vq_view {
    cl_mem mem;
    size_t bytes;
} vq_view;

#define VQ_NO_VIEW ((vq_view){NULL, 0})

typedef enum vq_dtype { VQ_F32, VQ_I32, VQ_U32, VQ_U8, VQ_U16 } vq_dtype;

static inline size_t vq_dtype_bytes(vq_dtype dtype) {
    return dtype == VQ_U8 ? 1 : dtype == VQ_U16 ? 2 : 4;
}

/* A single buffer outside any plan, for tests and set-up. */
vq_status vq_view_create(vq_device *device, vq_view *out, size_t bytes);
void vq_view_destroy(vq_view *view);

/* A borrowed piece of a view that is no piece itself: `offset` must be a multiple of the device's alignment. Release with
 * vq_view_destroy. */
vq_status vq_view_cut(vq_device *device, vq_view *out, vq_view of, size_t offset, size_t bytes);

/* Waits for what was enqueued before, then copies. */
vq_status vq_read(vq_device *device, void *to, vq_view from, size_t offset, size_t bytes);
vq_status vq_write(vq_device *device, vq_view to, size_t offset, const void *from, size_t bytes);

/* Copies `from` aside and enqueues the transfer without waiting: for the inputs of a step. */
vq_status vq_upload(vq_device *device, vq_view to, const void *from, size_t bytes);

vq_status vq_zero(vq_device *device, vq_view view);
vq_status vq_copy(vq_device *device, vq_view to, size_t to_offset, vq_view from, size_t from_offset, size_t bytes);

void vq_staging_destroy(vq_device *device);

#endif

#include "device/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Single views and transfers ---------------------------------------------------------------------------------------------- */

static void release(cl_mem mem) {
    if (mem)
        clReleaseMemObject(mem);
}

vq_status vq_view_create(vq_device *device, vq_view *out, size_t bytes) {
    cl_int err = CL_INVALID_BUFFER_SIZE;
    out->bytes = bytes ? bytes : 4;
    if (out->bytes <= device->info.global_bytes) /* NVIDIA's driver makes a buffer of any size, and fails where it is used */
        out->mem = clCreateBuffer(device->context, CL_MEM_READ_WRITE, out->bytes, NULL, &err);
    if (err == CL_SUCCESS)
        return VQDNA_OK;
    *out = VQ_NO_VIEW;
    char text[96];
    snprintf(text, sizeof text, "allocating %zu bytes", bytes);
    return vq_fail_cl(err, text);
}

void vq_view_destroy(vq_view *view) {
    release(view->mem);
    *view = VQ_NO_VIEW;
}

vq_status vq_view_cut(vq_device *device, vq_view *out, vq_view of, size_t offset, size_t bytes) {
    (void)device;
    cl_int err;
    cl_buffer_region region = {offset, bytes};
    out->mem = clCreateSubBuffer(of.mem, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &err);
    out->bytes = bytes;
    return err == CL_SUCCESS ? VQDNA_OK : vq_fail_cl(err, "cutting a tensor from its slab");
}

static vq_status transferred(cl_int err, const char *what) {
    return err == CL_SUCCESS ? VQDNA_OK : vq_fail_cl(err, what);
}

vq_status vq_read(vq_device *device, void *to, vq_view from, size_t offset, size_t bytes) {
    if (!bytes)
        return VQDNA_OK;
    return transferred(clEnqueueReadBuffer(device->queue, from.mem, CL_TRUE, offset, bytes, to, 0, NULL, NULL),
                       "reading device memory");
}

vq_status vq_write(vq_device *device, vq_view to, size_t offset, const void *from, size_t bytes) {
    if (!bytes)
        return VQDNA_OK;
    return transferred(clEnqueueWriteBuffer(device->queue, to.mem, CL_TRUE, offset, bytes, from, 0, NULL, NULL),
                       "writing device memory");
}

vq_status vq_zero(vq_device *device, vq_view view) {
    if (view.bytes % 4) {
        const cl_uchar zero = 0;
        return transferred(clEnqueueFillBuffer(device->queue, view.mem, &zero, 1, 0, view.bytes, 0, NULL, NULL),
                           "clearing device memory");
    }
    const cl_uint zero = 0;
    return transferred(clEnqueueFillBuffer(device->queue, view.mem, &zero, sizeof zero, 0, view.bytes, 0, NULL, NULL),
                       "clearing device memory");
}

vq_status vq_copy(vq_device *device, vq_view to, size_t to_offset, vq_view from, size_t from_offset, size_t bytes) {
    if (!bytes)
        return VQDNA_OK;
    return transferred(clEnqueueCopyBuffer(device->queue, from.mem, to.mem, from_offset, to_offset, bytes, 0, NULL, NULL),
                       "copying device memory");
}

/* ---- Staging: host copies that live until their transfer is over ------------------------------------------------------------- */

enum { STAGES = 8 }; /* uploads on their way; a ninth waits, which also bounds the queue */

struct vq_staging {
    struct {
        void *data;
        size_t capacity;
        cl_event done;
    } slot[STAGES];
    int next;
};

vq_status vq_upload(vq_device *device, vq_view to, const void *from, size_t bytes) {
    if (!bytes)
        return VQDNA_OK;
    if (!device->staging)
        VQ_TRY(vq_alloc(&device->staging, 1, sizeof *device->staging));
    int i = device->staging->next;
    device->staging->next = (i + 1) % STAGES;
    if (device->staging->slot[i].done) {
        cl_int err = clWaitForEvents(1, &device->staging->slot[i].done);
        clReleaseEvent(device->staging->slot[i].done);
        device->staging->slot[i].done = NULL;
        if (err != CL_SUCCESS)
            return vq_fail_cl(err, "waiting for an upload");
    }
    if (device->staging->slot[i].capacity < bytes) {
        free(device->staging->slot[i].data);
        device->staging->slot[i].capacity = 0;
        VQ_TRY(vq_alloc(&device->staging->slot[i].data, bytes, 1));
        device->staging->slot[i].capacity = bytes;
    }
    memcpy(device->staging->slot[i].data, from, bytes);
    cl_int err = clEnqueueWriteBuffer(device->queue, to.mem, CL_FALSE, 0, bytes, device->staging->slot[i].data, 0, NULL,
                                      &device->staging->slot[i].done);
    if (err == CL_SUCCESS)
        err = clFlush(device->queue);
    return transferred(err, "writing device memory");
}

void vq_staging_destroy(vq_device *device) {
    if (!device->staging)
        return;
    for (int i = 0; i < STAGES; i++) {
        if (device->staging->slot[i].done) {
            clWaitForEvents(1, &device->staging->slot[i].done);
            clReleaseEvent(device->staging->slot[i].done);
        }
        free(device->staging->slot[i].data);
    }
    free(device->staging);
    device->staging = NULL;
}

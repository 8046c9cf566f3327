/* Kernels: built from the embedded cl/ files, cached on disk under a hash of source, options, device, driver and platform; where
 * the driver caches them itself (PoCL), an empty file only tells that it has. */
#ifndef VQ_DEVICE_PROGRAM_H
#define VQ_DEVICE_PROGRAM_H

#include "base/status.h"

typedef struct vq_device vq_device;
typedef struct vq_kernel vq_kernel;

typedef struct vq_source {
    const char *stem, *text; /* cl/STEM.cl */
} vq_source;

/* All embedded files, ended by a NULL stem. Written by CMake. */
extern const vq_source vq_sources[];

/* The kernel `name` of cl/STEM.cl built with `options` ("" or "-DTILE=4 ..."), compiled at first use: borrowed, lives with the
 * device. The text of cl/prelude.cl stands before each file. $VQDNA_KERNEL_DIR reads the files from there instead. */
vq_status vq_kernel_get(vq_device *device, vq_kernel **out, const char *stem, const char *name, const char *options);

/* For launch.c: the OpenCL object and "STEM NAME OPTIONS" of a kernel. */
struct _cl_kernel *vq_kernel_handle(const vq_kernel *kernel);
const char *vq_kernel_key(const vq_kernel *kernel);

void vq_kernel_table_destroy(vq_device *device);

#endif

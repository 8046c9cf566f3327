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
 * device. The text of cl/prelude.cl stands before each file, -DVW=n before the options, and -DVQ_GPU for a GPU's kernels.
 * $VQDNA_KERNEL_DIR reads the files from there instead. */
vq_status vq_kernel_get(vq_device *device, vq_kernel **out, const char *stem, const char *name, const char *options);

/* For launch.c: the OpenCL object and "STEM NAME OPTIONS" of a kernel, and what it can be launched with. */
struct _cl_kernel *vq_kernel_handle(const vq_kernel *kernel);
const char *vq_kernel_key(const vq_kernel *kernel);

typedef struct vq_kernel_limits {
    size_t items;       /* of a work-group, at most */
    size_t local_bytes; /* of local memory it declares */
} vq_kernel_limits;
vq_kernel_limits vq_kernel_limits_of(const vq_kernel *kernel);

/* The same of all kernels of cl/STEM.cl built with `options`: the fewest items, the most memory. A program that cannot be built
 * sets no limit: the launch says why. */
vq_kernel_limits vq_program_limits(vq_device *device, const char *stem, const char *options);

void vq_kernel_table_destroy(vq_device *device);

#endif

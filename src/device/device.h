/* The record of one OpenCL device with its in-order queue: what every room of this floor reads. The room open.h fills it. */
#ifndef VQ_DEVICE_DEVICE_H
#define VQ_DEVICE_DEVICE_H

#include "base/status.h"

#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <pthread.h>

/* Which shape of a kernel suits the device. A CPU device wants few, large work-items that hold a register tile (local size 1, no
 * barriers); a GPU wants work-groups that share local memory. Chosen by type and the width of its registers together; $VQDNA_FAMILY
 * overrules. */
typedef enum vq_family { VQ_FAMILY_CPU, VQ_FAMILY_GPU } vq_family;

typedef struct vq_kernel_table vq_kernel_table;
typedef struct vq_staging vq_staging;
typedef struct vq_tuning vq_tuning;
typedef struct vq_constant_table vq_constant_table;
typedef struct vq_clfft_plan vq_clfft_plan;

typedef struct vq_device {
    vqdna_device_info info;
    cl_platform_id platform;
    cl_device_id id;
    cl_device_id parent; /* when id is a sub-device of the cores asked for, else NULL */
    cl_context context;
    cl_command_queue queue;
    vq_family family;
    int vector_width;     /* floats of a vector register: 4, 8 or 16 on a CPU device, 4 on a GPU */
    size_t alignment;     /* bytes between sub-buffer origins */
    size_t most_groups;   /* of a launch, in y and z; 0: any number, as on a CPU device */
    double most_flops;    /* of a launch: a desktop's watchdog ends what takes 2 seconds; 0: any number */
    size_t most_items[3]; /* of a work-group, in each dimension */
    size_t allocated;     /* bytes of all slabs */
    char plain[256];      /* "OP,OP": operations that run with their plain kernels; nearly always none */
    bool driver_caches;   /* the driver keeps compiled kernels itself, and compiles all of a program once more for a binary */
    bool synchronous;     /* $VQDNA_SYNC=1: finish after each launch, naming the kernel that failed */
    int blas_set;         /* CLBlast's parameters, of blas.c's sets, and whether its answers are right with them; 0: not tried */
    bool blas_right;
    pthread_mutex_t lock;
    vq_kernel_table *kernels;
    vq_staging *staging;
    vq_tuning *tuning;
    vq_constant_table *constants;
    vq_clfft_plan *clfft;
} vq_device;

/* The shape of an operation's kernels: the device's own, or, where those gave wrong answers or could not run, the plain one: a CPU's
 * with registers of one float (cl/prelude.cl), or a kernel of its own. $VQDNA_PLAIN=OP,OP or all asks for it. */
typedef struct vq_shape {
    vq_family family;
    int width; /* floats of a register: -DVW */
    bool plain;
} vq_shape;
vq_shape vq_shape_of(const vq_device *device, const char *operation);

/* From now on the kernels of `operation` are the plain ones; reset leaves those that $VQDNA_PLAIN asks for. */
void vq_device_make_plain(vq_device *device, const char *operation);
void vq_device_reset_plain(vq_device *device);

/* One thread at a time uses the device; the lock is recursive, for callbacks that call back. The public functions take it; NULL
 * passes. */
vq_device *vq_device_lock(vq_device *device);
void vq_device_unlock(vq_device *device);

/* Whether the device takes work-groups of across x down work-items with so much local memory. */
bool vq_device_takes(const vq_device *device, size_t across, size_t down, size_t local_bytes);

/* Waits for all that was enqueued. */
vq_status vq_device_finish(vq_device *device);

/* The sentence for an OpenCL error code: "out of device memory (CL_MEM_OBJECT_ALLOCATION_FAILURE)". */
vq_status vq_fail_cl(cl_int code, const char *what);

#endif

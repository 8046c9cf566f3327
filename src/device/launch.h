/* Running a kernel: typed arguments, a grid, a name in the error. */
#ifndef VQ_DEVICE_LAUNCH_H
#define VQ_DEVICE_LAUNCH_H

#include "device/memory.h"
#include "device/program.h"

typedef struct vq_arg {
    enum { VQ_ARG_VIEW, VQ_ARG_INT, VQ_ARG_FLOAT, VQ_ARG_LOCAL } kind;
    union {
        vq_view view;
        int32_t i;
        float f;
        size_t bytes;
    };
} vq_arg;

static inline vq_arg vq_in(vq_view view) { /* a global pointer; VQ_NO_VIEW passes NULL */
    return (vq_arg){VQ_ARG_VIEW, {.view = view}};
}
static inline vq_arg vq_int(int32_t i) {
    return (vq_arg){VQ_ARG_INT, {.i = i}};
}
static inline vq_arg vq_float(float f) {
    return (vq_arg){VQ_ARG_FLOAT, {.f = f}};
}
static inline vq_arg vq_local(size_t bytes) { /* local memory */
    return (vq_arg){VQ_ARG_LOCAL, {.bytes = bytes}};
}

/* Work-groups in each dimension and work-items of a group: global size = groups x local. `flops`: operations of all, where they grow
 * faster than what is read and written; 0: they do not. */
typedef struct vq_grid {
    size_t groups[3], local[3];
    double flops;
} vq_grid;

static inline vq_grid vq_grid1(size_t groups, size_t local) {
    return (vq_grid){{groups, 1, 1}, {local, 1, 1}, 0};
}
static inline vq_grid vq_grid2(size_t gx, size_t gy, size_t lx, size_t ly) {
    return (vq_grid){{gx, gy, 1}, {lx, ly, 1}, 0};
}

/* A work-group of a GPU's kernel, and its build options: LX and LY of cl/prelude.cl. One item for a CPU's kernel. */
typedef struct vq_group {
    size_t across, down;
    size_t spread; /* of a kernel that needs no group: all items of one on a GPU, 64 or as many as there may be on a CPU */
    char options[128];
} vq_group;

/* `across` items in the first dimension, of `items` in all, both powers of two: fewer where the device, or a kernel of the file on
 * it, takes no more. `options` stand before LX and LY. */
vq_group vq_group_fit(vq_device *device, const char *stem, const char *options, int across, int items);

/* Whether the device and all kernels of cl/STEM.cl built with `options` take groups of so many work-items. */
bool vq_group_fits(vq_device *device, const char *stem, const char *options, size_t across, size_t down);

/* Enqueues the kernel; arguments are copied. A grid with no groups does nothing. One with more groups in y or z, or more flops, than
 * a GPU's driver takes at once is cut into several launches, so a kernel asks for VQ_GROUP_ID, never for get_group_id, and for
 * global sizes only in x and without flops. */
vq_status vq_launch_args(vq_device *device, vq_kernel *kernel, vq_grid grid, const vq_arg *args, int count);

#define vq_launch(device, kernel, grid, ...)                                                                                       \
    vq_launch_args(device, kernel, grid, (const vq_arg[]){__VA_ARGS__}, (int)(sizeof((vq_arg[]){__VA_ARGS__}) / sizeof(vq_arg)))

/* vq_kernel_get and vq_launch in one. */
#define vq_run(device, stem, name, options, grid, ...)                                                                             \
    vq_run_args(device, stem, name, options, grid, (const vq_arg[]){__VA_ARGS__},                                                  \
                (int)(sizeof((vq_arg[]){__VA_ARGS__}) / sizeof(vq_arg)))
vq_status vq_run_args(vq_device *device, const char *stem, const char *name, const char *options, vq_grid grid, const vq_arg *args,
                      int count);

#endif

/* Device memory: planned once, cut from a few slabs, never allocated in the training loop.
 *
 * A model declares each tensor with a role, then binds the plan. PARAM tensors lie packed in one region; GRAD, MOMENT1 and MOMENT2
 * mirror it, so that the optimizer runs over whole regions. SCRATCH tensors share memory between scopes. */
#ifndef VQ_DEVICE_MEMORY_H
#define VQ_DEVICE_MEMORY_H

#include "device/device.h"

/* A piece of device memory (a sub-buffer of a slab), passed by value and owned by its plan. */
typedef struct vq_view {
    cl_mem mem;
    size_t bytes;
} vq_view;

#define VQ_NO_VIEW ((vq_view){NULL, 0})

typedef enum vq_role {
    VQ_PARAM,   /* weights; each has a gradient and two moments if the plan is for training */
    VQ_STATE,   /* kept over steps, not moved by the optimizer: codebooks and their averages */
    VQ_SAVED,   /* kept from forward to backward */
    VQ_SCRATCH, /* of one scope */
    VQ_INPUT,   /* written by the host */
} vq_role;

typedef enum vq_dtype { VQ_F32, VQ_I32, VQ_U32, VQ_U8, VQ_U16 } vq_dtype;

typedef struct vq_tensor {
    vq_view view;
    vq_view grad, moment1, moment2; /* of a PARAM of a training plan, else VQ_NO_VIEW */
    char name[48];                  /* as in the state dict: "enc.0.up.weight" */
    vq_role role;
    vq_dtype dtype;
    int rank;
    size_t shape[4];
    size_t count; /* elements */
} vq_tensor;

typedef struct vq_plan vq_plan;

vq_status vq_plan_create(vq_plan **out, vq_device *device, bool training);
void vq_plan_destroy(vq_plan *plan);

/* Declares a tensor: `tensor` is filled now and its views at bind; it must stay where it is until the plan is destroyed. */
void vq_plan_add(vq_plan *plan, vq_tensor *tensor, vq_role role, vq_dtype dtype, const char *name, int rank, const size_t *shape);

#define vq_plan_tensor(plan, tensor, role, dtype, name, ...)                                                                       \
    vq_plan_add(plan, tensor, role, dtype, name, (int)(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)),                          \
                (const size_t[]){__VA_ARGS__})

/* SCRATCH declared between begin and end may share memory with scratch of other scopes that are not inside one another. Scopes
 * nest. */
void vq_plan_scope_begin(vq_plan *plan);
void vq_plan_scope_end(vq_plan *plan);

/* Whether the device has room for what was declared. VQDNA_ERR_MEMORY says how much is needed and how much there is. */
vq_status vq_plan_fits(const vq_plan *plan);

/* Lays everything out and allocates the slabs, if there is room. A plan that is not bound can be described all the same. */
vq_status vq_plan_bind(vq_plan *plan);

/* The packed regions: all parameters, their gradients, first and second moments. Padding between tensors is zero and stays zero. */
typedef struct vq_regions {
    vq_view param, grad, moment1, moment2;
    size_t count; /* floats of each */
} vq_regions;
vq_regions vq_plan_regions(const vq_plan *plan);

/* Tensors in order of declaration; NULL past the end. */
const vq_tensor *vq_plan_at(const vq_plan *plan, size_t i);
void vq_plan_describe(const vq_plan *plan, vqdna_plan_fn fn, void *user);
size_t vq_plan_bytes(const vq_plan *plan);

/* A single buffer outside any plan, for tests and set-up. */
vq_status vq_view_create(vq_device *device, vq_view *out, size_t bytes);
void vq_view_destroy(vq_view *view);

/* A borrowed piece of a view: `offset` must be a multiple of the device's alignment. Release with vq_view_destroy. */
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

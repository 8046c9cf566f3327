#include "device/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the next tensor goes: a chain of slabs filled in order. Scratch restores the cursor at the end of a scope, so that scopes
 * beside one another share memory. */
typedef struct {
    int slab;
    size_t offset;
} cursor;

typedef struct {
    vq_tensor *tensor;
    int slab;
    size_t offset;
} placed;

enum { KEPT, SCRATCH, POOLS };                                     /* pools that grow slab by slab */
enum { REGION_PARAM, REGION_GRAD, REGION_M1, REGION_M2, REGIONS }; /* slabs that mirror one another */
enum { MAX_SLABS = 64, MAX_DEPTH = 16 };

struct vq_plan {
    vq_device *device;
    bool training, bound;
    placed *items;
    size_t count, capacity;
    size_t slab_bytes[MAX_SLABS];
    int slab_pool[MAX_SLABS];
    int slabs;
    cl_mem slab_mem[MAX_SLABS];
    cursor at[POOLS];
    cursor start[MAX_DEPTH], peak[MAX_DEPTH]; /* of the scopes open: where each began, and how far the scopes inside it went */
    int depth;
    size_t region_bytes;
    cl_mem region_mem[REGIONS];
    vq_status failed; /* declaring never fails on the spot; bind reports */
};

static size_t align_up(size_t n, size_t a) {
    return (n + a - 1) / a * a;
}

static size_t dtype_bytes(vq_dtype dtype) {
    switch (dtype) {
    case VQ_U8:
        return 1;
    case VQ_U16:
        return 2;
    default:
        return 4;
    }
}

vq_status vq_plan_create(vq_plan **out, vq_device *device, bool training) {
    vq_plan *plan;
    VQ_TRY(vq_alloc(&plan, 1, sizeof *plan));
    plan->device = device;
    plan->training = training;
    plan->at[KEPT].slab = plan->at[SCRATCH].slab = plan->peak[0].slab = -1;
    *out = plan;
    return VQDNA_OK;
}

static void release(cl_mem mem) {
    if (mem)
        clReleaseMemObject(mem);
}

void vq_plan_destroy(vq_plan *plan) {
    if (!plan)
        return;
    if (plan->bound)
        for (size_t i = 0; i < plan->count; i++) {
            vq_tensor *t = plan->items[i].tensor;
            release(t->view.mem);
            release(t->grad.mem);
            release(t->moment1.mem);
            release(t->moment2.mem);
        }
    for (int i = 0; i < plan->slabs; i++) {
        if (plan->slab_mem[i])
            plan->device->allocated -= plan->slab_bytes[i];
        release(plan->slab_mem[i]);
    }
    for (int i = 0; i < REGIONS; i++) {
        if (plan->region_mem[i])
            plan->device->allocated -= plan->region_bytes;
        release(plan->region_mem[i]);
    }
    free(plan->items);
    free(plan);
}

static cursor later(cursor a, cursor b) { /* slabs of a pool are numbered in the order they are filled */
    return a.slab > b.slab || (a.slab == b.slab && a.offset > b.offset) ? a : b;
}

/* Finds room for `bytes` in a pool, moving on to its next slab (or a new one) when the current one is full. */
static cursor place(vq_plan *plan, int pool, size_t bytes) {
    cursor *at = &plan->at[pool];
    size_t limit = plan->device->info.max_allocation;
    if (at->slab < 0 || at->offset + bytes > limit) {
        int next = at->slab + 1;
        while (next < plan->slabs && plan->slab_pool[next] != pool)
            next++;
        if (next == plan->slabs) {
            if (plan->slabs == MAX_SLABS) { /* the last one takes the rest, for the sum to be right */
                plan->failed =
                    vq_fail(VQDNA_ERR_MEMORY, "the memory plan needs more than %d slabs: use a smaller batch", MAX_SLABS);
                cursor end = {MAX_SLABS - 1, plan->slab_bytes[MAX_SLABS - 1]};
                plan->slab_bytes[MAX_SLABS - 1] += bytes;
                return end;
            }
            plan->slab_pool[plan->slabs++] = pool;
        }
        *at = (cursor){next, 0};
    }
    cursor here = *at;
    at->offset += bytes;
    if (at->offset > plan->slab_bytes[at->slab])
        plan->slab_bytes[at->slab] = at->offset;
    return here;
}

void vq_plan_add(vq_plan *plan, vq_tensor *tensor, vq_role role, vq_dtype dtype, const char *name, int rank, const size_t *shape) {
    memset(tensor, 0, sizeof *tensor);
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    tensor->role = role;
    tensor->dtype = dtype;
    tensor->rank = rank;
    tensor->count = 1;
    for (int i = 0; i < rank; i++) {
        tensor->shape[i] = shape[i];
        tensor->count *= shape[i];
    }
    if (plan->count == plan->capacity) {
        size_t capacity = plan->capacity ? 2 * plan->capacity : 64;
        placed *items = realloc(plan->items, capacity * sizeof *items);
        if (!items) {
            plan->failed = vq_fail(VQDNA_ERR_MEMORY, "out of memory for the memory plan");
            return;
        }
        plan->items = items;
        plan->capacity = capacity;
    }
    size_t bytes = align_up(tensor->count * dtype_bytes(dtype), plan->device->alignment);
    if (bytes == 0)
        bytes = plan->device->alignment;
    placed *item = &plan->items[plan->count++];
    item->tensor = tensor;
    if (bytes > plan->device->info.max_allocation && !plan->failed)
        plan->failed =
            vq_fail(VQDNA_ERR_MEMORY, "%s needs %.1f MiB, more than one allocation of %s may have (%.1f MiB): use a smaller batch",
                    name, (double)bytes / 1048576, plan->device->info.name, (double)plan->device->info.max_allocation / 1048576);
    if (role == VQ_PARAM) {
        *item = (placed){tensor, -1, plan->region_bytes};
        plan->region_bytes += bytes;
    } else {
        if (role == VQ_SCRATCH)
            plan->at[SCRATCH] = later(plan->at[SCRATCH], plan->peak[plan->depth]);
        cursor c = place(plan, role == VQ_SCRATCH ? SCRATCH : KEPT, bytes);
        *item = (placed){tensor, c.slab, c.offset};
    }
}

void vq_plan_scope_begin(vq_plan *plan) {
    assert(plan->depth + 1 < MAX_DEPTH);
    plan->depth++;
    plan->start[plan->depth] = plan->peak[plan->depth] = plan->at[SCRATCH];
}

/* The next scope may start where this one did; scratch of the scope around both comes after either. */
void vq_plan_scope_end(vq_plan *plan) {
    assert(plan->depth > 0);
    cursor start = plan->start[plan->depth], peak = later(plan->peak[plan->depth], plan->at[SCRATCH]);
    plan->depth--;
    plan->peak[plan->depth] = later(plan->peak[plan->depth], peak);
    for (int i = 0; i < plan->slabs && start.slab < 0; i++) /* the first slab exists by now: start over in it */
        if (plan->slab_pool[i] == SCRATCH)
            start = (cursor){i, 0};
    plan->at[SCRATCH] = start;
}

static vq_status allocate(vq_plan *plan, cl_mem *out, size_t bytes) {
    cl_int err;
    *out = clCreateBuffer(plan->device->context, CL_MEM_READ_WRITE, bytes, NULL, &err);
    if (err == CL_SUCCESS) {
        /* Drivers allocate late: touching the memory now finds a shortage here and not inside the first step. */
        const cl_uint zero = 0;
        err = clEnqueueFillBuffer(plan->device->queue, *out, &zero, sizeof zero, 0, bytes, 0, NULL, NULL);
        if (err == CL_SUCCESS)
            err = clFinish(plan->device->queue);
    }
    if (err != CL_SUCCESS) {
        release(*out);
        *out = NULL;
        if (vq_fail_cl(err, plan->device->info.name) != VQDNA_ERR_MEMORY)
            return VQDNA_ERR_DEVICE;
        return vq_fail(
            VQDNA_ERR_MEMORY,
            "%s has too little memory: %.1f MiB are needed and %.1f MiB are there (OpenCL error %d); use a smaller batch or preset",
            plan->device->info.name, (double)vq_plan_bytes(plan) / 1048576, (double)plan->device->info.global_bytes / 1048576,
            (int)err);
    }
    plan->device->allocated += bytes;
    return VQDNA_OK;
}

static vq_status cut(cl_mem slab, vq_view *out, size_t offset, size_t bytes) {
    cl_int err;
    cl_buffer_region region = {offset, bytes};
    out->mem = clCreateSubBuffer(slab, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &err);
    out->bytes = bytes;
    return err == CL_SUCCESS ? VQDNA_OK : vq_fail_cl(err, "cutting a tensor from its slab");
}

vq_status vq_plan_fits(const vq_plan *plan) {
    if (plan->region_bytes > plan->device->info.max_allocation)
        return vq_fail(
            VQDNA_ERR_MEMORY, "the weights need %.1f MiB, more than one allocation of %s may have (%.1f MiB): use a smaller preset",
            (double)plan->region_bytes / 1048576, plan->device->info.name, (double)plan->device->info.max_allocation / 1048576);
    if (vq_plan_bytes(plan) + plan->device->allocated > plan->device->info.global_bytes)
        return vq_fail(VQDNA_ERR_MEMORY,
                       "%s has too little memory: %.1f MiB are needed and %.1f MiB are there; use a smaller batch or preset",
                       plan->device->info.name, (double)(vq_plan_bytes(plan) + plan->device->allocated) / 1048576,
                       (double)plan->device->info.global_bytes / 1048576);
    return plan->failed;
}

vq_status vq_plan_bind(vq_plan *plan) {
    VQ_TRY(vq_plan_fits(plan));
    plan->bound = true;
    for (int i = 0; i < (plan->training ? REGIONS : 1) && plan->region_bytes; i++)
        VQ_TRY(allocate(plan, &plan->region_mem[i], plan->region_bytes));
    for (int i = 0; i < plan->slabs; i++)
        VQ_TRY(allocate(plan, &plan->slab_mem[i], plan->slab_bytes[i]));
    for (size_t i = 0; i < plan->count; i++) {
        placed *p = &plan->items[i];
        size_t bytes = p->tensor->count * dtype_bytes(p->tensor->dtype);
        if (bytes == 0)
            bytes = 4;
        if (p->slab >= 0) {
            VQ_TRY(cut(plan->slab_mem[p->slab], &p->tensor->view, p->offset, bytes));
            continue;
        }
        vq_view *views[REGIONS] = {&p->tensor->view, &p->tensor->grad, &p->tensor->moment1, &p->tensor->moment2};
        for (int r = 0; r < (plan->training ? REGIONS : 1); r++)
            VQ_TRY(cut(plan->region_mem[r], views[r], p->offset, bytes));
    }
    return VQDNA_OK;
}

vq_regions vq_plan_regions(const vq_plan *plan) {
    vq_view v[REGIONS];
    for (int i = 0; i < REGIONS; i++)
        v[i] = (vq_view){plan->region_mem[i], plan->region_mem[i] ? plan->region_bytes : 0};
    return (vq_regions){v[REGION_PARAM], v[REGION_GRAD], v[REGION_M1], v[REGION_M2], plan->region_bytes / sizeof(float)};
}

const vq_tensor *vq_plan_at(const vq_plan *plan, size_t i) {
    return i < plan->count ? plan->items[i].tensor : NULL;
}

size_t vq_plan_bytes(const vq_plan *plan) {
    size_t bytes = plan->region_bytes * (plan->training ? REGIONS : 1);
    for (int i = 0; i < plan->slabs; i++)
        bytes += plan->slab_bytes[i];
    return bytes;
}

void vq_plan_describe(const vq_plan *plan, vqdna_plan_fn fn, void *user) {
    static const char *const roles[] = {"param", "state", "saved", "scratch", "input"};
    static const char *const mirrors[REGIONS] = {"param", "grad", "moment", "moment"};
    for (size_t i = 0; i < plan->count; i++) {
        const placed *p = &plan->items[i];
        const vq_tensor *t = p->tensor;
        size_t bytes = t->count * dtype_bytes(t->dtype);
        /* Regions are slabs 0 to 3, the others follow. */
        if (p->slab >= 0)
            fn(user, t->name, roles[t->role], t->rank, t->shape, bytes, REGIONS + p->slab, p->offset);
        else
            for (int r = 0; r < (plan->training ? REGIONS : 1); r++)
                fn(user, t->name, mirrors[r], t->rank, t->shape, bytes, r, p->offset);
    }
}

/* ---- Single views and transfers ---------------------------------------------------------------------------------------------- */

vq_status vq_view_create(vq_device *device, vq_view *out, size_t bytes) {
    cl_int err;
    out->bytes = bytes ? bytes : 4;
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
    return cut(of.mem, out, offset, bytes);
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

#include "device/plan.h"

#include "base/integer.h"

#include <assert.h>
#include <stdarg.h>
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
    size_t offset; /* in its slab, or in its part of the regions */
} placed;

enum { KEPT, SCRATCH, POOLS };                                                     /* pools that grow slab by slab */
enum { REGION_PARAM, REGION_GRAD, REGION_M1, REGION_M2, REGION_AVERAGE, REGIONS }; /* slabs that mirror one another */
enum { MAX_SLABS = 64, MAX_DEPTH = 16 };
enum { DECAYING = -1, UNDECAYED = -2, PARTS = 2 }; /* in place of a slab: a part of the packed regions */

struct vq_plan {
    vq_device *device;
    vq_purpose purpose;
    bool bound, frozen;
    char prefix[VQ_TENSOR_NAME];
    size_t prefix_at[MAX_DEPTH]; /* lengths of the prefixes around */
    int prefixes;
    placed *items;
    size_t count, capacity;
    size_t slab_bytes[MAX_SLABS];
    int slab_pool[MAX_SLABS];
    int slabs;
    cl_mem slab_mem[MAX_SLABS];
    cursor at[POOLS];
    cursor start[MAX_DEPTH], peak[MAX_DEPTH]; /* of the scopes open: where each began, and how far the scopes inside it went */
    int depth;
    size_t part_bytes[PARTS]; /* of the regions: what decays, what does not */
    cl_mem region_mem[REGIONS];
    vq_view part[PARTS][REGIONS]; /* of a sorted plan */
    vq_status failed;             /* declaring never fails on the spot; bind reports */
};

static size_t region_bytes(const vq_plan *plan) {
    return plan->part_bytes[0] + plan->part_bytes[1];
}

static int regions(const vq_plan *plan) {
    return plan->purpose == VQ_INFERENCE ? 1 : plan->purpose == VQ_TRAINING_AVERAGED ? REGIONS : REGION_AVERAGE;
}

static bool is_sorted(const vq_plan *plan) {
    return plan->purpose >= VQ_TRAINING_SORTED;
}

/* Of a tensor in the packed regions. */
static size_t region_offset(const vq_plan *plan, const placed *p) {
    return p->offset + (p->slab == UNDECAYED ? plan->part_bytes[0] : 0);
}

vq_status vq_plan_create(vq_plan **out, vq_device *device, vq_purpose purpose) {
    vq_plan *plan;
    VQ_TRY(vq_alloc(&plan, 1, sizeof *plan));
    plan->device = device;
    plan->purpose = purpose;
    plan->at[KEPT].slab = plan->at[SCRATCH].slab = plan->peak[0].slab = -1;
    *out = plan;
    return VQDNA_OK;
}

bool vq_plan_is_list(const vq_plan *plan) {
    return !plan->device;
}

bool vq_plan_is_training(const vq_plan *plan) {
    return plan->purpose != VQ_INFERENCE;
}

static void release(cl_mem mem) {
    if (mem)
        clReleaseMemObject(mem);
}

void vq_plan_destroy(vq_plan *plan) {
    if (!plan)
        return;
    /* The last made goes first: NVIDIA's driver (580) crashes when of sub-buffers that overlap an earlier one is let go before. */
    for (size_t i = plan->bound ? plan->count : 0; i-- > 0;) {
        const vq_tensor *t = plan->items[i].tensor;
        const vq_view views[] = {t->average, t->moment2, t->moment1, t->grad, t->view};
        for (size_t v = 0; v < sizeof views / sizeof *views && !t->tied; v++)
            release(views[v].mem);
    }
    for (int i = PARTS * REGIONS; i-- > 0;)
        vq_view_destroy(&plan->part[i / REGIONS][i % REGIONS]);
    for (int i = 0; i < plan->slabs; i++) {
        if (plan->slab_mem[i])
            plan->device->allocated -= plan->slab_bytes[i];
        release(plan->slab_mem[i]);
    }
    for (int i = 0; i < REGIONS; i++) {
        if (plan->region_mem[i])
            plan->device->allocated -= region_bytes(plan);
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

static placed *append(vq_plan *plan, vq_tensor *tensor) {
    if (plan->count == plan->capacity) {
        size_t capacity = plan->capacity ? 2 * plan->capacity : 64;
        placed *items = realloc(plan->items, capacity * sizeof *items);
        if (!items) {
            plan->failed = vq_fail(VQDNA_ERR_MEMORY, "out of memory for the memory plan");
            return NULL;
        }
        plan->items = items;
        plan->capacity = capacity;
    }
    plan->items[plan->count] = (placed){.tensor = tensor};
    return &plan->items[plan->count++];
}

void vq_plan_add(vq_plan *plan, vq_tensor *tensor, vq_role role, vq_dtype dtype, const char *name, vq_start start, int rank,
                 const size_t *shape) {
    role = role == VQ_PARAM && plan->frozen ? VQ_FROZEN : role;
    *tensor = (vq_tensor){.role = role, .dtype = dtype, .start = start, .rank = rank, .count = 1};
    if ((size_t)snprintf(tensor->name, sizeof tensor->name, "%s%s", plan->prefix, name) >= sizeof tensor->name)
        plan->failed =
            vq_fail(VQDNA_ERR_USAGE, "the tensor name %s%s is longer than %d letters", plan->prefix, name, VQ_TENSOR_NAME - 1);
    for (int i = 0; i < rank; i++) {
        tensor->shape[i] = shape[i];
        tensor->count *= shape[i];
    }
    if (!plan->device && role > VQ_STATE)
        return;
    placed *item = append(plan, tensor);
    if (!item || !plan->device)
        return;
    size_t bytes = vq_round_up(tensor->count * vq_dtype_bytes(dtype), plan->device->alignment);
    if (bytes == 0)
        bytes = plan->device->alignment;
    if (bytes > plan->device->info.max_allocation && !plan->failed)
        plan->failed = vq_fail(
            VQDNA_ERR_MEMORY, "%s needs %.1f MiB, more than one allocation of %s may have (%.1f MiB): use a smaller batch",
            tensor->name, (double)bytes / 1048576, plan->device->info.name, (double)plan->device->info.max_allocation / 1048576);
    if (role == VQ_PARAM) {
        int part = is_sorted(plan) && !start.decays;
        item->slab = part ? UNDECAYED : DECAYING;
        item->offset = plan->part_bytes[part];
        plan->part_bytes[part] += bytes;
        return;
    }
    if (role == VQ_SCRATCH)
        plan->at[SCRATCH] = later(plan->at[SCRATCH], plan->peak[plan->depth]);
    cursor c = place(plan, role == VQ_SCRATCH ? SCRATCH : KEPT, bytes);
    item->slab = c.slab;
    item->offset = c.offset;
}

void vq_plan_tie(vq_plan *plan, vq_tensor *tensor, const vq_tensor *of) {
    *tensor = *of;
    tensor->tied = true;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->items[i].tensor == of) {
            placed own = plan->items[i], *item = append(plan, tensor);
            if (item)
                *item = (placed){tensor, own.slab, own.offset};
            return;
        }
    assert(!"tied to a tensor of another plan");
}

void vq_plan_freeze(vq_plan *plan) {
    plan->frozen = true;
}

void vq_plan_thaw(vq_plan *plan) {
    plan->frozen = false;
}

void vq_plan_enter(vq_plan *plan, const char *format, ...) {
    assert(plan->prefixes < MAX_DEPTH);
    size_t used = plan->prefix_at[plan->prefixes++] = strlen(plan->prefix);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(plan->prefix + used, sizeof plan->prefix - used, format, arguments);
    va_end(arguments);
    if (used + (size_t)length >= sizeof plan->prefix)
        plan->failed =
            vq_fail(VQDNA_ERR_USAGE, "the tensor names %s... are longer than %d letters", plan->prefix, VQ_TENSOR_NAME - 1);
}

void vq_plan_leave(vq_plan *plan) {
    assert(plan->prefixes > 0);
    plan->prefix[plan->prefix_at[--plan->prefixes]] = 0;
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

vq_status vq_plan_fits(const vq_plan *plan, size_t beside) {
    const size_t bytes = vq_plan_bytes(plan) + plan->device->allocated + beside;
    if (region_bytes(plan) > plan->device->info.max_allocation)
        return vq_fail(
            VQDNA_ERR_MEMORY, "the weights need %.1f MiB, more than one allocation of %s may have (%.1f MiB): use a smaller preset",
            (double)region_bytes(plan) / 1048576, plan->device->info.name, (double)plan->device->info.max_allocation / 1048576);
    if (bytes > plan->device->info.global_bytes)
        return vq_fail(VQDNA_ERR_MEMORY,
                       "%s has too little memory: %.1f MiB are needed and %.1f MiB are there; use a smaller batch or preset",
                       plan->device->info.name, (double)bytes / 1048576, (double)plan->device->info.global_bytes / 1048576);
    return plan->failed;
}

static vq_status cut(vq_plan *plan, vq_view *out, cl_mem slab, size_t offset, size_t bytes) {
    return vq_view_cut(plan->device, out, (vq_view){slab, 0}, offset, bytes);
}

vq_status vq_plan_bind(vq_plan *plan) {
    VQ_TRY(vq_plan_fits(plan, 0));
    plan->bound = true;
    for (int i = 0; i < regions(plan) && region_bytes(plan); i++)
        VQ_TRY(allocate(plan, &plan->region_mem[i], region_bytes(plan)));
    for (int p = 0; p < PARTS && is_sorted(plan); p++)
        for (int r = 0; r < regions(plan) && plan->part_bytes[p]; r++)
            VQ_TRY(cut(plan, &plan->part[p][r], plan->region_mem[r], p ? plan->part_bytes[0] : 0, plan->part_bytes[p]));
    for (int i = 0; i < plan->slabs; i++)
        VQ_TRY(allocate(plan, &plan->slab_mem[i], plan->slab_bytes[i]));
    for (size_t i = 0; i < plan->count; i++) {
        placed *p = &plan->items[i];
        vq_tensor *t = p->tensor;
        size_t bytes = t->count * vq_dtype_bytes(t->dtype);
        if (bytes == 0)
            bytes = 4;
        if (t->tied) {
            const vq_tensor *of = vq_plan_find(plan, t->name);
            t->view = of->view;
            t->grad = of->grad;
            t->moment1 = of->moment1;
            t->moment2 = of->moment2;
            t->average = of->average;
            continue;
        }
        if (p->slab >= 0) {
            VQ_TRY(cut(plan, &t->view, plan->slab_mem[p->slab], p->offset, bytes));
            continue;
        }
        vq_view *views[REGIONS] = {&t->view, &t->grad, &t->moment1, &t->moment2, &t->average};
        for (int r = 0; r < regions(plan); r++)
            VQ_TRY(cut(plan, views[r], plan->region_mem[r], region_offset(plan, p), bytes));
    }
    return VQDNA_OK;
}

vq_regions vq_plan_regions(const vq_plan *plan, vq_part part) {
    vq_view v[REGIONS];
    const bool sorted = is_sorted(plan);
    size_t bytes = part == VQ_ALL || (part == VQ_DECAYING && !sorted) ? region_bytes(plan) : plan->part_bytes[part - VQ_DECAYING];
    for (int i = 0; i < REGIONS; i++)
        v[i] = part != VQ_ALL && sorted ? plan->part[part - VQ_DECAYING][i]
                                        : (vq_view){plan->region_mem[i], plan->region_mem[i] ? bytes : 0};
    return (vq_regions){v[REGION_PARAM], v[REGION_GRAD], v[REGION_M1], v[REGION_M2], v[REGION_AVERAGE], bytes / sizeof(float)};
}

const vq_tensor *vq_plan_at(const vq_plan *plan, size_t i) {
    return i < plan->count ? plan->items[i].tensor : NULL;
}

const vq_tensor *vq_plan_find(const vq_plan *plan, const char *name) {
    for (size_t i = 0; i < plan->count; i++) {
        const vq_tensor *t = plan->items[i].tensor;
        if (!t->tied && t->role <= VQ_STATE && strcmp(t->name, name) == 0)
            return t;
    }
    return NULL;
}

size_t vq_plan_bytes(const vq_plan *plan) {
    size_t bytes = region_bytes(plan) * (size_t)regions(plan);
    for (int i = 0; i < plan->slabs; i++)
        bytes += plan->slab_bytes[i];
    return bytes;
}

int vq_plan_describe(const vq_plan *plan, int first, vqdna_plan_fn fn, void *user) {
    static const char *const roles[] = {"param", "frozen", "state", "state", "sums", "saved", "scratch", "input"};
    static const char *const mirrors[REGIONS] = {"param", "grad", "moment", "moment", "average"};
    for (size_t i = 0; i < plan->count; i++) {
        const placed *p = &plan->items[i];
        const vq_tensor *t = p->tensor;
        size_t bytes = t->count * vq_dtype_bytes(t->dtype);
        if (t->tied)
            continue;
        /* Regions are slabs 0 to 4, the others follow. */
        if (p->slab >= 0)
            fn(user, t->name, roles[t->role], t->rank, t->shape, bytes, first + REGIONS + p->slab, p->offset);
        for (int r = 0; r < regions(plan) && p->slab < 0; r++)
            fn(user, t->name, mirrors[r], t->rank, t->shape, bytes, first + r, region_offset(plan, p));
    }
    return first + REGIONS + plan->slabs;
}

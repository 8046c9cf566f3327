/* The tensors of a model: the only list there is of them. Blocks declare each tensor in one line, with its role, and for a weight
 * how it starts and whether it decays; then the plan is bound and the tensors have memory, cut from a few slabs and never allocated
 * in a training loop. A plan made without a device cannot be bound: it lists what a model is made of, to count, start, load and
 * save it.
 *
 * PARAM tensors lie packed in one region, which gradients and moments mirror, so that the optimizer runs over whole regions.
 * SCRATCH tensors share memory between scopes. */
#ifndef VQ_DEVICE_PLAN_H
#define VQ_DEVICE_PLAN_H

#include "device/memory.h"

typedef enum vq_role {
    VQ_PARAM,   /* weights; each has a gradient and two moments if the plan is for training */
    VQ_FROZEN,  /* weights that are not trained: neither */
    VQ_CODES,   /* kept over steps, not moved by the optimizer, counted among a model's parameters: codebooks */
    VQ_STATE,   /* kept over steps beside them, counted nowhere: moving averages */
    VQ_SUMS,    /* since the last report: a checkpoint's, not a model's */
    VQ_SAVED,   /* kept from forward to backward */
    VQ_SCRATCH, /* of one scope */
    VQ_INPUT,   /* written by the host */
} vq_role;

/* How a weight starts, and whether it decays: norms, biases and positions do not. */
typedef struct vq_start {
    enum { VQ_START_CONSTANT, VQ_START_UNIFORM, VQ_START_NORMAL } kind;
    double
        spread; /* CONSTANT: the number; UNIFORM: in +-1/sqrt(spread), spread the fan in, as PyTorch has it; NORMAL: the standard deviation */
    bool decays;
} vq_start;

static inline vq_start vq_weight_start(size_t fan_in) {
    return (vq_start){VQ_START_UNIFORM, (double)fan_in, true};
}
static inline vq_start vq_bias_start(size_t fan_in) {
    return (vq_start){VQ_START_UNIFORM, (double)fan_in, false};
}
static inline vq_start vq_normal_start(double deviation, bool decays) {
    return (vq_start){VQ_START_NORMAL, deviation, decays};
}
static inline vq_start vq_constant_start(double number) {
    return (vq_start){VQ_START_CONSTANT, number, false};
}
#define VQ_ONES (vq_constant_start(1))
#define VQ_ZEROS (vq_constant_start(0))

enum { VQ_TENSOR_NAME = 96 };

typedef struct vq_tensor {
    vq_view view;
    vq_view grad, moment1, moment2; /* of a PARAM of a plan for training, else VQ_NO_VIEW */
    vq_view average;                /* of a PARAM of a plan for averaged training, else VQ_NO_VIEW */
    char name[VQ_TENSOR_NAME];      /* as in the state dict: "enc.0.up.weight" */
    vq_role role;
    vq_dtype dtype;
    vq_start start;
    bool tied; /* another name of a tensor before it */
    int rank;
    size_t shape[4];
    size_t count; /* elements */
} vq_tensor;

typedef struct vq_plan vq_plan;

typedef enum vq_purpose {
    VQ_INFERENCE,         /* no gradients, nothing kept for backward */
    VQ_TRAINING,          /* the packed regions in order of declaration */
    VQ_TRAINING_SORTED,   /* those that decay first, so that decay can be left out for the others */
    VQ_TRAINING_AVERAGED, /* sorted, and of each weight a moving average beside the moments */
} vq_purpose;

/* device: NULL for a list. */
vq_status vq_plan_create(vq_plan **out, vq_device *device, vq_purpose purpose);
void vq_plan_destroy(vq_plan *plan);
bool vq_plan_is_list(const vq_plan *plan);
bool vq_plan_is_training(const vq_plan *plan);

/* Declares a tensor: `tensor` is filled now and its views at bind; it must stay where it is until the plan is destroyed. A list
 * passes over all roles but weights, codes and state. A name that is too long is reported by bind and by vq_plan_fits. */
void vq_plan_add(vq_plan *plan, vq_tensor *tensor, vq_role role, vq_dtype dtype, const char *name, vq_start start, int rank,
                 const size_t *shape);

#define VQ_PLAN_SHAPE(...)                                                                                                         \
    (int)(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t)), (const size_t[]) {                                                    \
        __VA_ARGS__                                                                                                                \
    }
#define vq_plan_tensor(plan, tensor, role, dtype, name, ...)                                                                       \
    vq_plan_add(plan, tensor, role, dtype, name, VQ_ZEROS, VQ_PLAN_SHAPE(__VA_ARGS__))
#define vq_plan_weight(plan, tensor, name, start, ...)                                                                             \
    vq_plan_add(plan, tensor, VQ_PARAM, VQ_F32, name, start, VQ_PLAN_SHAPE(__VA_ARGS__))

/* `tensor` is another name of `of`, a weight declared before: one memory, one gradient, listed and counted once. */
void vq_plan_tie(vq_plan *plan, vq_tensor *tensor, const vq_tensor *of);

/* The weights declared between the two are FROZEN. */
void vq_plan_freeze(vq_plan *plan);
void vq_plan_thaw(vq_plan *plan);

/* Names declared between the two begin with the text (printf format), which begins with those of the calls around it. */
void vq_plan_enter(vq_plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));
void vq_plan_leave(vq_plan *plan);

/* SCRATCH declared between begin and end may share memory with scratch of other scopes that are not inside one another. Scopes
 * nest. */
void vq_plan_scope_begin(vq_plan *plan);
void vq_plan_scope_end(vq_plan *plan);

/* Whether the device has room for what was declared, beside so many bytes more. VQDNA_ERR_MEMORY says how much is needed and how
 * much there is. */
vq_status vq_plan_fits(const vq_plan *plan, size_t beside);

/* Lays everything out and allocates the slabs, if there is room. A plan that is not bound can be described all the same. */
vq_status vq_plan_bind(vq_plan *plan);

/* The packed regions, whole or a part: all parameters, their gradients, first and second moments, and averages (VQ_NO_VIEW where the plan
 * has none). Padding between tensors is zero and stays zero. All of them decay unless the plan is sorted. */
typedef enum vq_part { VQ_ALL, VQ_DECAYING, VQ_UNDECAYED } vq_part;
typedef struct vq_regions {
    vq_view param, grad, moment1, moment2, average;
    size_t count; /* floats of each */
} vq_regions;
vq_regions vq_plan_regions(const vq_plan *plan, vq_part part);

/* Tensors in order of declaration; NULL past the end. */
const vq_tensor *vq_plan_at(const vq_plan *plan, size_t i);

/* The weight, codebook or state of a name, or NULL. */
const vq_tensor *vq_plan_find(const vq_plan *plan, const char *name);

/* Tells of each tensor; slabs are numbered from `first` on. Returns the number after the last. */
int vq_plan_describe(const vq_plan *plan, int first, vqdna_plan_fn fn, void *user);
size_t vq_plan_bytes(const vq_plan *plan);

#endif

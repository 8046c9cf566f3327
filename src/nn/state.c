#include "nn/state.h"

#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static bool is_weight(vq_role role) {
    return role == VQ_PARAM || role == VQ_FROZEN;
}

static vq_status append(vq_state *s, const vq_tensor *t) {
    vq_state_tensor *own = &s->tensors[s->count];
    *own = (vq_state_tensor){.role = t->role, .start = t->start, .rank = t->rank, .count = t->count};
    strcpy(own->name, t->name);
    for (int i = 0; i < t->rank; i++)
        own->shape[i] = t->shape[i];
    VQ_TRY(vq_alloc(&own->data, own->count, sizeof *own->data));
    s->count++;
    return VQDNA_OK;
}

vq_status vq_state_create(vq_state *out, const vq_plan *plan) {
    const vq_tensor *t;
    size_t most = 0;
    *out = (vq_state){0};
    while (vq_plan_at(plan, most))
        most++;
    VQ_TRY(vq_alloc(&out->tensors, most, sizeof *out->tensors));
    for (int weights = 1; weights >= 0; weights--)
        for (size_t i = 0; (t = vq_plan_at(plan, i)); i++)
            if (t->role <= VQ_STATE && !t->tied && is_weight(t->role) == (weights == 1)) {
                vq_status status = append(out, t);
                if (status < 0) {
                    vq_state_destroy(out);
                    return status;
                }
            }
    return VQDNA_OK;
}

void vq_state_destroy(vq_state *s) {
    for (size_t i = 0; i < s->count; i++)
        free(s->tensors[i].data);
    free(s->tensors);
    *s = (vq_state){0};
}

/* Box and Muller's transform of the two uniform numbers of an element. */
static double normal(uint64_t seed, uint64_t name, size_t element) {
    vq_rng_block r = vq_rng(seed, VQ_STREAM_INIT, name, element);
    double u = vq_rng_unit(vq_rng_join(r.v[0], r.v[1])), v = vq_rng_unit(vq_rng_join(r.v[2], r.v[3]));
    return sqrt(-2 * log(1 - u)) * cos(2 * M_PI * v);
}

void vq_state_start(vq_state *s, uint64_t seed) {
    for (size_t i = 0; i < s->count; i++) {
        vq_state_tensor *t = &s->tensors[i];
        uint64_t name = XXH3_64bits(t->name, strlen(t->name));
        for (size_t j = 0; j < t->count; j++)
            switch (t->start.kind) {
            case VQ_START_CONSTANT:
                t->data[j] = (float)t->start.spread;
                break;
            case VQ_START_UNIFORM:
                t->data[j] = (float)((2 * vq_rng_uniform(seed, VQ_STREAM_INIT, name, j) - 1) / sqrt(t->start.spread));
                break;
            case VQ_START_NORMAL:
                t->data[j] = (float)(t->start.spread * normal(seed, name, j));
                break;
            }
    }
}

vq_state_tensor *vq_state_find(const vq_state *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->tensors[i].name, name) == 0)
            return &s->tensors[i];
    return NULL;
}

uint64_t vq_state_parameters(const vq_state *s) {
    uint64_t sum = 0;
    for (size_t i = 0; i < s->count; i++)
        if (is_weight(s->tensors[i].role) || s->tensors[i].role == VQ_CODES)
            sum += s->tensors[i].count;
    return sum;
}

vq_status vq_state_put(const vq_state *s, vq_device *device, const vq_plan *plan) {
    for (size_t i = 0; i < s->count; i++) {
        const vq_tensor *t = vq_plan_find(plan, s->tensors[i].name);
        assert(t && t->count == s->tensors[i].count);
        VQ_TRY(vq_write(device, t->view, 0, s->tensors[i].data, t->count * sizeof(float)));
    }
    return VQDNA_OK;
}

vq_status vq_state_get(vq_state *s, vq_device *device, const vq_plan *plan) {
    for (size_t i = 0; i < s->count; i++) {
        const vq_tensor *t = vq_plan_find(plan, s->tensors[i].name);
        assert(t && t->count == s->tensors[i].count);
        VQ_TRY(vq_read(device, s->tensors[i].data, t->view, 0, t->count * sizeof(float)));
    }
    return VQDNA_OK;
}

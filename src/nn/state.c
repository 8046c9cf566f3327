#include "nn/state.h"

#include "base/rng.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { PER_BLOCK = 8, ENDS = 12, PER_LEVEL = 4 };

static vq_status append(vq_state *s, bool weight, const char *prefix, const char *name, int rank, const uint64_t *shape) {
    vq_state_tensor *t = &s->tensors[s->count];
    snprintf(t->name, sizeof t->name, "%s%s", prefix, name);
    t->rank = rank;
    t->weight = weight;
    t->count = 1;
    for (int i = 0; i < rank; i++) {
        t->shape[i] = shape[i];
        t->count *= shape[i];
    }
    VQ_TRY(vq_alloc(&t->data, t->count, sizeof *t->data));
    s->count++;
    return VQDNA_OK;
}

#define APPEND(weight, prefix, name, ...)                                                                                          \
    VQ_TRY(append(s, weight, prefix, name, (int)(sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)),                            \
                  (const uint64_t[]){__VA_ARGS__}))

static vq_status append_block(vq_state *s, const char *prefix, uint64_t d) {
    APPEND(true, prefix, "dw.weight", d, 1, 7);
    APPEND(true, prefix, "dw.bias", d);
    APPEND(true, prefix, "norm.weight", d);
    APPEND(true, prefix, "norm.bias", d);
    APPEND(true, prefix, "up.weight", 4 * d, d);
    APPEND(true, prefix, "up.bias", 4 * d);
    APPEND(true, prefix, "down.weight", d, 4 * d);
    APPEND(true, prefix, "down.bias", d);
    return VQDNA_OK;
}

static vq_status append_all(vq_state *s, const vq_config *c) {
    uint64_t d = (uint64_t)c->dim, w = (uint64_t)c->stem;
    char prefix[24];
    APPEND(true, "conv_in.", "weight", w, 4, 5);
    APPEND(true, "conv_in.", "bias", w);
    APPEND(true, "norm_in.", "weight", w);
    APPEND(true, "norm_in.", "bias", w);
    APPEND(true, "join.", "weight", d, w);
    APPEND(true, "join.", "bias", d);
    for (int half = 0; half < 2; half++)
        for (int i = 0; i < c->blocks; i++) {
            snprintf(prefix, sizeof prefix, "%s.%d.", half ? "dec" : "enc", i);
            VQ_TRY(append_block(s, prefix, d));
        }
    APPEND(true, "unjoin.", "weight", w, d);
    APPEND(true, "unjoin.", "bias", w);
    APPEND(true, "norm_out.", "weight", w);
    APPEND(true, "norm_out.", "bias", w);
    APPEND(true, "conv_out.", "weight", 4, w, 5);
    APPEND(true, "conv_out.", "bias", 4);
    for (int i = 0; i < c->levels; i++) {
        uint64_t k = (uint64_t)c->codes[i];
        snprintf(prefix, sizeof prefix, "books.%d.", i);
        APPEND(false, prefix, "e", k, d);
        APPEND(false, prefix, "n", k);
        APPEND(false, prefix, "s", k, d);
        APPEND(false, prefix, "f", k);
    }
    return VQDNA_OK;
}

vq_status vq_state_create(vq_state *out, const vq_config *config) {
    *out = (vq_state){0};
    size_t most = ENDS + 2 * PER_BLOCK * (size_t)config->blocks + PER_LEVEL * (size_t)config->levels;
    VQ_TRY(vq_alloc(&out->tensors, most, sizeof *out->tensors));
    vq_status status = append_all(out, config);
    if (status < 0)
        vq_state_destroy(out);
    return status;
}

void vq_state_destroy(vq_state *s) {
    for (size_t i = 0; i < s->count; i++)
        free(s->tensors[i].data);
    free(s->tensors);
    *s = (vq_state){0};
}

void vq_state_start(vq_state *s, uint64_t seed) {
    double fan_in = 1; /* a bias follows its weight and shares its fan in */
    for (size_t i = 0; i < s->count; i++) {
        vq_state_tensor *t = &s->tensors[i];
        bool norm = strstr(t->name, "norm") != NULL, bias = strstr(t->name, ".bias") != NULL;
        uint64_t name = XXH3_64bits(t->name, strlen(t->name));
        if (t->rank > 1)
            fan_in = (double)t->count / (double)t->shape[0];
        for (size_t j = 0; j < t->count; j++)
            t->data[j] = !t->weight ? 0
                         : norm     ? !bias
                                    : (float)((2 * vq_rng_uniform(seed, VQ_STREAM_INIT, name, j) - 1) / sqrt(fan_in));
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
    for (size_t i = 0; i < s->count; i++) {
        const char *dot = strrchr(s->tensors[i].name, '.');
        if (s->tensors[i].weight || strcmp(dot, ".e") == 0)
            sum += s->tensors[i].count;
    }
    return sum;
}

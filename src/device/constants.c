#include "device/constants.h"

#include <stdlib.h>
#include <string.h>

struct vq_constant_table {
    vq_constant_fill fill;
    int key[VQ_CONSTANT_KEYS];
    vq_view view;
    vq_constant_table *next;
};

static vq_status make(vq_device *device, vq_constant_table *table, size_t count) {
    float *host;
    VQ_TRY(vq_alloc(&host, count, sizeof *host));
    table->fill(host, table->key);
    vq_status status = vq_view_create(device, &table->view, count * sizeof *host);
    if (status >= 0)
        status = vq_write(device, table->view, 0, host, count * sizeof *host);
    free(host);
    return status;
}

vq_status vq_constant(vq_device *device, vq_view *out, vq_constant_fill fill, const int key[VQ_CONSTANT_KEYS], size_t count) {
    vq_constant_table *t;
    for (t = device->constants; t; t = t->next)
        if (t->fill == fill && memcmp(t->key, key, sizeof t->key) == 0) {
            *out = t->view;
            return VQDNA_OK;
        }
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    t->fill = fill;
    memcpy(t->key, key, sizeof t->key);
    vq_status status = make(device, t, count);
    if (status < 0) {
        vq_view_destroy(&t->view);
        free(t);
        return status;
    }
    t->next = device->constants;
    device->constants = t;
    *out = t->view;
    return VQDNA_OK;
}

void vq_constants_destroy(vq_device *device) {
    for (vq_constant_table *t = device->constants, *next; t; t = next) {
        next = t->next;
        vq_view_destroy(&t->view);
        free(t);
    }
    device->constants = NULL;
}

#include "train/record_name.h"

#include <stdlib.h>
#include <string.h>

vq_status vq_record_name_create(vq_record_name **out, const char *text) {
    const size_t size = strlen(text) + 1;
    VQ_TRY(vq_alloc(out, 1, sizeof **out + size));
    (*out)->users = 1;
    memcpy((*out)->text, text, size);
    return VQDNA_OK;
}

void vq_record_name_drop(vq_record_name **name) {
    if (*name && --(*name)->users == 0)
        free(*name);
    *name = NULL;
}

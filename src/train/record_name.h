/* The name of a record in a stream, which lives as long as something that is still to be sent needs it. */
#ifndef VQ_TRAIN_RECORD_NAME_H
#define VQ_TRAIN_RECORD_NAME_H

#include "base/status.h"

typedef struct vq_record_name {
    int users;
    char text[];
} vq_record_name;

/* A copy with one user. */
vq_status vq_record_name_create(vq_record_name **out, const char *text);

/* One user less; the last one's frees it. *name becomes NULL, and may be. */
void vq_record_name_drop(vq_record_name **name);

#endif

/* What a kind of record set is made of: it begins with this. */
#ifndef VQ_JUDGE_RECORD_SET_H
#define VQ_JUDGE_RECORD_SET_H

#include "judge/distances.h"

struct vq_record_set {
    vq_status (*add)(vq_record_set *set, const char *name, const uint8_t *bases, size_t count);
    vq_status (*take)(vq_distances *out, vq_record_set *set); /* destroy follows */
    void (*destroy)(vq_record_set *set);
};

/* Room for one more element of `size` bytes behind `count` in *array, which has *room; at least doubled when that is not enough. */
vq_status vq_record_set_grow(void *array, size_t *room, size_t count, size_t size);

#endif

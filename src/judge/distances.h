/* Distances between records, a row at a time, whatever they are made of: what neighbours, maps and clusters are found by. */
#ifndef VQ_JUDGE_DISTANCES_H
#define VQ_JUDGE_DISTANCES_H

#include "base/status.h"

/* out[j] for j in [0, rows): the distance of record i to each, 0 to itself; not negative, symmetric to the bit, finite. May be called from
 * several threads at once. */
typedef struct vq_distances {
    size_t rows;
    void (*row)(const void *self, size_t i, float *out);
    /* The same of records [first, first + count) to the bit, out[count][rows]: memory is read once for all of them. NULL: row by row. */
    void (*block)(const void *self, size_t first, size_t count, float *out);
    void *self;
    void (*destroy)(void *self);
} vq_distances;

void vq_distances_block(const vq_distances *distances, size_t first, size_t count, float *out);
void vq_distances_destroy(vq_distances *distances);

/* Euclidean between points [rows][width], which must outlive the distances and stay as they are; from differences as they are, so that what they have in common costs no digits.
 * VQDNA_ERR_NUMERIC names a point that is not finite, or says that distances would not be. */
vq_status vq_distances_of_points(vq_distances *out, const float *points, size_t rows, int width);

/* Records are added one by one, then taken; bases 0 to 3, above: unknown. Packed from the first: a set is smaller than its records. */
typedef struct vq_record_set vq_record_set;

/* Of records of one length, aligned: how many bases differ (Hamming), those unknown in either left out. A record of another length is
 * VQDNA_ERR_INPUT and names it. */
vq_status vq_hamming_create(vq_record_set **out);

/* Of records of any length: the Mash distance (Ondov et al. 2016, 10.1186/s13059-016-0997-x) of bottom sketches of `sketch` (1000) canonical
 * words of k (21) bases: -1/k ln(2 J / (1 + J)), at most 1, and 1 where no word is shared. Words that hold an unknown base are left out.
 * 1 <= k <= 32. */
vq_status vq_mash_create(vq_record_set **out, int k, int sketch);

vq_status vq_record_set_add(vq_record_set *set, const char *name, const uint8_t *bases, size_t count);

/* The set is used up, also by a failure. */
vq_status vq_record_set_take(vq_distances *out, vq_record_set *set);
void vq_record_set_destroy(vq_record_set *set);

#endif

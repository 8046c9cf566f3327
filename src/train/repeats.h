/* Between a stream and its cutter: of stretches that come again, bases and neighbours alike, only the first goes to the device, for the
 * codes of a base depend on nothing else. Genomes of one species, or a long repeat, are tokenized about once.
 *
 * A record is parted where its own letters say so, so that records part alike also behind an insertion. */
#ifndef VQ_TRAIN_REPEATS_H
#define VQ_TRAIN_REPEATS_H

#include "train/cutter.h"

/* Codes of `count` bases of a record, [count][levels], in order and without gaps; the last run of a record says so. Borrowed. */
typedef vq_status (*vq_run_sink)(void *user, const vqdna_codes *run);

typedef struct vq_repeats vq_repeats;

/* What is new goes to the cutter, whose sink hands its codes to vq_repeats_take. halo: of the model. room: bases that are remembered;
 * when they are too many, all are forgotten. */
vq_status vq_repeats_create(vq_repeats **out, vq_cutter *cutter, int halo, int levels, size_t room, vq_run_sink sink, void *user);
void vq_repeats_destroy(vq_repeats *repeats);

/* As vq_cutter_push, of bases 0 to 4. */
vq_status vq_repeats_push(vq_repeats *repeats, const char *record, uint64_t start, const uint8_t *bases, size_t count, bool last);

/* Codes [count][levels] of the cutter's next elements. */
vq_status vq_repeats_take(vq_repeats *repeats, const uint16_t *codes, size_t count);

/* Sends what is left, and flushes the cutter. */
vq_status vq_repeats_finish(vq_repeats *repeats);

#endif

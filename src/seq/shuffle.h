/* Sequences without their words: shuffled so that every pair of neighbours is met as often as before. */
#ifndef VQ_SEQ_SHUFFLE_H
#define VQ_SEQ_SHUFFLE_H

#include "base/status.h"

/* bases [count], all known, in place; a pure function of them, the seed and `step`. The first and the last base stay (Altschul and Erickson
 * 1985: a random Euler path over the same edges). `room` is [count]. */
void vq_shuffle(uint8_t *bases, uint8_t *room, size_t count, uint64_t seed, uint64_t step);

#endif

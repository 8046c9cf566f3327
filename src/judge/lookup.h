/* What looking test rows up among the training rows would tell: the least that a model must beat. */
#ifndef VQ_JUDGE_LOOKUP_H
#define VQ_JUDGE_LOOKUP_H

#include "seq/labelled.h"

/* How many rows of `test` stand in `train`, as they are or as their reverse complement. */
vq_status vq_lookup_seen(size_t *out, const vq_labelled *train, const vq_labelled *test);

/* The class of the training row that shares most different words of 8 bases with a test row (of those, the one with fewest words, then
 * the first), to classes[test->rows]: what looking it up would tell. The most frequent class where no word is shared. */
vq_status vq_lookup_classes(int *classes, const vq_labelled *train, const vq_labelled *test, int count);

#endif

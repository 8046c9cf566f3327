/* Words that were meant. */
#ifndef VQ_BASE_WORDS_H
#define VQ_BASE_WORDS_H

#include <stddef.h>

/* The entry of `names` nearest to `word` in edit distance, or NULL if none is near. */
const char *vq_nearest(const char *word, const char *const *names, size_t count);

#endif

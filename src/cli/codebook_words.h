/* Words that genomes are known to favour or shun, to be looked up in a codebook. */
#ifndef VQ_CLI_CODEBOOK_WORDS_H
#define VQ_CLI_CODEBOOK_WORDS_H

#include <stddef.h>

typedef struct vq_known_word {
    const char *word; /* IUPAC */
    const char *name, *source;
} vq_known_word;

extern const vq_known_word vq_known_words[];
extern const size_t vq_known_word_count;

#endif

/* What a file is by its first bytes, for the kinds that are given by mistake. */
#ifndef VQ_BASE_FILETYPE_H
#define VQ_BASE_FILETYPE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct vq_filetype {
    const char *magic;
    size_t bytes;     /* of the magic */
    const char *is;   /* "compressed by xz" */
    const char *pipe; /* what makes sequences of it, with %s for its name, or NULL */
    const char *way;  /* or else what to do */
} vq_filetype;

/* NULL if it is none of those known here. Fewer than 512 bytes may not tell. */
const vq_filetype *vq_filetype_of(const void *head, size_t bytes);

/* Writes "PATH is compressed by xz: xz -dc PATH | vqdna ... -", or returns false. */
bool vq_filetype_explain(char *out, size_t room, const char *path, const void *head, size_t bytes);

#endif

/* What a file is by its first bytes, for the kinds that are given by mistake. */
#ifndef VQ_BASE_FILETYPE_H
#define VQ_BASE_FILETYPE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes "PATH is compressed by xz: xz -dc PATH | vqdna ... -", what it is and the pipe or the way that works; false, and nothing
 * written, if it is none of those known here. Fewer than 512 bytes may not tell. */
bool vq_filetype_explain(char *out, size_t room, const char *path, const void *head, size_t bytes);

#endif

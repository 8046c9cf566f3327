/* The user's cache: what is kept from one run to the next, and only costs time where it cannot be. A folder or file that someone else
 * owns (root may) or may write is not trusted: a warning names the first, and the caller goes on without. */
#ifndef VQ_BASE_CACHE_H
#define VQ_BASE_CACHE_H

#include "base/outfile.h"

#include <stdbool.h>

/* $XDG_CACHE_HOME/vqdna or ~/.cache/vqdna, made if missing, in *out (free it). False, and *out NULL, if there is none to use. */
bool vq_cache_dir(char **out);

/* Whether what is there under a name is to be trusted; nothing is. */
bool vq_cache_trusts(const char *path);

/* Reads a whole file of at most `limit` bytes as vq_read_file does; false if there is none to use. */
bool vq_cache_read(char **out, size_t *bytes, const char *path, size_t limit);

/* An output that nobody else may write to, whatever the umask. */
vq_status vq_cache_open(vq_outfile *out, const char *path);

/* Writes a file of the cache, if it can be written. */
void vq_cache_write(const char *path, const void *data, size_t bytes);

#endif

/* Files: inputs that explain why they cannot be opened, folders, paths; outputs are of outfile.h. Reading fails with VQDNA_ERR_INPUT,
 * writing with VQDNA_ERR_OUTPUT; the sentence names the file. */
#ifndef VQ_BASE_FILE_H
#define VQ_BASE_FILE_H

#include "base/outfile.h"

#include <stdbool.h>

/* ---- Input ---- */

/* Opens a file for reading (never a URL); *fd is the caller's. A folder is refused. "-" is standard input if `standard_input`:
 * then *fd is a duplicate of it, so that close is right for both. */
vq_status vq_input_open(int *fd, const char *path, bool standard_input);

/* Reads a whole file of at most `limit` bytes into *out (free it), with a 0 byte behind it that *bytes (may be NULL) does not
 * count. */
vq_status vq_read_file(char **out, size_t *bytes, const char *path, size_t limit);

/* ---- Folders and paths ---- */

/* Makes the folder and its parents where missing. */
vq_status vq_mkdir(const char *path);

/* A file without a name in $TMPDIR or /tmp, open for reading and writing: gone when it is closed, however the process ends. */
vq_status vq_temporary_open(int *fd);

/* "folder/name" in *out (free it). */
vq_status vq_path_join(char **out, const char *folder, const char *name);

#endif

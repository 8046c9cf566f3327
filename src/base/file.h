/* Files: outputs that appear whole or not at all, inputs that explain why they cannot be opened. Reading fails with
 * VQDNA_ERR_INPUT, writing with VQDNA_ERR_OUTPUT; the sentence names the file. */
#ifndef VQ_BASE_FILE_H
#define VQ_BASE_FILE_H

#include "base/status.h"

#include <stdbool.h>
#include <stdio.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "file formats are written from memory as it is: little-endian");

/* ---- Output ---- */

/* An output on its way: bytes go to a temporary file beside `path`, which commit renames to `path`. "-" is standard output; "-"
 * and what is no regular file (/dev/null, a pipe) are written directly. A zeroed vq_outfile is closed, and discarding it does
 * nothing. */
typedef struct vq_outfile {
    FILE *file;              /* write through this freely: commit notices any failure */
    char *path;              /* as given, for messages */
    char *final, *temporary; /* NULL if written directly */
} vq_outfile;

vq_status vq_outfile_open(vq_outfile *out, const char *path);

/* fwrite whose failure carries the sentence. The caller discards. */
vq_status vq_outfile_write(vq_outfile *out, const void *data, size_t bytes);

/* The sentence for a write to out->file that failed; uses errno. */
vq_status vq_outfile_failed(const vq_outfile *out);

/* Flushes to the disk, closes, renames. On failure the temporary file is gone and what was at `path` before is untouched. Closes
 * `out` either way. */
vq_status vq_outfile_commit(vq_outfile *out);

/* The two halves of commit, for a set of files that should appear together: finish does all that can fail for lack of space,
 * publish only renames. Either discards on failure. */
vq_status vq_outfile_finish(vq_outfile *out);
vq_status vq_outfile_publish(vq_outfile *out);

/* Closes and removes the temporary file. Keeps errno. */
void vq_outfile_discard(vq_outfile *out);

/* Makes the folder and its parents where missing. */
vq_status vq_mkdir(const char *path);

/* ---- Input ---- */

/* Opens a file for reading (never a URL); *fd is the caller's. A folder is refused. "-" is standard input if `standard_input`:
 * then *fd is a duplicate of it, so that close is right for both. */
vq_status vq_input_open(int *fd, const char *path, bool standard_input);

/* Reads a whole file of at most `limit` bytes into *out (free it), with a 0 byte behind it that *bytes (may be NULL) does not
 * count. */
vq_status vq_read_file(char **out, size_t *bytes, const char *path, size_t limit);

/* ---- Paths ---- */

/* "folder/name" in *out (free it). */
vq_status vq_path_join(char **out, const char *folder, const char *name);

/* $XDG_CACHE_HOME/vqdna or ~/.cache/vqdna, made if missing, in *out (free it). False, and *out NULL, if there is none that can
 * be written: the caller goes on without. */
bool vq_cache_dir(char **out);

#endif

/* Outputs that appear whole or not at all. Failures are VQDNA_ERR_OUTPUT; the sentence names the file.
 *
 * The bytes go to a temporary file beside the output, NAME.PID-MARK.tmp, locked while its process lives, and commit renames it. A
 * link is followed: what it points to is replaced, there already or not. The mode and owner of the file replaced stay; a new one gets
 * the umask's. A file that may not be written is not replaced. Where no rename is possible though the file may be written (one
 * mounted into a container, or a folder that takes no new file), commit copies the finished bytes into it. "-", /dev/stdout and its
 * like, and what is no regular file (/dev/null, a pipe) are written directly. */
#ifndef VQ_BASE_OUTFILE_H
#define VQ_BASE_OUTFILE_H

#include "base/status.h"

#include <stdio.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "file formats are written from memory as it is: little-endian");

/* A zeroed vq_outfile is closed, and discarding it does nothing. */
typedef struct vq_outfile {
    FILE *file;      /* write through this freely: commit notices any failure */
    char *path;      /* as given, for messages */
    char *final;     /* with its links followed; NULL if written directly */
    char *temporary; /* NULL if it has no name: written directly, or to be copied */
} vq_outfile;

/* Also removes temporary files of this output that dead processes left. */
vq_status vq_outfile_open(vq_outfile *out, const char *path);

/* fwrite whose failure carries the sentence. The caller discards. */
vq_status vq_outfile_write(vq_outfile *out, const void *data, size_t bytes);

/* The sentence for a write to out->file that failed; uses errno. */
vq_status vq_outfile_failed(const vq_outfile *out);

/* Flushes to the disk, puts in place, closes. On failure the temporary file is gone and what was at `path` before is untouched
 * (but for a copy that fails half-way, which the sentence says). Closes `out` either way. */
vq_status vq_outfile_commit(vq_outfile *out);

/* The two halves of commit, for a set of files that should appear together: finish does all that can fail for lack of space,
 * publish only renames (or copies). Either discards on failure. */
vq_status vq_outfile_finish(vq_outfile *out);
vq_status vq_outfile_publish(vq_outfile *out);

/* Closes and removes the temporary file. Keeps errno. */
void vq_outfile_discard(vq_outfile *out);

/* Removes what dead processes of this machine left of outputs to `path`. */
void vq_outfile_sweep(const char *path);

#endif

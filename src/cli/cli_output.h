/* A result on its way out: a large buffer, a temporary name until it is complete, standard output for "-". The first failure is
 * kept and the calls after it do nothing, so a writer checks once. */
#ifndef VQ_CLI_OUTPUT_H
#define VQ_CLI_OUTPUT_H

#include "cli/cli.h"

typedef struct vq_output {
    char *path;      /* as the user wrote it */
    char *temporary; /* NULL if written in place: standard output, a pipe, a device */
    int fd;
    int error; /* errno of the first failure, or 0 */
    char *buffer;
    size_t used, size;
} vq_output;

/* NULL or "-" is standard output. VQ_GO_ON, or an exit code after a sentence. */
int vq_output_open(vq_output *out, vq_cli *cli, const char *path);

/* Room for `length` more bytes; the caller fills them and then adds to out->used what it took. Never NULL. */
char *vq_output_room(vq_output *out, size_t length);
void vq_output_write(vq_output *out, const void *data, size_t length);
void vq_output_print(vq_output *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Overwrites bytes already given, at an offset from the start; only for a regular file. */
void vq_output_patch(vq_output *out, size_t offset, const void *data, size_t length);

/* Writes the rest out and takes the final name. VQ_GO_ON, or an exit code after a sentence; either way `out` is closed. */
int vq_output_commit(vq_output *out, vq_cli *cli);

/* Closes and removes what was written; for a failure, or after a commit (does nothing then). */
void vq_output_abandon(vq_output *out);

/* Says what failed (nothing when a reader of standard output went away) and returns the exit code. */
int vq_output_failed(const vq_output *out, vq_cli *cli);

/* A whole small file at once. */
int vq_output_file(vq_cli *cli, const char *path, const char *text);

#endif

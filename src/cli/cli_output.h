/* A result on its way out: a large buffer, a temporary name until it is complete, standard output for "-". The first failure is
 * kept and the calls after it do nothing, so a writer checks once. */
#ifndef VQ_CLI_OUTPUT_H
#define VQ_CLI_OUTPUT_H

#include "cli/cli.h"

/* ---- What may be replaced ---- */

typedef enum vq_kind {
    VQ_KIND_TSV,
    VQ_KIND_NDJSON,
    VQ_KIND_NPY,
    VQ_KIND_INDEX,
    VQ_KIND_FASTA,
    VQ_KIND_BENCHMARK,
    VQ_KIND_SVG,
    VQ_KIND_TUNING,
    VQ_KIND_LOG,
    VQ_KIND_METRICS,
    VQ_KIND_PREDICTIONS,
    VQ_KIND_TOKENIZER,
    VQ_KIND_BIN,
    VQ_KIND_BED,
    VQ_KIND_BEDGRAPH,
    VQ_KIND_MUTATIONS,
    VQ_KIND_COUNTS,
    VQ_KIND_REPORT,
    VQ_KIND_VECTORS,
    VQ_KIND_ROWS,
    VQ_KIND_MAP,
    VQ_KIND_CONTRAST,
    VQ_KIND_NEIGHBOURS,
    VQ_KIND_MAP_METRICS,
    VQ_KIND_ANY,
} vq_kind;

/* Says that the command reads the file `path` ("-": standard input), so that no output may replace it. */
void vq_output_protect(vq_cli *cli, const char *path);

/* Refuses an output that is a protected file, or a file of the model in use; or, without --force, one that exists and holds something
 * else than what is to be written. VQ_GO_ON, or an exit code after a sentence. */
int vq_output_check(vq_cli *cli, const char *path, vq_kind kind);

/* ---- Writing ---- */

struct BGZF;

typedef struct vq_output {
    char *path; /* as the user wrote it */
    vqdna_output *file;
    int fd;
    struct BGZF *zip; /* of a name that ends in .gz, else NULL */
    bool seekable;    /* begins at offset 0 of a regular file */
    int error;        /* errno of the first failure, or 0 */
    char *buffer;
    size_t used, size;
} vq_output;

/* Whether a name ends in `end`, case ignored. NULL ends in nothing. */
bool vq_ends_in(const char *name, const char *end);

/* Checks, and opens. NULL or "-" is standard output; what is named .gz is compressed, as bgzip does it. VQ_GO_ON, or an exit code after a sentence. */
int vq_output_open(vq_output *out, vq_cli *cli, const char *path, vq_kind kind);

/* Room for `length` more bytes; the caller fills them and then adds to out->used what it took. Never NULL. */
char *vq_output_room(vq_output *out, size_t length);
void vq_output_write(vq_output *out, const void *data, size_t length);
void vq_output_print(vq_output *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Overwrites bytes already given, at an offset from the start; only where seekable. */
void vq_output_patch(vq_output *out, size_t offset, const void *data, size_t length);

/* Writes the rest out and takes the final name, `other` (may be NULL) with it or neither. VQ_GO_ON, or an exit code after a
 * sentence; either way both are closed. */
int vq_output_commit(vq_output *out, vq_output *other, vq_cli *cli);

/* Closes and removes what was written; for a failure, or after a commit (does nothing then). */
void vq_output_abandon(vq_output *out);

/* Says what failed (nothing when a reader of standard output went away) and returns the exit code. */
int vq_output_failed(const vq_output *out, vq_cli *cli);

/* A whole small file at once. */
int vq_output_file(vq_cli *cli, const char *path, vq_kind kind, const char *text);

#endif

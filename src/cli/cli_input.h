/* A file read as lines or as bytes, with a look at its beginning, plain, gzip or bgzip; "-" is standard input. Memory is one buffer,
 * as long as the longest line, which may have 2 MiB. */
#ifndef VQ_CLI_INPUT_H
#define VQ_CLI_INPUT_H

#include "cli/cli.h"

struct BGZF;

typedef struct vq_input {
    const char *path; /* for sentences: "standard input" for - */
    struct BGZF *file;
    bool zipped;
    const char *error; /* why the last call gave nothing, if not for the end; else NULL */
    uint64_t bytes;    /* of a plain regular file, else 0 */
    uint64_t line;     /* lines given so far */
    char *buffer;
    size_t start, end, size;
    bool ended;
} vq_input;

/* VQ_GO_ON, or an exit code after a sentence. `path` must outlive the input. */
int cli_input_open(vq_input *in, vq_cli *cli, const char *path);
void vq_input_close(vq_input *in);

/* Makes up to `length` bytes visible at *data without taking them; returns how many there are. */
size_t vq_input_peek(vq_input *in, const char **data, size_t length);

/* Takes up to `length` bytes; fewer only at the end or after an error. */
size_t vq_input_take(vq_input *in, void *data, size_t length);

/* The next line without its end (LF or CRLF), borrowed until the next call; false at the end or after an error, and a last line
 * without an end, which a cut leaves, is one. */
bool vq_input_line(vq_input *in, const char **line, size_t *length);

/* The same of what people write: a last line without an end is a line too, and no error. */
bool vq_input_text_line(vq_input *in, const char **line, size_t *length);

#endif

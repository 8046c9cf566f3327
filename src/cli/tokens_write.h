/* Codes to a file, in one of three formats that tokens_read.h reads back. Records without bases keep their place in all of them.
 *
 * tsv:    "#vqdna tokens", "#provenance {...}", a header row "#contig start level1 level2 ...", then one row a base, separated by
 *         tabs, starts counted from 0. A record begins where start is 0, so records of one name in a row stay apart. An empty
 *         record is one row with "." for each code.
 * ndjson: an object that describes the file, then one a run of up to 4096 bases, cut at multiples of 4096:
 *         {"contig":"chr1","start":0,"codes":[[17,301],[5,44],...]}.
 * npy:    uint16 [bases, levels] in OUT, records one after the other; OUT.tsv has a row a record: name, first row, number of bases.
 */
#ifndef VQ_CLI_TOKENS_WRITE_H
#define VQ_CLI_TOKENS_WRITE_H

#include "cli/cli_output.h"

typedef enum vq_tokens_format { VQ_TOKENS_TSV, VQ_TOKENS_NPY, VQ_TOKENS_NDJSON } vq_tokens_format;

typedef struct vq_tokens_writer {
    vq_cli *cli;
    vq_tokens_format format;
    int levels;
    vq_output out, index;
    char (*code_text)[8]; /* of each code: length, tab, digits */
    char *row;            /* name, tab, start: the text before the codes of the next base; with ndjson the name in quotes */
    size_t row_length, start_length;
    uint64_t rows, record_rows; /* written in all, and of the record under way */
    int code;                   /* exit code of a refusal that is no failure of an output, else VQ_GO_ON */
} vq_tokens_writer;

/* "tsv", "npy" or "ndjson" (NULL: tsv). VQ_GO_ON, or an exit code after a sentence. */
int vq_tokens_format_parse(vq_tokens_format *out, vq_cli *cli, const char *text);

/* `path` NULL or "-": standard output, which npy refuses (its header holds the length, known only at the end). `provenance` is JSON
 * on one line or NULL. */
int vq_tokens_open(vq_tokens_writer *writer, vq_cli *cli, vq_tokens_format format, const char *path, int levels,
                   const char *provenance);

/* Writes a run: a vqdna_codes_sink, user is the writer. */
vqdna_status vq_tokens_write(void *user, const vqdna_codes *run);

/* VQ_GO_ON, or an exit code after a sentence; either way the writer is closed. */
int vq_tokens_commit(vq_tokens_writer *writer);

/* After a failed stream: removes what was written; says what was wrong with the output, if it was the output, and returns that exit
 * code. */
int vq_tokens_abandon(vq_tokens_writer *writer);

#endif

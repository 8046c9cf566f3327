/* Codes to a file, in one of three formats that tokens_read.h reads back. Records without bases keep their place in all of them, and
 * so do unknown bases: they have codes, and are told apart by where they are. MODEL is the sha256 of the model's weights, HASH
 * that of names, codes and the places of unknown bases.
 *
 * tsv:    "#vqdna tokens 2 model MODEL", "#provenance {...}", a header row "#contig start level1 level2 ...", then one row a base,
 *         separated by tabs, starts counted from 0. A record begins where start is 0, so records of one name in a row stay apart.
 *         An empty record is one row with "." for each code. Behind unknown bases stands "#unknown bases CONTIG START END",
 *         separated by tabs, cut at multiples of 65,536. The last line is "#end 2 records 5000 bases 3 unknown hash HASH". No
 *         name has a blank, so these lines cannot be rows.
 * ndjson: {"format":"vqdna tokens","version":2,"levels":2,"model_sha256":MODEL,"provenance":{...}}, then an object a run of up to
 *         4096 bases, cut at multiples of 4096: {"contig":"chr1","start":0,"codes":[[17,301],[5,44],...],"unknown":[[2,7],...]},
 *         the last only where there are some, and last {"end":{"records":2,"bases":5000,"unknown":3,"hash":HASH}}.
 * npy:    uint16 [bases, levels] in OUT, records one after the other; OUT.tsv, "#vqdna index 2 model MODEL" and on, has a row a
 *         record: name, first row, number of bases. "#unknown bases" stand before the row of their record, "#end" at the end.
 */
#ifndef VQ_CLI_TOKENS_WRITE_H
#define VQ_CLI_TOKENS_WRITE_H

#include "cli/cli_output.h"
#include "cli/cli_session.h"

#define XXH_STATIC_LINKING_ONLY /* for a state by value */
#include <xxhash.h>

typedef enum vq_tokens_format { VQ_TOKENS_TSV, VQ_TOKENS_NPY, VQ_TOKENS_NDJSON } vq_tokens_format;

/* Where "#unknown bases" are cut: a reader that takes as many rows at once needs to look no further ahead. */
enum { VQ_TOKENS_RUN = 1 << 16 };

/* What the end mark holds. */
typedef struct vq_tokens_sums {
    uint64_t records, bases, unknown;
    uint64_t places;    /* hash of where unknown bases are */
    XXH3_state_t codes; /* of names and codes */
} vq_tokens_sums;

void vq_tokens_sums_add(vq_tokens_sums *sums, const vqdna_codes *run);
uint64_t vq_tokens_sums_hash(const vq_tokens_sums *sums);

typedef struct vq_tokens_writer {
    vq_cli *cli;
    vq_tokens_format format;
    int levels;
    vq_output out, index;
    char (*code_text)[8]; /* of each code: length, tab, digits */
    char *row;            /* name, tab, start: the text before the codes of the next base; with ndjson the name in quotes */
    size_t row_length, start_length;
    uint64_t rows; /* before the record under way */
    vq_tokens_sums sums;
    bool in_gap; /* of unknown bases, from gap_start on */
    uint64_t gap_start;
    size_t gaps; /* ndjson: those of the line under way */
    struct {
        uint64_t start, end;
    } * gap;
    int code; /* exit code of a refusal that is no failure of an output, else VQ_GO_ON */
} vq_tokens_writer;

/* "tsv", "npy" or "ndjson", which the end of the name `path` may not contradict; with NULL what that end says, else tsv. VQ_GO_ON,
 * or an exit code after a sentence. */
int vq_tokens_format_parse(vq_tokens_format *out, vq_cli *cli, const char *text, const char *path);

/* Refuses what vq_tokens_open would, before a model and a device are opened. `path` NULL or "-": standard output, which npy refuses
 * (its header holds the length, known only at the end). VQ_GO_ON, or an exit code after a sentence. */
int vq_tokens_check(vq_cli *cli, vq_tokens_format format, const char *path);

/* `provenance` is JSON on one line or NULL. */
int vq_tokens_open(vq_tokens_writer *writer, vq_cli *cli, vq_tokens_format format, const char *path, const vq_session *session,
                   const char *provenance);

/* Writes a run: a vqdna_codes_sink, user is the writer. */
vqdna_status vq_tokens_write(void *user, const vqdna_codes *run);

/* VQ_GO_ON, or an exit code after a sentence; either way the writer is closed. */
int vq_tokens_commit(vq_tokens_writer *writer);

/* After a failed stream: removes what was written; says what was wrong with the output, if it was the output, and returns that exit
 * code. */
int vq_tokens_abandon(vq_tokens_writer *writer);

#endif

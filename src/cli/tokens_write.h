/* Codes to a file, in one of several formats, of which tokens_read.h reads back all but bed and counts. Records without bases keep
 * their place, and so do unknown bases: they have codes, and are told apart by where they are. tokens_block.h says what blocks are.
 * MODEL is the sha256 of the model's weights, EVERY and PHASE are 1 and 0 unless the stream is thinned.
 *
 * tsv:    "#vqdna tokens 3 model MODEL levels 2 every 1 phase 0", "#provenance {...}", a header row "#contig start level1 level2 ...",
 *         then one row a base, separated by tabs, starts counted from 0. Behind a part's rows stand, separated by tabs, "#unknown bases
 *         CONTIG START END" for each stretch of them and "#bases of CONTIG START END more|end"; behind a block's parts "#block 0 bases
 *         4096 unknown 3 hash HASH model MODEL". The last line is "#end 12 blocks". No name has a blank, so these lines cannot be rows.
 * ndjson: {"format":"vqdna tokens","version":3,"levels":2,"every":1,"phase":0,"model_sha256":MODEL,"provenance":{...}}, then an
 *         object a part: {"contig":"chr1","start":0,"bases":4096,"codes":[[17,301],[5,44],...],"unknown":[[2,7],...],"ends":true}, the
 *         last two only where they say something; an object a block {"block":0,"bases":...,"unknown":...,"hash":...,"model":...} and
 *         last {"end":{"blocks":12}}.
 * bin:    the first two lines of tsv, then blocks and the end mark as tokens_binary.h has them: two bytes a code.
 * npy:    uint16 [codes, levels] in OUT, records one after the other; OUT.tsv, "#vqdna index 3 model ..." and on, has a row a
 *         record: name, first row, bases. "#unknown bases" stand before the row of their record, "#end 12 blocks hash HASH" last.
 * bed:    an interval a base: contig, start, start + 1, codes joined by commas.
 * counts: "contig level code count", a row for each code a record has, unknown bases left out. */
#ifndef VQ_CLI_TOKENS_WRITE_H
#define VQ_CLI_TOKENS_WRITE_H

#include "cli/cli_output.h"
#include "cli/tokens_block.h"

typedef enum vq_tokens_format {
    VQ_TOKENS_TSV,
    VQ_TOKENS_NPY,
    VQ_TOKENS_NDJSON,
    VQ_TOKENS_BIN,
    VQ_TOKENS_BED,
    VQ_TOKENS_COUNTS,
} vq_tokens_format;

typedef struct vq_tokens_writer {
    vq_cli *cli;
    vq_tokens_format format;
    vq_tokens_shape shape;
    vq_output out, index;

    char *name; /* of the part in the making */
    uint64_t start;
    size_t count; /* bases of it so far */
    bool open;    /* a record is under way */
    uint16_t *codes;
    uint8_t *bases;
    vq_tokens_block block;
    XXH3_state_t blocks; /* npy: of the blocks' hashes */

    char (*code_text)[8]; /* of each code: length, tab, digits */
    char *row;            /* name, tab, start: the text before the codes of the next base; with ndjson the name in quotes */
    size_t row_room, row_length, start_length;
    uint64_t rows; /* npy: before the record under way */
    char *packed;  /* bin: the parts of the block in the making */
    size_t packed_used, packed_room;
    uint64_t *counts; /* counts: [levels][65536] of the record under way */
    int code;         /* exit code of a refusal that is no failure of an output, else VQ_GO_ON */
} vq_tokens_writer;

/* The format of a name, which the end of the name `path` may not contradict; with NULL what that end says, else tsv. VQ_GO_ON, or an
 * exit code after a sentence. */
int vq_tokens_format_parse(vq_tokens_format *out, vq_cli *cli, const char *text, const char *path);

/* Refuses what vq_tokens_open would, before a model and a device are opened. `path` NULL or "-": standard output, which npy refuses
 * (its header holds the length, known only at the end). VQ_GO_ON, or an exit code after a sentence. */
int vq_tokens_check(vq_cli *cli, vq_tokens_format format, const char *path);

/* `provenance` is JSON on one line or NULL. The stream begins with block `first`, and has a head if that is 0. */
int vq_tokens_open(vq_tokens_writer *writer, vq_cli *cli, vq_tokens_format format, const char *path, const vq_tokens_shape *shape,
                   const char *provenance, uint64_t first);

/* Writes a run: a vqdna_codes_sink, user is the writer. */
vqdna_status vq_tokens_write(void *user, const vqdna_codes *run);

/* `ends`: the stream does, rather than its shard. VQ_GO_ON, or an exit code after a sentence; either way the writer is closed. */
int vq_tokens_commit(vq_tokens_writer *writer, bool ends);

/* After a failed stream: removes what was written; says what was wrong with the output, if it was the output, and returns that exit
 * code. */
int vq_tokens_abandon(vq_tokens_writer *writer);

#endif

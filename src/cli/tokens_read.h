/* Codes from files in any of the formats that tokens_write.h says can be read, told apart by content, plain or compressed. Several files
 * are read as one: the shards of a stream, in order. Every block is held against its mark, and blocks follow one another from 0 to the
 * end mark. Rows of tsv without a head have no marks: they are read with a warning. */
#ifndef VQ_CLI_TOKENS_READ_H
#define VQ_CLI_TOKENS_READ_H

#include "cli/cli_input.h"
#include "cli/cli_session.h"
#include "cli/tokens_write.h"

#include <jansson.h>

typedef struct vq_tokens_reader {
    vq_cli *cli;
    const vq_session *session; /* the model the tokens must be of; NULL: any */
    const char *const *paths;
    size_t files, file; /* [file] is the one under way */
    vq_tokens_format format;
    vq_tokens_shape shape;
    char *provenance; /* of the head, JSON on a line, or NULL */
    vq_input in, index;
    int code; /* exit code once a sentence was said, else VQ_GO_ON */

    char *name; /* of the record under way */
    size_t name_length;
    bool inside;     /* it goes on */
    uint64_t start;  /* of the part under way, in the record */
    uint64_t next;   /* place of the next code there */
    uint16_t *codes; /* of the part */
    uint8_t *bases;  /* the same: 0 or, if unknown, 4 */
    size_t marked;   /* no 4 lies from here on */
    vq_tokens_block block;
    bool at_end; /* the end mark was read */

    bool bare;  /* rows without a head */
    bool ahead; /* of them: the row read ahead begins the next run */
    char *ahead_name;
    uint64_t ahead_start;
    uint16_t ahead_codes[VQDNA_MAX_LEVELS];

    char *packed; /* bin: parts of a block, [packed_at, packed_size) not yet given */
    size_t packed_at, packed_size, packed_room;
    uint64_t parts_left, hash, told_bases, told_unknown; /* of the block under way */
    /* npy: rows of the array, given so far; bases of the record under way not yet given; the hash of the blocks' */
    uint64_t rows, rows_given, bases_left;
    XXH3_state_t blocks;
    char *index_path;
    struct {
        uint64_t start, end;
    } * gap; /* unknown bases of the record, [next_gap, gaps) not yet given */
    size_t gaps, next_gap, gap_room;
} vq_tokens_reader;

/* "-" is standard input; `paths` must outlive the reader. Tokens of another model are refused, or with --force told. VQ_GO_ON, or an exit
 * code after a sentence. */
int vq_tokens_read_open(vq_tokens_reader *reader, vq_cli *cli, const char *const *paths, size_t count, const vq_session *session);

/* The next run: a vqdna_codes_source, user is the reader. Of a thinned stream all codes are there, and those left out are 0. After a
 * failure the sentence is said and reader->code holds the exit code. */
vqdna_status vq_tokens_read(void *user, vqdna_codes *run);

void vq_tokens_read_close(vq_tokens_reader *reader);

/* The number of the first block in a file, or what its end mark says if it has none; 0 for what has neither. VQ_GO_ON, or an exit code after a sentence. */
int vq_tokens_first_block(uint64_t *block, vq_cli *cli, const char *path);

#endif

/* Codes from a file in any of the formats of tokens_write.h, told apart by content, plain or compressed. Of format 2 every part is
 * held against the end mark. Format 1 (no version at its head) and rows without a head had none: they are read with a warning. */
#ifndef VQ_CLI_TOKENS_READ_H
#define VQ_CLI_TOKENS_READ_H

#include "cli/cli_input.h"
#include "cli/tokens_write.h"

#include <jansson.h>

typedef struct vq_tokens_reader {
    vq_cli *cli;
    vq_tokens_format format;
    vq_input in, index;
    const vq_session *session; /* the model the tokens must be of */
    int levels;                /* of it */
    int version;               /* 0: rows without a head */
    int code;                  /* exit code once a sentence was said, else VQ_GO_ON */
    char *name;                /* of the record under way */
    size_t name_length;
    uint64_t run_start, next; /* of the run under way, of the one to come */
    uint16_t *codes;          /* of the run given last */
    uint8_t *bases;           /* the same: 0 or, if unknown, 4 */
    size_t room;              /* bases that fit there */
    size_t marked;            /* no 4 lies from here on */
    vq_tokens_sums sums;
    bool at_end; /* the end mark was read: it is in `told` and `hash` */
    vq_tokens_sums told;
    uint64_t hash;
    /* What was read ahead, to know whether the record under way goes on. */
    bool ahead, ahead_empty;
    const char *ahead_name; /* borrowed from the input, or from ahead_object */
    size_t ahead_length;
    uint64_t ahead_start;
    uint16_t ahead_codes[VQDNA_MAX_LEVELS];
    json_t *ahead_object;
    /* npy: rows of the array, given so far, and of the record under way not yet given. */
    uint64_t rows, rows_given, rows_left;
    char *index_path;
    struct {
        uint64_t start, end;
    } * gap; /* unknown bases of the record, [next_gap, gaps) not yet given */
    size_t gaps, next_gap, gap_room;
} vq_tokens_reader;

/* "-" is standard input. Tokens of another model are refused, or with --force told. VQ_GO_ON, or an exit code after a
 * sentence. */
int vq_tokens_read_open(vq_tokens_reader *reader, vq_cli *cli, const char *path, const vq_session *session);

/* The next run: a vqdna_codes_source, user is the reader. After a failure the sentence is said and reader->code holds the exit
 * code. */
vqdna_status vq_tokens_read(void *user, vqdna_codes *run);

void vq_tokens_read_close(vq_tokens_reader *reader);

#endif

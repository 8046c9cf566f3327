/* Codes from a file in any of the formats of tokens_write.h, told apart by content. */
#ifndef VQ_CLI_TOKENS_READ_H
#define VQ_CLI_TOKENS_READ_H

#include "cli/cli_input.h"
#include "cli/tokens_write.h"

#include <jansson.h>

typedef struct vq_tokens_reader {
    vq_cli *cli;
    vq_tokens_format format;
    vq_input in, index;
    int levels; /* of the model, which the file must have too */
    int code;   /* exit code once a sentence was said, else VQ_GO_ON */
    char *name; /* of the record under way */
    size_t name_length;
    uint64_t next;   /* start of the run to come in the record under way */
    uint16_t *codes; /* of the run given last */
    size_t room;     /* bases that fit there */
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
} vq_tokens_reader;

/* "-" is standard input. VQ_GO_ON, or an exit code after a sentence. */
int vq_tokens_read_open(vq_tokens_reader *reader, vq_cli *cli, const char *path, int levels);

/* The next run: a vqdna_codes_source, user is the reader. After a failure the sentence is said and reader->code holds the exit
 * code. */
vqdna_status vq_tokens_read(void *user, vqdna_codes *run);

void vq_tokens_read_close(vq_tokens_reader *reader);

#endif

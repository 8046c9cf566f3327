/* What a command that reads sequences takes: its files, and what of them. */
#ifndef VQ_CLI_SEQUENCES_H
#define VQ_CLI_SEQUENCES_H

#include "cli/cli_options.h"

typedef struct vq_sequences {
    const char *column, *bed, *list, *ambiguous, *soft_mask, *strand; /* options as given */
    vq_list regions;
    vq_list names, *paths;     /* of the list file; the inputs, of it or of the command line */
    vqdna_input_options input; /* what they come to */
} vq_sequences;

/* Rows of a command's option table. */
#define VQ_SEQUENCE_OPTIONS(s)                                                                                                     \
    {"list-file", 0, "FILE", VQ_TEXT, &(s).list, "names of inputs, one a line, instead of those on the command line"},             \
        {"column", 0, "NAME", VQ_TEXT, &(s).column, "inputs are CSV or TSV, and this column holds the sequences"},                 \
        {"region", 0, "REGION", VQ_LIST, &(s).regions, "only this part of indexed FASTA, as chr20:1-5000; may be repeated"},       \
        {"bed", 0, "FILE", VQ_TEXT, &(s).bed, "only these intervals (BED, GFF3, GTF) of indexed FASTA, on their strands"},         \
        {"ambiguous",    0,                                                                                                        \
         "HOW",          VQ_TEXT,                                                                                                  \
         &(s).ambiguous, "letters but A C G T: mask (keep their places), skip (cut there)\nor error (default: mask)"},             \
        {"soft-mask", 0, "HOW", VQ_TEXT, &(s).soft_mask, "lower-case letters: keep or skip (default: keep)"}, {                    \
        "strand", 0, "WHICH", VQ_TEXT, &(s).strand, "plus, minus or both (default: plus)"                                          \
    }

/* After vq_options_parse, which is to allow for no input: reads the options and the list file, and protects the inputs. s->paths then
 * are the files. VQ_GO_ON, or an exit code after a sentence; free in either case. */
int vq_sequences_take(vq_sequences *s, vq_cli *cli, vq_list *inputs);
void vq_sequences_free(vq_sequences *s);

#endif

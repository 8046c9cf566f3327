/* Sequences and labels from a table: CSV, TSV or semicolons, plain, gzip or bgzip (told by content).
 *
 * Fields may stand in double quotes (RFC 4180): then delimiters, line ends and doubled quotes are part of them. Lines end in LF or CRLF;
 * blank ones are passed over, and so is a byte order mark. The delimiter is the first of tab, comma and semicolon that the first line
 * holds outside quotes. The first row is a header if it names the sequence's column, case ignored; if no column was asked for and one of
 * its fields reads as nucleotides, there is none: that field's column holds the sequences, and the other, if there are two, labels.
 * An error is VQDNA_ERR_INPUT and one sentence that names file, line and column. A row may have 64 MiB. */
#ifndef VQ_SEQ_TABLE_H
#define VQ_SEQ_TABLE_H

#include "base/status.h"

typedef struct vq_table_row {
    const char *sequence; /* letters as they stand there, each one that FASTA may have; not empty */
    size_t length;        /* of it */
    const char *label;    /* NULL: the table has none; never empty */
    const char *name;     /* of column "name" or "id"; NULL: the table has none */
    uint64_t row, line;   /* number of the row from 0, of its first line from 1 */
} vq_table_row;

typedef struct vq_table vq_table;

/* `sequence` and `label` name columns; NULL: "sequence" and "label", and the latter may lack. "-" is standard input. */
vq_status vq_table_open(vq_table **out, const char *path, const char *sequence, const char *label);

/* The next row, borrowed until the next call; VQDNA_END behind the last. A table without rows is an error. */
vq_status vq_table_next(vq_table *table, vq_table_row *out);
void vq_table_close(vq_table *table);

#endif

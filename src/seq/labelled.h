/* Labelled sequences in memory: the rows of a table as base numbers, or of an array as token ids, and classes. */
#ifndef VQ_SEQ_LABELLED_H
#define VQ_SEQ_LABELLED_H

#include "base/status.h"

/* The labels that there are, numbers by value, else words by their bytes: class i is name[i]. */
typedef struct vq_labels {
    char **name;
    int count;
} vq_labels;

typedef struct vq_labelled {
    size_t rows;
    uint8_t *bases; /* 0 to 4, of row i [start[i], start[i + 1]) */
    uint16_t *ids;  /* or, in place of bases, token ids: of an array */
    size_t *start;  /* [rows + 1] */
    int *class;     /* [rows]; or for a regression */
    float *value;   /* [rows]; NULL otherwise */
} vq_labelled;

/* Reads a table by seq/table.h, or an array of ids by seq/ids.h, whichever the file is. Labels that are empty become those of this table; else one that is not among them is VQDNA_ERR_INPUT.
 * A table without labels, or a first one in which all are the same, is one too. */
vq_status vq_labelled_read(vq_labelled *out, vq_labels *labels, const char *path, const char *sequence, const char *label);

/* The same with labels that are finite numbers, for a regression: into `value`, all of class 0. */
vq_status vq_labelled_read_numbers(vq_labelled *out, const char *path, const char *sequence, const char *label);

/* Sequences of a file as seq/source.h reads it, a row a record, all of class 0. */
vq_status vq_labelled_read_sequences(vq_labelled *out, const char *path);
void vq_labelled_free(vq_labelled *set);
void vq_labels_free(vq_labels *labels);
vq_status vq_labels_copy(vq_labels *out, const vq_labels *labels);

/* Moves every row whose number is drawn, one in `share`, out of `set` into `held`. The draw is a function of seed and row. */
vq_status vq_labelled_split(vq_labelled *set, vq_labelled *held, int share, uint64_t seed);

/* Keeps so many rows, drawn by the seed, in their order; all where there are no more. */
vq_status vq_labelled_keep(vq_labelled *set, size_t rows, uint64_t seed);

/* Tells sets apart: sequences, labels and their order. */
uint64_t vq_labelled_fingerprint(const vq_labelled *set);

vq_status vq_labelled_copy(vq_labelled *out, const vq_labelled *set);

#endif

/* NumPy's .npy format for token streams: uint16, C order, [rows, columns], streamed both ways
 * (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
#ifndef VQ_BASE_NPY_H
#define VQ_BASE_NPY_H

#include "base/file.h"

#include <stdint.h>

/* ---- Writing: the row count is known at the end only, so the header is written last, into space left for it. ---- */

typedef struct vq_npy_writer {
    vq_outfile out;
    uint64_t rows, columns;
} vq_npy_writer;

/* VQDNA_ERR_USAGE if the output is a pipe or the like, in which one cannot go back. */
vq_status vq_npy_create(vq_npy_writer *writer, const char *path, uint64_t columns);
vq_status vq_npy_write(vq_npy_writer *writer, const uint16_t *values, size_t rows); /* values[rows][columns] */
vq_status vq_npy_commit(vq_npy_writer *writer);
void vq_npy_discard(vq_npy_writer *writer);

/* ---- Reading ---- */

typedef struct vq_npy_reader {
    FILE *file;
    char *path;
    uint64_t rows, columns, at; /* at: rows read */
} vq_npy_reader;

/* Opens versions 1.0 and 2.0 of dtype '<u2', C order, two dimensions; anything else is VQDNA_ERR_INPUT. "-" is standard input. */
vq_status vq_npy_open(vq_npy_reader *reader, const char *path);

/* Reads up to `limit` rows into values[limit][columns]; VQDNA_END, and *rows 0, after the last. A file with fewer or more data than
 * its header says fails. */
vq_status vq_npy_read(vq_npy_reader *reader, uint16_t *values, size_t *rows, size_t limit);
void vq_npy_close(vq_npy_reader *reader); /* takes a zeroed one */

#endif

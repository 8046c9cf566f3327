/* A batch is M rows, one a base: pieces of sequence of any length, one after another, and padding at the end. The rows table [M]
 * says of each row what it holds and how far its piece reaches, so that no convolution crosses from one piece to the next. Kernels
 * see it as uchar4. */
#ifndef VQ_OPS_ROWS_H
#define VQ_OPS_ROWS_H

#include <stdint.h>

enum { VQ_UNKNOWN_BASE = 4, VQ_MAX_REACH = 255 };

typedef struct vq_row {
    uint8_t base;        /* 0 1 2 3 for A C G T, 4 unknown */
    uint8_t left, right; /* rows of the same piece on either side, at most 255 */
    uint8_t seen;        /* 1 if the decoder sees this row's code */
} vq_row;

_Static_assert(sizeof(vq_row) == 4, "kernels read a row as uchar4");

/* Fills the rows of one piece: bases [count]. Row i is seen if (first + i) % stride == 0. */
void vq_rows_piece(vq_row *rows, const uint8_t *bases, int count, uint64_t first, uint64_t stride);

/* Fills rows that hold nothing. */
void vq_rows_padding(vq_row *rows, int count);

#endif

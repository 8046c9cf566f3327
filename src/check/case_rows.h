/* The rows table for cases of operations that look at neighbouring rows: pieces of many lengths, then padding. */
#ifndef VQ_CHECK_CASE_ROWS_H
#define VQ_CHECK_CASE_ROWS_H

#include "check/case.h"

/* Declares the input "rows" of M rows. Pieces of 256 when there are many rows, else of all lengths about a kernel's reach. */
static inline void vq_case_rows(vq_case *c, int M) {
    static const int lengths[] = {9, 1, 2, 30, 3, 4, 5, 13, 6, 7, 8, 21};
    const int kinds = (int)(sizeof lengths / sizeof *lengths), used = M - M / 16;
    vq_case_indices(c, "rows", VQ_U8, 4 * (size_t)M, 0, 4);
    double *rows = vq_case_value(c, "rows");
    if (!rows)
        return;
    for (int first = 0, piece = 0, length; first < M; first += length, piece++) {
        length = first >= used ? 1 : M >= 1024 ? 256 : lengths[piece % kinds];
        if (first < used && length > used - first)
            length = used - first;
        for (int i = 0; i < length; i++) {
            double *row = rows + 4 * (first + i);
            row[0] = first >= used ? 4 : row[0];
            row[1] = i < 255 ? i : 255;
            row[2] = length - 1 - i < 255 ? length - 1 - i : 255;
            row[3] = first < used && row[3] > 1;
        }
    }
}

/* Whether row m + offset belongs to the piece of row m. */
static inline bool vq_case_reaches(const double *rows, int m, int offset) {
    return -rows[4 * m + 1] <= offset && offset <= rows[4 * m + 2];
}

#endif

/* The head of NumPy's format 1.0. */
#ifndef VQ_CLI_NPY_H
#define VQ_CLI_NPY_H

#include <stdint.h>

enum { VQ_NPY_HEADER = 128 };

/* `type` is "u2", "f4": little-endian. rows x columns, rows first. */
void vq_npy_header(char header[VQ_NPY_HEADER], const char *type, uint64_t rows, int columns);

#endif

#include "cli/cli_npy.h"

#include <stdio.h>
#include <string.h>

/* Magic, version, length of the text, a Python dictionary padded so that the data is aligned. */
void vq_npy_header(char header[VQ_NPY_HEADER], const char *type, uint64_t rows, int columns) {
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10); /* 0x76 = 128 - 10 */
    int length = snprintf(header + 10, VQ_NPY_HEADER - 10, "{'descr': '<%s', 'fortran_order': False, 'shape': (%llu, %d), }", type,
                          (unsigned long long)rows, columns);
    memset(header + 10 + length, ' ', (size_t)(VQ_NPY_HEADER - 11 - length));
    header[VQ_NPY_HEADER - 1] = '\n';
}

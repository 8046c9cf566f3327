/* The alphabet: 0 1 2 3 for A C G T and 4 for a base that is not known. */
#ifndef VQ_SEQ_ALPHABET_H
#define VQ_SEQ_ALPHABET_H

#include <stdint.h>

enum { VQ_BASE_UNKNOWN = 4, VQ_LETTER_ILLEGAL = 255 };

/* Code of a letter. Case does not matter and U is T. The other IUPAC letters (R Y S W K M B D H V N, X) and '*', '-', '.' are
 * unknown bases; all else is VQ_LETTER_ILLEGAL. */
extern const uint8_t vq_code_of_letter[256];

/* "ACGTN"[code] */
char vq_letter_of_code(uint8_t code);

/* Of the other strand: 3 - code, and 4 stays 4. */
static inline uint8_t vq_complement(uint8_t code) {
    return code < VQ_BASE_UNKNOWN ? (uint8_t)(3 - code) : code;
}

#endif

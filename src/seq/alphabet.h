/* The alphabet: 0 1 2 3 for A C G T and 4 for a base that is not known. */
#ifndef VQ_SEQ_ALPHABET_H
#define VQ_SEQ_ALPHABET_H

#include <stdint.h>

enum { VQ_BASE_UNKNOWN = 4, VQ_LETTER_ILLEGAL = 255 };
enum { VQ_SOFT = 8 }; /* added to the code of a lower-case letter, where that is asked for */

/* Code + 1 of each letter, 0 for what is none: read it through vq_code_of_letter. */
extern const uint8_t vq_letter_table[256];

/* Code of a letter. Case does not matter and U is T. The other IUPAC letters (R Y S W K M B D H V N, X) and '*', '-', '.' are
 * unknown bases; all else is VQ_LETTER_ILLEGAL. */
static inline uint8_t vq_code_of_letter(uint8_t letter) {
    return (uint8_t)(vq_letter_table[letter] - 1);
}

/* "ACGTN"[code] */
static inline char vq_letter_of_code(uint8_t code) {
    return "ACGTN"[code < VQ_BASE_UNKNOWN ? code : VQ_BASE_UNKNOWN];
}

/* Of the other strand: 3 - code, and 4 stays 4. */
static inline uint8_t vq_complement(uint8_t code) {
    return code < VQ_BASE_UNKNOWN ? (uint8_t)(3 - code) : code;
}

#endif

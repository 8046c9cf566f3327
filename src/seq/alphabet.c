#include "seq/alphabet.h"

#define BOTH(upper, lower, code) [upper] = code, [lower] = code
#define X VQ_LETTER_ILLEGAL
#define X16 X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X

#pragma GCC diagnostic ignored "-Woverride-init" /* everything is illegal first, then the letters are named */
const uint8_t vq_code_of_letter[256] = {
    X16, X16, X16, X16, X16, X16, X16, X16, X16, X16, X16, X16, X16, X16, X16, X16,
    BOTH('A', 'a', 0), BOTH('C', 'c', 1), BOTH('G', 'g', 2), BOTH('T', 't', 3), BOTH('U', 'u', 3),
    BOTH('R', 'r', 4), BOTH('Y', 'y', 4), BOTH('S', 's', 4), BOTH('W', 'w', 4), BOTH('K', 'k', 4), BOTH('M', 'm', 4),
    BOTH('B', 'b', 4), BOTH('D', 'd', 4), BOTH('H', 'h', 4), BOTH('V', 'v', 4), BOTH('N', 'n', 4), BOTH('X', 'x', 4),
    ['*'] = 4, ['-'] = 4, ['.'] = 4,
};

char vq_letter_of_code(uint8_t code) {
    return "ACGTN"[code < VQ_BASE_UNKNOWN ? code : VQ_BASE_UNKNOWN];
}

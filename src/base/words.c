#include "base/words.h"

#include <string.h>

enum { LONGEST_WORD = 64 };

/* Levenshtein's distance, with one row of the table. */
static int edit_distance(const char *a, const char *b) {
    int row[LONGEST_WORD + 1];
    int columns = (int)strnlen(b, LONGEST_WORD);
    for (int j = 0; j <= columns; j++)
        row[j] = j;
    for (int i = 0; a[i] && i < LONGEST_WORD; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 1; j <= columns; j++) {
            int change = diagonal + (a[i] != b[j - 1]);
            int insert = row[j - 1] + 1, drop = row[j] + 1;
            diagonal = row[j];
            row[j] = change < insert ? change : insert;
            if (drop < row[j])
                row[j] = drop;
        }
    }
    return row[columns];
}

const char *vq_nearest(const char *word, const char *const *names, size_t count) {
    const char *best = NULL;
    int least = (int)strnlen(word, LONGEST_WORD) / 2 + 2;
    for (size_t i = 0; i < count; i++) {
        int distance = edit_distance(word, names[i]);
        if (distance < least) {
            least = distance;
            best = names[i];
        }
    }
    return best;
}

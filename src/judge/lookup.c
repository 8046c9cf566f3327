#include "judge/lookup.h"

#include "seq/alphabet.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { WORD = 8, WORDS = 1 << 2 * WORD };

/* The same for a sequence and its reverse complement. */
static uint64_t fingerprint(const uint8_t *bases, size_t count, uint8_t *work) {
    for (size_t i = 0; i < count; i++)
        work[i] = vq_complement(bases[count - 1 - i]);
    uint64_t a = XXH3_64bits(bases, count), b = XXH3_64bits(work, count);
    return a < b ? a : b;
}

static size_t longest(const vq_labelled *set) {
    size_t most = 0;
    for (size_t i = 0; i < set->rows; i++)
        most = set->start[i + 1] - set->start[i] > most ? set->start[i + 1] - set->start[i] : most;
    return most;
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

vq_status vq_lookup_seen(size_t *out, const vq_labelled *train, const vq_labelled *test) {
    uint64_t *prints = NULL;
    uint8_t *work = NULL;
    size_t most = longest(train) > longest(test) ? longest(train) : longest(test);
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&prints, train->rows, sizeof *prints));
    VQ_TRY_OR(done, vq_alloc(&work, most, 1));
    for (size_t i = 0; i < train->rows; i++)
        prints[i] = fingerprint(train->bases + train->start[i], train->start[i + 1] - train->start[i], work);
    qsort(prints, train->rows, sizeof *prints, by_number);
    *out = 0;
    for (size_t i = 0; i < test->rows; i++) {
        uint64_t print = fingerprint(test->bases + test->start[i], test->start[i + 1] - test->start[i], work);
        *out += bsearch(&print, prints, train->rows, sizeof print, by_number) != NULL;
    }
done:
    free(prints);
    free(work);
    return status;
}

/* Different words of a row to words; met[word] is the last row + 1 that had it. */
static size_t row_words(uint32_t *words, uint32_t *met, const vq_labelled *set, size_t row) {
    size_t count = 0, known = 0;
    uint32_t word = 0;
    for (size_t i = set->start[row]; i < set->start[row + 1]; i++) {
        known = set->bases[i] < VQ_BASE_UNKNOWN ? known + 1 : 0;
        word = (word << 2 | set->bases[i]) & (WORDS - 1);
        if (known >= WORD && met[word] != row + 1) {
            met[word] = (uint32_t)row + 1;
            words[count++] = word;
        }
    }
    return count;
}

vq_status vq_lookup_classes(int *classes, const vq_labelled *train, const vq_labelled *test, int count) {
    uint32_t *met = NULL, *words = NULL, *rows = NULL, *shared = NULL, *size = NULL;
    size_t *first = NULL, *by_class = NULL, most = longest(train) > longest(test) ? longest(train) : longest(test);
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&met, WORDS, sizeof *met));
    VQ_TRY_OR(done, vq_alloc(&words, most, sizeof *words));
    VQ_TRY_OR(done, vq_alloc(&first, WORDS + 2, sizeof *first));
    VQ_TRY_OR(done, vq_alloc(&by_class, (size_t)count, sizeof *by_class));
    VQ_TRY_OR(done, vq_alloc(&shared, train->rows, sizeof *shared));
    VQ_TRY_OR(done, vq_alloc(&size, train->rows, sizeof *size));
    int usual = 0;
    for (size_t row = 0; row < train->rows; row++) {
        by_class[train->class[row]]++;
        size[row] = (uint32_t)row_words(words, met, train, row);
        for (size_t i = 0; i < size[row]; i++)
            first[words[i] + 2]++;
    }
    for (int i = 1; i < count; i++)
        usual = by_class[i] > by_class[usual] ? i : usual;
    for (size_t i = 1; i < WORDS + 2; i++)
        first[i] += first[i - 1];
    VQ_TRY_OR(done, vq_alloc(&rows, first[WORDS + 1], sizeof *rows));
    memset(met, 0, WORDS * sizeof *met);
    for (size_t row = 0; row < train->rows;
         row++) /* rows of a word, in order, between first[word] and first[word + 1] in the end */
        for (size_t i = 0, n = row_words(words, met, train, row); i < n; i++)
            rows[first[words[i] + 1]++] = (uint32_t)row;
    memset(met, 0, WORDS * sizeof *met);
    for (size_t row = 0; row < test->rows; row++) {
        memset(shared, 0, train->rows * sizeof *shared);
        for (size_t i = 0, n = row_words(words, met, test, row); i < n; i++)
            for (size_t at = first[words[i]]; at < first[words[i] + 1]; at++)
                shared[rows[at]]++;
        size_t best = 0;
        for (size_t i = 1; i < train->rows; i++)
            if (shared[i] > shared[best] || (shared[i] == shared[best] && size[i] < size[best]))
                best = i;
        classes[row] = shared[best] ? train->class[best] : usual;
    }
done:
    free(met);
    free(words);
    free(rows);
    free(shared);
    free(size);
    free(first);
    free(by_class);
    return status;
}

/* Which tokens of a window are hidden, and what would tell them without a network.
 *
 * Bases are hidden in spans whose lengths are geometric, before a tokenizer sees them: its encoder reads the neighbours of a base, so the codes
 * beside one hidden code would give it away. Or, as the paper has it, tokens are hidden one by one after tokenizing. */
#ifndef VQ_TRAIN_MASK_H
#define VQ_TRAIN_MASK_H

#include "base/status.h"

/* hidden[count] = 1 for at most `most` of the bases (0..4 each, unknown ones never), spans of the given mean until `share` of the known are.
 * A pure function of its arguments; *chosen of them. */
void vq_mask_spans(uint8_t *hidden, size_t *chosen, const uint8_t *bases, size_t count, double share, double mean, size_t most,
                   uint64_t seed, uint64_t step, uint64_t index);

/* The same base by base. */
void vq_mask_each(uint8_t *hidden, size_t *chosen, const uint8_t *bases, size_t count, double share, size_t most, uint64_t seed,
                  uint64_t step, uint64_t index);

/* ---- Baselines ----
 * What counting alone makes of hidden tokens: from the two nearest tokens that are seen, the most frequent; and from up to three of the
 * nearest bases that are seen on either side and how far the first are, the probability of a base (order 6, each order smoothed by the one
 * before it).
 * A network that does not beat them has learned nothing of sequence. */
typedef struct vq_baseline vq_baseline;
vq_status vq_baseline_create(vq_baseline **out);
void vq_baseline_destroy(vq_baseline *baseline);

/* The most frequent token of table `table` between two others so far, -1 where they were never met; and one more of them. */
int32_t vq_baseline_guess(const vq_baseline *baseline, int table, int32_t left, int32_t right);
void vq_baseline_count(vq_baseline *baseline, int table, int32_t left, int32_t right, int32_t token);

/* Nats of base `at` of a window given what is seen of it; with `count` it is counted after. */
double vq_baseline_nats(vq_baseline *baseline, const uint8_t *bases, const uint8_t *hidden, size_t length, size_t at, bool count);

#endif

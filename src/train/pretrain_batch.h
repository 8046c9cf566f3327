/* Batches of masked pre-training: windows to tokens, hidden ones marked, and what the baselines make of them. */
#ifndef VQ_TRAIN_PRETRAIN_BATCH_H
#define VQ_TRAIN_PRETRAIN_BATCH_H

#include "train/pretrain_task.h"

/* The arrays of a task, for its options. */
vq_status vq_pretrain_batch_open(vq_pretrain_task *task);
void vq_pretrain_batch_close(vq_pretrain_task *task);

/* Tokens of a batch at most, and hidden ones. */
int vq_pretrain_tokens(const vq_pretrain_task *task);
int vq_pretrain_most_hidden(const vq_pretrain_task *task);

/* Windows 0 to `count` - 1 of (dataset, seed, step), of `window` bases, to tokens, spans of the given mean hidden; a pure function of its
 * arguments. */
vq_status vq_pretrain_batch(vq_pretrain_task *task, const vq_dataset *dataset, uint64_t step, int count, int window, double span);

/* Adds what the baselines say of the batch to the sums (NULL: does not); then, with `learn`, they count it. */
void vq_pretrain_baselines(vq_pretrain_task *task, vq_pretrain_sums *sums, bool learn);

#endif

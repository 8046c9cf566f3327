/* Batches of masked pre-training: windows to tokens, hidden ones marked, and what the baselines make of them. */
#ifndef VQ_TRAIN_PRETRAIN_BATCH_H
#define VQ_TRAIN_PRETRAIN_BATCH_H

#include "train/pretrain_task.h"

/* The arrays of a task, for its options. */
vq_status vq_pretrain_batch_open(vq_pretrain_task *task);
void vq_pretrain_batch_close(vq_pretrain_task *task);

/* Tokens of so many windows at most, and hidden ones. */
int vq_pretrain_tokens(const vq_pretrain_task *task, int windows);
int vq_pretrain_most_hidden(const vq_pretrain_task *task, int windows);

/* Windows 0 to `count` - 1 of (dataset, seed, step), of `window` bases, to tokens, spans of the given mean hidden; a pure function of its
 * arguments. All of them are picked. */
vq_status vq_pretrain_batch(vq_pretrain_task *task, const vq_dataset *dataset, uint64_t step, int count, int window, double span);

/* The hidden tokens of windows `first` to `first` + `count` - 1 as vq_masked_upload takes them, rows counted from those windows. */
void vq_pretrain_pick(vq_pretrain_task *task, int first, int count);

/* Of a batch all of which is picked. Adds what the baselines say of the batch to the sums (NULL: does not); then, with `learn`, they count it. */
void vq_pretrain_baselines(vq_pretrain_task *task, vq_pretrain_sums *sums, bool learn);

#endif

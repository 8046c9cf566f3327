/* Training sequences: packed two bases a byte into an unlinked temporary file under $TMPDIR, sampled by pure functions. */
#ifndef VQ_SEQ_DATASET_H
#define VQ_SEQ_DATASET_H

#include "base/status.h"

typedef struct vqdna_dataset vq_dataset; /* the public handle is this one */

vq_status vq_dataset_create(vq_dataset **out);
void vq_dataset_destroy(vq_dataset *dataset);

/* Reads files ("-": standard input) through seq/source.h; `input` may be NULL. On failure the dataset is as it was before. */
vq_status vq_dataset_add_files(vq_dataset *dataset, const char *const *paths, size_t count, const vqdna_input_options *input);
vq_status vq_dataset_add(vq_dataset *dataset, const char *path);

/* Sequences in memory, one after another: codes 0..4, counts[i] of each, as if a file held them. */
vq_status vq_dataset_add_sequences(vq_dataset *dataset, size_t sequences, const uint8_t *codes, const size_t *counts);

/* A record without bases is no contig. */
vqdna_dataset_info vq_dataset_describe(const vq_dataset *dataset);

/* XXH3 over codes and contig lengths in order of adding: the same if and only if the dataset holds the same sequences in the same
 * order. */
uint64_t vq_dataset_fingerprint(const vq_dataset *dataset);

/* The training window (seed, step, index), index the window's place in its batch: a pure function of its arguments. Windows
 * are drawn from stretches: a contig, without the unknown bases at its ends, cut where 16 or more of them follow each other. Each of
 * the max(1, stretch - length + 1) window positions of each is equally likely, and either strand if both_strands. A stretch shorter
 * than the window is taken whole. Writes *count <= length codes 0..4 to out[length], the reverse complement on the other
 * strand. VQDNA_ERR_INPUT if no base is known. */
vq_status vq_dataset_window(const vq_dataset *dataset, uint64_t seed, uint64_t step, uint32_t index, int length, bool both_strands,
                            uint8_t *out, int *count);

#endif

/* How a codebook is used. */
#ifndef VQ_TRAIN_METRICS_H
#define VQ_TRAIN_METRICS_H

#include <stdint.h>

/* *used: codes met at least once; *perplexity: exp of the entropy of their frequencies, 0 if none was met. */
void vq_code_use(const uint64_t *counts, int codes, int *used, double *perplexity);

#endif

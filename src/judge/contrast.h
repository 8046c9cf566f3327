/* Two groups of aligned records, code by code: at which position which code differs between them. */
#ifndef VQ_JUDGE_CONTRAST_H
#define VQ_JUDGE_CONTRAST_H

#include "base/status.h"

typedef struct vq_contrast vq_contrast;

vq_status vq_contrast_create(vq_contrast **out);
void vq_contrast_destroy(vq_contrast *contrast);

/* Runs of codes go to group 0 or 1 from now on. */
void vq_contrast_group(vq_contrast *contrast, int group);

/* A vqdna_codes_sink. A position whose own base is unknown counts nowhere. VQDNA_ERR_INPUT for a record of another length than the first. */
vq_status vq_contrast_add(void *contrast, const vqdna_codes *run);

/* Positions that differ: where the most frequent code of one group has shares in the two that differ by at least `least`, with a two-sided
 * p-value by Fisher's exact test (of its code against all others, the smaller of the two groups' times two), corrected by the number of
 * positions and levels (Bonferroni) and at most `alpha`. VQDNA_ERR_INPUT unless both groups have two records. */
vq_status vq_contrast_end(vq_contrast *contrast, double least, double alpha);

/* What was found, by position then level; with the contrast. */
const vqdna_contrast_row *vq_contrast_rows(const vq_contrast *contrast, size_t *count);
size_t vq_contrast_records(const vq_contrast *contrast, int group);
uint64_t vq_contrast_length(const vq_contrast *contrast);

/* Rows whose positions are at most `gap` apart as one call. */
const vqdna_contrast_call *vq_contrast_calls(vq_contrast *contrast, uint64_t gap, size_t *count);

/* Fisher's exact test of a of A against b of B, two-sided as twice the smaller tail, at most 1. */
double vq_fisher_p(uint64_t a, uint64_t A, uint64_t b, uint64_t B);

#endif

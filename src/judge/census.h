/* What the codes of a vocabulary are on some sequences: how often each is met, and what it tells about the bases around it. */
#ifndef VQ_JUDGE_CENSUS_H
#define VQ_JUDGE_CENSUS_H

#include "base/status.h"

typedef struct vq_census vq_census;

/* `reach`: bases on either side that are looked at; offsets is 2 reach + 1. */
vq_status vq_census_create(vq_census **out, int levels, const int *codes, int reach);
void vq_census_destroy(vq_census *census);

/* Consecutive bases of a record, as vqdna_codes has them. How they are cut changes nothing. A position whose own base is unknown
 * counts nowhere. */
vq_status vq_census_add(vq_census *census, const vqdna_codes *run);

/* As vqdna_codebook_read; lives until the next call. */
vq_status vq_census_report(vq_census *census, vqdna_codebook_report *out);

/* Counts [offsets][4] of the bases around a code. */
const uint64_t *vq_census_motif(const vq_census *census, int level, int code);

#endif

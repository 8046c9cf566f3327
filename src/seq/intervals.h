/* Intervals of an annotation: BED, GFF3 or GTF, plain, gzip or bgzip, told by what stands in the columns. All of a file is kept in
 * memory. Comments, "track" and "browser" lines and blank lines are passed over, and so is what follows ##FASTA. An error is
 * VQDNA_ERR_INPUT and one sentence that names file and line. */
#ifndef VQ_SEQ_INTERVALS_H
#define VQ_SEQ_INTERVALS_H

#include "base/status.h"

typedef struct vq_interval {
    const char *contig;
    uint64_t start, end; /* 0-based, half-open, whatever the file's own counting */
    const char *kind;    /* column 3 of GFF, the name of BED; "" if it has none */
    char strand;         /* '+', '-' or '.' */
    char phase;          /* of GFF: bases to the next codon's first, 0 to 2; -1: not told */
    uint64_t line;       /* from 1 */
} vq_interval;

typedef struct vq_intervals {
    vq_interval *items; /* [count], in the order of the file */
    size_t count, room;
    char *text; /* what the strings point into */
    char *path; /* for sentences */
} vq_intervals;

/* A file without an interval is an error. */
vq_status vq_intervals_read(vq_intervals **out, const char *path);
void vq_intervals_destroy(vq_intervals *intervals);

#endif

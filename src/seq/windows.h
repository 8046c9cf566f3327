/* Parts of FASTA files that samtools faidx has indexed: intervals of a file, or regions as samtools writes them. An error is
 * VQDNA_ERR_INPUT and one sentence that names the region, or file and line of the interval, and what to do. */
#ifndef VQ_SEQ_WINDOWS_H
#define VQ_SEQ_WINDOWS_H

#include "base/status.h"

typedef struct vq_window {
    const char *contig;
    uint64_t start, end;
    bool whole;          /* all of the contig was asked for, by its name */
    bool reverse;        /* the interval is on the - strand */
    const char *letters; /* [end - start], borrowed until the next call */
} vq_window;

typedef struct vq_windows vq_windows;

/* `intervals` is a file, or NULL; then the regions. Each is looked up now, in the first of the files that has its contig, so that a mistake
 * is told before any work. */
vq_status vq_windows_open(vq_windows **out, const char *const *paths, size_t count, const char *intervals,
                          const char *const *regions, size_t regions_count);

/* The next, in the order they were asked for; VQDNA_END behind the last. */
vq_status vq_windows_next(vq_windows *windows, vq_window *out);
void vq_windows_close(vq_windows *windows);

#endif

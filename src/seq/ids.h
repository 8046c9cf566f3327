/* Token ids made elsewhere: an array in NumPy's format, X.npy, of one dimension (or rows x 1) and integers of any width, and beside it its
 * index, X.npy.tsv: a line of column names, then a line a sequence, split by tabs. Columns, in any order: "offset" and "count" (or "bases",
 * as `vqdna tokenize` has it), where the sequence's ids begin and how many there are; "label"; "name" (or "contig"). Lines that begin with #
 * are passed over, but a first one names the columns.
 *
 * An error is VQDNA_ERR_INPUT and one sentence that names file, line and column. */
#ifndef VQ_SEQ_IDS_H
#define VQ_SEQ_IDS_H

#include "base/status.h"

enum { VQ_IDS_MOST = 65536 }; /* ids are less */

typedef struct vq_ids_row {
    const uint16_t *ids; /* [count] */
    size_t count;        /* 1 at least */
    const char *name;    /* "" : the index has no such column */
    const char *label;   /* NULL: the same; never empty */
    uint64_t line;       /* of the index, from 1 */
} vq_ids_row;

typedef struct vq_ids vq_ids;

/* Whether a file is such an array, by its first bytes; false where it cannot be read, and for a pipe. */
bool vq_ids_are_in(const char *path);

/* label: the column of labels; NULL: "label", which may lack. The array is read whole. */
vq_status vq_ids_open(vq_ids **out, const char *path, const char *label);

/* The next row, borrowed until the next call; VQDNA_END behind the last. An index without rows is an error. */
vq_status vq_ids_next(vq_ids *ids, vq_ids_row *out);
void vq_ids_close(vq_ids *ids);

#endif

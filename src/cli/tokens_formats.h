/* What the readers of the formats share, and those readers: each gives the next part of the stream. */
#ifndef VQ_CLI_TOKENS_FORMATS_H
#define VQ_CLI_TOKENS_FORMATS_H

#include "cli/tokens_read.h"

/* Says "FILE: line N: ..." and ends the stream. */
vqdna_status vq_tokens_refuse(vq_tokens_reader *r, const vq_input *in, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A decimal number at *at, which moves behind it; false without one or above `most`. */
bool vq_tokens_number(const char **at, const char *end, uint64_t most, uint64_t *out);
#define VQ_TOKENS_MOST (INT64_MAX / 16)

/* The first line of tsv, bin and the index. */
vqdna_status vq_tokens_head_line(vq_tokens_reader *r, const vq_input *in, const char *line, size_t length, bool *binary);

/* The head is read: refuses a shape or a model that does not fit, and makes room. */
vqdna_status vq_tokens_take_shape(vq_tokens_reader *r, const vq_input *in, int version);

/* ---- Parts: begin, then the record's name, its codes and unknown bases, then end ---- */

void vq_tokens_part_begin(vq_tokens_reader *r);

/* The name of the part's record: the same as before if one is under way. */
vqdna_status vq_tokens_part_name(vq_tokens_reader *r, const vq_input *in, const char *name, size_t length);

/* Room for the code at a place of the record, which must be the next of them. */
vqdna_status vq_tokens_part_code(vq_tokens_reader *r, const vq_input *in, uint64_t place, uint16_t **codes);

/* Unknown bases from start to stop, places in the record. */
vqdna_status vq_tokens_part_unknown(vq_tokens_reader *r, const vq_input *in, uint64_t start, uint64_t stop);

/* Fills the run: a part up to `end`, all of whose codes must have been there. */
vqdna_status vq_tokens_part_end(vq_tokens_reader *r, const vq_input *in, vqdna_codes *run, uint64_t end, bool last);

/* Holds the block against its mark. */
vqdna_status vq_tokens_block_end(vq_tokens_reader *r, const vq_input *in, uint64_t index, uint64_t bases, uint64_t unknown,
                                 uint64_t hash, const char *model);

/* At the end of a file: the next one, or VQDNA_END if the end mark was there behind the last. */
vqdna_status vq_tokens_next_file(vq_tokens_reader *r);

/* What the end mark says. */
vqdna_status vq_tokens_end_mark(vq_tokens_reader *r, const vq_input *in, uint64_t blocks);

/* ---- Formats ---- */

vqdna_status vq_tokens_tsv(vq_tokens_reader *r, vqdna_codes *run);
vqdna_status vq_tokens_ndjson(vq_tokens_reader *r, vqdna_codes *run);
vqdna_status vq_tokens_bin(vq_tokens_reader *r, vqdna_codes *run);
vqdna_status vq_tokens_npy(vq_tokens_reader *r, vqdna_codes *run);

/* The first line. */
vqdna_status vq_tokens_ndjson_begin(vq_tokens_reader *r);

/* After the head of the array was recognized: its header and the beginning of its index. An exit code or VQ_GO_ON. */
int vq_tokens_npy_begin(vq_tokens_reader *r, const char *path);

#endif

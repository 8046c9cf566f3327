/* The one way sequences come in: files of FASTA, FASTQ or tables, or parts of indexed FASTA, what vqdna_input_options leaves out of them
 * left out, on either strand. As it streams, memory depends on no length; but what is cut or reversed takes a byte a base of its longest
 * stretch. */
#ifndef VQ_SEQ_SOURCE_H
#define VQ_SEQ_SOURCE_H

#include "seq/reader.h"

typedef struct vq_source vq_source;

/* `paths` must outlive the source; options may be NULL. read_bytes as of vq_reader_open. */
vq_status vq_source_open(vq_source **out, const char *const *paths, size_t count, const vqdna_input_options *options,
                         size_t read_bytes);

/* The next piece, as vq_reader_next gives it, records counted over all files; VQDNA_END behind the last. */
vq_status vq_source_next(vq_source *source, vq_piece *out);

/* What was delivered so far, and left out. */
vqdna_stream_stats vq_source_describe(const vq_source *source);
void vq_source_close(vq_source *source);

#endif

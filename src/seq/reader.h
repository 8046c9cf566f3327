/* Streaming FASTA and FASTQ, plain, gzip or bgzip (told by content), in memory that depends on no length in the file.
 *
 * What samtools has a rule for is read as samtools reads it. Lines end in LF or CRLF, the last one may in neither; a CR elsewhere
 * is an error. A name goes from the first to the next blank (space, tab) of its header line, control characters included. Blank
 * lines and blanks inside sequence lines are skipped; case does not matter. FASTQ may wrap its lines; qualities are checked for
 * their number and skipped. With a warning: a record without bases or without a name is delivered, a '>' within a line is an
 * unknown base, bgzip's end mark may lack, zeros may follow gzip data. An error is VQDNA_ERR_INPUT and one sentence that names file,
 * line and record, or, for a file of another kind, what reads it. */
#ifndef VQ_SEQ_READER_H
#define VQ_SEQ_READER_H

#include "base/status.h"
#include "seq/alphabet.h"

/* Consecutive bases of one record. Pieces of a record come in order and without gaps; `last` ends it. The last may be empty, and
 * the only one of a record without bases is. Where pieces are cut depends on read_bytes, what they hold does not. */
typedef struct vq_piece {
    const char *name;     /* may be ""; borrowed until the next record begins */
    uint64_t record;      /* number in the file, from 0 */
    uint64_t start;       /* of the piece in the record */
    const uint8_t *codes; /* [count] 0..4; borrowed until the next call */
    size_t count;         /* <= read_bytes */
    bool last;
} vq_piece;

typedef struct vq_reader_stats {
    uint64_t records, bases, unknown; /* delivered so far; unknown is part of bases */
} vq_reader_stats;

typedef struct vq_reader vq_reader;

/* Opens a file, or standard input for "-"; never a URL. read_bytes: bytes asked of the file at once and most bases in a piece; 0 is
 * 256 KiB. */
vq_status vq_reader_open(vq_reader **out, const char *path, size_t read_bytes);

/* Whether codes of lower-case letters carry VQ_SOFT. */
void vq_reader_keep_case(vq_reader *reader, bool keep);

/* The next piece; VQDNA_END after the last. A file in which no record has a base is an error at its end. */
vq_status vq_reader_next(vq_reader *reader, vq_piece *out);
vq_reader_stats vq_reader_describe(const vq_reader *reader);
void vq_reader_close(vq_reader *reader);

#endif

/* A stream of sequences through a model: what tokenizing, decoding, judging and embedding share. */
#ifndef VQ_TRAIN_STREAM_H
#define VQ_TRAIN_STREAM_H

#include "nn/model.h"
#include "train/repeats.h"
#include "train/watch.h"

/* One stream being worked on. */
typedef struct vq_stream {
    vq_model *model;
    const vqdna_stream_options *options;
    vqdna_stream_stats stats;
    vq_watch watch;
    uint64_t every, phase; /* the decoder sees the codes of these places */
    uint64_t first, end;   /* of all bases, those asked for */
    uint64_t position;     /* among all bases, of the next core to be sent */
    vq_cutter *cutter;
    vq_repeats *repeats;              /* before it; NULL: what is pushed goes to the cutter */
    vq_row *rows;                     /* [M] */
    int32_t *codes[VQDNA_MAX_LEVELS]; /* [M] of each level */
    uint16_t *out;                    /* [M][levels + 1] */
} vq_stream;

/* A zeroed stream may be closed. Elements are `width` bytes, the sink and its user the cutter's. */
vq_status vq_stream_open(vq_stream *stream, vq_model *model, const vqdna_stream_options *options, size_t width, int halo,
                         vq_batch_sink sink, void *user);
void vq_stream_close(vq_stream *stream);

/* From now on of what repeats itself only the first goes through the cutter, whose sink gives its codes to stream->repeats. */
vq_status vq_stream_skip_repeats(vq_stream *stream, vq_run_sink sink, void *user);

/* Between batches, and between pieces of files: asks whether to stop and tells how far it is. */
vq_status vq_stream_attend(vq_stream *stream);

/* The rows of a segment: `bases` are its. */
void vq_stream_rows(vq_stream *stream, const vq_segment *segment, const uint8_t *bases);

/* The batch's rows to the device: those filled in stream->rows, or those of its bases. Work follows what the batch holds. */
vq_status vq_stream_upload_rows(vq_stream *stream, const vq_batch *batch);
vq_status vq_stream_upload_bases(vq_stream *stream, const vq_batch *batch);

/* The codes of the last batch, from the device. */
vq_status vq_stream_read_codes(vq_stream *stream);

/* Pushes the files' records through the stream's cutter. A sink may end the stream early, with VQDNA_END too. */
vq_status vq_stream_push_files(vq_stream *stream, const char *const *paths, size_t count);

/* Sends what is left; stats may be NULL. */
vq_status vq_stream_finish(vq_stream *stream, vqdna_stream_stats *stats);

#endif

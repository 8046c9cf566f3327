/* Long work over files, watched: asked between batches whether to stop, told how far it is. */
#ifndef VQ_TRAIN_WATCH_H
#define VQ_TRAIN_WATCH_H

#include "base/status.h"

typedef struct vq_watch {
    const vqdna_stream_options *options; /* borrowed; NULL: nobody watches */
    double began, told;
} vq_watch;

vq_watch vq_watch_start(const vqdna_stream_options *options);

/* Seconds since the start. */
double vq_watch_seconds(const vq_watch *watch);

/* stats->seconds is set here. VQDNA_ERR_INTERRUPTED if the work is to stop. */
vq_status vq_watch_attend(vq_watch *watch, vqdna_stream_stats *stats);

#endif

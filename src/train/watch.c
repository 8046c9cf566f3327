#include "train/watch.h"

#include "base/clock.h"

vq_watch vq_watch_start(const vqdna_stream_options *options) {
    const double now = vq_clock();
    return (vq_watch){options, now, now};
}

double vq_watch_seconds(const vq_watch *w) {
    return vq_clock() - w->began;
}

vq_status vq_watch_attend(vq_watch *w, vqdna_stream_stats *stats) {
    static const double every = 0.2; /* seconds */
    const vqdna_stream_options *o = w->options;
    const double now = vq_clock();
    stats->seconds = now - w->began;
    if (!o)
        return VQDNA_OK;
    if (o->interrupted && o->interrupted(o->user))
        return vq_fail(VQDNA_ERR_INTERRUPTED, "interrupted");
    if (o->progress && now - w->told >= every) {
        w->told = now;
        o->progress(o->user, stats);
    }
    return VQDNA_OK;
}

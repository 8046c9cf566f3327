#include "seq/windows.h"

#include "seq/intervals.h"

#include <htslib/faidx.h>
#include <htslib/hts_log.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    size_t file;
    const char *contig;
    int64_t start, end;
    bool whole, reverse;
} place;

struct vq_windows {
    const char *const *paths;
    faidx_t **indexes; /* [files] */
    size_t files;
    vq_intervals *intervals;
    place *places; /* [count] */
    size_t count, at;
    char *letters;
};

/* htslib prints what it thinks of a file; what is to be said is said here. */
static enum htsLogLevel hush(void) {
    enum htsLogLevel before = hts_get_log_level();
    hts_set_log_level(HTS_LOG_OFF);
    return before;
}

static vq_status open_index(faidx_t **out, const char *path) {
    struct stat fasta, index;
    char name[4096];
    if (!strcmp(path, "-"))
        return vq_fail(VQDNA_ERR_INPUT, "parts of a genome are read from a file with an index, not from standard input");
    if (stat(path, &fasta) < 0)
        return vq_fail_errno(VQDNA_ERR_INPUT, "cannot open %s", path);
    snprintf(name, sizeof name, "%s.fai", path);
    if (stat(name, &index) < 0)
        return vq_fail(VQDNA_ERR_INPUT, "%s has no index: samtools faidx %s makes it", path, path);
    if (index.st_mtim.tv_sec < fasta.st_mtim.tv_sec)
        return vq_fail(VQDNA_ERR_INPUT, "%s is older than %s: samtools faidx %s makes a new one", name, path, path);
    enum htsLogLevel before = hush();
    *out = fai_load3(path, NULL, NULL, 0);
    hts_set_log_level(before);
    return *out ? VQDNA_OK
                : vq_fail(VQDNA_ERR_INPUT,
                          "%s cannot be read with its index: compressed FASTA must be of bgzip, and samtools faidx %s makes "
                          "indexes of both kinds",
                          path, path);
}

static const char *or_others(const vq_windows *w) {
    return w->files > 1 ? ", nor has any of the other files" : "";
}

static vq_status place_interval(vq_windows *w, const vq_interval *i, place *p) {
    for (size_t f = 0; f < w->files; f++) {
        if (!faidx_has_seq(w->indexes[f], i->contig))
            continue;
        int64_t length = faidx_seq_len(w->indexes[f], i->contig);
        if ((int64_t)i->end > length)
            return vq_fail(VQDNA_ERR_INPUT,
                           "%s, line %" PRIu64 ": the interval ends at %" PRIu64 ", and contig %.60s has %" PRId64 " bases in %s",
                           w->intervals->path, i->line, i->end, i->contig, length, w->paths[f]);
        *p = (place){f, i->contig, (int64_t)i->start, (int64_t)i->end, false, i->strand == '-'};
        return VQDNA_OK;
    }
    return vq_fail(VQDNA_ERR_INPUT, "%s, line %" PRIu64 ": %s has no contig '%.60s'%s", w->intervals->path, i->line, w->paths[0],
                   i->contig, or_others(w));
}

static vq_status place_region(vq_windows *w, const char *region, place *p) {
    for (size_t f = 0; f < w->files; f++) {
        int tid;
        hts_pos_t start, end;
        enum htsLogLevel before = hush();
        const char *rest = fai_parse_region(w->indexes[f], region, &tid, &start, &end, 0);
        hts_set_log_level(before);
        if (!rest || tid < 0)
            continue;
        const char *contig = faidx_iseq(w->indexes[f], tid);
        int64_t length = faidx_seq_len(w->indexes[f], contig);
        bool whole = !strcmp(region, contig);
        bool open = end >= HTS_POS_MAX || region[strlen(region) - 1] == '-' || !strchr(region + strlen(contig), '-');
        if (*rest || start >= length || (end > length && !open && !whole) || end <= start)
            return vq_fail(VQDNA_ERR_INPUT, "region %.80s: contig %.60s has bases 1 to %" PRId64 " in %s", region, contig, length,
                           w->paths[f]);
        *p = (place){f, contig, start, end < length ? end : length, whole, false};
        return VQDNA_OK;
    }
    return vq_fail(VQDNA_ERR_INPUT, "region %.80s: %s has no such contig%s; regions are written chr20 or chr20:1-5000", region,
                   w->paths[0], or_others(w));
}

vq_status vq_windows_open(vq_windows **out, const char *const *paths, size_t count, const char *intervals,
                          const char *const *regions, size_t regions_count) {
    vq_windows *w;
    VQ_TRY(vq_alloc(&w, 1, sizeof *w));
    w->paths = paths;
    vq_status status;
    VQ_TRY_OR(failed, vq_alloc(&w->indexes, count, sizeof *w->indexes));
    for (; w->files < count; w->files++)
        VQ_TRY_OR(failed, open_index(&w->indexes[w->files], paths[w->files]));
    if (intervals)
        VQ_TRY_OR(failed, vq_intervals_read(&w->intervals, intervals));
    size_t first = intervals ? w->intervals->count : 0;
    w->count = first + regions_count;
    VQ_TRY_OR(failed, vq_alloc(&w->places, w->count, sizeof *w->places));
    for (size_t i = 0; i < w->count; i++)
        VQ_TRY_OR(failed, i < first ? place_interval(w, &w->intervals->items[i], &w->places[i])
                                    : place_region(w, regions[i - first], &w->places[i]));
    *out = w;
    return VQDNA_OK;
failed:
    vq_windows_close(w);
    return status;
}

vq_status vq_windows_next(vq_windows *w, vq_window *out) {
    free(w->letters);
    w->letters = NULL;
    if (w->at == w->count)
        return VQDNA_END;
    const place *p = &w->places[w->at++];
    *out = (vq_window){p->contig, (uint64_t)p->start, (uint64_t)p->end, p->whole, p->reverse, ""};
    if (p->start == p->end)
        return VQDNA_OK;
    hts_pos_t length;
    enum htsLogLevel before = hush();
    w->letters = faidx_fetch_seq64(w->indexes[p->file], p->contig, p->start, p->end - 1, &length);
    hts_set_log_level(before);
    if (!w->letters || length != p->end - p->start)
        return vq_fail(VQDNA_ERR_INPUT,
                       "%s: bases %" PRId64 " to %" PRId64
                       " of contig %.60s cannot be read: does its index fit it? samtools faidx %s makes a new one",
                       w->paths[p->file], p->start + 1, p->end, p->contig, w->paths[p->file]);
    out->letters = w->letters;
    return VQDNA_OK;
}

void vq_windows_close(vq_windows *w) {
    if (!w)
        return;
    for (size_t i = 0; i < w->files; i++)
        fai_destroy(w->indexes[i]);
    free(w->indexes);
    vq_intervals_destroy(w->intervals);
    free(w->places);
    free(w->letters);
    free(w);
}

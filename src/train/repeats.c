#include "train/repeats.h"

#include "base/integer.h"
#include "train/record_name.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* A stretch ends where a hash of its last letters says so, once in EVERY bases: short ones repeat more often, long ones are less work. */
enum { LEAST = 64, EVERY = 256, MOST = 1024 };
enum { WAITING = 1 << 16, SPANS = 1 << 17, BUFFER = 1 << 17 }; /* powers of two */
enum { NONE = -1 };

typedef struct {
    uint64_t hash;
    size_t window, codes; /* where its bases with their neighbours, and its codes, begin */
    int left, count, right, filled;
} stretch;

/* To be sent when its codes are there. */
typedef struct {
    vq_record_name *record;
    uint64_t start;
    int stretch; /* NONE: of an empty record */
    bool last;
} waiting;

/* Elements of the cutter to come: codes of a stretch, or of neighbours, which are dropped. */
typedef struct {
    int stretch, count;
} span;

struct vq_repeats {
    vq_cutter *cutter;
    int halo, levels;
    vq_run_sink sink;
    void *user;

    stretch *stretches;
    int stretch_count, most_stretches;
    int *table; /* stretch + 1 by hash, 0 for none */
    size_t slots;
    uint8_t *windows;
    uint16_t *codes;
    size_t room, windows_used, codes_used;

    waiting *queue; /* rings */
    span *spans;
    unsigned queue_head, queue_tail, spans_head, spans_tail;

    vq_record_name *record; /* being read, NULL between records */
    uint8_t *buffer;        /* its bases from `kept` on that are still needed */
    size_t buffered;
    uint64_t first, kept, at, seen,
        cut;          /* its first base, the first one buffered, where a stretch begins, what was looked at for its
                                            end, which was found there (0: not yet) */
    uint32_t letters; /* the last sixteen */
    bool sending;     /* the cutter is amid a record */
};

vq_status vq_repeats_create(vq_repeats **out, vq_cutter *cutter, int halo, int levels, size_t room, vq_run_sink sink, void *user) {
    vq_repeats *r;
    VQ_TRY(vq_alloc(&r, 1, sizeof *r));
    *r = (vq_repeats){.cutter = cutter, .halo = halo, .levels = levels, .room = vq_max(room, MOST), .sink = sink, .user = user};
    r->most_stretches = (int)(r->room / LEAST);
    for (r->slots = 1; r->slots < 2 * (size_t)r->most_stretches; r->slots *= 2)
        ;
    vq_status status;
    VQ_TRY_OR(failed, vq_alloc(&r->stretches, (size_t)r->most_stretches, sizeof *r->stretches));
    VQ_TRY_OR(failed, vq_alloc(&r->table, r->slots, sizeof *r->table));
    VQ_TRY_OR(failed, vq_alloc(&r->windows, 2 * r->room + 2 * (size_t)halo, 1));
    VQ_TRY_OR(failed, vq_alloc(&r->codes, r->room * (size_t)levels, sizeof *r->codes));
    VQ_TRY_OR(failed, vq_alloc(&r->queue, WAITING, sizeof *r->queue));
    VQ_TRY_OR(failed, vq_alloc(&r->spans, SPANS, sizeof *r->spans));
    VQ_TRY_OR(failed, vq_alloc(&r->buffer, BUFFER + (size_t)halo, 1));
    *out = r;
    return VQDNA_OK;
failed:
    vq_repeats_destroy(r);
    return status;
}

void vq_repeats_destroy(vq_repeats *r) {
    if (!r)
        return;
    for (; r->queue_head != r->queue_tail; r->queue_head++)
        vq_record_name_drop(&r->queue[r->queue_head % WAITING].record);
    vq_record_name_drop(&r->record);
    free(r->stretches);
    free(r->table);
    free(r->windows);
    free(r->codes);
    free(r->queue);
    free(r->spans);
    free(r->buffer);
    free(r);
}

/* ---- Out --------------------------------------------------------------------------------------------------------------------- */

static vq_status emit(vq_repeats *r) {
    vq_status status = VQDNA_OK;
    while (r->queue_head != r->queue_tail && status == VQDNA_OK) {
        waiting *w = &r->queue[r->queue_head % WAITING];
        const stretch *s = w->stretch == NONE ? NULL : &r->stretches[w->stretch];
        if (s && s->filled < s->count)
            break;
        vqdna_codes run = {w->record->text, w->start, 0, r->levels, r->codes, r->windows, w->last};
        if (s) {
            run.count = (size_t)s->count;
            run.codes += s->codes * (size_t)r->levels;
            run.bases += s->window + (size_t)s->left;
        }
        status = r->sink(r->user, &run);
        vq_record_name_drop(&w->record);
        r->queue_head++;
    }
    return status;
}

vq_status vq_repeats_take(vq_repeats *r, const uint16_t *codes, size_t count) {
    const size_t levels = (size_t)r->levels;
    while (count) {
        span *p = &r->spans[r->spans_head % SPANS];
        const int n = (int)vq_min(count, (size_t)p->count);
        if (p->stretch != NONE) {
            stretch *s = &r->stretches[p->stretch];
            memcpy(r->codes + (s->codes + (size_t)s->filled) * levels, codes, (size_t)n * levels * sizeof *codes);
            s->filled += n;
        }
        p->count -= n;
        r->spans_head += p->count == 0;
        codes += (size_t)n * levels;
        count -= (size_t)n;
    }
    return emit(r);
}

/* ---- To the cutter ----------------------------------------------------------------------------------------------------------- */

static const uint8_t *base_at(const vq_repeats *r, uint64_t place) {
    return r->buffer + (size_t)(place - r->kept);
}

/* Bases from `place` on, whose codes are for a stretch, or for nothing. */
static vq_status cut(vq_repeats *r, uint64_t place, int count, int number, bool last) {
    if (count)
        r->spans[r->spans_tail++ % SPANS] = (span){number, count};
    return vq_cutter_push(r->cutter, "", place, base_at(r, place), (size_t)count, last);
}

/* Ends what the cutter reads, with the neighbours behind it, of which `ahead` are there. */
static vq_status stop_sending(vq_repeats *r, int ahead) {
    if (!r->sending)
        return VQDNA_OK;
    r->sending = false;
    return cut(r, r->at, vq_min_int(r->halo, ahead), NONE, true);
}

/* Sends all that waits. */
static vq_status flush(vq_repeats *r, int ahead) {
    vq_status status = stop_sending(r, ahead);
    return status == VQDNA_OK ? vq_cutter_finish(r->cutter) : status;
}

static void forget(vq_repeats *r) {
    r->stretch_count = 0;
    r->windows_used = r->codes_used = 0;
    memset(r->table, 0, r->slots * sizeof *r->table);
}

/* The number of an equal stretch in *out, or NONE, and its place in the table. */
static size_t find(const vq_repeats *r, int *out, const stretch *s, const uint8_t *window) {
    const size_t bytes = (size_t)(s->left + s->count + s->right);
    size_t slot = (size_t)s->hash & (r->slots - 1);
    for (; r->table[slot]; slot = (slot + 1) & (r->slots - 1)) {
        const stretch *t = &r->stretches[r->table[slot] - 1];
        if (t->hash == s->hash && t->left == s->left && t->count == s->count && t->right == s->right &&
            memcmp(r->windows + t->window, window, bytes) == 0) {
            *out = r->table[slot] - 1;
            return slot;
        }
    }
    *out = NONE;
    return slot;
}

/* The next `count` bases, those of a stretch, are to be sent. */
static vq_status wait_for(vq_repeats *r, int number, int count, bool last) {
    r->queue[r->queue_tail++ % WAITING] = (waiting){r->record, r->at, number, last};
    r->record->users++;
    r->at += (uint64_t)count;
    const vq_status status = emit(r);
    if (status != VQDNA_OK || r->queue_tail - r->queue_head < WAITING)
        return status;
    return flush(r, (int)(r->kept + r->buffered - r->at));
}

/* The next `count` bases are a stretch, with `right` more behind it. */
static vq_status settle(vq_repeats *r, int count, int right, bool last) {
    const int left = (int)vq_min((size_t)r->halo, (size_t)(r->at - r->first));
    const uint8_t *window = base_at(r, r->at - (uint64_t)left);
    const size_t bytes = (size_t)(left + count + right);
    stretch s = {.left = left, .count = count, .right = right};
    vq_status status = VQDNA_OK;
    int number;
    const bool full = r->stretch_count == r->most_stretches || r->windows_used + bytes > 2 * r->room + 2 * (size_t)r->halo ||
                      r->codes_used + (size_t)count > r->room;
    if (full || r->spans_tail - r->spans_head > SPANS - 4)
        status = flush(r, count + right);
    if (full)
        forget(r);
    s.hash = XXH3_64bits_withSeed(window, bytes, (uint64_t)left << 32 | (uint64_t)right);
    const size_t slot = find(r, &number, &s, window);
    if (status == VQDNA_OK && number != NONE)
        status = stop_sending(r, count + right);
    if (status == VQDNA_OK && number == NONE) {
        number = r->stretch_count++;
        r->table[slot] = number + 1;
        s.window = r->windows_used;
        s.codes = r->codes_used;
        memcpy(r->windows + s.window, window, bytes);
        r->windows_used += bytes;
        r->codes_used += (size_t)count;
        r->stretches[number] = s;
        if (!r->sending && left)
            status = cut(r, r->at - (uint64_t)left, left, NONE, false);
        r->sending = true;
        if (status == VQDNA_OK)
            status = cut(r, r->at, count, number, false);
    }
    if (status != VQDNA_OK)
        return status;
    return wait_for(r, number, count, last);
}

/* ---- In ---------------------------------------------------------------------------------------------------------------------- */

/* Looks for the end of the stretch at hand. */
static void look(vq_repeats *r, uint64_t end) {
    while (r->seen < end && !r->cut) {
        r->letters = r->letters << 2 | (*base_at(r, r->seen++) & 3u);
        const uint64_t length = r->seen - r->at;
        if ((length >= LEAST && (r->letters * 2654435769u) >> 16 < 65536 / EVERY) || length == MOST)
            r->cut = r->seen;
    }
}

static vq_status drain(vq_repeats *r, bool ended) {
    const uint64_t end = r->kept + r->buffered;
    vq_status status = VQDNA_OK;
    if (ended && end == r->first)
        return wait_for(r, NONE, 0, true);
    while (r->at < end && status == VQDNA_OK) {
        look(r, end);
        if (!ended && (!r->cut || r->cut + (uint64_t)r->halo > end))
            break;
        const uint64_t to = r->cut ? r->cut : end;
        status = settle(r, (int)(to - r->at), (int)vq_min((size_t)r->halo, (size_t)(end - to)), ended && to == end);
        r->cut = 0;
    }
    if (ended && status == VQDNA_OK)
        status = stop_sending(r, 0);
    const uint64_t needed = r->at - r->first > (uint64_t)r->halo ? r->at - (uint64_t)r->halo : r->first;
    const size_t skip = (size_t)(needed - r->kept);
    if (skip) {
        memmove(r->buffer, r->buffer + skip, r->buffered - skip);
        r->buffered -= skip;
        r->kept = needed;
    }
    return status;
}

vq_status vq_repeats_push(vq_repeats *r, const char *record, uint64_t start, const uint8_t *bases, size_t count, bool last) {
    vq_status status = VQDNA_OK;
    if (!r->record) {
        VQ_TRY(vq_record_name_create(&r->record, record));
        r->first = r->kept = r->at = r->seen = start;
        r->buffered = 0;
        r->cut = 0;
        r->letters = 0;
    }
    while (count) {
        const size_t n = vq_min(count, BUFFER + (size_t)r->halo - r->buffered);
        memcpy(r->buffer + r->buffered, bases, n);
        r->buffered += n;
        bases += n;
        count -= n;
        if ((status = drain(r, false)) != VQDNA_OK)
            return status;
    }
    if (!last)
        return VQDNA_OK;
    status = drain(r, true);
    vq_record_name_drop(&r->record);
    return status;
}

vq_status vq_repeats_finish(vq_repeats *r) {
    return flush(r, 0);
}

#include "train/cutter.h"

#include "train/record_name.h"

#include <stdlib.h>
#include <string.h>

struct vq_cutter {
    int M, halo;
    size_t width;
    vq_batch_sink sink;
    void *user;

    unsigned char *elements; /* of the batch */
    int used;
    vq_segment *segments;
    vq_record_name **names; /* of the segments */
    int segment_count;

    vq_record_name *record; /* being read, NULL between records */
    unsigned char *buffer;  /* its elements from `kept` on that are still needed */
    size_t buffered, capacity;
    uint64_t first, kept, at; /* its first element, the first one buffered, the next one to send */
};

/* With fewer, more than half of a batch would be halos. */
int vq_cutter_least_rows(int halo) {
    return 4 * halo + 1;
}

vq_status vq_cutter_create(vq_cutter **out, int M, size_t width, int halo, vq_batch_sink sink, void *user) {
    vq_cutter *c;
    VQ_TRY(vq_alloc(&c, 1, sizeof *c));
    *c = (vq_cutter){.M = M, .halo = halo, .width = width, .sink = sink, .user = user};
    c->capacity = 2 * (size_t)M + (size_t)halo;
    vq_status status;
    VQ_TRY_OR(failed, vq_alloc(&c->elements, (size_t)M, width));
    VQ_TRY_OR(failed, vq_alloc(&c->segments, (size_t)M, sizeof *c->segments));
    VQ_TRY_OR(failed, vq_alloc(&c->names, (size_t)M, sizeof *c->names));
    VQ_TRY_OR(failed, vq_alloc(&c->buffer, c->capacity, width));
    *out = c;
    return VQDNA_OK;
failed:
    vq_cutter_destroy(c);
    return status;
}

static void clear(vq_cutter *c) {
    for (int i = 0; i < c->segment_count; i++)
        vq_record_name_drop(&c->names[i]);
    c->segment_count = c->used = 0;
}

void vq_cutter_destroy(vq_cutter *c) {
    if (!c)
        return;
    if (c->names)
        clear(c);
    vq_record_name_drop(&c->record);
    free(c->elements);
    free(c->segments);
    free(c->names);
    free(c->buffer);
    free(c);
}

static vq_status send(vq_cutter *c) {
    if (c->segment_count == 0)
        return VQDNA_OK;
    vq_batch batch = {c->elements, c->used, c->segments, c->segment_count};
    vq_status status = c->sink(c->user, &batch);
    clear(c);
    return status;
}

static void add_segment(vq_cutter *c, int left, int count, int right, bool last) {
    int rows = left + count + right;
    size_t from = (size_t)(c->at - (uint64_t)left - c->kept) * c->width;
    memcpy(c->elements + (size_t)c->used * c->width, c->buffer + from, (size_t)rows * c->width);
    c->names[c->segment_count] = c->record;
    c->record->users++;
    c->segments[c->segment_count++] = (vq_segment){c->record->text, c->at, c->used, rows, left, count, last};
    c->used += rows;
    c->at += (uint64_t)count;
}

/* Sends what can be sent: all, if the record has ended; else only segments that fill their batch, since more is to come. */
static vq_status drain(vq_cutter *c, bool ended) {
    uint64_t end = c->kept + c->buffered;
    vq_status status;
    if (ended && c->at == end && end == c->first) { /* no element at all: a segment without rows */
        if (c->segment_count == c->M && (status = send(c)) != VQDNA_OK)
            return status;
        add_segment(c, 0, 0, 0, true);
    }
    while (c->at < end) {
        int room = c->M - c->used, left = c->at - c->first < (uint64_t)c->halo ? (int)(c->at - c->first) : c->halo;
        bool rest = ended && end - c->at <= (uint64_t)(room > left ? room - left : 0);
        int count = rest ? (int)(end - c->at) : room - left - c->halo;
        if (c->segment_count == c->M || (!rest && count < c->halo && c->used > 0)) {
            if ((status = send(c)) != VQDNA_OK)
                return status;
            continue;
        }
        if (!rest && c->at + (uint64_t)count + (uint64_t)c->halo > end)
            break;
        add_segment(c, left, count, rest ? 0 : c->halo, rest);
    }
    uint64_t needed = c->at - c->first > (uint64_t)c->halo ? c->at - (uint64_t)c->halo : c->first;
    size_t skip = (size_t)(needed - c->kept);
    if (skip) {
        memmove(c->buffer, c->buffer + skip * c->width, (c->buffered - skip) * c->width);
        c->buffered -= skip;
        c->kept = needed;
    }
    return VQDNA_OK;
}

static vq_status begin(vq_cutter *c, const char *record, uint64_t start) {
    VQ_TRY(vq_record_name_create(&c->record, record));
    c->first = c->kept = c->at = start;
    c->buffered = 0;
    return VQDNA_OK;
}

vq_status vq_cutter_push(vq_cutter *c, const char *record, uint64_t start, const void *elements, size_t count, bool last) {
    if (!c->record)
        VQ_TRY(begin(c, record, start));
    const unsigned char *from = elements;
    vq_status status;
    while (count) {
        size_t room = c->capacity - c->buffered, n = count < room ? count : room;
        memcpy(c->buffer + c->buffered * c->width, from, n * c->width);
        c->buffered += n;
        from += n * c->width;
        count -= n;
        status = drain(c, false);
        if (status != VQDNA_OK)
            return status;
    }
    if (!last)
        return VQDNA_OK;
    status = drain(c, true);
    vq_record_name_drop(&c->record);
    return status;
}

vq_status vq_cutter_finish(vq_cutter *c) {
    return send(c);
}

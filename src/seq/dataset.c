#include "seq/dataset.h"

#include "base/file.h"
#include "base/rng.h"
#include "seq/alphabet.h"
#include "seq/source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { BUFFER = 64 << 10 };

/* Unknown bases in a row from which on they cut a contig in two. */
enum { GAP = 16 };

/* A piece of a contig that begins and ends with a known base and holds no gap: what windows are drawn from. */
typedef struct stretch {
    uint64_t base, length; /* its first base, counted in half bytes of the temporary file, the low half first */
    uint64_t before;       /* bases of the stretches sorted before it */
} stretch;

struct vqdna_dataset {
    int fd;
    uint64_t size; /* bytes of the temporary file, with those in the buffer */
    uint8_t *buffer;
    size_t buffered;
    stretch *stretches; /* longest first, then in order of adding */
    size_t count, room;
    uint64_t drawn; /* bases of all stretches */
    vqdna_dataset_info info;
    XXH3_state_t *hash;
};

vq_status vq_dataset_create(vq_dataset **out) {
    vq_dataset *d;
    VQ_TRY(vq_alloc(&d, 1, sizeof *d));
    d->fd = -1;
    vq_status status = VQDNA_OK;
    VQ_TRY_OR(done, vq_alloc(&d->buffer, BUFFER, 1));
    d->hash = XXH3_createState();
    if (!d->hash) {
        status = vq_fail(VQDNA_ERR_MEMORY, "out of memory for a hash state");
        goto done;
    }
    XXH3_64bits_reset(d->hash);
    VQ_TRY_OR(done, vq_temporary_open(&d->fd));
done:
    if (status < 0)
        vq_dataset_destroy(d);
    else
        *out = d;
    return status;
}

void vq_dataset_destroy(vq_dataset *d) {
    if (!d)
        return;
    if (d->fd >= 0)
        close(d->fd);
    XXH3_freeState(d->hash);
    free(d->buffer);
    free(d->stretches);
    free(d);
}

/* ---- Adding ---- */

static vq_status flush(vq_dataset *d) {
    uint64_t start = d->size - d->buffered;
    for (size_t done = 0; done < d->buffered;) {
        ssize_t n = pwrite(d->fd, d->buffer + done, d->buffered - done, (off_t)(start + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vq_fail_errno(VQDNA_ERR_OUTPUT,
                                 "the temporary file for the sequences cannot be written (TMPDIR names another folder)");
        done += (size_t)n;
    }
    d->buffered = 0;
    return VQDNA_OK;
}

/* The contig being read: where it lies, and how its last stretch stands. */
typedef struct contig {
    uint64_t start, length; /* byte in the temporary file; bases so far */
    bool open;              /* the last of the stretches is its, and may go on */
    uint64_t unknown;       /* bases in a row at its end */
} contig;

/* Appends a piece to the contig. */
static vq_status append(vq_dataset *d, const contig *c, const uint8_t *codes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if ((c->length + i) & 1) {
            d->buffer[d->buffered - 1] |= (uint8_t)(codes[i] << 4);
            continue;
        }
        /* One byte stays behind: an odd base may have to join it. */
        if (d->buffered == BUFFER)
            VQ_TRY(flush(d));
        d->buffer[d->buffered++] = codes[i];
        d->size++;
    }
    return VQDNA_OK;
}

static vq_status new_stretch(vq_dataset *d, uint64_t base) {
    if (d->count == d->room) {
        size_t room = d->room ? 2 * d->room : 64;
        stretch *larger = realloc(d->stretches, room * sizeof *larger);
        if (!larger)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for %zu contigs", room);
        d->stretches = larger;
        d->room = room;
    }
    d->stretches[d->count++] = (stretch){.base = base};
    return VQDNA_OK;
}

/* Cuts a piece of the contig into stretches, before it is appended. */
static vq_status cut(vq_dataset *d, contig *c, const uint8_t *codes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (codes[i] >= VQ_BASE_UNKNOWN) {
            c->open = ++c->unknown < GAP && c->open;
            continue;
        }
        uint64_t at = 2 * c->start + c->length + i;
        if (!c->open)
            VQ_TRY(new_stretch(d, at));
        c->open = true;
        c->unknown = 0;
        stretch *s = &d->stretches[d->count - 1];
        s->length = at + 1 - s->base;
    }
    return VQDNA_OK;
}

static int by_length(const void *a, const void *b) {
    const stretch *x = a, *y = b;
    if (x->length != y->length)
        return x->length > y->length ? -1 : 1;
    return (x->base > y->base) - (x->base < y->base);
}

static void index_stretches(vq_dataset *d) {
    if (d->count)
        qsort(d->stretches, d->count, sizeof *d->stretches, by_length);
    uint64_t before = 0;
    for (size_t i = 0; i < d->count; i++) {
        d->stretches[i].before = before;
        before += d->stretches[i].length;
    }
    d->drawn = before;
}

/* The next bases of a contig that begins at `start` 0. */
static vq_status add_bases(vq_dataset *d, contig *c, uint64_t start, const uint8_t *codes, size_t count, bool last) {
    if (count && start == 0) {
        *c = (contig){.start = d->size};
        d->info.contigs++;
    }
    if (count) {
        VQ_TRY(cut(d, c, codes, count));
        VQ_TRY(append(d, c, codes, count));
        XXH3_64bits_update(d->hash, codes, count);
        c->length += count;
    }
    if (last && start + count > 0)
        XXH3_64bits_update(d->hash, &c->length, sizeof c->length);
    return VQDNA_OK;
}

static vq_status add_pieces(vq_dataset *d, vq_source *source) {
    contig c = {0};
    vq_piece piece;
    vq_status status;
    while ((status = vq_source_next(source, &piece)) == VQDNA_OK)
        VQ_TRY(add_bases(d, &c, piece.start, piece.codes, piece.count, piece.last));
    VQ_TRY(status);
    return flush(d);
}

vq_status vq_dataset_add_sequences(vq_dataset *d, size_t sequences, const uint8_t *codes, const size_t *counts) {
    for (size_t i = 0; i < sequences; codes += counts[i++]) {
        contig c = {0};
        VQ_TRY(add_bases(d, &c, 0, codes, counts[i], true));
        d->info.bases += counts[i];
        for (size_t j = 0; j < counts[i]; j++)
            d->info.unknown += codes[j] >= VQ_BASE_UNKNOWN;
    }
    d->info.files++;
    VQ_TRY(flush(d));
    index_stretches(d);
    return VQDNA_OK;
}

vq_status vq_dataset_add(vq_dataset *d, const char *path) {
    return vq_dataset_add_files(d, &path, 1, NULL);
}

vq_status vq_dataset_add_files(vq_dataset *d, const char *const *paths, size_t count, const vqdna_input_options *input) {
    vq_source *source;
    VQ_TRY(vq_source_open(&source, paths, count, input, 0));
    vqdna_dataset_info info = d->info;
    uint64_t size = d->size;
    size_t stretches = d->count;
    vq_status status = VQDNA_OK;
    XXH3_state_t *hash = XXH3_createState();
    if (!hash) {
        status = vq_fail(VQDNA_ERR_MEMORY, "out of memory for a hash state");
        goto done;
    }
    XXH3_copyState(hash, d->hash);
    VQ_TRY_OR(done, add_pieces(d, source));
    vqdna_stream_stats stats = vq_source_describe(source);
    d->info.files += count;
    d->info.bases += stats.bases;
    d->info.unknown += stats.unknown;
    index_stretches(d);
done:
    if (status < 0 && hash) {
        XXH3_copyState(d->hash, hash);
        d->info = info;
        d->size = size;
        d->count = stretches; /* the new ones are last until they are sorted */
        d->buffered = 0;
        (void)!ftruncate(d->fd, (off_t)size); /* gives the space back; otherwise harmless */
    }
    XXH3_freeState(hash);
    vq_source_close(source);
    return status;
}

vqdna_dataset_info vq_dataset_describe(const vq_dataset *d) {
    return d->info;
}

uint64_t vq_dataset_fingerprint(const vq_dataset *d) {
    return XXH3_64bits_digest(d->hash);
}

/* ---- Windows ---- */

/* Stretches of at least `length` bases: a prefix of the sorted ones. */
static size_t count_long(const vq_dataset *d, uint64_t length) {
    size_t low = 0, high = d->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->stretches[middle].length >= length)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Window positions in the first i stretches, of which those up to `whole` are at least `length` long and the others have one each.
 * Thanks to the order this needs no table for each window length. */
static uint64_t positions_before(const vq_dataset *d, size_t i, size_t whole, uint64_t length) {
    size_t n = i < whole ? i : whole;
    uint64_t bases = n < d->count ? d->stretches[n].before : d->drawn;
    return bases - n * (length - 1) + (i - n);
}

/* Unpacks `count` bases from one on, counted as a stretch counts them. */
static vq_status read_bases(const vq_dataset *d, uint64_t start, uint8_t *out, size_t count) {
    size_t odd = start & 1, bytes = (count + odd + 1) / 2;
    /* The packed bytes land at the end of `out` and are unpacked towards it: base i never overtakes the byte it comes from. A
     * single byte more than `out` holds cannot happen, since bytes <= count for count >= 1. */
    uint8_t *packed = out + (count - bytes);
    for (size_t done = 0; done < bytes;) {
        ssize_t n = pread(d->fd, packed + done, bytes - done, (off_t)(start / 2 + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return vq_fail_errno(VQDNA_ERR_INPUT, "the temporary file of the sequences cannot be read back");
        done += (size_t)n;
    }
    for (size_t k = 0, i = 0; k < bytes; k++) {
        uint8_t pair = packed[k];
        if (k > 0 || !odd)
            out[i++] = pair & 15;
        if (i < count)
            out[i++] = pair >> 4;
    }
    return VQDNA_OK;
}

vq_status vq_dataset_window(const vq_dataset *d, uint64_t seed, uint64_t step, uint32_t index, int length, bool both_strands,
                            uint8_t *out, int *count) {
    assert(length > 0);
    if (d->count == 0)
        return vq_fail(VQDNA_ERR_INPUT, "the dataset holds no sequences to train on");
    vq_rng_block random = vq_rng(seed, VQ_STREAM_SAMPLE, step, index);
    size_t whole = count_long(d, (uint64_t)length);
    uint64_t total = positions_before(d, d->count, whole, (uint64_t)length);
    uint64_t position = vq_rng_bound(vq_rng_join(random.v[0], random.v[1]), total);
    size_t low = 0, high = d->count - 1; /* the last stretch with positions_before <= position */
    while (low < high) {
        size_t middle = high - (high - low) / 2;
        if (positions_before(d, middle, whole, (uint64_t)length) <= position)
            low = middle;
        else
            high = middle - 1;
    }
    const stretch *from = &d->stretches[low];
    size_t n = from->length < (uint64_t)length ? (size_t)from->length : (size_t)length;
    VQ_TRY(read_bases(d, from->base + position - positions_before(d, low, whole, (uint64_t)length), out, n));
    if (both_strands && random.v[2] >> 31)
        for (size_t i = 0, j = n; i < j--; i++) {
            uint8_t code = vq_complement(out[i]);
            out[i] = vq_complement(out[j]);
            out[j] = code;
        }
    *count = (int)n;
    return VQDNA_OK;
}

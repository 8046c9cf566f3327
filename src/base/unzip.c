#include "base/unzip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT = 64 << 10, MOST = 1 << 30 };

vq_status vq_unzip_open(vq_unzip *z, int fd) {
    *z = (vq_unzip){.fd = fd};
    vq_status status = vq_alloc(&z->in, INPUT, 1);
    if (status == VQDNA_OK && inflateInit2(&z->stream, 15 + 16) != Z_OK)
        status = vq_fail(VQDNA_ERR_MEMORY, "out of memory for zlib");
    z->stream.next_in = z->in;
    if (status < 0)
        vq_unzip_close(z);
    return status;
}

void vq_unzip_close(vq_unzip *z) {
    if (z->fd < 0)
        return;
    inflateEnd(&z->stream);
    free(z->in);
    close(z->fd);
    z->fd = -1;
}

__attribute__((format(printf, 2, 3))) static void fail(vq_unzip *z, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(z->trouble, sizeof z->trouble, format, arguments);
    va_end(arguments);
}

static ssize_t read_some(vq_unzip *z, void *to, size_t room) {
    ssize_t got;
    do
        got = read(z->fd, to, room < MOST ? room : MOST);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        fail(z, "cannot be read: %s", strerror(errno));
    else
        z->taken += (uint64_t)got;
    return got;
}

/* Whether `bytes` of input are at hand, after reading. */
static bool need(vq_unzip *z, size_t bytes) {
    z_stream *s = &z->stream;
    while (s->avail_in < bytes) {
        memmove(z->in, s->next_in, s->avail_in);
        s->next_in = z->in;
        ssize_t got = read_some(z, z->in + s->avail_in, INPUT - s->avail_in);
        if (got <= 0)
            return false;
        s->avail_in += (uInt)got;
    }
    return true;
}

static bool starts_member(vq_unzip *z) {
    if (!need(z, 2) || z->stream.next_in[0] != 0x1F || z->stream.next_in[1] != 0x8B)
        return false;
    z->header = (gz_header){.extra = z->extra, .extra_max = sizeof z->extra};
    inflateReset(&z->stream);
    inflateGetHeader(&z->stream, &z->header);
    z->state = VQ_UNZIP_MEMBER;
    return true;
}

static void end_member(vq_unzip *z) {
    bool bgzip = z->header.extra_len >= 4 && !memcmp(z->extra, "BC\2", 4);
    z->unmarked = bgzip && z->stream.total_out > 0;
    uint64_t at = z->taken - z->stream.avail_in;
    while (need(z, 1) && *z->stream.next_in == 0) {
        z->stream.next_in++;
        z->stream.avail_in--;
        z->padding++;
    }
    if (*z->trouble)
        return;
    if (z->stream.avail_in == 0)
        z->state = VQ_UNZIP_END;
    else if (z->padding || !starts_member(z))
        fail(z, "what follows byte %" PRIu64 " of it is no gzip data: the file is damaged", at);
}

ssize_t vq_unzip_read(vq_unzip *z, void *to, size_t room) {
    z_stream *s = &z->stream;
    if (z->state == VQ_UNZIP_NEW && !starts_member(z))
        z->state = VQ_UNZIP_PLAIN;
    if (*z->trouble)
        return -1;
    if (z->state == VQ_UNZIP_PLAIN) {
        if (s->avail_in == 0)
            return read_some(z, to, room);
        size_t got = s->avail_in < room ? s->avail_in : room;
        memcpy(to, s->next_in, got);
        s->next_in += got;
        s->avail_in -= (uInt)got;
        return (ssize_t)got;
    }
    z->zipped = true;
    room = room < MOST ? room : MOST;
    s->next_out = to;
    s->avail_out = (uInt)room;
    while (z->state == VQ_UNZIP_MEMBER && s->avail_out && !*z->trouble) {
        int result = inflate(s, Z_NO_FLUSH); /* first, for output may wait in it that had no room before */
        if (result == Z_STREAM_END)
            end_member(z);
        else if (result == Z_BUF_ERROR && !need(z, 1) && !*z->trouble)
            fail(z, "its gzip data end too early: the file is truncated");
        else if (result != Z_OK && result != Z_BUF_ERROR)
            fail(z, "its gzip data are damaged before byte %" PRIu64 " (%s)", z->taken - s->avail_in,
                 s->msg ? s->msg : "no data of gzip");
    }
    size_t got = room - s->avail_out;
    return got || !*z->trouble ? (ssize_t)got : -1;
}

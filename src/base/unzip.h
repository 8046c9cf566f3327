/* Bytes of an open file, plain, gzip or bgzip, told by content. gzip members and bgzip blocks follow one another, and every one's
 * length and CRC are checked. */
#ifndef VQ_BASE_UNZIP_H
#define VQ_BASE_UNZIP_H

#include "base/status.h"

#include <sys/types.h>
#include <zlib.h>

typedef struct vq_unzip {
    int fd; /* -1: closed */
    enum { VQ_UNZIP_NEW, VQ_UNZIP_PLAIN, VQ_UNZIP_MEMBER, VQ_UNZIP_END } state;
    bool zipped;
    char trouble[160]; /* why a read failed, as a clause to follow a comma; "" before */
    /* Known at the end: bytes of zeros behind the last member, and whether that was a block of bgzip, but not its end mark (so that
     * a cut between two blocks would not show). */
    uint64_t padding;
    bool unmarked;
    /* */
    z_stream stream;
    gz_header header;
    Bytef extra[4]; /* of the header */
    uint64_t taken; /* bytes read from fd */
    Bytef *in;
} vq_unzip;

/* Takes `fd`, which close, or a failure, closes. */
vq_status vq_unzip_open(vq_unzip *unzip, int fd);
void vq_unzip_close(vq_unzip *unzip);

/* Up to `room` bytes; 0 at the end, -1 with `trouble` set after a failed read or at damage. What comes before damage is given first.
 */
ssize_t vq_unzip_read(vq_unzip *unzip, void *to, size_t room);

#endif

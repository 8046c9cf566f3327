#include "cli/cli_input.h"
#include "cli/cli_output.h"

#include <errno.h>
#include <fcntl.h>
#include <htslib/bgzf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, LONGEST = 2 << 20 };

int cli_input_open(vq_input *in, vq_cli *cli, const char *path) {
    bool standard = !strcmp(path, "-");
    *in = (vq_input){.path = standard ? "standard input" : path, .size = BUFFER};
    int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot open %s: %s", path, strerror(errno));
    struct stat found;
    if (fstat(fd, &found) == 0 && S_ISDIR(found.st_mode)) {
        close(fd);
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s is a folder, not a file", path);
    }
    errno = 0;
    in->file = bgzf_dopen(fd, "r");
    if (!in->file) {
        close(fd);
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot read %s: %s", path, errno ? strerror(errno) : "its gzip data are damaged");
    }
    in->zipped = in->file->is_compressed;
    in->bytes = S_ISREG(found.st_mode) && !in->zipped ? (uint64_t)found.st_size : 0;
    in->buffer = vq_need(NULL, in->size);
    vq_output_protect(cli, path);
    return VQ_GO_ON;
}

void vq_input_close(vq_input *in) {
    if (in->file)
        (void)!bgzf_close(in->file);
    free(in->buffer);
    *in = (vq_input){0};
}

static const char no_end[] = "its last line has no end: the file was cut";

/* Reads once more behind what is there; false if nothing came. */
static bool fill(vq_input *in) {
    if (in->ended)
        return false;
    if (in->start > 0) {
        memmove(in->buffer, in->buffer + in->start, in->end - in->start);
        in->end -= in->start;
        in->start = 0;
    }
    if (in->end == in->size) {
        in->size *= 2;
        in->buffer = vq_need(in->buffer, in->size);
    }
    errno = 0;
    ssize_t got = bgzf_read(in->file, in->buffer + in->end, in->size - in->end);
    if (got < 0)
        in->error = in->zipped ? "its gzip data are damaged or cut" : strerror(errno ? errno : EIO);
    if (got <= 0)
        in->ended = true;
    else
        in->end += (size_t)got;
    return got > 0;
}

size_t vq_input_peek(vq_input *in, const char **data, size_t length) {
    while (in->end - in->start < length && fill(in)) {
    }
    *data = in->buffer + in->start;
    return in->end - in->start < length ? in->end - in->start : length;
}

size_t vq_input_take(vq_input *in, void *data, size_t length) {
    char *to = data;
    size_t taken = 0;
    while (taken < length) {
        const char *from;
        size_t there = length - taken < BUFFER / 2 ? length - taken : BUFFER / 2;
        there = vq_input_peek(in, &from, there);
        if (there == 0)
            break;
        memcpy(to + taken, from, there);
        in->start += there;
        taken += there;
    }
    return taken;
}

bool vq_input_line(vq_input *in, const char **line, size_t *length) {
    size_t searched = 0;
    for (;;) {
        const char *from = in->buffer + in->start;
        const char *stop = memchr(from + searched, '\n', in->end - in->start - searched);
        if (!stop) {
            searched = in->end - in->start;
            if (searched < LONGEST && fill(in))
                continue;
            if (searched >= LONGEST)
                in->error = "its next line is longer than 2 MiB, and none of tokens is";
            else if (searched && !in->error)
                in->error = no_end;
            return false;
        }
        *line = from;
        *length = (size_t)(stop - from);
        in->start += *length + 1;
        in->line++;
        if (*length && from[*length - 1] == '\r')
            --*length;
        return true;
    }
}

bool vq_input_text_line(vq_input *in, const char **line, size_t *length) {
    if (vq_input_line(in, line, length))
        return true;
    if (in->error != no_end)
        return false;
    in->error = NULL;
    *length = in->end - in->start;
    in->line++;
    *line = in->buffer + in->start;
    in->start = in->end;
    return true;
}

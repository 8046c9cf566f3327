#include "cli/cli_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 20 };

int vq_output_open(vq_output *out, vq_cli *cli, const char *path) {
    *out = (vq_output){.fd = -1};
    bool standard = !path || !strcmp(path, "-");
    out->path = vq_need_text(standard ? "standard output" : path);
    out->size = BUFFER;
    out->buffer = vq_need(NULL, out->size);
    struct stat found;
    if (standard) {
        out->fd = STDOUT_FILENO;
    } else if (stat(path, &found) == 0 && !S_ISREG(found.st_mode)) {
        out->fd = open(path, O_WRONLY | O_CLOEXEC); /* a pipe or a device cannot be renamed onto; a folder is refused here */
    } else {
        out->temporary = vq_join("%s.%ld.tmp", path, (long)getpid());
        out->fd = open(out->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    if (out->fd >= 0)
        return VQ_GO_ON;
    out->error = errno;
    int code = vq_output_failed(out, cli);
    vq_output_abandon(out);
    return code;
}

static void write_all(vq_output *out, const char *data, size_t length) {
    while (length && !out->error) {
        ssize_t taken = write(out->fd, data, length);
        if (taken < 0 && errno != EINTR)
            out->error = errno;
        if (taken > 0) {
            data += taken;
            length -= (size_t)taken;
        }
    }
}

static void flush(vq_output *out) {
    write_all(out, out->buffer, out->used);
    out->used = 0;
}

char *vq_output_room(vq_output *out, size_t length) {
    if (out->size - out->used < length) {
        flush(out);
        if (out->size < length) {
            out->size = length;
            out->buffer = vq_need(out->buffer, length);
        }
    }
    return out->buffer + out->used;
}

void vq_output_write(vq_output *out, const void *data, size_t length) {
    memcpy(vq_output_room(out, length), data, length);
    out->used += length;
}

void vq_output_print(vq_output *out, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    va_start(arguments, format);
    vsnprintf(vq_output_room(out, (size_t)length + 1), (size_t)length + 1, format, arguments);
    va_end(arguments);
    out->used += (size_t)length;
}

void vq_output_patch(vq_output *out, size_t offset, const void *data, size_t length) {
    flush(out);
    if (!out->error && pwrite(out->fd, data, length, (off_t)offset) != (ssize_t)length)
        out->error = errno ? errno : EIO;
}

int vq_output_failed(const vq_output *out, vq_cli *cli) {
    if (out->error == EPIPE)
        return VQ_EXIT_INPUT;
    return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot write %s: %s", out->path, strerror(out->error));
}

int vq_output_commit(vq_output *out, vq_cli *cli) {
    flush(out);
    /* Some file systems report a full disk only at fsync or close. */
    if (out->temporary && !out->error && fsync(out->fd) != 0)
        out->error = errno;
    if (out->fd != STDOUT_FILENO && close(out->fd) != 0 && !out->error)
        out->error = errno;
    out->fd = -1;
    if (out->temporary && !out->error) {
        if (rename(out->temporary, out->path) != 0)
            out->error = errno;
        else
            *out->temporary = '\0'; /* nothing left to remove */
    }
    int code = out->error ? vq_output_failed(out, cli) : VQ_GO_ON;
    vq_output_abandon(out);
    return code;
}

void vq_output_abandon(vq_output *out) {
    if (out->fd >= 0 && out->fd != STDOUT_FILENO)
        close(out->fd);
    if (out->temporary && *out->temporary)
        unlink(out->temporary);
    free(out->temporary);
    free(out->path);
    free(out->buffer);
    *out = (vq_output){.fd = -1};
}

int vq_output_file(vq_cli *cli, const char *path, const char *text) {
    vq_output out;
    int code = vq_output_open(&out, cli, path);
    if (code != VQ_GO_ON)
        return code;
    vq_output_write(&out, text, strlen(text));
    return vq_output_commit(&out, cli);
}

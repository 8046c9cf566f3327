#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static vq_status copy_text(char **out, const char *text) {
    VQ_TRY(vq_alloc(out, strlen(text) + 1, 1));
    strcpy(*out, text);
    return VQDNA_OK;
}

/* Creates the temporary file beside out->final. Not mkstemp: its mode 0600 would outlive the rename. */
static int open_temporary(vq_outfile *out) {
    static atomic_uint serial;
    size_t size = strlen(out->final) + 48;
    if (vq_alloc(&out->temporary, size, 1) < 0) {
        errno = ENOMEM;
        return -1;
    }
    for (;;) {
        snprintf(out->temporary, size, "%s.%ld-%u.tmp", out->final, (long)getpid(), atomic_fetch_add(&serial, 1));
        int fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
}

vq_status vq_outfile_open(vq_outfile *out, const char *path) {
    *out = (vq_outfile){0};
    if (!*path)
        return vq_fail(VQDNA_ERR_OUTPUT, "a file with an empty name cannot be written");
    VQ_TRY(copy_text(&out->path, path));
    if (strcmp(path, "-") == 0) {
        out->file = stdout;
        return VQDNA_OK;
    }
    vq_status status = VQDNA_OK;
    struct stat st;
    bool exists = stat(path, &st) == 0;
    int fd = -1;
    if (exists && S_ISDIR(st.st_mode)) {
        status = vq_fail(VQDNA_ERR_OUTPUT, "%s is a folder: give the name of a file to write", path);
        goto done;
    }
    if (exists && !S_ISREG(st.st_mode)) {
        fd = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        /* A link keeps pointing at the file whose contents are replaced. */
        out->final = exists ? realpath(path, NULL) : NULL;
        if (!out->final)
            VQ_TRY_OR(done, copy_text(&out->final, path));
        fd = open_temporary(out);
    }
    out->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out->file) {
        status = vq_outfile_failed(out);
        if (fd >= 0)
            close(fd);
    }
done:
    if (status < 0)
        vq_outfile_discard(out);
    return status;
}

vq_status vq_outfile_failed(const vq_outfile *out) {
    return vq_fail_errno(VQDNA_ERR_OUTPUT, "%s cannot be written", strcmp(out->path, "-") ? out->path : "standard output");
}

vq_status vq_outfile_write(vq_outfile *out, const void *data, size_t bytes) {
    return fwrite(data, 1, bytes, out->file) == bytes ? VQDNA_OK : vq_outfile_failed(out);
}

vq_status vq_outfile_finish(vq_outfile *out) {
    FILE *file = out->file;
    vq_status status = VQDNA_OK;
    bool earlier = ferror(file); /* its errno is gone */
    if (fflush(file) != 0 || (out->temporary && fsync(fileno(file)) != 0))
        status = vq_outfile_failed(out);
    else if (earlier)
        status = vq_fail(VQDNA_ERR_OUTPUT, "%s cannot be written: an earlier write to it failed", out->path);
    out->file = NULL;
    if (file != stdout && fclose(file) != 0 && status == VQDNA_OK)
        status = vq_outfile_failed(out);
    if (status < 0)
        vq_outfile_discard(out);
    return status;
}

/* Makes the rename itself last through a power cut. A file system that cannot is no reason to fail. */
static void sync_folder(const char *path) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!fsync(fd);
        close(fd);
    }
}

vq_status vq_outfile_publish(vq_outfile *out) {
    vq_status status = VQDNA_OK;
    if (out->temporary) {
        if (rename(out->temporary, out->final) != 0) {
            status = vq_outfile_failed(out);
        } else {
            sync_folder(out->final);
            free(out->temporary);
            out->temporary = NULL;
        }
    }
    vq_outfile_discard(out);
    return status;
}

vq_status vq_outfile_commit(vq_outfile *out) {
    VQ_TRY(vq_outfile_finish(out));
    return vq_outfile_publish(out);
}

void vq_outfile_discard(vq_outfile *out) {
    int code = errno;
    if (out->file && out->file != stdout)
        fclose(out->file);
    if (out->temporary)
        unlink(out->temporary);
    free(out->path);
    free(out->final);
    free(out->temporary);
    *out = (vq_outfile){0};
    errno = code;
}

vq_status vq_mkdir(const char *path) {
    if (!*path)
        return vq_fail(VQDNA_ERR_OUTPUT, "a folder with an empty name cannot be made");
    char *part;
    VQ_TRY(copy_text(&part, path));
    vq_status status = VQDNA_OK;
    for (char *p = part; status == VQDNA_OK; p++) {
        if ((*p != '/' && *p) || p == part)
            continue;
        char separator = *p;
        *p = 0;
        struct stat st;
        /* stat first: on a read-only or automounted parent mkdir may complain of something else than EEXIST. */
        if (stat(part, &st) != 0 && mkdir(part, 0777) != 0 && errno != EEXIST)
            status = vq_fail_errno(VQDNA_ERR_OUTPUT, "the folder %s cannot be made", path);
        else if (stat(part, &st) == 0 && !S_ISDIR(st.st_mode))
            status = vq_fail(VQDNA_ERR_OUTPUT, "the folder %s cannot be made: %s is a file", path, part);
        *p = separator;
        if (!separator)
            break;
    }
    free(part);
    return status;
}

vq_status vq_input_open(int *fd, const char *path, bool standard_input) {
    if (standard_input && strcmp(path, "-") == 0) {
        *fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
        return *fd >= 0 ? VQDNA_OK : vq_fail_errno(VQDNA_ERR_INPUT, "standard input cannot be read");
    }
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (opened < 0)
        return errno == ENOENT ? vq_fail(VQDNA_ERR_INPUT, "%s does not exist", *path ? path : "a file with an empty name")
                               : vq_fail_errno(VQDNA_ERR_INPUT, "%s cannot be read", path);
    struct stat st;
    if (fstat(opened, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(opened);
        return vq_fail(VQDNA_ERR_INPUT, "%s is a folder, not a file", path);
    }
    *fd = opened;
    return VQDNA_OK;
}

vq_status vq_read_file(char **out, size_t *bytes, const char *path, size_t limit) {
    int fd;
    VQ_TRY(vq_input_open(&fd, path, false));
    vq_status status = VQDNA_OK;
    char *text = NULL;
    size_t size = 0, room = 0;
    for (;;) {
        if (size + 1 >= room) {
            room = room ? 2 * room : 4096;
            char *larger = realloc(text, room);
            if (!larger) {
                status = vq_fail(VQDNA_ERR_MEMORY, "out of memory for %zu bytes of %s", room, path);
                break;
            }
            text = larger;
        }
        ssize_t n = read(fd, text + size, room - size - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = vq_fail_errno(VQDNA_ERR_INPUT, "%s cannot be read", path);
        if (n <= 0)
            break;
        size += (size_t)n;
        if (size > limit) {
            status = vq_fail(VQDNA_ERR_INPUT, "%s is larger than the %zu bytes expected at most", path, limit);
            break;
        }
    }
    close(fd);
    if (status < 0) {
        free(text);
        return status;
    }
    text[size] = 0;
    *out = text;
    if (bytes)
        *bytes = size;
    return VQDNA_OK;
}

vq_status vq_path_join(char **out, const char *folder, const char *name) {
    size_t length = strlen(folder);
    VQ_TRY(vq_alloc(out, length + strlen(name) + 2, 1));
    sprintf(*out, "%s%s%s", folder, length && folder[length - 1] != '/' ? "/" : "", name);
    return VQDNA_OK;
}

bool vq_cache_dir(char **out) {
    *out = NULL;
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    vq_status status = VQDNA_ERR_OUTPUT;
    if (cache && *cache == '/') /* the XDG rule: a relative path is ignored */
        status = vq_path_join(out, cache, "vqdna");
    else if (home && *home)
        status = vq_path_join(out, home, ".cache/vqdna");
    if (status == VQDNA_OK && vq_mkdir(*out) == VQDNA_OK && access(*out, W_OK | X_OK) == 0)
        return true;
    free(*out);
    *out = NULL;
    return false;
}

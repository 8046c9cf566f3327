#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

vq_status vq_mkdir(const char *path) {
    if (!*path)
        return vq_fail(VQDNA_ERR_OUTPUT, "a folder with an empty name cannot be made");
    char *part;
    VQ_TRY(vq_path_join(&part, "", path));
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
        return errno == ENOTDIR
                   ? vq_fail(VQDNA_ERR_INPUT, "%.*s is a file: name the folder it lies in", (int)(strrchr(path, '/') - path), path)
               : errno == ENOENT ? vq_fail(VQDNA_ERR_INPUT, "%s does not exist", *path ? path : "a file with an empty name")
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

vq_status vq_temporary_open(int *fd) {
    const char *folder = getenv("TMPDIR");
    folder = folder && *folder ? folder : "/tmp";
    char *path;
    VQ_TRY(vq_path_join(&path, folder, "vqdna-XXXXXX"));
    *fd = mkostemp(path, O_CLOEXEC);
    int code = errno;
    if (*fd >= 0)
        unlink(path);
    free(path);
    errno = code;
    return *fd >= 0 ? VQDNA_OK
                    : vq_fail_errno(VQDNA_ERR_OUTPUT, "no temporary file can be made in %s (TMPDIR names another folder)", folder);
}

vq_status vq_path_join(char **out, const char *folder, const char *name) {
    size_t length = strlen(folder);
    VQ_TRY(vq_alloc(out, length + strlen(name) + 2, 1));
    sprintf(*out, "%s%s%s", folder, length && folder[length - 1] != '/' ? "/" : "", name);
    return VQDNA_OK;
}

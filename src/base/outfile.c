#include "base/file.h"
#include "base/temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MARK = 48, MOST_LINKS = 40 }; /* MARK: room for ".PID-MARK.tmp" */

/* The length of the part of a path up to its last name. */
static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* How much of the last name a temporary name takes: a name may have 255 bytes. */
static int stem_length(const char *name) {
    return (int)strnlen(name, NAME_MAX - MARK);
}

/* The descriptor of this process that a name stands for, or -1. Opened anew it would have a position of its own, and what a shell
 * writes to the same file before and after would be lost. */
static int own_descriptor(const char *path) {
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(folders[i]), digits = strspn(path + length * !strncmp(path, folders[i], length), "0123456789");
        if (!strncmp(path, folders[i], length) && digits && digits < 10 && !path[length + digits])
            return atoi(path + length);
    }
    return -1;
}

/* `path` with its links followed, to a file that need not exist, or to a descriptor of this process. */
static vq_status follow(char **out, const char *path) {
    char target[PATH_MAX];
    VQ_TRY(vq_path_join(out, "", path));
    for (int links = 0; own_descriptor(*out) < 0; links++) {
        ssize_t length = readlink(*out, target, sizeof target - 1);
        if (length < 0)
            break;
        target[length] = 0;
        char *link = *out;
        link[*target == '/' ? 0 : folder_length(link)] = 0;
        vq_status status = vq_path_join(out, link, target);
        free(link);
        VQ_TRY(status);
        errno = ELOOP;
        if (links == MOST_LINKS)
            return vq_fail_errno(VQDNA_ERR_OUTPUT, "%s cannot be written", path);
    }
    return VQDNA_OK;
}

/* ---- Temporary files ---- */

/* Creates the temporary file beside out->final. Not mkstemp: its mode 0600 would outlive the rename. */
static int open_temporary(vq_outfile *out) {
    size_t folder = folder_length(out->final), size = strlen(out->final) + MARK + 1;
    const char *name = out->final + folder;
    if (vq_alloc(&out->temporary, size, 1) < 0) {
        errno = ENOMEM;
        return -1;
    }
    vq_temporary_add(out->temporary);
    for (;;) {
        unsigned long long mark = 0;
        (void)!getrandom(&mark, sizeof mark, 0);
        snprintf(out->temporary, size, "%.*s%.*s.%ld-%016llx.tmp", (int)folder, out->final, stem_length(name), name, (long)getpid(),
                 mark);
        int fd = open(out->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd < 0 && errno == EEXIST)
            continue;
        /* Where locks do not work a sweep does not either. One that was quicker than this lock took the file away. */
        struct stat st;
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &st) != 0 || st.st_nlink > 0) {
            if (fd < 0) {
                int code = errno;
                vq_temporary_drop(out->temporary);
                out->temporary = NULL;
                errno = code;
            }
            return fd;
        }
        close(fd);
    }
}

/* Whether what follows a name is the mark of a temporary file (".PID-MARK.tmp", or ".PID.tmp" of earlier versions) whose process does
 * not run on this machine. */
static bool is_stale(const char *mark) {
    if (mark[0] != '.' || mark[1] < '1' || mark[1] > '9')
        return false;
    char *end;
    long pid = strtol(mark + 1, &end, 10);
    if (*end == '-')
        end += 1 + strspn(end + 1, "0123456789abcdef");
    return pid <= INT_MAX && strcmp(end, ".tmp") == 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

void vq_outfile_sweep(const char *path) {
    char folder[PATH_MAX];
    size_t length = folder_length(path);
    const char *name = path + length;
    int stem = stem_length(name);
    snprintf(folder, sizeof folder, "%.*s", length ? (int)length : 1, length ? path : ".");
    DIR *all = opendir(folder);
    if (!all)
        return;
    for (struct dirent *entry; (entry = readdir(all));) {
        if (strncmp(entry->d_name, name, (size_t)stem) != 0 || !is_stale(entry->d_name + stem))
            continue;
        /* The process may live in another container or on another machine: then it holds the lock. */
        int fd = openat(dirfd(all), entry->d_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dirfd(all), entry->d_name, 0);
        if (fd >= 0)
            close(fd);
    }
    closedir(all);
}

/* The new file gets mode and owner of the one it will replace, as far as that is allowed. */
static void keep_mode(int fd, const struct stat *old) {
    struct stat st;
    bool same = fstat(fd, &st) == 0 && st.st_uid == old->st_uid && st.st_gid == old->st_gid;
    same = same || fchown(fd, old->st_uid, old->st_gid) == 0;
    (void)!fchmod(fd, old->st_mode & (same ? 07777 : 0777));
}

/* ---- Opening ---- */

/* Opens the file to write to; out->final is set. */
static int open_output(vq_outfile *out) {
    struct stat old;
    int fd = own_descriptor(out->final);
    bool exists = fd < 0 && stat(out->final, &old) == 0;
    if (exists && S_ISDIR(old.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    if (fd >= 0 || (exists && !S_ISREG(old.st_mode))) {
        fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : open(out->final, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        free(out->final);
        out->final = NULL;
        return fd;
    }
    if (exists && faccessat(AT_FDCWD, out->final, W_OK, AT_EACCESS) != 0)
        return -1; /* whoever took the right to write away meant the contents */
    vq_outfile_sweep(out->final);
    fd = open_temporary(out);
    if (fd >= 0 && exists)
        keep_mode(fd, &old);
    if (fd < 0 && exists && (errno == EACCES || errno == EPERM || errno == EROFS) && vq_temporary_open(&fd) < 0)
        return -1;
    return fd;
}

vq_status vq_outfile_open(vq_outfile *out, const char *path) {
    *out = (vq_outfile){0};
    if (!*path)
        return vq_fail(VQDNA_ERR_OUTPUT, "a file with an empty name cannot be written");
    vq_status status;
    VQ_TRY_OR(failed, vq_path_join(&out->path, "", path));
    if (strcmp(path, "-") == 0) {
        out->file = stdout;
        return VQDNA_OK;
    }
    VQ_TRY_OR(failed, follow(&out->final, path));
    int fd = open_output(out);
    out->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out->file)
        return VQDNA_OK;
    status = fd < 0 && errno == EISDIR ? vq_fail(VQDNA_ERR_OUTPUT, "%s is a folder: give the name of a file to write", path)
                                       : vq_outfile_failed(out);
    if (fd >= 0)
        close(fd);
failed:
    vq_outfile_discard(out);
    return status;
}

vq_status vq_outfile_failed(const vq_outfile *out) {
    return vq_fail_errno(VQDNA_ERR_OUTPUT, "%s cannot be written", strcmp(out->path, "-") ? out->path : "standard output");
}

vq_status vq_outfile_write(vq_outfile *out, const void *data, size_t bytes) {
    return fwrite(data, 1, bytes, out->file) == bytes ? VQDNA_OK : vq_outfile_failed(out);
}

/* ---- Ending ---- */

vq_status vq_outfile_finish(vq_outfile *out) {
    vq_status status = VQDNA_OK;
    bool earlier = ferror(out->file); /* its errno is gone */
    if (fflush(out->file) != 0 || (out->final && fsync(fileno(out->file)) != 0))
        status = vq_outfile_failed(out);
    else if (earlier)
        status = vq_fail(VQDNA_ERR_OUTPUT, "%s cannot be written: an earlier write to it failed", out->path);
    if (status < 0)
        vq_outfile_discard(out);
    return status;
}

/* Makes the rename itself last through a power cut. A file system that cannot is no reason to fail. */
static void sync_folder(const char *path) {
    char folder[PATH_MAX];
    size_t length = folder_length(path);
    snprintf(folder, sizeof folder, "%.*s", length ? (int)length : 1, length ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!fsync(fd);
        close(fd);
    }
}

/* Copies the finished bytes into the file that is there. A disk too full for them is found before the first is overwritten. */
static vq_status write_over(vq_outfile *out) {
    enum { PIECE = 1 << 13 }; /* on the stack, which may be a small thread's */
    struct stat new, old;
    char piece[PIECE];
    int refusal = errno, from = fileno(out->file), to = open(out->final, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0 || fstat(from, &new) != 0 || fstat(to, &old) != 0) {
        errno = out->temporary ? refusal : errno;
        vq_status status = vq_outfile_failed(out);
        if (to >= 0)
            close(to);
        return status;
    }
    vq_status status = VQDNA_OK;
    if (new.st_size > old.st_size && fallocate(to, 0, 0, new.st_size) != 0 && errno != EOPNOTSUPP &&errno != ENOSYS) {
        status = vq_outfile_failed(out);
        (void)!ftruncate(to, old.st_size);
        close(to);
        return status;
    }
    bool good = true;
    for (off_t at = 0; good && at < new.st_size;) {
        ssize_t got = pread(from, piece, PIECE, at);
        good = got > 0 && pwrite(to, piece, (size_t)got, at) == got;
        at += got;
    }
    good = good && ftruncate(to, new.st_size) == 0 && fsync(to) == 0;
    good = close(to) == 0 && good;
    return good ? VQDNA_OK : vq_fail_errno(VQDNA_ERR_OUTPUT, "%s cannot be written and is left incomplete", out->path);
}

vq_status vq_outfile_publish(vq_outfile *out) {
    vq_status status = VQDNA_OK;
    if (out->temporary && rename(out->temporary, out->final) == 0) {
        sync_folder(out->final);
        vq_temporary_drop(out->temporary);
        out->temporary = NULL;
    } else if (out->final) {
        status = write_over(out);
    }
    if (status == VQDNA_OK && out->file != stdout) {
        FILE *file = out->file;
        out->file = NULL;
        if (fclose(file) != 0)
            status = vq_outfile_failed(out);
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
    vq_temporary_drop(out->temporary);
    *out = (vq_outfile){0};
    errno = code;
}

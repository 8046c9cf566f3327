#include "base/lock.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct vq_lock {
    int fd;
    struct stat folder;
    vq_lock *next;
};

/* The locks of this process. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static vq_lock *held;

static bool same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_held(const struct stat *folder) {
    for (const vq_lock *lock = held; lock; lock = lock->next)
        if (same(&lock->folder, folder))
            return true;
    return false;
}

/* Locks the open folder; NFS locks no folders but files, so there a file in it stands for it. */
static int lock_folder(int *fd) {
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0 || errno == EWOULDBLOCK)
        return errno == EWOULDBLOCK ? -1 : 0;
    int file = openat(*fd, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    close(*fd);
    *fd = file;
    return file < 0 ? -1 : flock(file, LOCK_EX | LOCK_NB);
}

static void release(vq_lock *lock) {
    if (lock->fd >= 0)
        close(lock->fd);
    free(lock);
}

static vq_status take(vq_lock *lock, const char *folder) {
    struct stat now;
    do {
        if (lock->fd >= 0)
            close(lock->fd);
        lock->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (lock->fd < 0 || fstat(lock->fd, &lock->folder) != 0)
            return vq_fail_errno(VQDNA_ERR_OUTPUT, "the folder %s cannot be opened", folder);
        errno = 0;
        bool locked = !is_held(&lock->folder) && lock_folder(&lock->fd) == 0;
        if (!locked && (errno == 0 || errno == EWOULDBLOCK))
            return vq_fail(VQDNA_ERR_OUTPUT, "the folder %s is in use by another training: let it end, or name another folder",
                           folder);
        if (!locked)
            vq_log(VQDNA_WARNING, "the folder %s cannot be locked: nothing keeps another training out of it", folder);
        /* Whoever made the folder may have taken it away between opening and locking. */
    } while (stat(folder, &now) == 0 && !same(&now, &lock->folder));
    return VQDNA_OK;
}

vq_status vq_folder_lock(vq_lock **out, const char *folder, bool brief) {
    struct stat st;
    *out = NULL;
    pthread_mutex_lock(&mutex);
    vq_lock *lock = NULL;
    vq_status status = VQDNA_OK;
    if (brief && stat(folder, &st) == 0 && is_held(&st))
        goto done;
    VQ_TRY_OR(done, vq_alloc(&lock, 1, sizeof *lock));
    lock->fd = -1;
    status = take(lock, folder);
    if (status < 0) {
        release(lock);
        goto done;
    }
    lock->next = held;
    *out = held = lock;
done:
    pthread_mutex_unlock(&mutex);
    return status;
}

void vq_folder_unlock(vq_lock *lock) {
    if (!lock)
        return;
    pthread_mutex_lock(&mutex);
    for (vq_lock **link = &held; *link; link = &(*link)->next)
        if (*link == lock) {
            *link = lock->next;
            break;
        }
    pthread_mutex_unlock(&mutex);
    release(lock);
}

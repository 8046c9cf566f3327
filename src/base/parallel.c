#include "base/parallel.h"

#include "base/integer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct loop {
    size_t count;
    vq_status (*body)(void *user, size_t i);
    void *user;
    const vq_workers *workers;
    atomic_size_t next;
    atomic_bool stop;
    pthread_mutex_t lock; /* of what follows */
    size_t failed;        /* the lowest index that did */
    vq_status status;
    char sentence[1024];
} loop;

vq_status vq_workers_attend(const vq_workers *w) {
    return w->interrupted && w->interrupted(w->user) ? vq_fail(VQDNA_ERR_INTERRUPTED, "interrupted") : VQDNA_OK;
}

static void work(loop *l, bool caller) {
    while (!atomic_load(&l->stop)) {
        size_t i = atomic_fetch_add(&l->next, 1);
        if (i >= l->count)
            break;
        vq_status status = caller ? vq_workers_attend(l->workers) : VQDNA_OK;
        if (status >= 0)
            status = l->body(l->user, i);
        if (status >= 0)
            continue;
        atomic_store(&l->stop, true);
        pthread_mutex_lock(&l->lock);
        if (l->status == VQDNA_OK || i < l->failed) {
            l->failed = i;
            l->status = status;
            snprintf(l->sentence, sizeof l->sentence, "%s", vq_error()); /* it is local to the thread that ends */
        }
        pthread_mutex_unlock(&l->lock);
    }
}

static void *help(void *argument) {
    work(argument, false);
    return NULL;
}

vq_status vq_parallel(size_t count, const vq_workers *workers, vq_status (*body)(void *user, size_t i), void *user) {
    long processors = workers->threads > 0 ? workers->threads : sysconf(_SC_NPROCESSORS_ONLN);
    size_t helpers = vq_min(processors > 1 ? (size_t)processors : 1, vq_max(count, 1)) - 1, started = 0;
    pthread_t *ids;
    VQ_TRY(vq_alloc(&ids, helpers, sizeof *ids));
    loop l = {.count = count, .body = body, .user = user, .workers = workers, .lock = PTHREAD_MUTEX_INITIALIZER};
    while (started < helpers && pthread_create(&ids[started], NULL, help, &l) == 0)
        started++; /* where the system gives fewer, fewer do the same work */
    work(&l, true);
    for (size_t i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    free(ids);
    return l.status == VQDNA_OK ? VQDNA_OK : vq_fail(l.status, "%s", l.sentence);
}

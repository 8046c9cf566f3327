/* Loops over several threads. */
#ifndef VQ_BASE_PARALLEL_H
#define VQ_BASE_PARALLEL_H

#include "base/status.h"

/* Who works, and who may end it. */
typedef struct vq_workers {
    int threads;                    /* up to so many at once; 0: as many as there are processors */
    int (*interrupted)(void *user); /* asked by the calling thread now and then; non-zero ends the work. NULL: nothing does */
    void *user;
} vq_workers;
#define VQ_THREADS(n) (&(const vq_workers){.threads = (n)})

/* Calls body(user, i) for each i in [0, count), each once, in any order, from several threads. What a call does may depend on i alone, so
 * that the result does not depend on the threads. Stops early at a failure, and returns one of those that happened with its sentence, in
 * the calling thread; VQDNA_ERR_INTERRUPTED when it is interrupted, which is asked for before every call that falls to the calling thread:
 * let one take a tenth of a second at most. */
vq_status vq_parallel(size_t count, const vq_workers *workers, vq_status (*body)(void *user, size_t i), void *user);

/* VQDNA_ERR_INTERRUPTED when it is; for loops of one thread. */
vq_status vq_workers_attend(const vq_workers *workers);

#endif

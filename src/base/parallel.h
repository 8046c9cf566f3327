/* Loops over several threads. */
#ifndef VQ_BASE_PARALLEL_H
#define VQ_BASE_PARALLEL_H

#include "base/status.h"

/* Calls body(user, i) for each i in [0, count), each once, in any order, from up to `threads` threads at once (0: as many as there are
 * processors). What a call does may depend on i alone, so that the result does not depend on the threads. Stops early at a failure, and
 * returns one of those that happened with its sentence, in the calling thread. */
vq_status vq_parallel(size_t count, int threads, vq_status (*body)(void *user, size_t i), void *user);

#endif

/* How a failure travels: the lowest function that knows what went wrong writes one plain sentence and returns a negative status;
 * every floor above passes it on unchanged. */
#ifndef VQ_BASE_STATUS_H
#define VQ_BASE_STATUS_H

#include <vqdna.h>

typedef vqdna_status vq_status;

/* Writes the calling thread's error sentence (printf format, no final newline) and returns `status`, so that
 * `return vq_fail(VQDNA_ERR_INPUT, "%s: no records", path);` is the whole of it. */
vq_status vq_fail(vq_status status, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* The same for a failed system call: appends ": " and strerror(errno). One for lack of memory is VQDNA_ERR_MEMORY. */
vq_status vq_fail_errno(vq_status status, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* The calling thread's last sentence; "" before the first failure. */
const char *vq_error(void);

/* Returns the status of a failed expression to the caller. */
#define VQ_TRY(expr)                                                                                                               \
    do {                                                                                                                           \
        vq_status vq_try_ = (expr);                                                                                                \
        if (vq_try_ < 0)                                                                                                           \
            return vq_try_;                                                                                                        \
    } while (0)

/* Stores the status of an expression in the local `status` and jumps to the function's one clean-up label if it failed. */
#define VQ_TRY_OR(label, expr)                                                                                                     \
    do {                                                                                                                           \
        status = (expr);                                                                                                           \
        if (status < 0)                                                                                                            \
            goto label;                                                                                                            \
    } while (0)

/* Copies what a program's options struct has of ours, `own` of `bytes`: it begins with its size, 0 for `first`, that of version 0.1.
 * NULL leaves `own` as it is. */
void vq_take_options(void *own, size_t bytes, const void *options, size_t first);

/* malloc/calloc that fail with the sentence "out of memory ..."; free() releases. A size of 0 yields a non-NULL pointer. */
vq_status vq_alloc(void *out, size_t count, size_t size);

#endif

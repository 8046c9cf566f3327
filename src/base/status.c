#include "base/status.h"

#include "base/c_locale.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char message[1024];

vq_status vq_fail(vq_status status, const char *format, ...) {
    VQ_C_LOCALE;
    char text[sizeof message]; /* an argument may be the old message itself */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(message, text, sizeof text);
    return status;
}

vq_status vq_fail_errno(vq_status status, const char *format, ...) {
    int code = errno;
    VQ_C_LOCALE;
    char text[sizeof message];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, ": %s", strerror(code));
    memcpy(message, text, sizeof text);
    return code == ENOMEM ? VQDNA_ERR_MEMORY : status;
}

const char *vq_error(void) {
    return message;
}

vq_status vq_alloc(void *out, size_t count, size_t size) {
    void *p = calloc(count ? count : 1, size ? size : 1);
    memcpy(out, &p, sizeof p);
    return p ? VQDNA_OK : vq_fail(VQDNA_ERR_MEMORY, "out of memory for %zu x %zu bytes", count, size);
}

void vq_take_options(void *own, size_t bytes, const void *options, size_t first) {
    if (!options)
        return;
    size_t size = *(const size_t *)options;
    size = size ? size : first;
    memcpy(own, options, size < bytes ? size : bytes);
}

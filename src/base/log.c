#include "base/log.h"

#include "base/c_locale.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static vqdna_message_fn handler;
static void *handler_user;

void vq_log(vqdna_message_level level, const char *format, ...) {
    if (!handler)
        return;
    char *text;
    int length;
    va_list args;
    va_start(args, format);
    {
        VQ_C_LOCALE;
        length = vasprintf(&text, format, args); /* whole: a compiler's log is the one message that explains a failure */
    }
    va_end(args);
    handler(handler_user, level, length < 0 ? format : text);
    if (length >= 0)
        free(text);
}

void vq_log_handler(vqdna_message_fn fn, void *user) {
    handler = fn;
    handler_user = user;
}

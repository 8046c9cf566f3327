#include "base/log.h"

#include "base/c_locale.h"

#include <stdarg.h>
#include <stdio.h>

static vqdna_message_fn handler;
static void *handler_user;

void vq_log(vqdna_message_level level, const char *format, ...) {
    if (!handler)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    {
        VQ_C_LOCALE;
        vsnprintf(text, sizeof text, format, args);
    }
    va_end(args);
    handler(handler_user, level, text);
}

void vq_log_handler(vqdna_message_fn fn, void *user) {
    handler = fn;
    handler_user = user;
}

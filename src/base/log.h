/* What the library has to say besides errors. It never prints: messages go to the handler set through vqdna_set_message_handler. */
#ifndef VQ_BASE_LOG_H
#define VQ_BASE_LOG_H

#include <vqdna.h>

/* Sends one sentence (printf format, no final newline) to the handler, if one is set. */
void vq_log(vqdna_message_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

void vq_log_handler(vqdna_message_fn fn, void *user);

#endif

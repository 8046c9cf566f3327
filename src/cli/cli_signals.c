#include "cli/cli.h"

#include <signal.h>
#include <unistd.h>

/* The program's one global variable: a signal handler has no other way to speak. */
static volatile sig_atomic_t caught;

static void handler(int number) {
    (void)number;
    if (caught)
        _exit(VQ_EXIT_INTERRUPTED);
    caught = 1;
}

void vq_signals_watch(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int vq_signals_caught(void *unused) {
    (void)unused;
    return caught;
}

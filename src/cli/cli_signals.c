#include "cli/cli.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

/* The program's only global variables: a signal handler has no other way to speak. */
static volatile sig_atomic_t caught;
static struct timespec first;

/* timeout(1) and some schedulers signal both a process and its group, so a second signal counts only if it comes a little
 * later. */
static void handler(int number) {
    (void)number;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (caught && (double)(now.tv_sec - first.tv_sec) + 1e-9 * (double)(now.tv_nsec - first.tv_nsec) > 0.3)
        _exit(VQ_EXIT_INTERRUPTED);
    if (!caught)
        first = now;
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

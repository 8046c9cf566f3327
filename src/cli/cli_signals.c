#include "cli/cli.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* The program's only global variables: a signal handler has no other way to speak. */
static volatile sig_atomic_t caught, held;
static volatile double first; /* by cli_clock, which a handler may call */

/* A shell's loop ends with a program that SIGINT ended, not with one that says so by its status; a pipe's writer is told apart from
 * a failed one the same way. */
static void end(int number) {
    vqdna_outputs_discard();
    if (number != SIGINT && number != SIGPIPE)
        _exit(VQ_EXIT_INTERRUPTED);
    signal(number, SIG_DFL);
    raise(number); /* comes when the handler returns */
}

/* timeout(1) and some schedulers signal both a process and its group, so a second signal counts only if it comes a little later; a
 * lost terminal may send any number of SIGHUP. */
static void handler(int number) {
    if (!held || number == SIGPIPE) {
        end(number);
    } else if (!caught) {
        first = cli_clock();
        caught = number;
    } else if (number != SIGHUP && cli_clock() - first > 0.3) {
        end(number);
    }
}

void vq_signals_watch(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], NULL, &before);
        /* nohup's SIGHUP stays ignored; a shell ignores SIGINT for any program in its background, where kill -INT is meant. */
        if (before.sa_handler != SIG_IGN || numbers[i] == SIGINT)
            sigaction(numbers[i], &action, NULL);
    }
}

void vq_signals_hold(void) {
    held = 1;
}

int vq_signals_caught(void *unused) {
    (void)unused;
    return caught;
}

void vq_signals_pass_on(void) {
    if (caught == SIGINT) {
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
}

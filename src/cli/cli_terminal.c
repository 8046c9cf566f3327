#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 512 };

/* Between two progress lines, in seconds: on a terminal, and in a log file. */
static const double pause_terminal = 0.2, pause_plain = 15;

double cli_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void vq_cli_progress_clear(vq_cli *cli) {
    if (cli->line_shown)
        fputs("\r\033[K", stderr);
    cli->line_shown = false;
}

static void say(vq_cli *cli, const char *kind, const char *format, va_list arguments) {
    vq_cli_progress_clear(cli);
    fprintf(stderr, "vqdna%s%s: %s", cli->command ? " " : "", cli->command ? cli->command->name : "", kind);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

int vq_cli_fail(vq_cli *cli, int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(cli, "", format, arguments);
    va_end(arguments);
    return code;
}

void vq_cli_warn(vq_cli *cli, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(cli, "warning: ", format, arguments);
    va_end(arguments);
}

void vq_cli_note(vq_cli *cli, const char *format, ...) {
    if (cli->quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    say(cli, "", format, arguments);
    va_end(arguments);
}

int vq_cli_failed(vq_cli *cli, vqdna_status status) {
    switch (status) {
    case VQDNA_OK:
    case VQDNA_END:
        return VQ_EXIT_OK;
    case VQDNA_ERR_INTERRUPTED:
        return vq_cli_fail(cli, VQ_EXIT_INTERRUPTED, "interrupted");
    case VQDNA_ERR_USAGE:
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "%s", vqdna_last_error());
    case VQDNA_ERR_DEVICE:
    case VQDNA_ERR_MEMORY:
        return vq_cli_fail(cli, VQ_EXIT_DEVICE, "%s", vqdna_last_error());
    case VQDNA_ERR_NUMERIC:
        return vq_cli_fail(cli, VQ_EXIT_NUMERIC, "%s", vqdna_last_error());
    case VQDNA_ERR_INPUT:
    case VQDNA_ERR_OUTPUT:
        break;
    }
    return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s", vqdna_last_error());
}

void vq_cli_message(void *user, vqdna_message_level level, const char *text) {
    vq_cli *cli = user;
    if (level == VQDNA_WARNING)
        vq_cli_warn(cli, "%s", text);
    else if (level == VQDNA_INFO || cli->verbose)
        vq_cli_note(cli, "%s", text);
}

/* A line that wraps could not be redrawn in place, so fields, which two spaces part, are dropped from the end. */
static void fit(char *line, size_t width) {
    if (strlen(line) <= width)
        return;
    size_t end = width;
    while (end > 0 && strncmp(line + end, "  ", 2) != 0)
        end--;
    line[end ? end : width] = '\0';
}

void vq_cli_progress(vq_cli *cli, bool force, const char *format, ...) {
    if (cli->quiet)
        return;
    double now = cli_clock();
    if (!force && now - cli->line_time < (cli->terminal ? pause_terminal : pause_plain))
        return;
    cli->line_time = now;

    char line[LINE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (!cli->terminal) {
        fprintf(stderr, "%s\n", line);
        return;
    }
    struct winsize window;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1)
        fit(line, window.ws_col - 1u);
    fprintf(stderr, "\r%s\033[K", line);
    cli->line_shown = true;
}

void vq_cli_progress_end(vq_cli *cli) {
    if (cli->line_shown)
        fputc('\n', stderr);
    cli->line_shown = false;
}

void vq_cli_stream_progress(void *user, const vqdna_stream_stats *stats) {
    char bases[16], rate[16];
    vq_cli *cli = user;
    if (!cli->line_time) /* what is soon over needs no progress */
        cli->line_time = cli_clock();
    double speed = stats->seconds > 0 ? (double)stats->bases / stats->seconds : 0;
    vq_cli_progress(cli, false, "%s bases, %s bases/s", vq_short_number(bases, (double)stats->bases), vq_short_number(rate, speed));
}

const char *vq_short_number(char text[16], double value) {
    static const char prefixes[] = " kMGTP";
    int prefix = 0;
    while (value >= 999.5 && prefixes[prefix + 1]) {
        value /= 1000;
        prefix++;
    }
    if (prefix == 0)
        snprintf(text, 16, "%.0f", value);
    else
        snprintf(text, 16, "%.*f %c", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, prefixes[prefix]);
    return text;
}

const char *vq_short_time(char text[16], double seconds) {
    if (!(seconds >= 0) || seconds > 3.6e7)
        return strcpy(text, "?");
    unsigned s = (unsigned)(seconds + 0.5);
    if (s < 3600)
        snprintf(text, 16, "%u:%02u", s / 60, s % 60);
    else
        snprintf(text, 16, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
    return text;
}

void *vq_need(void *block, size_t size) {
    void *bigger = realloc(block, size ? size : 1);
    if (!bigger) {
        fprintf(stderr, "vqdna: out of memory (%zu bytes)\n", size);
        exit(VQ_EXIT_DEVICE);
    }
    return bigger;
}

char *vq_need_text(const char *text) {
    return strcpy(vq_need(NULL, strlen(text) + 1), text);
}

char *vq_join(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = vq_need(NULL, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

const char *vq_left_out(char text[40], uint64_t bases) {
    *text = '\0';
    if (bases)
        snprintf(text, 40, ", %llu left out", (unsigned long long)bases);
    return text;
}

void vq_cli_stream_note(vq_cli *cli, const char *before, const vqdna_stream_stats *s) {
    char rate[16], left_out[40];
    vq_cli_note(cli, "%s%llu bases of %llu record%s, %llu of them not A, C, G or T%s; %s bases/s", before,
                (unsigned long long)s->bases, (unsigned long long)s->records, s->records == 1 ? "" : "s",
                (unsigned long long)s->unknown, vq_left_out(left_out, s->left_out),
                vq_short_number(rate, s->seconds > 0 ? (double)s->bases / s->seconds : 0));
}

/* What every command of the program shares: who it is, where its messages go and how it ends. The command line sees vqdna.h only.
 */
#ifndef VQ_CLI_CLI_H
#define VQ_CLI_CLI_H

#include <vqdna.h>

enum {
    VQ_EXIT_OK = 0,
    VQ_EXIT_USAGE = 1,
    VQ_EXIT_INPUT = 2, /* bad input, or an output that could not be written */
    VQ_EXIT_DEVICE = 3,
    VQ_EXIT_NUMERIC = 4,
    VQ_EXIT_INTERRUPTED = 130,
    VQ_GO_ON = -1, /* of a helper that may end the command: nothing ended, go on */
};

typedef struct vq_list {
    size_t count;
    char **items;
} vq_list;

typedef struct vq_cli {
    int argc; /* the whole command line, for provenance */
    char **argv;
    const struct vq_command *command; /* NULL before one is chosen */

    const char *device;     /* common options */
    uint64_t threads, seed; /* seed 0: not known here */
    bool seed_given;
    bool quiet, verbose, json, no_provenance, force;

    vq_list protected; /* files that no output may replace, see cli_output.h */
    const char *model; /* the folder in use, whose files are such too; or NULL */

    bool terminal;    /* standard error is one */
    bool line_shown;  /* a progress line stands on it */
    double line_time; /* of the last progress line, by cli_clock */
} vq_cli;

typedef struct vq_command {
    const char *name, *summary;
    const char *synopsis; /* what follows "vqdna NAME" */
    const char *notes;    /* printed below the options, or NULL */
    int (*run)(vq_cli *cli, int argc, char **argv);
} vq_command;

extern const vq_command vq_cmd_devices, vq_cmd_train, vq_cmd_eval, vq_cmd_tokenize, vq_cmd_detokenize, vq_cmd_info, vq_cmd_selftest,
    vq_cmd_bench, vq_cmd_tune, vq_cmd_probe, vq_cmd_codebook, vq_cmd_embed, vq_cmd_merge, vq_cmd_report, vq_cmd_pretrain,
    vq_cmd_finetune, vq_cmd_predict, vq_cmd_map, vq_cmd_compare;

/* ---- Messages, all on standard error (cli_terminal.c) ---- */

/* Prints "vqdna COMMAND: sentence" and returns `code`. */
int vq_cli_fail(vq_cli *cli, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Turns a failed library call into an exit code and prints the library's sentence. */
int vq_cli_failed(vq_cli *cli, vqdna_status status);

/* A sentence for whoever watches; nothing with -q. */
void vq_cli_note(vq_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
void vq_cli_warn(vq_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Progress: redrawn in place on a terminal (a few times a second), a plain line now and then elsewhere; nothing with -q. `force`
 * prints it whatever the time. */
void vq_cli_progress(vq_cli *cli, bool force, const char *format, ...) __attribute__((format(printf, 3, 4)));
void vq_cli_progress_end(vq_cli *cli);   /* leaves the last line standing */
void vq_cli_progress_clear(vq_cli *cli); /* takes it away */

/* Progress of a stream of sequences: fits vqdna_stream_options.progress; user is the vq_cli. */
void vq_cli_stream_progress(void *user, const vqdna_stream_stats *stats);

/* The sentence at its end, behind `before`: what was read, left out, and how fast. */
void vq_cli_stream_note(vq_cli *cli, const char *before, const vqdna_stream_stats *stats);

/* A message handler for vqdna_set_message_handler; user is the vq_cli. */
void vq_cli_message(void *user, vqdna_message_level level, const char *text);

double cli_clock(void); /* seconds, monotonic */

/* "58.3 k", "4.1 M": three digits and a prefix, into `text` of 16 bytes, which it returns. */
const char *vq_short_number(char text[16], double value);
/* ", 12 left out", or "" for none, the same way. */
const char *vq_left_out(char text[40], uint64_t bases);
/* "1:02:03" or "2:03", the same way. */
const char *vq_short_time(char text[16], double seconds);

/* ---- Signals (cli_signals.c) ---- */

/* From now on SIGINT, SIGTERM, SIGHUP and SIGPIPE remove temporary files and end the program at once. */
void vq_signals_watch(void);
/* From now on the first of them but SIGPIPE only sets a flag: there is something to save. A second SIGINT or SIGTERM ends. */
void vq_signals_hold(void);
/* Whether one came: fits vqdna_stream_options.interrupted. */
int vq_signals_caught(void *unused);
/* The end of a command that was interrupted: if by SIGINT, that now ends the program after all. */
void vq_signals_pass_on(void);

/* malloc, realloc and strdup that end the program with a sentence and code 3 when memory is out. */
void *vq_need(void *block, size_t size);
char *vq_need_text(const char *text);
/* printf into a new string. */
char *vq_join(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

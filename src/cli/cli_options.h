/* Options from a table: parsing, the nearest right name, and the help text all come from it. */
#ifndef VQ_CLI_OPTIONS_H
#define VQ_CLI_OPTIONS_H

#include "cli/cli.h"

typedef enum vq_option_kind {
    VQ_FLAG,    /* bool */
    VQ_TEXT,    /* const char * */
    VQ_COUNT,   /* uint64_t, at least 1 */
    VQ_PLACE,   /* uint64_t, at least 0 */
    VQ_NUMBER,  /* double, not negative */
    VQ_LIST,    /* vq_list: each use appends its value */
    VQ_SETTING, /* vq_list: each use appends "name=value", with _ for - in the name */
} vq_option_kind;

typedef struct vq_option {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* its name in the help text; NULL for a flag */
    vq_option_kind kind;
    void *value;
    const char *help; /* lines after '\n' are indented */
} vq_option;

void vq_list_append(vq_list *list, char *owned);
void vq_list_free(vq_list *list);

/* Parses a command's own options (ended by a row without a name) and the common ones. `inputs` receives the other arguments,
 * borrowed from argv; there must be `least` to `most` of them (most < 0: any number). VQ_GO_ON, or the exit code after --help or a
 * mistake. */
int vq_options_parse(vq_cli *cli, const vq_option *own, int argc, char **argv, int least, int most, vq_list *inputs);

/* Parses the common options before the command's name; *used is the number of elements of argv they take, and *help is set if help
 * is asked for. */
int vq_options_parse_leading(vq_cli *cli, int argc, char **argv, int *used, bool *help);

/* The place among `names` of an option's argument, 0 without one. VQ_GO_ON, or the exit code after a sentence. */
int vq_choose(int *out, vq_cli *cli, const char *option, const char *word, const char *const *names, size_t count);

/* Prints the common options to standard output. */
void vq_options_print_common(void);

#endif

#include "cli/cli_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2^53: every seed is a whole number in JSON too. */
static const uint64_t most_seed = UINT64_C(9007199254740992);

enum { MOST_OPTIONS = 64, LONG_VALUE = 256, HELP_COLUMN = 28, LONGEST_WORD = 64 };

/* A command's own rows, then the common ones. */
typedef struct table {
    vq_option rows[MOST_OPTIONS];
    int count;
} table;

static void table_add(table *t, const vq_option *rows) {
    for (; rows && rows->name && t->count < MOST_OPTIONS; rows++)
        t->rows[t->count++] = *rows;
}

static void table_add_common(table *t, vq_cli *cli, bool *help, bool *version) {
    const vq_option common[] = {
        {"device", 0, "DEVICE", VQ_TEXT, &cli->device, "an index from `vqdna devices`, part of a name, cpu or gpu"},
        {"threads", 't', "N", VQ_COUNT, &cli->threads, "cores of a CPU device to use (default: all)"},
        {"seed", 0, "N", VQ_COUNT, &cli->seed, "seed of everything random, 1 to 2^53 (default: 1)"},
        {"quiet", 'q', NULL, VQ_FLAG, &cli->quiet, "errors and warnings only"},
        {"verbose", 'v', NULL, VQ_FLAG, &cli->verbose, "say more"},
        {"help", 'h', NULL, VQ_FLAG, help, "print this and stop"},
        {"version", 0, NULL, VQ_FLAG, version, "print the version and those of libraries, and stop"},
        {0},
    };
    table_add(t, common);
}

void vq_list_append(vq_list *list, char *owned) {
    list->items = vq_need(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = owned;
}

void vq_list_free(vq_list *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (vq_list){0};
}

static int say_unknown(vq_cli *cli, const table *t, const char *word) {
    if (word[0] != '-' || word[1] != '-')
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "unknown option %s; --help lists them", word);
    char name[LONGEST_WORD];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    const char *names[MOST_OPTIONS];
    for (int i = 0; i < t->count; i++)
        names[i] = t->rows[i].name;
    const char *nearest = vqdna_nearest(name, names, (size_t)t->count);
    if (nearest)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "unknown option --%s; did you mean --%s?", name, nearest);
    return vq_cli_fail(cli, VQ_EXIT_USAGE, "unknown option --%s; --help lists them", name);
}

static int store(vq_cli *cli, const vq_option *option, const char *text) {
    char *end;
    switch (option->kind) {
    case VQ_FLAG:
        *(bool *)option->value = true;
        break;
    case VQ_TEXT:
        *(const char **)option->value = text;
        break;
    case VQ_COUNT:
    case VQ_PLACE: {
        errno = 0;
        unsigned long long number = strtoull(text, &end, 10);
        bool counts = option->kind == VQ_COUNT;
        if (end == text || *end || strchr(text, '-') || errno || (number == 0 && counts))
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "--%s takes a whole number from %d up, not '%s'", option->name, counts, text);
        *(uint64_t *)option->value = number;
        break;
    }
    case VQ_NUMBER: {
        double number = strtod(text, &end);
        if (end == text || *end || !(number >= 0) || number > 1e15)
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "--%s takes a number from 0 up, not '%s'", option->name, text);
        *(double *)option->value = number;
        break;
    }
    case VQ_LIST:
        vq_list_append(option->value, vq_need_text(text));
        break;
    case VQ_SETTING: {
        char *setting = vq_join("%s=%s", option->name, text);
        for (char *c = setting; *c != '='; c++)
            if (*c == '-')
                *c = '_';
        vq_list_append(option->value, setting);
        break;
    }
    }
    return VQ_GO_ON;
}

/* The engine under both entries; `leading` stops at the first argument that is no option. */
static int parse(vq_cli *cli, const table *t, int argc, char **argv, bool leading) {
    struct option longs[MOST_OPTIONS + 1] = {0};
    char shorts[2 * MOST_OPTIONS + 3], *s = shorts;
    if (leading)
        *s++ = '+';
    *s++ = ':';
    for (int i = 0; i < t->count; i++) {
        const vq_option *row = &t->rows[i];
        longs[i] = (struct option){row->name, row->argument ? required_argument : no_argument, NULL, LONG_VALUE + i};
        if (!row->letter)
            continue;
        *s++ = row->letter;
        if (row->argument)
            *s++ = ':';
    }
    *s = '\0';

    opterr = 0;
    optind = 0; /* makes glibc start afresh */
    for (;;) {
        int value = getopt_long(argc, argv, shorts, longs, NULL);
        if (value < 0)
            return VQ_GO_ON;
        const vq_option *row = NULL;
        int wanted = value == '?' || value == ':' ? optopt : value;
        for (int i = 0; i < t->count && wanted; i++)
            if (wanted == LONG_VALUE + i || wanted == t->rows[i].letter)
                row = &t->rows[i];
        if (value == ':' && row)
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "--%s needs an argument: %s", row->name, row->argument);
        if (value == '?' && row)
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "--%s takes no argument", row->name);
        if (value == '?' && wanted && wanted < LONG_VALUE)
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "unknown option -%c; --help lists them", wanted);
        if (!row)
            return say_unknown(cli, t, argv[optind - 1]);
        int code = store(cli, row, optarg);
        if (code != VQ_GO_ON)
            return code;
    }
}

static void print_row(const vq_option *row) {
    char left[HELP_COLUMN * 2];
    int width = snprintf(left, sizeof left, "  %c%c%s--%s%s%s", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
                         row->letter ? ", " : "  ", row->name, row->argument ? " " : "", row->argument ? row->argument : "");
    fputs(left, stdout);
    if (width > HELP_COLUMN - 2) {
        putchar('\n');
        width = 0;
    }
    for (const char *text = row->help; text;) {
        const char *end = strchr(text, '\n');
        printf("%*s%.*s\n", HELP_COLUMN - width, "", end ? (int)(end - text) : (int)strlen(text), text);
        text = end ? end + 1 : NULL;
        width = 0;
    }
}

void vq_options_print_common(void) {
    vq_cli cli = {0};
    bool unused;
    table common = {0};
    table_add_common(&common, &cli, &unused, &unused);
    for (int i = 0; i < common.count; i++)
        print_row(&common.rows[i]);
}

static void print_help(const vq_command *command, const vq_option *own) {
    printf("vqdna %s: %s\n\nUsage: vqdna %s %s\n\n", command->name, command->summary, command->name, command->synopsis);
    if (own && own->name)
        puts("Options:");
    for (const vq_option *row = own; row && row->name; row++)
        print_row(row);
    puts(own && own->name ? "\nCommon options:" : "Common options:");
    vq_options_print_common();
    if (command->notes)
        printf("\n%s\n", command->notes);
}

static int print_version(void) {
    printf("vqdna %s\n%s\n", vqdna_version(), vqdna_libraries());
    return VQ_EXIT_OK;
}

int vq_options_parse(vq_cli *cli, const vq_option *own, int argc, char **argv, int least, int most, vq_list *inputs) {
    bool help = false, version = false;
    table t = {0};
    table_add(&t, own);
    table_add_common(&t, cli, &help, &version);
    int code = parse(cli, &t, argc, argv, false);
    if (code == VQ_GO_ON && version)
        return print_version();
    if (code != VQ_GO_ON)
        return code;
    if (help) {
        print_help(cli->command, own);
        return VQ_EXIT_OK;
    }
    cli->seed_given = cli->seed > 0;
    cli->seed = cli->seed ? cli->seed : 1;
    if (cli->seed > most_seed)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--seed %llu is too large: at most %llu can be", (unsigned long long)cli->seed,
                           (unsigned long long)most_seed);
    if (cli->threads > INT_MAX)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--threads %llu is more than any machine has", (unsigned long long)cli->threads);
    int count = argc - optind;
    if (most >= 0 && count > most)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "'%s' is one argument too many; usage: vqdna %s %s", argv[optind + most],
                           cli->command->name, cli->command->synopsis);
    if (count < least)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "an input is missing; usage: vqdna %s %s", cli->command->name,
                           cli->command->synopsis);
    if (inputs)
        *inputs = (vq_list){(size_t)count, argv + optind};
    return VQ_GO_ON;
}

int vq_options_parse_leading(vq_cli *cli, int argc, char **argv, int *used, bool *help) {
    bool version = false;
    table t = {0};
    table_add_common(&t, cli, help, &version);
    int code = parse(cli, &t, argc, argv, true);
    *used = optind;
    return code == VQ_GO_ON && version ? print_version() : code;
}

int vq_choose(int *out, vq_cli *cli, const char *option, const char *word, const char *const *names, size_t count) {
    *out = 0;
    for (size_t i = 0; i < count && word; i++)
        if (!strcmp(word, names[i])) {
            *out = (int)i;
            return VQ_GO_ON;
        }
    if (!word)
        return VQ_GO_ON;
    const char *nearest = vqdna_nearest(word, names, count);
    return nearest ? vq_cli_fail(cli, VQ_EXIT_USAGE, "--%s %s is not known; did you mean %s?", option, word, nearest)
                   : vq_cli_fail(cli, VQ_EXIT_USAGE, "--%s takes %s, %s%s%s, not '%s'", option, names[0], names[1],
                                 count > 2 ? " or " : "", count > 2 ? names[2] : "", word);
}

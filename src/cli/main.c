/* vqdna, the program: finds the command and runs it. */
#include "cli/cli.h"
#include "cli/cli_options.h"

#include <errno.h>
#include <htslib/hts_log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const vq_command *const commands[] = {
    &vq_cmd_devices, &vq_cmd_train,   &vq_cmd_eval,     &vq_cmd_tokenize, &vq_cmd_detokenize, &vq_cmd_merge,    &vq_cmd_embed,
    &vq_cmd_map,     &vq_cmd_compare, &vq_cmd_codebook, &vq_cmd_probe,    &vq_cmd_pretrain,   &vq_cmd_finetune, &vq_cmd_predict,
    &vq_cmd_report,  &vq_cmd_info,    &vq_cmd_selftest, &vq_cmd_tune,     &vq_cmd_bench,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const vq_command *find(vq_cli *cli, const char *name) {
    const char *names[COMMANDS + 1] = {"help"};
    for (int i = 0; i < COMMANDS; i++) {
        if (!strcmp(commands[i]->name, name))
            return commands[i];
        names[i + 1] = commands[i]->name;
    }
    const char *nearest = vqdna_nearest(name, names, COMMANDS + 1);
    if (nearest)
        vq_cli_fail(cli, VQ_EXIT_USAGE, "unknown command '%s'; did you mean '%s'?", name, nearest);
    else
        vq_cli_fail(cli, VQ_EXIT_USAGE, "unknown command '%s'; `vqdna help` lists them", name);
    return NULL;
}

static void print_usage(FILE *to) {
    fputs("Usage: vqdna COMMAND [options] INPUT...\n\nCommands:\n", to);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    fputs("  help         print help on a command\n\n`vqdna COMMAND --help` lists the options of a command.\n", to);
}

static int help(void) {
    puts("vqdna: learn the genome's own vocabulary on any OpenCL device.\n");
    print_usage(stdout);
    puts("\nCommon options:");
    vq_options_print_common();
    puts("\nAn input of - is standard input. Results go to standard output or to the file of -o, messages to standard error.\n"
         "Exit codes: 0 done, 1 usage, 2 bad input or output, 3 device or memory, 4 numeric, 130 interrupted.");
    return VQ_EXIT_OK;
}

static int run(vq_cli *cli, int argc, char **argv) {
    bool wants_help = false;
    int used;
    int code = vq_options_parse_leading(cli, argc, argv, &used, &wants_help);
    if (code != VQ_GO_ON)
        return code;
    if (wants_help)
        return help();
    if (used == argc) {
        print_usage(stderr);
        return VQ_EXIT_USAGE;
    }
    if (!strcmp(argv[used], "help")) {
        if (used + 1 == argc)
            return help();
        cli->command = find(cli, argv[used + 1]);
        char *asked[] = {argv[used + 1], "--help", NULL};
        return cli->command ? cli->command->run(cli, 2, asked) : VQ_EXIT_USAGE;
    }
    cli->command = find(cli, argv[used]);
    return cli->command ? cli->command->run(cli, argc - used, argv + used) : VQ_EXIT_USAGE;
}

int main(int argc, char **argv) {
    vq_signals_watch();
    char **spoken = vq_need(NULL, ((size_t)argc + 1) * sizeof *argv); /* getopt reorders argv */
    memcpy(spoken, argv, ((size_t)argc + 1) * sizeof *argv);
    vq_cli cli = {.argc = argc, .argv = spoken, .terminal = isatty(STDERR_FILENO)};
    vqdna_set_message_handler(vq_cli_message, &cli);
    hts_set_log_level(HTS_LOG_OFF); /* what fails is told in our words */
    int code = run(&cli, argc, argv);
    vq_cli_progress_end(&cli);
    vq_list_free(&cli.protected);
    free(spoken);
    vqdna_set_message_handler(NULL, NULL);
    if ((fflush(stdout) || ferror(stdout)) && code == VQ_EXIT_OK)
        code = vq_cli_fail(&cli, VQ_EXIT_INPUT, "cannot write standard output: %s", strerror(errno));
    if (code == VQ_EXIT_INTERRUPTED)
        vq_signals_pass_on();
    return code;
}

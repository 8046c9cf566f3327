/* vqdna selftest: known answers of every operation on a device. */
#include "cli/cli_options.h"
#include "cli/cli_session.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct tally {
    vq_cli *cli;
    int checks, failed, skipped;
} tally;

static void print_check(void *user, const vqdna_check *check) {
    tally *t = user;
    t->checks += !check->skipped;
    t->skipped += check->skipped;
    t->failed += !check->passed;
    if (t->cli->json) {
        json_t *object = json_object();
        json_object_set_new(object, "operation", cli_json_text(check->operation));
        json_object_set_new(object, "shape", cli_json_text(check->shape));
        json_object_set_new(object, "error", cli_json_number(check->error));
        json_object_set_new(object, "passed", json_boolean(check->passed));
        json_object_set_new(object, "skipped", json_boolean(check->skipped));
        json_object_set_new(object, "message", cli_json_text(check->message ? check->message : ""));
        char *text = vq_json_print(object, false);
        puts(text);
        free(text);
        json_decref(object);
    } else if (!t->cli->quiet || !check->passed) {
        printf("%-20s %-44s %8.3f  %s%s%s\n", check->operation, check->shape, check->error,
               check->skipped  ? "skipped"
               : check->passed ? "ok"
                               : "FAILED",
               check->message && check->message[0] ? ": " : "", check->message ? check->message : "");
    }
    fflush(stdout);
}

static int run(vq_cli *cli, int argc, char **argv) {
    const vq_option options[] = {{"json", 0, NULL, VQ_FLAG, &cli->json, "print an object a line"}, {0}};
    int code = vq_options_parse(cli, options, argc, argv, 0, 0, NULL);
    if (code != VQ_GO_ON)
        return code;
    vq_session session;
    code = vq_session_open(&session, cli, NULL);
    if (code == VQ_GO_ON) {
        const vqdna_device_info *device = vqdna_context_device(session.context);
        if (!cli->json && !cli->quiet)
            printf("%s, driver %s\n%-20s %-44s %8s\n", device->name, device->driver, "operation", "shape", "error");
        tally t = {.cli = cli};
        vqdna_status status = vqdna_selftest(session.context, print_check, &t);
        if (t.failed)
            code = vq_cli_fail(cli, VQ_EXIT_DEVICE, "%d of %d checks failed on %s; do not trust results of this device and driver",
                               t.failed, t.checks, device->name);
        else
            code = vq_cli_failed(cli, status);
        if (code == VQ_EXIT_OK)
            vq_cli_note(cli, "%d checks passed on %s%s", t.checks, device->name, t.skipped ? "; others were skipped" : "");
    }
    vq_session_close(&session);
    return code;
}

const vq_command vq_cmd_selftest = {
    .name = "selftest",
    .summary = "known answers of every operation on the device",
    .synopsis = "[--json] [--device DEVICE]",
    .notes =
        "The error is the largest deviation from a double-precision reference, in units of the tolerance: above 1 is a failure.",
    .run = run,
};

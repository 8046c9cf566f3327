/* vqdna pretrain: an encoder learns sequence by telling bases that are hidden from it. */
#include "cli/cli_output.h"
#include "cli/cli_sequences.h"
#include "cli/training_folder.h"
#include "cli/training_loop.h"
#include "cli/training_plan.h"
#include "cli/training_settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct pretraining {
    vq_cli *cli;
    const char *folder, *tokenizer;
    vq_list settings, eval, inputs;
    vq_sequences in;
    uint64_t windows; /* of an evaluation */
    bool resume, plan, made;
    vqdna_lock *lock;

    vqdna_predictor_options body;
    vqdna_pretrain_options options;
    vq_session session;
    vqdna_dataset *dataset, *held_out;
    vqdna_predictor *predictor;
    vqdna_trainer *trainer;
    vq_training_log log;
    vq_training_loop loop;
} pretraining;

static int check_settings(pretraining *t) {
    for (size_t i = 0; i < t->settings.count; i++) {
        if (!strcmp(t->settings.items[i], "help"))
            return vq_settings_list(vqdna_pretrain_option_at);
        vqdna_status status = vqdna_set_pretrain_option(&t->body, &t->options, t->settings.items[i]);
        if (status < 0)
            return vq_cli_failed(t->cli, status);
    }
    if (t->options.seed && t->cli->seed_given && t->options.seed != t->cli->seed)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "--seed and seed= are two seeds: give one");
    t->options.seed = t->options.seed ? t->options.seed : t->cli->seed_given ? t->cli->seed : 1;
    t->cli->seed = t->options.seed;
    if (t->plan && t->resume)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "--plan is for a training that has not begun: leave out --resume");
    if (!t->inputs.count && !t->plan)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "no sequences to train on: name FASTA or FASTQ files");
    if (!t->folder && !t->plan)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "where should the model go? name a folder with -o");
    return VQ_GO_ON;
}

static int read_files(pretraining *t, const vq_list *files, const vqdna_input_options *input, vqdna_dataset **out) {
    vqdna_status status = vqdna_dataset_create(out);
    if (status >= 0)
        status = vqdna_dataset_add_files(*out, (const char *const *)files->items, files->count, input);
    return status < 0 ? vq_cli_failed(t->cli, status) : VQ_GO_ON;
}

static int check_resumed(pretraining *t) {
    for (size_t i = 0; i < t->settings.count; i++)
        if (vqdna_trainer_check_option(t->trainer, t->settings.items[i]) < 0)
            return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "%s; other options are not looked at by --resume: leave them out",
                               vqdna_last_error());
    vq_cli_note(t->cli, "going on after step %llu", (unsigned long long)t->loop.step);
    return VQ_GO_ON;
}

static vqdna_status make_predictor(pretraining *t) {
    const size_t window = t->options.window > 0 ? (size_t)t->options.window : 0;
    return vqdna_pretrained_create(&t->predictor, t->session.context, t->session.tokenizer, window, &t->body, t->options.seed);
}

static int print_plan(pretraining *t) {
    bool begun = false;
    vqdna_plan_summary summary;
    vqdna_status status = make_predictor(t);
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    status = vqdna_pretrainer_plan(t->predictor, &t->options, vq_training_plan_row, &begun, &summary);
    return vq_training_plan_end(t->cli, status, &summary, "windows");
}

static int make_trainer(pretraining *t) {
    vqdna_status status;
    static const char counting[] = "counting what the baselines need";
    if (t->resume) {
        vq_cli_note(t->cli, "%s", counting);
        status = vqdna_pretrainer_resume(&t->trainer, &t->predictor, t->session.context, t->dataset, t->folder);
    } else {
        status = make_predictor(t);
        if (status >= 0) {
            vq_cli_note(t->cli, "%s", counting);
            status = vqdna_pretrainer_create(&t->trainer, t->predictor, t->dataset, &t->options);
        }
    }
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    t->loop.folder = t->folder;
    t->loop.trainer = t->trainer;
    int code = vq_training_begin(&t->loop);
    return code == VQ_GO_ON && t->resume ? check_resumed(t) : code;
}

static int write_in_folder(pretraining *t, const char *name, vq_kind kind, const char *text) {
    char *path = vq_join("%s/%s", t->folder, name);
    int code = vq_output_file(t->cli, path, kind, text);
    free(path);
    return code;
}

static json_t *numbers_json(const vqdna_report *r) {
    json_t *object = json_object();
    for (size_t i = 0; i < r->count; i++)
        json_object_set_new(object, r->numbers[i].name, cli_json_number(r->numbers[i].value));
    return object;
}

static void print_numbers(const char *title, const vqdna_report *r) {
    printf("%s\n", title);
    for (size_t i = 0; i < r->count; i++) {
        const vqdna_number *n = &r->numbers[i];
        if (n->label && n->kind == VQDNA_SHARE)
            printf("  %-28s %8.3f %%\n", n->label, 100 * n->value);
        else if (n->label)
            printf("  %-28s %8.4f %s\n", n->label, n->value, n->unit ? n->unit : "");
    }
}

/* metrics.json, training.svg, and what the evaluation came to. */
static int finish(pretraining *t) {
    const vqdna_predictor_info info = vqdna_predictor_describe(t->predictor);
    const size_t reports = json_array_size(t->log.reports);
    json_t *object = json_pack("{sIsssssI}", "steps", (json_int_t)t->loop.step, "model", info.kind, "vocabulary", info.vocabulary,
                               "parameters", (json_int_t)info.parameters);
    json_t *provenance = vq_provenance(t->cli, &t->session);
    vqdna_report eval = {0};
    int code = VQ_GO_ON;
    vq_cli_progress_end(t->cli);
    if (reports)
        json_object_set(object, "training", json_array_get(t->log.reports, reports - 1));
    if (t->held_out) {
        vqdna_status status = vqdna_pretrainer_evaluate(t->trainer, t->held_out, t->windows, &eval);
        code = status < 0 ? vq_cli_failed(t->cli, status) : VQ_GO_ON;
        json_object_set_new(object, "eval", numbers_json(&eval));
    }
    if (provenance)
        json_object_set_new(object, "provenance", provenance);
    char *json = vq_json_print(object, true), *text = vq_join("%s\n", json),
         *title = vq_join("%s: %s %s, %llu steps", t->folder, info.preset, info.vocabulary, (unsigned long long)t->loop.step),
         *svg = vq_training_curves(&t->log, &t->loop.shown, title);
    if (code == VQ_GO_ON)
        code = write_in_folder(t, "metrics.json", VQ_KIND_METRICS, text);
    if (code == VQ_GO_ON)
        code = write_in_folder(t, "training.svg", VQ_KIND_SVG, svg);
    if (code == VQ_GO_ON && t->cli->json)
        puts(json);
    else if (code == VQ_GO_ON && t->held_out)
        print_numbers("on sequences it was not trained on", &eval);
    json_decref(object);
    free(json);
    free(text);
    free(title);
    free(svg);
    return code == VQ_GO_ON ? VQ_EXIT_OK : code;
}

static int pretrain(pretraining *t) {
    int code = check_settings(t);
    for (size_t i = 0; i < t->eval.count && code == VQ_GO_ON; i++)
        code = vq_training_readable(t->cli, t->eval.items[i]);
    for (size_t i = 0; i < t->inputs.count && code == VQ_GO_ON; i++)
        code = vq_training_readable(t->cli, t->inputs.items[i]);
    t->cli->model = t->tokenizer;
    if (code == VQ_GO_ON && !t->plan)
        code = vq_training_folder(t->cli, t->folder, false, &t->resume, &t->lock, &t->made);
    if (code == VQ_GO_ON)
        code = vq_session_open(&t->session, t->cli, t->tokenizer);
    if (code == VQ_GO_ON && t->plan)
        return print_plan(t);
    if (code == VQ_GO_ON && t->eval.count)
        code = read_files(t, &t->eval, NULL, &t->held_out);
    if (code == VQ_GO_ON)
        code = read_files(t, &t->inputs, &t->in.input, &t->dataset);
    if (code == VQ_GO_ON)
        code = make_trainer(t);
    if (code != VQ_GO_ON)
        return code;
    if (!t->resume)
        vq_training_folder_clear(t->folder);
    char *path = vq_join("%s/log.ndjson", t->folder);
    code = vq_training_log_open(&t->log, t->cli, path, t->loop.step);
    free(path);
    if (code == VQ_GO_ON)
        code = vq_training_run(&t->loop);
    return code == VQ_GO_ON ? finish(t) : code;
}

static int run(vq_cli *cli, int argc, char **argv) {
    pretraining t = {.cli = cli, .windows = 1024};
    t.loop = (vq_training_loop){.cli = cli, .session = &t.session, .log = &t.log, .report_every = 20, .checkpoint_every = 60};
    vq_list texts = {0};
    const vq_settings_at at = vqdna_pretrain_option_at;
    const vq_option options[] = {
        {"output", 'o', "MODEL", VQ_TEXT, &t.folder, "the model's folder; made if missing"},
        {"model", 'm', "TOKENIZER", VQ_TEXT, &t.tokenizer, "the tokenizer's folder, for a vocabulary of codes"},
        vq_setting(at, "vocabulary", "V", &t.settings, &texts),
        vq_setting(at, "preset", "NAME", &t.settings, &texts),
        vq_setting(at, "steps", "N", &t.settings, &texts),
        vq_setting(at, "epochs", "E", &t.settings, &texts),
        vq_setting(at, "window", "N", &t.settings, &texts),
        vq_setting(at, "batch", "N", &t.settings, &texts),
        {"set", 0, "KEY=VALUE", VQ_LIST, &t.settings,
         "any other option of the model or the training;\nhelp in its place lists them"},
        {"eval", 0, "FASTA", VQ_LIST, &t.eval, "say at the end what it tells of this file; may be repeated"},
        {"eval-windows", 0, "N", VQ_COUNT, &t.windows, "windows of it (default: 1024)"},
        VQ_SEQUENCE_OPTIONS(t.in),
        {"plan", 0, NULL, VQ_FLAG, &t.plan, "print the memory plan and stop"},
        {"resume", 0, NULL, VQ_FLAG, &t.resume, "go on from the checkpoint in MODEL"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a model that is there"},
        {"report-every", 0, "N", VQ_COUNT, &t.loop.report_every, "steps between two lines of the log (default: 20)"},
        {"checkpoint-every", 0, "S", VQ_NUMBER, &t.loop.checkpoint_every, "seconds between two checkpoints (default: 60)"},
        {"json", 0, NULL, VQ_FLAG, &cli->json, "print metrics.json"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out of the model who made it and how"},
        {0},
    };
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &t.inputs);
    if (code == VQ_GO_ON && (t.inputs.count || t.in.list))
        code = vq_sequences_take(&t.in, cli, &t.inputs);
    if (code == VQ_GO_ON && t.in.paths)
        t.inputs = *t.in.paths;
    if (code == VQ_GO_ON)
        code = pretrain(&t);
    if (code != VQ_EXIT_OK && t.made)
        rmdir(t.folder); /* which keeps it if anything was written there */
    vqdna_folder_unlock(t.lock);
    vq_training_log_close(&t.log);
    vq_training_end(&t.loop);
    vqdna_trainer_destroy(t.trainer);
    vqdna_predictor_destroy(t.predictor);
    vqdna_dataset_destroy(t.dataset);
    vqdna_dataset_destroy(t.held_out);
    vq_session_close(&t.session);
    vq_sequences_free(&t.in);
    vq_list_free(&t.settings);
    vq_list_free(&t.eval);
    vq_list_free(&texts);
    return code;
}

const vq_command vq_cmd_pretrain = {
    .name = "pretrain",
    .summary = "train a model of sequence by telling bases that are hidden from it",
    .synopsis = "[options] -o MODEL [-m TOKENIZER] FASTA...",
    .notes =
        "MODEL receives what train writes, and tokenizer/; vqdna finetune --init MODEL goes on from it. Printed beside the model's "
        "accuracy\n"
        "is that of counting: the most frequent code between the two nearest that are seen, and an order-6 model of bases on both\n"
        "sides.",
    .run = run,
};

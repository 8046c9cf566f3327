/* vqdna train: learns a vocabulary. The loop stands in train_loop; what is around it finds the folder, the data and the model. */
#include "cli/cli_metrics.h"
#include "cli/cli_output.h"
#include "cli/cli_sequences.h"
#include "cli/training_folder.h"
#include "cli/training_loop.h"
#include "cli/training_plan.h"
#include "cli/training_settings.h"
#include "cli/training_summary.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct training {
    vq_cli *cli;
    const char *folder, *init;
    vq_list settings, eval, inputs;
    vq_sequences in;         /* what inputs are, and what is taken of them */
    bool resume, plan, made; /* made: the folder is new */
    vqdna_lock *lock;        /* of the folder */

    vqdna_model_options model;
    vqdna_train_options train;
    vq_session session;
    vqdna_dataset *dataset;
    vqdna_trainer *trainer;
    vq_training_log log;
    vq_training_loop loop;
} training;

static int named(const vq_list *list, const char *word) {
    int times = 0;
    for (size_t i = 0; i < list->count; i++)
        times += !strcmp(list->items[i], word);
    return times;
}

static int check_settings(training *t) {
    for (size_t i = 0; i < t->settings.count; i++) {
        if (!strcmp(t->settings.items[i], "help"))
            return vq_settings_list(vqdna_option_at);
        vqdna_status status = vqdna_set_option(&t->model, &t->train, t->settings.items[i]);
        if (status < 0)
            return vq_cli_failed(t->cli, status);
        if (t->init && vq_settings_find(vqdna_option_at, t->settings.items[i])->of_model)
            return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "%s is of the model, which --init gives: leave it out", t->settings.items[i]);
    }
    if (t->train.seed && t->cli->seed_given && t->train.seed != t->cli->seed)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "--seed %llu and seed=%llu are two seeds: give one",
                           (unsigned long long)t->cli->seed, (unsigned long long)t->train.seed);
    t->train.seed = t->train.seed ? t->train.seed : t->cli->seed;
    t->cli->seed = t->train.seed;
    if ((t->train.steps > 0) + (t->train.epochs > 0) + (t->train.seconds > 0) > 1)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "--steps, --epochs and --seconds exclude each other: give one");
    if (t->plan && t->resume)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "--plan is for a training that has not begun: leave out --resume");
    if (t->init && (t->plan || t->resume))
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "--init begins a training and %s does not: give one of them",
                           t->plan ? "--plan" : "--resume");
    if (!t->inputs.count && !t->plan)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "no sequences to train on: name FASTA or FASTQ files");
    if (named(&t->inputs, "-") + named(&t->eval, "-") > 1)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "standard input (-) can be read only once: name a file for the other");
    if (!t->folder && !t->plan)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "where should the model go? name a folder with -o");
    return VQ_GO_ON;
}

static bool regular(const char *path) {
    struct stat found;
    return strcmp(path, "-") != 0 && stat(path, &found) == 0 && S_ISREG(found.st_mode);
}

/* Reads files into a dataset; without `input`, which is of no other, only those that can be read once more. */
static int read_files(training *t, const vq_list *files, const char *purpose, const vqdna_input_options *input,
                      vqdna_dataset **out) {
    vqdna_status status = vqdna_dataset_create(out);
    if (input && status >= 0)
        status = vqdna_dataset_add_files(*out, (const char *const *)files->items, files->count, input);
    for (size_t i = 0; !input && i < files->count && status >= 0; i++)
        if (regular(files->items[i]))
            status = vqdna_dataset_add(*out, files->items[i]);
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    vqdna_dataset_info info = vqdna_dataset_describe(*out);
    if (info.files == files->count && info.unknown == info.bases)
        return vq_cli_fail(t->cli, VQ_EXIT_INPUT, "%s%s: none of the %llu bases is A, C, G or T, so there is nothing to %s",
                           files->items[0], info.files > 1 ? " and the others" : "", (unsigned long long)info.bases, purpose);
    return VQ_GO_ON;
}

static int read_sequences(training *t) {
    vqdna_dataset *held_out = NULL;
    int code = t->eval.count ? read_files(t, &t->eval, "evaluate on", NULL, &held_out) : VQ_GO_ON;
    vqdna_dataset_destroy(held_out); /* it was read to tell before the training what is wrong with it */
    if (code == VQ_GO_ON)
        code = read_files(t, &t->inputs, "learn from", &t->in.input, &t->dataset);
    if (code != VQ_GO_ON)
        return code;
    vqdna_dataset_info info = vqdna_dataset_describe(t->dataset);
    char bases[16], unknown[16];
    vq_cli_note(t->cli, "%zu contig%s of %zu file%s: %s bases, of them %s not A, C, G or T", info.contigs,
                info.contigs == 1 ? "" : "s", info.files, info.files == 1 ? "" : "s", vq_short_number(bases, (double)info.bases),
                vq_short_number(unknown, (double)info.unknown));
    return VQ_GO_ON;
}

/* A run goes on as it began: an option that says otherwise is an error, not a wish. */
static int check_resumed(training *t) {
    vq_list all = t->settings;
    char *seed = vq_join("seed=%llu", (unsigned long long)t->cli->seed);
    int code = VQ_GO_ON;
    for (size_t i = 0; i < all.count + t->cli->seed_given && code == VQ_GO_ON; i++)
        if (vqdna_trainer_check_option(t->trainer, i < all.count ? all.items[i] : seed) < 0)
            code = vq_cli_fail(t->cli, VQ_EXIT_USAGE,
                               "%s; other options are not looked at by --resume: leave them out, or train the model further with "
                               "--init %s -o ANOTHER",
                               vqdna_last_error(), t->folder);
    free(seed);
    return code;
}

static int make_trainer(training *t) {
    vqdna_status status;
    if (t->resume) {
        status = vqdna_trainer_resume(&t->trainer, &t->session.tokenizer, t->session.context, t->dataset, t->folder);
    } else {
        if (t->init)
            status = vqdna_tokenizer_open(&t->session.tokenizer, t->session.context, t->init);
        else
            status = vqdna_tokenizer_create(&t->session.tokenizer, t->session.context, &t->model, t->train.seed);
        if (status >= 0)
            status = vqdna_trainer_create(&t->trainer, t->session.tokenizer, t->dataset, &t->train);
    }
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    t->session.info = vqdna_tokenizer_describe(t->session.tokenizer);
    t->loop.folder = t->folder;
    t->loop.trainer = t->trainer;
    int code = vq_training_begin(&t->loop);
    if (!t->resume || code != VQ_GO_ON)
        return code;
    code = check_resumed(t);
    t->cli->seed = 0; /* it is the checkpoint's */
    if (code == VQ_GO_ON)
        vq_cli_note(t->cli, "going on after step %llu", (unsigned long long)t->loop.step);
    return code;
}

static int print_plan(training *t) {
    bool begun = false;
    vqdna_plan_summary summary;
    vqdna_status status = vqdna_training_plan(t->session.context, &t->model, &t->train, vq_training_plan_row, &begun, &summary);
    return vq_training_plan_end(t->cli, status, &summary, "windows");
}

static int evaluate(training *t, vqdna_metrics *metrics) {
    const char *const *paths = (const char *const *)t->eval.items;
    vqdna_stream_options stream = {.interrupted = vq_signals_caught, .progress = vq_cli_stream_progress, .user = t->cli};
    vq_cli_note(t->cli, "evaluating on %s%s", paths[0], t->eval.count > 1 ? " and others" : "");
    vqdna_status status = vqdna_evaluate(t->session.tokenizer, paths, t->eval.count, &stream, metrics);
    vq_cli_progress_clear(t->cli);
    return status < 0 ? vq_cli_failed(t->cli, status) : VQ_GO_ON;
}

static int write_in_folder(training *t, const char *name, vq_kind kind, const char *text) {
    char *path = vq_join("%s/%s", t->folder, name);
    int code = vq_output_file(t->cli, path, kind, text);
    free(path);
    return code;
}

/* Evaluates, writes metrics.json and training.svg, and prints the summary. What the training made is written whatever the
 * evaluation comes to. */
static int finish(training *t) {
    vq_cli_progress_end(t->cli);
    json_t *object = json_object(), *provenance = vq_provenance(t->cli, &t->session);
    json_object_set_new(object, "steps", json_integer((json_int_t)t->loop.step));
    size_t reports = json_array_size(t->log.reports);
    if (reports)
        json_object_set(object, "training", json_array_get(t->log.reports, reports - 1));
    int evaluated = VQ_GO_ON;
    vqdna_metrics metrics;
    if (t->eval.count) {
        evaluated = evaluate(t, &metrics);
        if (evaluated == VQ_GO_ON)
            json_object_set_new(object, "eval", vq_metrics_json(&metrics, (const char *const *)t->eval.items, t->eval.count));
    }
    if (provenance)
        json_object_set_new(object, "provenance", provenance);
    char *json = vq_json_print(object, true), *text = vq_join("%s\n", json),
         *title = vq_join("%s: %s %s, %llu steps", t->folder, t->session.info.preset, t->session.info.quantizer,
                          (unsigned long long)t->loop.step),
         *svg = vq_training_curves(&t->log, &t->loop.shown, title);
    int code = write_in_folder(t, "metrics.json", VQ_KIND_METRICS, text);
    if (code == VQ_GO_ON)
        code = write_in_folder(t, "training.svg", VQ_KIND_SVG, svg);
    if (code == VQ_GO_ON && !t->cli->quiet)
        vq_training_summary(stderr, t->folder, &t->session.info, object, &t->loop.shown, t->session.context);
    json_decref(object);
    free(json);
    free(text);
    free(title);
    free(svg);
    code = code == VQ_GO_ON ? evaluated : code;
    return code == VQ_GO_ON ? VQ_EXIT_OK : code;
}

static int train(training *t) {
    int code = check_settings(t);
    for (size_t i = 0; i < t->eval.count && code == VQ_GO_ON; i++)
        code = vq_training_readable(t->cli, t->eval.items[i]);
    for (size_t i = 0; i < t->inputs.count && code == VQ_GO_ON; i++)
        code = vq_training_readable(t->cli, t->inputs.items[i]);
    if (code == VQ_GO_ON && !t->plan)
        code = vq_training_folder(t->cli, t->folder, false, &t->resume, &t->lock, &t->made);
    if (code != VQ_GO_ON)
        return code;
    code = vq_session_open(&t->session, t->cli, NULL);
    if (code == VQ_GO_ON && t->plan)
        return print_plan(t);
    if (code == VQ_GO_ON)
        code = read_sequences(t);
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
    training t = {.cli = cli};
    t.loop = (vq_training_loop){.cli = cli, .session = &t.session, .log = &t.log, .report_every = 20, .checkpoint_every = 60};
    vq_list texts = {0};
    const vq_option options[] = {
        {"output", 'o', "MODEL", VQ_TEXT, &t.folder, "the model's folder; made if missing"},
        vq_setting(vqdna_option_at, "preset", "NAME", &t.settings, &texts),
        vq_setting(vqdna_option_at, "quantizer", "NAME", &t.settings, &texts),
        vq_setting(vqdna_option_at, "steps", "N", &t.settings, &texts),
        vq_setting(vqdna_option_at, "epochs", "E", &t.settings, &texts),
        vq_setting(vqdna_option_at, "seconds", "S", &t.settings, &texts),
        vq_setting(vqdna_option_at, "window", "N", &t.settings, &texts),
        vq_setting(vqdna_option_at, "batch", "N", &t.settings, &texts),
        {"set", 0, "KEY=VALUE", VQ_LIST, &t.settings,
         "any other option of the model or the training;\nhelp in its place lists them"},
        {"eval", 0, "FASTA", VQ_LIST, &t.eval, "evaluate on this file at the end, all of it; may be repeated"},
        VQ_SEQUENCE_OPTIONS(t.in),
        {"init", 0, "MODEL", VQ_TEXT, &t.init, "train this model further: its weights and its vocabulary"},
        {"resume", 0, NULL, VQ_FLAG, &t.resume, "go on from the checkpoint in MODEL"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a model that is there"},
        {"plan", 0, NULL, VQ_FLAG, &t.plan, "print the memory plan and stop"},
        {"report-every", 0, "N", VQ_COUNT, &t.loop.report_every, "steps between two lines of the log (default: 20)"},
        {"checkpoint-every", 0, "S", VQ_NUMBER, &t.loop.checkpoint_every, "seconds between two checkpoints (default: 60)"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out of the model who made it and how"},
        {0},
    };
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &t.inputs);
    if (code == VQ_GO_ON && (t.inputs.count || t.in.list)) /* a plan needs none */
        code = vq_sequences_take(&t.in, cli, &t.inputs);
    if (code == VQ_GO_ON && t.in.paths)
        t.inputs = *t.in.paths;
    if (code == VQ_GO_ON)
        code = train(&t);
    if (code != VQ_EXIT_OK && t.made)
        rmdir(t.folder); /* which keeps it if anything was written there */
    vqdna_folder_unlock(t.lock);
    vq_training_log_close(&t.log);
    vqdna_trainer_destroy(t.trainer);
    vqdna_dataset_destroy(t.dataset);
    vq_session_close(&t.session);
    vq_sequences_free(&t.in);
    vq_list_free(&t.settings);
    vq_list_free(&t.eval);
    vq_list_free(&texts);
    vq_training_end(&t.loop);
    return code;
}

const vq_command vq_cmd_train = {
    .name = "train",
    .summary = "learn a vocabulary from sequences",
    .synopsis = "[options] -o MODEL FASTA...",
    .notes = "Inputs are FASTA, FASTQ or tables, plain, gzip or bgzip; - is standard input. MODEL receives config.json, "
             "model.safetensors,\n"
             "trainer.json, trainer.safetensors, log.ndjson, metrics.json and training.svg. Ctrl-C writes a checkpoint and stops.",
    .run = run,
};

/* vqdna train: learns a vocabulary. The loop stands in train_loop; what is around it finds the folder, the data and the model. */
#include "cli/cli_metrics.h"
#include "cli/cli_options.h"
#include "cli/cli_output.h"
#include "cli/training_folder.h"
#include "cli/training_log.h"

#include <stdlib.h>
#include <unistd.h>

/* Perplexity below this share of the codes is a collapse. */
static const double collapse = 0.1;

typedef struct training {
    vq_cli *cli;
    const char *folder;
    vq_list settings, eval, inputs;
    uint64_t report_every;
    double checkpoint_every;        /* seconds */
    bool resume, force, plan, made; /* made: the folder is new */

    vqdna_model_options model;
    vqdna_train_options train;
    vq_session session;
    vqdna_dataset *dataset;
    vqdna_trainer *trainer;
    vq_training_log log;
    uint64_t step;
    bool warned[VQDNA_MAX_LEVELS]; /* of a collapse that goes on */
} training;

static int check_settings(training *t) {
    for (size_t i = 0; i < t->settings.count; i++) {
        vqdna_status status = vqdna_set_option(&t->model, &t->train, t->settings.items[i]);
        if (status < 0)
            return vq_cli_failed(t->cli, status);
    }
    t->train.seed = t->train.seed ? t->train.seed : t->cli->seed;
    t->cli->seed = t->train.seed;
    if ((t->train.steps > 0) + (t->train.epochs > 0) + (t->train.seconds > 0) > 1)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "--steps, --epochs and --seconds exclude each other: give one");
    if (!t->inputs.count && !t->plan)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "no sequences to train on: name FASTA or FASTQ files");
    if (!t->folder && !t->plan)
        return vq_cli_fail(t->cli, VQ_EXIT_USAGE, "where should the model go? name a folder with -o");
    return VQ_GO_ON;
}

static int read_sequences(training *t) {
    vqdna_status status = vqdna_dataset_create(&t->dataset);
    for (size_t i = 0; i < t->inputs.count && status >= 0; i++) {
        if (vq_signals_caught(NULL))
            return vq_cli_fail(t->cli, VQ_EXIT_INTERRUPTED, "interrupted before the training began");
        status = vqdna_dataset_add(t->dataset, t->inputs.items[i]);
    }
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    vqdna_dataset_info info = vqdna_dataset_describe(t->dataset);
    char bases[16], unknown[16];
    if (info.files)
        vq_cli_note(t->cli, "%zu contig%s of %zu file%s: %s bases, of them %s not A, C, G or T", info.contigs,
                    info.contigs == 1 ? "" : "s", info.files, info.files == 1 ? "" : "s",
                    vq_short_number(bases, (double)info.bases), vq_short_number(unknown, (double)info.unknown));
    return VQ_GO_ON;
}

static int make_trainer(training *t) {
    vqdna_status status;
    if (t->resume) {
        status = vqdna_trainer_resume(&t->trainer, &t->session.tokenizer, t->session.context, t->dataset, t->folder);
        t->cli->seed = 0; /* it is the checkpoint's */
        if (status >= 0 && t->settings.count)
            vq_cli_note(t->cli,
                        "the options stored in the checkpoint go on; those of this command line (%s, ...) are not looked at",
                        t->settings.items[0]);
    } else {
        status = vqdna_tokenizer_create(&t->session.tokenizer, t->session.context, &t->model, t->train.seed);
        if (status >= 0)
            status = vqdna_trainer_create(&t->trainer, t->session.tokenizer, t->dataset, &t->train);
    }
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    t->session.info = vqdna_tokenizer_describe(t->session.tokenizer);
    t->step = t->session.info.step;
    if (t->resume)
        vq_cli_note(t->cli, "going on after step %llu", (unsigned long long)t->step);
    return VQ_GO_ON;
}

static void print_plan_row(void *user, const char *name, const char *role, int rank, const size_t *shape, size_t bytes, int slab,
                           size_t offset) {
    (void)user;
    char sizes[64];
    int used = 0;
    for (int d = 0; d < rank && used < (int)sizeof sizes - 1; d++)
        used += snprintf(sizes + used, sizeof sizes - (size_t)used, "%s%zu", d ? " x " : "", shape[d]);
    sizes[rank ? sizeof sizes - 1 : 0] = '\0';
    printf("%-40s %-8s %-24s %14zu %5d %14zu\n", name, role, sizes, bytes, slab, offset);
}

static int print_plan(training *t) {
    printf("%-40s %-8s %-24s %14s %5s %14s\n", "tensor", "role", "shape", "bytes", "slab", "offset");
    vqdna_plan_summary summary;
    vqdna_status status = vqdna_trainer_plan(t->trainer, print_plan_row, NULL, &summary);
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    printf("\ntotal %.1f MiB of the device's %.1f MiB; largest batch about %d windows\n", (double)summary.device_bytes / (1 << 20),
           (double)summary.device_limit / (1 << 20), summary.largest_batch);
    return VQ_EXIT_OK;
}

static void show(training *t, const vqdna_report *r, bool force) {
    char rate[16], left[16], levels[40 * VQDNA_MAX_LEVELS] = "", planned[32] = "";
    size_t used = 0;
    for (int n = 0; n < r->levels && r->quantized; n++)
        used += (size_t)snprintf(levels + used, sizeof levels - used, "  %d: %d/%d ppl %.2f", n + 1, r->level[n].used,
                                 r->level[n].codes, r->level[n].perplexity / r->level[n].codes);
    if (r->steps)
        snprintf(planned, sizeof planned, "/%llu", (unsigned long long)r->steps);
    vq_cli_progress(t->cli, force, "step %llu%s  loss %.4f  rebuilt %.2f %%%s  %s bases/s  %s left", (unsigned long long)r->step,
                    planned, r->loss, 100 * r->reconstruction_accuracy, r->quantized ? levels : "  not quantized yet",
                    vq_short_number(rate, r->bases_per_second), vq_short_time(left, r->seconds_left));
    for (int n = 0; n < r->levels && r->quantized; n++) {
        bool collapsed = r->level[n].perplexity < collapse * r->level[n].codes;
        if (collapsed && !t->warned[n])
            vq_cli_warn(t->cli, "step %llu: the codebook of level %d collapses: perplexity %.1f of %d codes",
                        (unsigned long long)r->step, n + 1, r->level[n].perplexity, r->level[n].codes);
        t->warned[n] = collapsed;
    }
}

static int report(training *t, bool force) {
    vqdna_report r;
    vqdna_status status = vqdna_trainer_report(t->trainer, &r);
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    show(t, &r, force || r.progress >= 1);
    return vq_training_log_append(&t->log, t->cli, &r);
}

static int checkpoint(training *t) {
    char *provenance = vq_provenance_text(t->cli, &t->session);
    vqdna_status status = vqdna_trainer_checkpoint(t->trainer, t->folder, provenance);
    free(provenance);
    return status < 0 ? vq_cli_failed(t->cli, status) : VQ_GO_ON;
}

/* Reports stand at fixed steps so that two runs log the same; a checkpoint follows a report, so that the means since the last
 * report, which it does not hold, are empty. */
static int train_loop(training *t) {
    double checkpoint_time = vq_clock();
    uint64_t reported = t->step;
    int code = VQ_GO_ON;
    while (code == VQ_GO_ON && !vq_signals_caught(NULL)) {
        vqdna_status status = vqdna_trainer_step(t->trainer);
        if (status < 0)
            return vq_cli_failed(t->cli, status);
        if (status == VQDNA_END)
            break;
        t->step++;
        if (t->step % t->report_every)
            continue;
        code = report(t, false);
        reported = t->step;
        if (code == VQ_GO_ON && vq_clock() - checkpoint_time >= t->checkpoint_every) {
            code = checkpoint(t);
            checkpoint_time = vq_clock();
        }
    }
    if (code != VQ_GO_ON)
        return code;
    if (vq_signals_caught(NULL)) {
        code = checkpoint(t);
        if (code == VQ_GO_ON)
            code = vq_cli_fail(t->cli, VQ_EXIT_INTERRUPTED,
                               "stopped after step %llu with a checkpoint in %s; the same command with --resume goes on",
                               (unsigned long long)t->step, t->folder);
        return code;
    }
    if (t->step != reported)
        code = report(t, true);
    return code == VQ_GO_ON ? checkpoint(t) : code;
}

/* Evaluates, and writes metrics.json and training.svg. */
static int finish(training *t) {
    vq_cli_progress_end(t->cli);
    json_t *object = json_object(), *provenance = vq_provenance(t->cli, &t->session);
    json_object_set_new(object, "steps", json_integer((json_int_t)t->step));
    size_t reports = json_array_size(t->log.reports);
    if (reports)
        json_object_set(object, "training", json_array_get(t->log.reports, reports - 1));
    int code = VQ_GO_ON;
    if (t->eval.count) {
        const char *const *paths = (const char *const *)t->eval.items;
        vqdna_stream_options stream = {.interrupted = vq_signals_caught, .progress = vq_cli_stream_progress, .user = t->cli};
        vqdna_metrics metrics;
        vqdna_status status = vqdna_evaluate(t->session.tokenizer, paths, t->eval.count, &stream, &metrics);
        vq_cli_progress_end(t->cli);
        if (status < 0)
            code = vq_cli_failed(t->cli, status);
        else
            json_object_set_new(object, "eval", vq_metrics_json(&metrics, paths, t->eval.count));
        if (status >= 0 && !t->cli->quiet)
            vq_metrics_print(&metrics, stderr);
    }
    if (provenance)
        json_object_set_new(object, "provenance", provenance);
    char *json = vq_json_print(object, true), *text = vq_join("%s\n", json), *title = vq_join("Training of %s", t->folder),
         *svg = vq_training_curves(&t->log, title);
    char *metrics_path = vq_join("%s/metrics.json", t->folder), *svg_path = vq_join("%s/training.svg", t->folder);
    if (code == VQ_GO_ON)
        code = vq_output_file(t->cli, metrics_path, text);
    if (code == VQ_GO_ON)
        code = vq_output_file(t->cli, svg_path, svg);
    json_decref(object);
    free(json);
    free(text);
    free(title);
    free(svg);
    free(metrics_path);
    free(svg_path);
    return code == VQ_GO_ON ? VQ_EXIT_OK : code;
}

static int train(training *t) {
    int code = check_settings(t);
    for (size_t i = 0; i < t->eval.count && code == VQ_GO_ON; i++)
        code = vq_training_readable(t->cli, t->eval.items[i]);
    for (size_t i = 0; i < t->inputs.count && code == VQ_GO_ON; i++)
        code = vq_training_readable(t->cli, t->inputs.items[i]);
    if (code == VQ_GO_ON && !t->plan)
        code = vq_training_folder(t->cli, t->folder, &t->resume, t->force, &t->made);
    if (code != VQ_GO_ON)
        return code;
    vq_signals_watch();
    code = vq_session_open(&t->session, t->cli, NULL);
    if (code == VQ_GO_ON)
        code = read_sequences(t);
    if (code == VQ_GO_ON)
        code = make_trainer(t);
    if (code != VQ_GO_ON)
        return code;
    if (t->plan)
        return print_plan(t);
    char *path = vq_join("%s/log.ndjson", t->folder);
    code = vq_training_log_open(&t->log, t->cli, path, t->step);
    free(path);
    if (code == VQ_GO_ON)
        code = train_loop(t);
    return code == VQ_GO_ON ? finish(t) : code;
}

static int run(vq_cli *cli, int argc, char **argv) {
    training t = {.cli = cli, .report_every = 20, .checkpoint_every = 60};
    const vq_option options[] = {
        {"output", 'o', "MODEL", VQ_TEXT, &t.folder, "the model's folder; made if missing"},
        {"preset", 0, "NAME", VQ_SETTING, &t.settings, "tiny (default), small or base"},
        {"quantizer", 0, "NAME", VQ_SETTING, &t.settings, "hrq (default: a codebook a level) or vq (one)"},
        {"steps", 0, "N", VQ_SETTING, &t.settings, "train so many steps (default: 1000)"},
        {"epochs", 0, "E", VQ_SETTING, &t.settings, "or until each base is expected to have been seen so often"},
        {"seconds", 0, "S", VQ_SETTING, &t.settings, "or so long; two such runs differ"},
        {"window", 0, "N", VQ_SETTING, &t.settings, "bases of a window (default: 256 for tiny, 512 else)"},
        {"batch", 0, "N", VQ_SETTING, &t.settings, "windows of a step (default: 8)"},
        {"set", 0, "KEY=VALUE", VQ_LIST, &t.settings, "any other option of the model or the training; see vqdna-train(1)"},
        {"eval", 0, "FASTA", VQ_LIST, &t.eval, "evaluate on this file at the end; may be repeated"},
        {"resume", 0, NULL, VQ_FLAG, &t.resume, "go on from the checkpoint in MODEL"},
        {"force", 0, NULL, VQ_FLAG, &t.force, "replace a model that is there"},
        {"plan", 0, NULL, VQ_FLAG, &t.plan, "print the memory plan and stop"},
        {"report-every", 0, "N", VQ_COUNT, &t.report_every, "steps between two lines of the log (default: 20)"},
        {"checkpoint-every", 0, "S", VQ_NUMBER, &t.checkpoint_every, "seconds between two checkpoints (default: 60)"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out of the model who made it and how"},
        {0},
    };
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &t.inputs);
    if (code == VQ_GO_ON)
        code = train(&t);
    if (code != VQ_EXIT_OK && t.made)
        rmdir(t.folder); /* which keeps it if anything was written there */
    vq_training_log_close(&t.log);
    vqdna_trainer_destroy(t.trainer);
    vqdna_dataset_destroy(t.dataset);
    vq_session_close(&t.session);
    vq_list_free(&t.settings);
    vq_list_free(&t.eval);
    return code;
}

const vq_command vq_cmd_train = {
    .name = "train",
    .summary = "learn a vocabulary from sequences",
    .synopsis = "[options] -o MODEL FASTA...",
    .notes = "Inputs are FASTA or FASTQ files, plain, gzip or bgzip; - is standard input. MODEL receives config.json, "
             "model.safetensors,\n"
             "trainer.json, trainer.safetensors, log.ndjson, metrics.json and training.svg. Ctrl-C writes a checkpoint and stops.",
    .run = run,
};

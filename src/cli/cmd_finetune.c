/* vqdna finetune: an encoder over the tokens of a vocabulary learns labels; several seeds in one call. */
#include "cli/cli_output.h"
#include "cli/finetune_training.h"
#include "cli/training_folder.h"
#include "cli/training_loop.h"
#include "cli/training_plan.h"
#include "cli/training_settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Before ------------------------------------------------------------------------------------------------------------------ */

static int check_settings(vq_finetuning *f) {
    for (size_t i = 0; i < f->settings.count; i++) {
        if (!strcmp(f->settings.items[i], "help"))
            return vq_settings_list(vqdna_predictor_option_at);
        vqdna_status status = vqdna_set_predictor_option(&f->predictor_options, &f->options, f->settings.items[i]);
        if (status < 0)
            return vq_cli_failed(f->cli, status);
        const vqdna_option *o = vq_settings_find(vqdna_predictor_option_at, f->settings.items[i]);
        if (f->init && o->of_model && strcmp(o->key, "pool") && strcmp(o->key, "head") && strcmp(o->key, "vocabulary") &&
            strcmp(o->key, "reference"))
            return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "%s is of the body, which --init gives: leave it out", o->key);
    }
    if (f->init && f->tokenizer)
        return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "--init brings its tokenizer: leave out -m");
    if (!f->train)
        return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "which labelled sequences? name a table with --train");
    if (f->plan && f->resume)
        return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "--plan is for a training that has not begun: leave out --resume");
    if (!f->folder && !f->plan)
        return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "where should the model go? name a folder with -o");
    if (f->seeds < 1 || f->seeds > 100)
        return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "--seeds takes 1 to 100");
    if (f->phases > 64)
        return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "--phases takes at most the vocabulary's stride");
    if (f->options.seed && f->cli->seed_given && f->options.seed != f->cli->seed)
        return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "--seed and seed= are two seeds: give one");
    f->cli->seed = f->options.seed ? f->options.seed : f->cli->seed_given ? f->cli->seed : 1;
    f->options.seed = f->cli->seed;
    f->predictor_options.reference_strands = f->options.both_strands;
    return VQ_GO_ON;
}

/* Each seed and each rate reads it. */
static int check_reference(vq_finetuning *f) {
    struct stat found;
    const char *path = f->predictor_options.reference;
    if (!path || f->resume)
        return VQ_GO_ON;
    if ((f->seeds > 1 || f->rates) && (!strcmp(path, "-") || (stat(path, &found) == 0 && !S_ISREG(found.st_mode))))
        return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "%s is read for each training: give --reference a file, not a pipe", path);
    return vq_training_readable(f->cli, path);
}

static int read_set(vq_finetuning *f, const char *path, const vqdna_examples *like, size_t rows, vqdna_examples **out) {
    const vqdna_examples_options o = {.size = sizeof o,
                                      .sequence = f->sequence,
                                      .label = f->label,
                                      .regression = f->regression,
                                      .rows = rows,
                                      .seed = 1}; /* the same rows for every seed */
    vqdna_status status = vqdna_examples_read(out, path, &o, like);
    return status < 0 ? vq_cli_failed(f->cli, status) : VQ_GO_ON;
}

static int read_sets(vq_finetuning *f) {
    int code = read_set(f, f->train, NULL, f->rows, &f->train_set);
    if (code == VQ_GO_ON && f->dev)
        code = read_set(f, f->dev, f->train_set, 0, &f->dev_set);
    if (code == VQ_GO_ON && f->test)
        code = read_set(f, f->test, f->train_set, 0, &f->test_set);
    if (code != VQ_GO_ON || f->dev)
        return code;
    vqdna_status status = vqdna_examples_split(f->train_set, &f->dev_set, 10, 1);
    if (status < 0)
        return vq_cli_failed(f->cli, status);
    vq_cli_note(f->cli, "no --dev: one training row in ten (%zu) is held out to choose the best weights by",
                vqdna_examples_describe(f->dev_set).rows);
    return VQ_GO_ON;
}

static int write_results(vq_finetuning *f) {
    json_t *all = vq_finetune_results(&f->info, json_incref(f->results)), *provenance = vq_provenance(f->cli, &f->session);
    if (f->searched) {
        json_object_set(all, "search", f->searched);
        json_object_set_new(all, "learning_rate", json_real(f->options.learning_rate));
    }
    if (provenance)
        json_object_set_new(all, "provenance", provenance);
    int code = vq_finetune_write(f, f->folder, all);
    if (code == VQ_GO_ON && f->cli->json) {
        char *text = vq_json_print(all, true);
        puts(text);
        free(text);
    } else if (code == VQ_GO_ON) {
        vq_finetune_print(all);
    }
    json_decref(all);
    return code;
}

static int train_seed(vq_finetuning *f, const char *folder, uint64_t seed) {
    vq_finetuning_run t = {NULL};
    int code = vq_finetuning_train(f, folder, seed, &t);
    const double score = vq_finetune_dev_score(f, json_array_get(f->results, json_array_size(f->results) - 1));
    if (code == VQ_GO_ON && f->seeds > 1 && (isnan(f->best) || score > f->best)) {
        char *provenance = vq_provenance_text(f->cli, &f->session);
        vqdna_status status = vqdna_predictor_save(t.predictor, f->folder, provenance);
        code = status < 0 ? vq_cli_failed(f->cli, status) : vq_finetune_save_adapter(f, t.predictor, f->folder, provenance);
        free(provenance);
    }
    if (code == VQ_GO_ON && (isnan(f->best) || score > f->best)) {
        f->best = score;
        f->best_seed = seed;
    }
    if (code == VQ_GO_ON && json_array_size(f->results) == f->seeds) /* labels are the predictor's */
        code = write_results(f);
    vq_finetuning_end(f, &t);
    return code;
}

static int print_plan(vq_finetuning *f) {
    bool begun = false;
    vqdna_plan_summary summary;
    vqdna_predictor *p = NULL;
    vqdna_status status = vq_finetune_predictor(f, f->cli->seed, &p);
    if (status < 0)
        return vq_cli_failed(f->cli, status);
    status = vqdna_finetuner_plan(p, vq_finetune_longest(f), &f->options, vq_training_plan_row, &begun, &summary);
    vqdna_predictor_destroy(p);
    return vq_training_plan_end(f->cli, status, &summary, "sequences");
}

/* ---- All of them ------------------------------------------------------------------------------------------------------------- */

static int train_seeds(vq_finetuning *f) {
    int code = VQ_GO_ON;
    for (uint64_t i = 0; i < f->seeds && code == VQ_GO_ON; i++) {
        const uint64_t seed = f->cli->seed + i;
        char *folder = f->seeds == 1 ? vq_need_text(f->folder) : vq_join("%s/seed-%llu", f->folder, (unsigned long long)seed);
        char prefix[64] = "";
        if (f->seeds > 1)
            code = vq_finetune_folder(f, folder);
        if (f->seeds > 1)
            snprintf(prefix, sizeof prefix, "seed %llu of %llu: ", (unsigned long long)i + 1, (unsigned long long)f->seeds);
        f->loop.prefix = prefix;
        if (code == VQ_GO_ON)
            code = train_seed(f, folder, seed);
        free(folder);
    }
    return code;
}

static int finetune(vq_finetuning *f, const char *search) {
    int code = check_settings(f);
    if (code == VQ_GO_ON)
        code = vq_rates_take(f, search);
    const char *tables[] = {f->train, f->dev, f->test};
    for (int i = 0; i < 3 && code == VQ_GO_ON; i++)
        if (tables[i])
            code = vq_training_readable(f->cli, tables[i]);
    if (code == VQ_GO_ON)
        code = check_reference(f);
    f->cli->model = f->init ? f->init : f->tokenizer;
    if (code == VQ_GO_ON && !f->plan)
        code = vq_training_folder(f->cli, f->folder, f->seeds > 1 || f->rates, &f->resume, &f->lock, &f->made);
    if (code == VQ_GO_ON)
        code = vq_session_open(&f->session, f->cli, f->tokenizer);
    if (code == VQ_GO_ON)
        code = read_sets(f);
    if (code == VQ_GO_ON)
        code = f->plan ? print_plan(f) : f->rates ? vq_rates_search(f) : VQ_GO_ON;
    if (code == VQ_GO_ON && !f->plan)
        code = train_seeds(f);
    return code == VQ_GO_ON ? VQ_EXIT_OK : code;
}

static int run(vq_cli *cli, int argc, char **argv) {
    vq_finetuning f = {.cli = cli, .seeds = 1, .best = NAN, .results = json_array()};
    f.loop = (vq_training_loop){.cli = cli, .session = &f.session, .log = &f.log, .report_every = 20, .checkpoint_every = 60};
    vq_list texts = {0}, inputs;
    const char *search = NULL;
    const vq_settings_at at = vqdna_predictor_option_at;
    const vq_option options[] = {
        {"output", 'o', "MODEL", VQ_TEXT, &f.folder, "the model's folder; made if missing"},
        {"train", 0, "TABLE", VQ_TEXT, &f.train, "CSV or TSV with a column of sequences and one of labels"},
        {"dev", 0, "TABLE", VQ_TEXT, &f.dev, "rows to choose the best weights by (default: one training row in ten)"},
        {"test", 0, "TABLE", VQ_TEXT, &f.test, "rows to score, once a seed"},
        {"model", 'm', "TOKENIZER", VQ_TEXT, &f.tokenizer, "the tokenizer's folder, for a vocabulary of codes"},
        {"init", 0, "MODEL", VQ_TEXT, &f.init, "begin with the body of this model, and its tokenizer: of pretrain, mostly"},
        vq_setting(at, "vocabulary", "V", &f.settings, &texts),
        vq_setting(at, "reference", "FASTA", &f.settings, &texts),
        vq_setting(at, "preset", "NAME", &f.settings, &texts),
        vq_setting(at, "epochs", "E", &f.settings, &texts),
        vq_setting(at, "batch", "N", &f.settings, &texts),
        vq_setting(at, "learning-rate", "R", &f.settings, &texts),
        {"search", 0, "R,R,...", VQ_TEXT, &search, "try these learning rates with the first seed, and take the best on dev"},
        {"set", 0, "KEY=VALUE", VQ_LIST, &f.settings,
         "any other option of the model or the training;\nhelp in its place lists them"},
        {"seeds", 0, "N", VQ_COUNT, &f.seeds, "train so many, from --seed on, and report mean and spread (default: 1)"},
        {"rows", 0, "N", VQ_COUNT, &f.rows, "train on so many rows, drawn once (default: all)"},
        {"regression", 0, NULL, VQ_FLAG, &f.regression, "labels are numbers"},
        {"both-strands", 0, NULL, VQ_FLAG, &f.options.both_strands,
         "labels have no strand: train on either, and average over both when scoring"},
        {"phases", 0, "N", VQ_COUNT, &f.phases, "average over N places of the first token when scoring (at most the stride)"},
        {"column", 0, "NAME", VQ_TEXT, &f.sequence, "the column of sequences (default: sequence)"},
        {"label", 0, "NAME", VQ_TEXT, &f.label, "the column of labels (default: label)"},
        {"plan", 0, NULL, VQ_FLAG, &f.plan, "print the memory plan and stop"},
        {"resume", 0, NULL, VQ_FLAG, &f.resume, "go on from the checkpoint in MODEL"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a model that is there"},
        {"report-every", 0, "N", VQ_COUNT, &f.loop.report_every, "steps between two lines of the log (default: 20)"},
        {"checkpoint-every", 0, "S", VQ_NUMBER, &f.loop.checkpoint_every, "seconds between two checkpoints (default: 60)"},
        {"json", 0, NULL, VQ_FLAG, &cli->json, "print metrics.json"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out of the model who made it and how"},
        {0},
    };
    int code = vq_options_parse(cli, options, argc, argv, 0, 0, &inputs);
    if (code == VQ_GO_ON)
        code = finetune(&f, search);
    if (code != VQ_EXIT_OK && f.made)
        rmdir(f.folder); /* which keeps it if anything was written there */
    vqdna_folder_unlock(f.lock);
    vqdna_examples_destroy(f.train_set);
    vqdna_examples_destroy(f.dev_set);
    vqdna_examples_destroy(f.test_set);
    vq_session_close(&f.session);
    vq_list_free(&f.settings);
    vq_list_free(&texts);
    json_decref(f.results);
    json_decref(f.searched);
    return code;
}

const vq_command vq_cmd_finetune = {
    .name = "finetune",
    .summary = "train a model that tells labels of sequences",
    .synopsis = "[options] -o MODEL --train CSV [--dev CSV] [--test CSV] [-m TOKENIZER|--init MODEL]",
    .notes = "MODEL receives config.json, model.safetensors (the weights that did best on dev), trainer.json, trainer.safetensors, "
             "log.ndjson,\n"
             "metrics.json, predictions.tsv, training.svg and tokenizer/; of several seeds each its own in MODEL/seed-N, and the "
             "best's model\n"
             "in MODEL. Ctrl-C writes a checkpoint and stops.",
    .run = run,
};

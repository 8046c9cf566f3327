#include "cli/finetune_training.h"
#include "cli/cli_output.h"
#include "cli/predictions.h"
#include "cli/training_folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_in(vq_finetuning *f, const char *folder, const char *name, vq_kind kind, const char *text) {
    char *path = vq_join("%s/%s", folder, name);
    int code = vq_output_file(f->cli, path, kind, text);
    free(path);
    return code;
}

int vq_finetune_write(vq_finetuning *f, const char *folder, const json_t *object) {
    char *json = vq_json_print(object, true), *text = vq_join("%s\n", json);
    int code = write_in(f, folder, "metrics.json", VQ_KIND_METRICS, text);
    free(json);
    free(text);
    return code;
}

static int judge(vq_finetuning *f, vqdna_predictor *p, const vqdna_examples *set, vqdna_judgement *out) {
    const vqdna_judge_options o = {.size = sizeof o, .both_strands = f->options.both_strands, .phases = (int)f->phases};
    vqdna_status status = vqdna_predictor_judge(p, set, &o, out);
    return status < 0 ? vq_cli_failed(f->cli, status) : VQ_GO_ON;
}

/* The adapters apart, where they stand on a model that others have too. */
int vq_finetune_save_adapter(vq_finetuning *f, vqdna_predictor *p, const char *folder, const char *provenance) {
    if (f->options.lora <= 0 || !f->init) /* an explicit 0 is VQDNA_ZERO */
        return VQ_GO_ON;
    char *path = vq_join("%s/adapter.safetensors", folder);
    vqdna_status status = vqdna_predictor_save_adapter(p, path, provenance);
    free(path);
    return status < 0 ? vq_cli_failed(f->cli, status) : VQ_GO_ON;
}

/* training.svg in the seed's folder. */
static int write_curves(vq_finetuning *f, const char *folder, uint64_t seed) {
    char *title = vq_join("%s: %s, seed %llu", folder, f->info.vocabulary, (unsigned long long)seed),
         *svg = vq_training_curves(&f->log, &f->loop.shown, title);
    int code = write_in(f, folder, "training.svg", VQ_KIND_SVG, svg);
    free(svg);
    free(title);
    return code;
}

/* Scores of the weights that were kept after so many seconds: metrics.json and predictions.tsv in the seed's folder. */
static int finish_seed(vq_finetuning *f, vqdna_predictor *p, const char *folder, uint64_t seed, double seconds) {
    vqdna_judgement dev, test;
    int code = judge(f, p, f->dev_set, &dev);
    json_t *result = NULL;
    if (code == VQ_GO_ON)
        result = vq_finetune_seed(seed, f->loop.step, seconds, &dev, NULL);
    if (code == VQ_GO_ON && f->test_set && (code = judge(f, p, f->test_set, &test)) == VQ_GO_ON) {
        json_t *both = vq_finetune_seed(seed, f->loop.step, 0, &test, NULL);
        json_object_set(result, "test", json_object_get(both, "dev"));
        json_decref(both);
    }
    char *provenance = code == VQ_GO_ON ? vq_provenance_text(f->cli, &f->session) : NULL;
    if (code == VQ_GO_ON)
        code = vq_finetune_save_adapter(f, p, folder, provenance);
    if (code == VQ_GO_ON && f->test_set && test.classes) {
        char *path = vq_join("%s/predictions.tsv", folder);
        code = vq_predictions_write(f->cli, path, test.rows, f->info.labels, test.truth, test.predicted, provenance);
        free(path);
    }
    if (code == VQ_GO_ON)
        code = vq_finetune_write(f, folder, result);
    if (code == VQ_GO_ON)
        json_array_append(f->results, result);
    json_decref(result);
    free(provenance);
    return code;
}

static int check_resumed(vq_finetuning *f, const vqdna_trainer *trainer) {
    for (size_t i = 0; i < f->settings.count; i++)
        if (strncmp(f->settings.items[i], "seed=", 5) && vqdna_trainer_check_option(trainer, f->settings.items[i]) < 0)
            return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "%s; other options are not looked at by --resume: leave them out",
                               vqdna_last_error());
    return VQ_GO_ON;
}

/* Bases of the longest sequence of all. */
size_t vq_finetune_longest(const vq_finetuning *f) {
    size_t most = vqdna_examples_describe(f->train_set).longest;
    const vqdna_examples *others[] = {f->dev_set, f->test_set};
    for (int i = 0; i < 2; i++)
        if (others[i] && vqdna_examples_describe(others[i]).longest > most)
            most = vqdna_examples_describe(others[i]).longest;
    return most;
}

vqdna_status vq_finetune_predictor(vq_finetuning *f, uint64_t seed, vqdna_predictor **p) {
    vqdna_context *context = f->session.context;
    return f->init ? vqdna_predictor_from(p, context, f->init, f->train_set, vq_finetune_longest(f), &f->predictor_options, seed)
                   : vqdna_predictor_create(p, context, f->session.tokenizer, f->train_set, vq_finetune_longest(f),
                                            &f->predictor_options, seed);
}

/* Of a new run nothing of an older one may be left that --resume could take for its own, in no seed's and no rate's folder. Not before a
 * training has begun: until then a mistyped option shall destroy nothing. */
static void clear_all(vq_finetuning *f) {
    f->cleared = true;
    for (uint64_t i = 0; i < f->seeds && f->seeds > 1; i++) {
        char *folder = vq_join("%s/seed-%llu", f->folder, (unsigned long long)(f->cli->seed + i));
        vq_training_folder_clear(folder);
        free(folder);
    }
    for (int i = 0; i < f->rates; i++) {
        char *folder = vq_join("%s/rate-%g", f->folder, f->rate[i]);
        vq_training_folder_clear(folder);
        free(folder);
    }
    vq_training_folder_clear(f->folder);
}

/* A model and its trainer: from the seed's checkpoint if there is one and it is asked for, else new. */
static int start_seed(vq_finetuning *f, const char *folder, uint64_t seed, vqdna_predictor **p, vqdna_trainer **trainer) {
    char *checkpoint = vq_join("%s/trainer.safetensors", folder);
    const bool resume = f->resume && access(checkpoint, F_OK) == 0;
    vqdna_status status;
    free(checkpoint);
    f->options.seed = seed;
    if (resume) {
        status = vqdna_finetuner_resume(trainer, p, f->session.context, f->train_set, f->dev_set, folder);
    } else {
        status = vq_finetune_predictor(f, seed, p);
        if (status >= 0)
            status = vqdna_finetuner_create(trainer, *p, f->train_set, f->dev_set, &f->options);
    }
    if (status < 0)
        return vq_cli_failed(f->cli, status);
    if (!f->resume && !f->cleared)
        clear_all(f);
    if (!resume)
        vq_training_folder_clear(folder);
    return resume ? check_resumed(f, *trainer) : VQ_GO_ON;
}

int vq_finetuning_train(vq_finetuning *f, const char *folder, uint64_t seed, vq_finetuning_run *t) {
    char *log = vq_join("%s/log.ndjson", folder);
    int code = start_seed(f, folder, seed, &t->predictor, &t->trainer);
    if (code == VQ_GO_ON) {
        f->info = vqdna_predictor_describe(t->predictor);
        f->loop.folder = folder;
        f->loop.trainer = t->trainer;
        code = vq_training_begin(&f->loop);
    }
    if (code == VQ_GO_ON)
        code = vq_training_log_open(&f->log, f->cli, log, f->loop.step);
    if (code == VQ_GO_ON)
        code = vq_training_run(&f->loop);
    if (code == VQ_GO_ON) {
        vq_cli_progress_end(f->cli);
        code = write_curves(f, folder, seed);
    }
    if (code == VQ_GO_ON) {
        const double seconds = vqdna_report_value(&f->loop.shown, "seconds");
        /* Judged when the training's memory is free again. Adapters are read from their training, which holds less. */
        if (f->options.lora <= 0) {
            vqdna_trainer_destroy(t->trainer);
            t->trainer = f->loop.trainer = NULL;
            f->loop.shown = (vqdna_report){0}; /* its numbers were the trainer's */
        }
        code = finish_seed(f, t->predictor, folder, seed, seconds);
    }
    free(log);
    return code;
}

void vq_finetuning_end(vq_finetuning *f, vq_finetuning_run *t) {
    vq_training_log_close(&f->log);
    vq_training_end(&f->loop);
    vqdna_trainer_destroy(t->trainer);
    vqdna_predictor_destroy(t->predictor);
}

double vq_finetune_dev_score(const vq_finetuning *f, const json_t *result) {
    return vq_finetune_score(result, "dev", f->regression ? "r" : "mcc");
}

int vq_finetune_folder(vq_finetuning *f, const char *folder) {
    if (mkdir(folder, 0777) != 0 && access(folder, W_OK) != 0)
        return vq_cli_fail(f->cli, VQ_EXIT_INPUT, "cannot make the folder %s", folder);
    return VQ_GO_ON;
}

/* vqdna probe: what codes, or k-mers, are worth to a linear reader of labelled sequences. */
#include "cli/cli_input.h"
#include "cli/cli_options.h"
#include "cli/cli_output.h"
#include "cli/cli_session.h"
#include "cli/predictions.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Predictions as a table -------------------------------------------------------------------------------------------------- */

static int class_of(const vqdna_probe_report *r, const char *text, size_t length) {
    for (int i = 0; i < r->classes; i++)
        if (strlen(r->labels[i]) == length && !memcmp(r->labels[i], text, length))
            return i;
    return -1;
}

static int bad_line(vq_cli *cli, const vq_input *in, const char *what) {
    return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s: line %llu: %s", in->path, (unsigned long long)in->line, what);
}

/* Predictions of the same rows to others[r->test]. */
static int read_predictions(vq_cli *cli, const char *path, const vqdna_probe_report *r, int *others) {
    vq_input in;
    const char *line;
    size_t length, row = 0;
    int code = cli_input_open(&in, cli, path);
    if (code != VQ_GO_ON)
        return code;
    while (code == VQ_GO_ON && vq_input_line(&in, &line, &length)) {
        if (in.line == 1 && (length < 19 || memcmp(line, "#vqdna predictions ", 19))) {
            code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s holds no predictions of vqdna probe", path);
            break;
        }
        if (length && *line == '#')
            continue;
        const char *end = line + length, *label = memchr(line, '\t', length);
        const char *predicted = label ? memchr(label + 1, '\t', (size_t)(end - label - 1)) : NULL;
        if (!predicted)
            code = bad_line(cli, &in, "not a row of predictions: row, label and predicted, separated by tabs");
        else if (row == r->test || class_of(r, label + 1, (size_t)(predicted - label - 1)) != r->truth[row])
            code = bad_line(cli, &in, "not the rows of this test set in its order");
        else if ((others[row] = class_of(r, predicted + 1, (size_t)(end - predicted - 1))) < 0)
            code = bad_line(cli, &in, "a label that the training rows do not have");
        else
            row++;
    }
    if (code == VQ_GO_ON && in.error)
        code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s: %s", path, in.error);
    if (code == VQ_GO_ON && row < r->test)
        code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s holds %zu predictions, and the test set has %zu rows", path, row, r->test);
    vq_input_close(&in);
    return code;
}

/* ---- What is printed --------------------------------------------------------------------------------------------------------- */

static json_t *score_json(const vqdna_score *s) {
    return json_pack("{sosososo}", "mean", cli_json_number(s->mean), "sd", cli_json_number(s->sd), "low", cli_json_number(s->low),
                     "high", cli_json_number(s->high));
}

static json_t *scores_json(const vqdna_scores *s) {
    return json_pack("{sososo}", "mcc", score_json(&s->mcc), "f1_macro", score_json(&s->f1_macro), "accuracy",
                     score_json(&s->accuracy));
}

static json_t *describe(const vqdna_probe_report *r, const char *features, const vqdna_difference *against, const char *other) {
    json_t *object = json_object(), *labels = json_array(), *C = json_array();
    for (int i = 0; i < r->classes; i++)
        json_array_append_new(labels, cli_json_text(r->labels[i]));
    for (int i = 0; i < r->seeds; i++)
        json_array_append_new(C, cli_json_number(r->C[i]));
    json_object_set_new(object, "features", cli_json_text(features));
    json_object_set_new(object, "columns", json_integer((json_int_t)r->features));
    json_object_set_new(object, "labels", labels);
    json_object_set_new(
        object, "rows",
        json_pack("{sIsIsI}", "train", (json_int_t)r->train, "dev", (json_int_t)r->dev, "test", (json_int_t)r->test));
    json_object_set_new(object, "dev_split_from_train", json_boolean(r->split));
    json_object_set_new(object, "seeds", json_integer(r->seeds));
    json_object_set_new(object, "C", C);
    json_object_set_new(object, "train_loss", cli_json_number(r->loss));
    json_object_set_new(object, "dev", scores_json(&r->scores_dev));
    json_object_set_new(object, "test", scores_json(&r->scores_test));
    json_object_set_new(object, "lookup", scores_json(&r->lookup));
    json_object_set_new(object, "test_rows_in_train", json_integer((json_int_t)r->seen));
    if (against)
        json_object_set_new(object, "against",
                            json_pack("{sososososo}", "file", cli_json_text(other), "mcc_difference", cli_json_number(against->mcc),
                                      "low", cli_json_number(against->low), "high", cli_json_number(against->high), "p",
                                      cli_json_number(against->p)));
    json_object_set_new(object, "seconds", cli_json_number(r->seconds));
    return object;
}

static void print_scores(const char *name, const vqdna_scores *s) {
    const vqdna_score *each[] = {&s->mcc, &s->f1_macro, &s->accuracy};
    printf("%-8s", name);
    for (int i = 0; i < 3; i++)
        printf("  %6.3f (%6.3f to %6.3f)", each[i]->mean, each[i]->low, each[i]->high);
    if (s->mcc.sd > 0)
        printf("  sd of mcc over seeds %.3f", s->mcc.sd);
    printf("\n");
}

static void print_text(const vqdna_probe_report *r, const char *features, const vqdna_difference *against, const char *other) {
    printf("features %s: %zu columns; %d classes; %zu rows to train on, %zu%s to choose C (%g), %zu to test\n", features,
           r->features, r->classes, r->train, r->dev, r->split ? " held out of them" : "", r->C[0], r->test);
    printf("%-8s  %-25s  %-25s  %s\n", "", "   mcc (95 % of rows)", "   macro f1", "   accuracy");
    print_scores("dev", &r->scores_dev);
    print_scores("test", &r->scores_test);
    print_scores("look-up", &r->lookup);
    if (r->seen)
        printf("%zu of the test sequences stand in the training rows, on one strand or the other\n", r->seen);
    if (against)
        printf("mcc %+.3f (%.3f to %.3f) against %s, p %.3g (paired bootstrap)\n", against->mcc, against->low, against->high, other,
               against->p);
}

/* ---- The command ------------------------------------------------------------------------------------------------------------- */

static void show_progress(void *user, double share) {
    vq_cli_progress(user, false, "%3.0f %%", 100 * share);
}

static int check_options(vq_cli *cli, const char *train, const char *test, uint64_t seeds, uint64_t resamples,
                         const char *paths[3]) {
    if (!train || !test)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "which tables? name them with --train and --test");
    if (seeds > 100)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--seeds %llu is too large: at most 100", (unsigned long long)seeds);
    if (resamples < 20 || resamples > 1000000)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--resamples takes 20 to 1000000");
    for (int i = 0; i < 3; i++)
        if (paths[i])
            vq_output_protect(cli, paths[i]);
    return VQ_GO_ON;
}

static int run(vq_cli *cli, int argc, char **argv) {
    const char *model = NULL, *train = NULL, *dev = NULL, *test = NULL, *features = NULL, *output = NULL, *other = NULL;
    const char *sequence = NULL, *label = NULL, *svmlight = NULL;
    uint64_t seeds = 1, resamples = 1000;
    double C = 0;
    const vq_option own[] = {
        {"train", 0, "TABLE", VQ_TEXT, &train, "CSV or TSV with a column of sequences and one of labels"},
        {"dev", 0, "TABLE", VQ_TEXT, &dev, "rows to choose the penalty by (default: one training row in ten)"},
        {"test", 0, "TABLE", VQ_TEXT, &test, "rows to score, once"},
        {"model", 'm', "MODEL", VQ_TEXT, &model, "the model's folder; not needed for kmer and onehot"},
        {"features", 0, "F", VQ_TEXT, &features, "terms separated by commas (default: codes; without a model kmer:6)"},
        {"column", 0, "NAME", VQ_TEXT, &sequence, "the column of sequences (default: sequence)"},
        {"label", 0, "NAME", VQ_TEXT, &label, "the column of labels (default: label)"},
        {"seeds", 0, "N", VQ_COUNT, &seeds, "run so many seeds, where something depends on them (default: 1)"},
        {"penalty", 0, "C", VQ_NUMBER, &C, "of 1 / (2 C) |w|^2 (default: the best on dev of 0.01, 0.1, ... 1000)"},
        {"resamples", 0, "N", VQ_COUNT, &resamples, "of the bootstrap (default: 1000)"},
        {"output", 'o', "OUT.tsv", VQ_TEXT, &output, "write the predictions of the test rows"},
        {"against", 0, "TSV", VQ_TEXT, &other, "compare with such predictions of another run"},
        {"svmlight", 0, "PREFIX", VQ_TEXT, &svmlight, "write the features to PREFIX.train.svm, .dev.svm and .test.svm"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else"},
        {"json", 0, NULL, VQ_FLAG, &cli->json, "print JSON"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out who made the output and how"},
        {0},
    };
    vq_list inputs;
    int code = vq_options_parse(cli, own, argc, argv, 0, 0, &inputs);
    const char *paths[] = {train, dev, test};
    if (code == VQ_GO_ON)
        code = check_options(cli, train, test, seeds, resamples, paths);
    if (code != VQ_GO_ON)
        return code;
    if (other)
        vq_output_protect(cli, other);
    cli->model = model;
    if (output && (code = vq_output_check(cli, output, VQ_KIND_PREDICTIONS)) != VQ_GO_ON)
        return code;

    features = features ? features : model ? "codes" : "kmer:6";
    cli->seed = cli->seed ? cli->seed : 1;
    vq_session session = {0};
    vqdna_probe_result *result = NULL;
    json_t *provenance = NULL;
    char *text = NULL;
    int *others = NULL;
    vqdna_difference against;
    if (model)
        code = vq_session_open(&session, cli, model);
    if (code != VQ_GO_ON)
        goto done;
    vqdna_probe_options options = {.size = sizeof options,
                                   .features = features,
                                   .sequence = sequence,
                                   .label = label,
                                   .seed = cli->seed,
                                   .seeds = (int)seeds,
                                   .resamples = (int)resamples,
                                   .C = C,
                                   .svmlight = svmlight,
                                   .progress = show_progress,
                                   .user = cli};
    vqdna_status status = vqdna_probe(&result, session.tokenizer, train, dev, test, &options);
    vq_cli_progress_clear(cli);
    if (status < 0) {
        code = vq_cli_failed(cli, status);
        goto done;
    }
    const vqdna_probe_report *r = vqdna_probe_read(result);
    if (other) {
        others = vq_need(NULL, r->test * sizeof *others);
        code = read_predictions(cli, other, r, others);
        if (code != VQ_GO_ON)
            goto done;
        status = vqdna_scores_compare(&against, r->truth, r->predicted, others, r->test, r->classes, (int)resamples, cli->seed);
        if (status < 0) {
            code = vq_cli_failed(cli, status);
            goto done;
        }
    }
    provenance = vq_provenance(cli, &session);
    text = provenance ? vq_json_print(provenance, false) : NULL;
    if (output)
        code = vq_predictions_write(cli, output, r->test, r->labels, r->truth, r->predicted, text);
    if (code != VQ_GO_ON)
        goto done;
    if (r->seeds < (int)seeds)
        vq_cli_note(cli, "nothing here depends on a seed: one is run");
    if (cli->json) {
        json_t *object = describe(r, features, other ? &against : NULL, other);
        if (provenance)
            json_object_set(object, "provenance", provenance);
        char *printed = vq_json_print(object, true);
        puts(printed);
        free(printed);
        json_decref(object);
    } else {
        print_text(r, features, other ? &against : NULL, other);
    }
    code = VQ_EXIT_OK;
done:
    free(others);
    free(text);
    json_decref(provenance);
    vqdna_probe_destroy(result);
    vq_session_close(&session);
    return code;
}

const vq_command vq_cmd_probe = {
    .name = "probe",
    .summary = "what codes or k-mers are worth to a linear reader of labelled sequences",
    .synopsis = "--train CSV [--dev CSV] --test CSV [-m MODEL] [--features F] [--json] [-o OUT.tsv]",
    .notes =
        "Features: kmer:K[:canonical], kmer:K+J[:gap=G], onehot, codes[:level=N], pairs:D, embedding:mean|max, encoder:mean|max,\n"
        "random[:TERM] (the same of the untrained tokenizer); place:B tags words and codes by place in bins of B bases, TERM@B "
        "those\n"
        "of one term; :frequency counts. Example: vqdna probe --train train.csv --dev dev.csv --test test.csv -m model\n"
        "--features codes,kmer:6",
    .run = run,
};

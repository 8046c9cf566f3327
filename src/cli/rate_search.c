#include "cli/finetune_training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int vq_rates_take(vq_finetuning *f, const char *text) {
    const char *at = text;
    char *end;
    if (!text)
        return VQ_GO_ON;
    if (f->options.learning_rate)
        return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "--search looks for the learning rate: leave learning-rate out");
    do {
        f->rate[f->rates] = strtod(at, &end);
        if (end == at || (*end && *end != ',') || !(f->rate[f->rates] > 0 && f->rate[f->rates] <= 10) ||
            f->rates++ == VQ_MOST_RATES - 1)
            return vq_cli_fail(f->cli, VQ_EXIT_USAGE,
                               "--search takes 2 to 15 learning rates between commas, such as 1e-4,3e-4,1e-3, not '%s'", text);
        at = end + 1;
    } while (*end);
    qsort(f->rate, (size_t)f->rates, sizeof *f->rate, by_value);
    for (int i = 1; i < f->rates; i++)
        if (f->rate[i] == f->rate[i - 1])
            return vq_cli_fail(f->cli, VQ_EXIT_USAGE, "--search has %g twice", f->rate[i]);
    return f->rates > 1 ? VQ_GO_ON : vq_cli_fail(f->cli, VQ_EXIT_USAGE, "--search of one rate is none: use --learning-rate");
}

/* What a rate came to on dev: read back where an earlier run had got so far, else trained, the test rows untouched. */
static int try_rate(vq_finetuning *f, const char *folder, double *score) {
    char *path = vq_join("%s/metrics.json", folder);
    json_t *done = f->resume ? json_load_file(path, 0, NULL) : NULL;
    vq_finetuning_run t = {NULL};
    int code = VQ_GO_ON;
    *score = done ? vq_finetune_dev_score(f, done) : NAN;
    if (!done) {
        vqdna_examples *test = f->test_set;
        f->test_set = NULL;
        code = vq_finetuning_train(f, folder, f->cli->seed, &t);
        f->test_set = test;
        if (code == VQ_GO_ON)
            *score = vq_finetune_dev_score(f, json_array_get(f->results, 0));
        json_array_clear(f->results);
        vq_finetuning_end(f, &t);
    }
    json_decref(done);
    free(path);
    return code;
}

int vq_rates_search(vq_finetuning *f) {
    int best = -1, code = VQ_GO_ON;
    double best_score = NAN;
    f->searched = json_array();
    for (int i = 0; i < f->rates && code == VQ_GO_ON; i++) {
        char *folder = vq_join("%s/rate-%g", f->folder, f->rate[i]), prefix[64];
        double score = NAN;
        snprintf(prefix, sizeof prefix, "rate %d of %d: ", i + 1, f->rates);
        f->loop.prefix = prefix;
        f->options.learning_rate = f->rate[i];
        code = vq_finetune_folder(f, folder);
        if (code == VQ_GO_ON)
            code = try_rate(f, folder, &score);
        free(folder);
        if (code == VQ_EXIT_NUMERIC) {
            vq_cli_warn(f->cli, "the learning rate %g is too large", f->rate[i]);
            code = VQ_GO_ON;
        }
        if (code == VQ_GO_ON && !isnan(score) && (best < 0 || score > best_score)) {
            best = i;
            best_score = score;
        }
        json_array_append_new(f->searched, json_pack("{sfso}", "learning_rate", f->rate[i], f->regression ? "dev_r" : "dev_mcc",
                                                     cli_json_number(score)));
    }
    if (code != VQ_GO_ON)
        return code;
    if (best < 0)
        return vq_cli_fail(f->cli, VQ_EXIT_NUMERIC, "none of the learning rates trains: give smaller ones");
    f->options.learning_rate = f->rate[best];
    vq_cli_note(f->cli, "learning rate %g does best on dev", f->rate[best]);
    return VQ_GO_ON;
}

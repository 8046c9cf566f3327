#include "cli/finetune_results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A dev MCC below this is no model: GUE's readers collapse now and then, and a mean over seeds must not hide it. */
static const double collapse = 0.05;
static const char *const scores[] = {"mcc", "f1_macro", "accuracy", "r", "rmse"};
enum { SCORES = sizeof scores / sizeof *scores, SHOWN_CLASSES = 12 };

static json_t *interval(const vqdna_score *s) {
    return json_pack("{sososo}", "value", cli_json_number(s->mean), "low", cli_json_number(s->low), "high",
                     cli_json_number(s->high));
}

static json_t *confusion(const vqdna_judgement *j) {
    json_t *rows = json_array();
    for (int t = 0; t < j->classes; t++) {
        json_t *row = json_array();
        for (int p = 0; p < j->classes; p++) {
            size_t count = 0;
            for (size_t i = 0; i < j->rows; i++)
                count += j->truth[i] == t && j->predicted[i] == p;
            json_array_append_new(row, json_integer((json_int_t)count));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *judgement(const vqdna_judgement *j) {
    json_t *object = json_pack("{sI}", "rows", (json_int_t)j->rows);
    if (!j->classes) {
        json_object_set_new(object, "r", json_pack("{so}", "value", cli_json_number(j->r)));
        json_object_set_new(object, "rmse", json_pack("{so}", "value", cli_json_number(j->rmse)));
        return object;
    }
    json_object_set_new(object, "mcc", interval(&j->mcc));
    json_object_set_new(object, "f1_macro", interval(&j->f1_macro));
    json_object_set_new(object, "accuracy", interval(&j->accuracy));
    json_object_set_new(object, "confusion", confusion(j));
    return object;
}

json_t *vq_finetune_seed(uint64_t seed, uint64_t steps, double seconds, const vqdna_judgement *dev, const vqdna_judgement *test) {
    json_t *object = json_pack("{sIsIsoso}", "steps", (json_int_t)steps, "seed", (json_int_t)seed, "seconds",
                               cli_json_number(seconds), "dev", judgement(dev));
    if (test)
        json_object_set_new(object, "test", judgement(test));
    return object;
}

static double number(const json_t *seed, const char *set, const char *score, const char *what) {
    const json_t *n = json_object_get(json_object_get(json_object_get(seed, set), score), what);
    return json_is_number(n) ? json_number_value(n) : NAN;
}

double vq_finetune_score(const json_t *seed, const char *set, const char *score) {
    return number(seed, set, score, "value");
}

/* Mean and spread of a score over the seeds. */
static json_t *over_seeds(const json_t *seeds, const char *set, const char *score) {
    const double n = (double)json_array_size(seeds);
    double mean = 0, squares = 0, low = 0, high = 0;
    size_t i;
    json_t *seed;
    json_array_foreach(seeds, i, seed) {
        mean += number(seed, set, score, "value") / n;
        low += number(seed, set, score, "low") / n;
        high += number(seed, set, score, "high") / n;
    }
    json_array_foreach(seeds, i, seed) squares += pow(number(seed, set, score, "value") - mean, 2);
    return json_pack("{sosososo}", "mean", cli_json_number(mean), "sd", cli_json_number(n > 1 ? sqrt(squares / (n - 1)) : 0), "low",
                     cli_json_number(low), "high", cli_json_number(high));
}

json_t *vq_finetune_results(const vqdna_predictor_info *info, json_t *seeds) {
    static const char *const sets[] = {"dev", "test"};
    const json_t *first = json_array_get(seeds, 0);
    json_t *object = json_pack("{sOsssssIsI}", "steps", json_object_get(first, "steps"), "model", info->kind, "vocabulary",
                               info->vocabulary, "parameters", (json_int_t)info->parameters, "trained", (json_int_t)info->trained);
    json_t *seed;
    size_t i;
    int collapsed = 0;
    for (int k = 0; k < info->classes; k++) {
        if (k == 0)
            json_object_set_new(object, "labels", json_array());
        json_array_append_new(json_object_get(object, "labels"), cli_json_text(info->labels[k]));
    }
    for (int s = 0; s < 2; s++) {
        const json_t *of = json_object_get(first, sets[s]);
        if (!of)
            continue;
        json_t *set = json_pack("{sO}", "rows", json_object_get(of, "rows"));
        for (int k = 0; k < SCORES; k++)
            if (json_object_get(of, scores[k]))
                json_object_set_new(set, scores[k], over_seeds(seeds, sets[s], scores[k]));
        json_object_set_new(object, sets[s], set);
    }
    json_array_foreach(seeds, i, seed) collapsed += vq_finetune_score(seed, "dev", info->classes ? "mcc" : "r") < collapse;
    json_object_set_new(object, "collapsed", json_integer(collapsed));
    json_object_set_new(object, "seeds", seeds);
    return object;
}

static void print_set(const json_t *results, const char *name) {
    const json_t *set = json_object_get(results, name);
    if (!set)
        return;
    printf("%-6s%8.0f rows", name, json_number_value(json_object_get(set, "rows")));
    for (int k = 0; k < SCORES; k++) {
        const json_t *s = json_object_get(set, scores[k]);
        if (!s)
            continue;
        printf("  %s %.3f", scores[k], json_number_value(json_object_get(s, "mean")));
        if (json_array_size(json_object_get(results, "seeds")) > 1)
            printf(" +- %.3f", json_number_value(json_object_get(s, "sd")));
        if (json_is_number(json_object_get(s, "low")))
            printf(" (%.3f to %.3f)", json_number_value(json_object_get(s, "low")), json_number_value(json_object_get(s, "high")));
    }
    printf("\n");
}

/* What was taken for what on test, over all seeds. */
static void print_confusion(const json_t *results) {
    const json_t *labels = json_object_get(results, "labels"), *seeds = json_object_get(results, "seeds");
    const size_t classes = json_array_size(labels);
    if (classes < 2 || classes > SHOWN_CLASSES || !json_object_get(results, "test"))
        return;
    printf("\n%-16s predicted\n%-16s", "test, all seeds", "label");
    for (size_t k = 0; k < classes; k++)
        printf(" %9.9s", json_string_value(json_array_get(labels, k)));
    printf("\n");
    for (size_t t = 0; t < classes; t++) {
        printf("%-16.16s", json_string_value(json_array_get(labels, t)));
        for (size_t p = 0; p < classes; p++) {
            json_int_t sum = 0;
            for (size_t i = 0; i < json_array_size(seeds); i++)
                sum += json_integer_value(json_array_get(
                    json_array_get(json_object_get(json_object_get(json_array_get(seeds, i), "test"), "confusion"), t), p));
            printf(" %9lld", (long long)sum);
        }
        printf("\n");
    }
}

void vq_finetune_print(const json_t *results) {
    const json_t *seeds = json_object_get(results, "seeds");
    const size_t count = json_array_size(seeds);
    const json_int_t collapsed = json_integer_value(json_object_get(results, "collapsed"));
    print_set(results, "dev");
    print_set(results, "test");
    if (count > 1)
        printf("over %zu seeds: mean +- standard deviation, and the mean of the seeds' 95 %% intervals over rows\n", count);
    if (collapsed)
        printf("%lld of %zu seeds collapsed (under %.2f on dev) and are part of the mean\n", (long long)collapsed, count, collapse);
    const json_t *search = json_object_get(results, "search"), *rate;
    size_t i;
    json_array_foreach(search, i, rate)
        printf("%s%g: %.3f%s", i ? ", " : "learning rates on dev: ", json_number_value(json_object_get(rate, "learning_rate")),
               json_number_value(json_object_get(rate, json_object_get(rate, "dev_r") ? "dev_r" : "dev_mcc")),
               i + 1 < json_array_size(search) ? "" : "\n");
    print_confusion(results);
}

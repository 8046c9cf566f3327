#include "cli/training_summary.h"

#include <string.h>

enum { COLUMN = 24, TEXT = 64 }; /* letters of a column of values, bytes of a text */

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

/* A row: what it is, the training's value, and the evaluation's if there was one. */
static void row(FILE *to, const char *label, const char *training, const char *evaluation) {
    if (evaluation)
        fprintf(to, "  %-20s%-*s%s\n", label, COLUMN, training, evaluation);
    else
        fprintf(to, "  %-20s%s\n", label, training);
}

static void put_bases(char text[TEXT], const json_t *part) {
    char bases[16], skipped[16];
    double left_out = number(part, "skipped");
    vq_short_number(bases, number(part, "bases"));
    if (left_out > 0)
        snprintf(text, TEXT, "%s (%s skipped)", bases, vq_short_number(skipped, left_out));
    else
        snprintf(text, TEXT, "%s", bases);
}

static void put_level(char used[TEXT], char perplexity[TEXT], const json_t *part, size_t level) {
    const json_t *entry = json_array_get(json_object_get(part, "levels"), level);
    double codes = number(entry, "codes"), value = number(entry, "perplexity");
    snprintf(used, TEXT, "%.0f of %.0f", number(entry, "used"), codes);
    snprintf(perplexity, TEXT, "%.1f (%.3f of them)", value, value / codes);
}

void vq_training_summary(FILE *to, const char *folder, const vqdna_model_info *info, const json_t *metrics,
                         const vqdna_context *context) {
    const json_t *training = json_object_get(metrics, "training"), *eval = json_object_get(metrics, "eval");
    char first[TEXT], second[TEXT], third[TEXT], fourth[TEXT], label[TEXT], size[16];
    if (!training) /* a checkpoint of step 0 */
        return;
    fprintf(to, "\n%s %s, %s parameters, %.0f steps on %s\n\n", info->preset, info->quantizer,
            vq_short_number(size, (double)info->parameters), number(training, "step"), vqdna_context_device(context)->name);
    row(to, "", "training", eval ? "evaluation" : NULL);
    put_bases(first, training);
    put_bases(second, eval);
    row(to, "bases", first, eval ? second : NULL);
    snprintf(first, sizeof first, "%.4f nats a base", number(training, "loss"));
    row(to, "loss", first, NULL);
    snprintf(first, sizeof first, "%.4f %%", 100 * number(training, "reconstruction_accuracy"));
    snprintf(second, sizeof second, "%.4f %%", 100 * number(eval, "reconstruction_accuracy"));
    row(to, "reconstruction", first, eval ? second : NULL);
    for (size_t n = 0; n < json_array_size(json_object_get(training, "levels")); n++) {
        put_level(first, third, training, n);
        put_level(second, fourth, eval, n);
        snprintf(label, sizeof label, "level %zu codes used", n + 1);
        row(to, label, first, eval ? second : NULL);
        row(to, "        perplexity", third, eval ? fourth : NULL);
    }
    vq_short_time(first, number(training, "seconds"));
    vq_short_time(second, number(eval, "seconds"));
    row(to, "time", first, eval ? second : NULL);
    fprintf(to, "\nwritten to %s: model.safetensors, metrics.json, training.svg (curves)\n", folder);
}

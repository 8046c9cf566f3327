#include "cli/training_summary.h"
#include "cli/training_log.h"

#include <math.h>
#include <stdlib.h>
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

/* A number as a report of it says. Blank where it is none: an evaluation has no loss. */
static void put(char text[TEXT], const vqdna_number *n, const json_t *part) {
    double value = part ? vq_report_number(part, n->name) : NAN;
    if (isnan(value))
        text[0] = '\0';
    else if (n->kind == VQDNA_SHARE)
        snprintf(text, TEXT, "%.4f %%", 100 * value);
    else if (n->kind == VQDNA_COUNT && n->of > 0)
        snprintf(text, TEXT, "%.0f of %.0f", value, n->of);
    else if (n->of > 0)
        snprintf(text, TEXT, "%.1f (%.3f of them)", value, value / n->of);
    else
        snprintf(text, TEXT, n->kind == VQDNA_COUNT ? "%.0f %s" : "%.4f %s", value, n->unit ? n->unit : "");
}

/* What begins as the label before, up to a number's end ("level 1 "), is not said twice. */
static size_t said_already(const char *label, const char *before) {
    size_t same = 0;
    for (size_t i = 0; label[i] && label[i] == before[i]; i++)
        if (label[i] == ' ' && i && label[i - 1] >= '0' && label[i - 1] <= '9')
            same = i + 1;
    return same;
}

void vq_training_summary(FILE *to, const char *folder, const vqdna_model_info *info, const json_t *metrics,
                         const vqdna_report *like, const vqdna_context *context) {
    const json_t *training = json_object_get(metrics, "training"), *eval = json_object_get(metrics, "eval");
    char first[TEXT], second[TEXT], size[16];
    const char *before = "";
    if (!training) /* a checkpoint of step 0 */
        return;
    fprintf(to, "\n%s %s, %s parameters, %.0f steps on %s\n\n", info->preset, info->quantizer,
            vq_short_number(size, (double)info->parameters), number(training, "step"), vqdna_context_device(context)->name);
    row(to, "", "training", eval ? "evaluation" : NULL);
    put_bases(first, training);
    put_bases(second, eval);
    row(to, "bases", first, eval ? second : NULL);
    for (size_t i = 0; i < like->count; i++) {
        const vqdna_number *n = &like->numbers[i];
        if (!n->label)
            continue;
        size_t same = said_already(n->label, before);
        char *label = vq_join("%*s%s", (int)same, "", n->label + same);
        put(first, n, training);
        put(second, n, eval);
        row(to, label, first, eval && second[0] ? second : NULL);
        before = n->label;
        free(label);
    }
    vq_short_time(first, number(training, "seconds"));
    vq_short_time(second, number(eval, "seconds"));
    row(to, "time", first, eval ? second : NULL);
    fprintf(to, "\nwritten to %s: model.safetensors, metrics.json, training.svg (curves)\n", folder);
}

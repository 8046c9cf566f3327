#include "cli/training_log.h"
#include "cli/cli_input.h"
#include "cli/cli_output.h"
#include "cli/cli_svg.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *describe(const vqdna_report *r) {
    json_t *object = json_object(), *levels = json_array();
    json_object_set_new(object, "step", json_integer((json_int_t)r->step));
    json_object_set_new(object, "steps", json_integer((json_int_t)r->steps));
    json_object_set_new(object, "bases", json_integer((json_int_t)r->bases));
    json_object_set_new(object, "loss", cli_json_number(r->loss));
    json_object_set_new(object, "cross_entropy", cli_json_number(r->cross_entropy));
    json_object_set_new(object, "commitment", cli_json_number(r->commitment));
    json_object_set_new(object, "reconstruction_accuracy", cli_json_number(r->reconstruction_accuracy));
    json_object_set_new(object, "quantized", json_boolean(r->quantized));
    for (int n = 0; n < r->levels; n++)
        json_array_append_new(levels, json_pack("{sisisiso}", "codes", r->level[n].codes, "used", r->level[n].used, "reseeded",
                                                r->level[n].reseeded, "perplexity", cli_json_number(r->level[n].perplexity)));
    json_object_set_new(object, "levels", levels);
    json_object_set_new(object, "gradient_norm", cli_json_number(r->gradient_norm));
    json_object_set_new(object, "learning_rate", cli_json_number(r->learning_rate));
    json_object_set_new(object, "decay", cli_json_number(r->decay));
    json_object_set_new(object, "seconds", cli_json_number(r->seconds));
    json_object_set_new(object, "bases_per_second", cli_json_number(r->bases_per_second));
    return object;
}

/* Reads the reports up to `step`; returns how many bytes of the file they take. */
static long read_reports(vq_training_log *log, uint64_t step) {
    long kept = 0;
    char *line = NULL;
    size_t size = 0;
    for (;;) {
        ssize_t length = getline(&line, &size, log->file);
        if (length <= 0 || line[length - 1] != '\n')
            break;
        json_t *report = json_loadb(line, (size_t)length, 0, NULL);
        json_int_t at = json_integer_value(json_object_get(report, "step"));
        if (at < 1 || (uint64_t)at > step) {
            json_decref(report);
            break;
        }
        json_array_append_new(log->reports, report);
        kept += length;
    }
    free(line);
    return kept;
}

int vq_training_log_open(vq_training_log *log, vq_cli *cli, const char *path, uint64_t step) {
    *log = (vq_training_log){.path = vq_need_text(path), .reports = json_array()};
    log->file = fopen(path, step ? "a+e" : "w+e");
    if (!log->file)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot write %s: %s", path, strerror(errno));
    rewind(log->file);
    long kept = read_reports(log, step);
    if (ftruncate(fileno(log->file), kept) != 0 || fseek(log->file, 0, SEEK_END) != 0)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot cut %s at step %llu: %s", path, (unsigned long long)step, strerror(errno));
    return VQ_GO_ON;
}

int vq_training_log_append(vq_training_log *log, vq_cli *cli, const vqdna_report *report) {
    json_t *object = describe(report);
    char *text = vq_json_print(object, false);
    bool written = fprintf(log->file, "%s\n", text) >= 0 && fflush(log->file) == 0;
    int code = written ? VQ_GO_ON : vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot write %s: %s", log->path, strerror(errno));
    json_array_append_new(log->reports, object);
    free(text);
    return code;
}

void vq_training_log_close(vq_training_log *log) {
    if (log->file)
        fclose(log->file);
    json_decref(log->reports);
    free(log->path);
    *log = (vq_training_log){0};
}

/* One value of each report into `out`; `level` 0 is the report's own, n its level n; nothing before the quantizer is at work there.
 */
static void column(const json_t *reports, const char *key, int level, double *out) {
    for (size_t i = 0; i < json_array_size(reports); i++) {
        const json_t *report = json_array_get(reports, i);
        if (level == 0) {
            out[i] = json_number_value(json_object_get(report, key));
            continue;
        }
        const json_t *entry = json_array_get(json_object_get(report, "levels"), (size_t)level - 1);
        bool quantized = json_is_true(json_object_get(report, "quantized"));
        out[i] =
            quantized ? json_number_value(json_object_get(entry, key)) / json_number_value(json_object_get(entry, "codes")) : NAN;
    }
}

char *vq_training_curves(const vq_training_log *log, const char *title) {
    enum { COLUMNS = 5 + 2 * VQDNA_MAX_LEVELS };
    static const char *const level_names[VQDNA_MAX_LEVELS] = {"level 1", "level 2", "level 3", "level 4",
                                                              "level 5", "level 6", "level 7", "level 8"};
    size_t count = json_array_size(log->reports);
    int levels = (int)json_array_size(json_object_get(json_array_get(log->reports, 0), "levels"));
    double *values = vq_need(NULL, COLUMNS * count * sizeof *values);
    double *x = values, *loss = x + count, *entropy = loss + count, *accuracy = entropy + count, *by_level = accuracy + count;
    column(log->reports, "bases", 0, x);
    column(log->reports, "loss", 0, loss);
    column(log->reports, "cross_entropy", 0, entropy);
    column(log->reports, "reconstruction_accuracy", 0, accuracy);
    double unit = count && x[count - 1] < 2e6 ? 1e3 : 1e6;
    for (size_t i = 0; i < count; i++) {
        x[i] /= unit;
        accuracy[i] *= 100;
    }
    const vq_line losses[] = {{"loss", x, loss, count}, {"cross-entropy", x, entropy, count}};
    const vq_line accuracies[] = {{"reconstruction", x, accuracy, count}};
    vq_line use[VQDNA_MAX_LEVELS], perplexity[VQDNA_MAX_LEVELS];
    for (int n = 0; n < levels && n < VQDNA_MAX_LEVELS; n++) {
        double *used = by_level + 2 * (size_t)n * count, *even = used + count;
        column(log->reports, "used", n + 1, used);
        column(log->reports, "perplexity", n + 1, even);
        for (size_t i = 0; i < count; i++)
            used[i] *= 100;
        use[n] = (vq_line){level_names[n], x, used, count};
        perplexity[n] = (vq_line){level_names[n], x, even, count};
    }
    const char *bases = unit == 1e6 ? "bases seen (Mb)" : "bases seen (kb)";
    const vq_panel panels[] = {
        {"Loss", bases, "nats a base", 0, 0, true, 2, losses},
        {"Reconstruction", bases, "bases rebuilt (%)", 0, 100, false, 1, accuracies},
        {"Codes in use", bases, "of the codebook (%)", 0, 100, false, levels, use},
        {"Perplexity", bases, "of the codebook's size", 0, 1, false, levels, perplexity},
    };
    char *svg = vq_svg(title, panels, 4);
    free(values);
    return svg;
}

#include "cli/training_log.h"
#include "cli/cli_input.h"
#include "cli/cli_output.h"
#include "cli/cli_svg.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *value_of(const vqdna_number *n) {
    switch (n->kind) {
    case VQDNA_COUNT:
        return json_integer((json_int_t)n->value);
    case VQDNA_FLAG:
        return json_boolean(n->value != 0);
    default:
        return cli_json_number(n->value);
    }
}

/* "levels.0.used": member `used` of the first entry of the list `levels`, which grows as its entries come. */
static void put(json_t *object, const char *name, json_t *value) {
    char list[64], member[64];
    unsigned index;
    if (sscanf(name, "%63[^.].%u.%63s", list, &index, member) != 3) {
        json_object_set_new(object, name, value);
        return;
    }
    json_t *array = json_object_get(object, list);
    if (!array) {
        array = json_array();
        json_object_set_new(object, list, array);
    }
    while (json_array_size(array) <= index)
        json_array_append_new(array, json_object());
    json_object_set_new(json_array_get(array, index), member, value);
}

double vq_report_number(const json_t *report, const char *name) {
    char list[64], member[64];
    unsigned index;
    const json_t *value = json_object_get(report, name);
    if (sscanf(name, "%63[^.].%u.%63s", list, &index, member) == 3)
        value = json_object_get(json_array_get(json_object_get(report, list), index), member);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static json_t *describe(const vqdna_report *r) {
    json_t *object = json_object();
    for (size_t i = 0; i < r->count; i++)
        put(object, r->numbers[i].name, value_of(&r->numbers[i]));
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

/* ---- Curves ------------------------------------------------------------------------------------------------------------------ */

enum { MOST_PANELS = 8, MOST_LINES = 16 };

/* What is a part of something is drawn as its share, what is a share in percent; a part of nothing yet leaves a gap. */
static double *column(const json_t *reports, const vqdna_number *n, double unit) {
    size_t count = json_array_size(reports);
    double *out = vq_need(NULL, count * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        double value = vq_report_number(json_array_get(reports, i), n->name);
        double percent = n->kind == VQDNA_SHARE || (n->kind == VQDNA_COUNT && n->of > 0) ? 100 : 1;
        out[i] = n->of > 0 && value == 0 ? NAN : percent * value / (n->of > 0 ? n->of : unit);
    }
    return out;
}

static vq_panel panel_of(const vqdna_number *n, const char *x_label, vq_line *lines) {
    bool percent = n->kind == VQDNA_SHARE || (n->kind == VQDNA_COUNT && n->of > 0);
    return (vq_panel){.title = n->panel,
                      .x_label = x_label,
                      .y_label = n->unit,
                      .y_high = percent ? 100 : n->of > 0,
                      .logarithmic = !percent && !(n->of > 0),
                      .line = lines};
}

char *vq_training_curves(const vq_training_log *log, const vqdna_report *like, const char *title) {
    vq_panel panels[MOST_PANELS];
    vq_line lines[MOST_PANELS][MOST_LINES];
    int count = 0;
    size_t reports = json_array_size(log->reports);
    double last = reports ? vq_report_number(json_array_get(log->reports, reports - 1), "bases") : 0, unit = last < 2e6 ? 1e3 : 1e6;
    double *x = column(log->reports, &(vqdna_number){.name = "bases"}, unit);
    for (size_t i = 0; i < like->count; i++) {
        const vqdna_number *n = &like->numbers[i];
        int p = 0;
        if (!n->panel)
            continue;
        while (p < count && strcmp(panels[p].title, n->panel) != 0)
            p++;
        if (p == MOST_PANELS || (p < count && panels[p].lines == MOST_LINES))
            continue;
        if (p == count)
            panels[count++] = panel_of(n, unit == 1e6 ? "bases seen (Mb)" : "bases seen (kb)", lines[p]);
        lines[p][panels[p].lines++] = (vq_line){n->curve, x, column(log->reports, n, 1), reports};
    }
    char *svg = vq_svg(title, panels, count);
    for (int p = 0; p < count; p++)
        for (int l = 0; l < panels[p].lines; l++)
            free((double *)lines[p][l].y);
    free(x);
    return svg;
}

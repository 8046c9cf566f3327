#include "cli/map_labels.h"
#include "cli/cli_input.h"
#include "cli/cli_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 64 };

typedef struct named {
    const char *name;
    size_t row;
} named;

static int by_name(const void *a, const void *b) {
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

void vq_label_column_free(vq_label_column *c) {
    for (int i = 0; i < c->count; i++)
        free(c->labels[i]);
    free(c->name);
    free(c->labels);
    free(c->sizes);
    free(c->of);
    *c = (vq_label_column){0};
}

void vq_map_labels_free(vq_map_labels *l) {
    for (size_t c = 0; c < l->count; c++)
        vq_label_column_free(&l->columns[c]);
    free(l->columns);
    *l = (vq_map_labels){0};
}

int vq_label_find(const vq_label_column *column, const char *label, size_t length) {
    for (int i = 0; i < column->count; i++)
        if (strlen(column->labels[i]) == length && !memcmp(column->labels[i], label, length))
            return i;
    return -1;
}

static int add_label(vq_label_column *column, const char *label, size_t length) {
    int found = vq_label_find(column, label, length);
    if (found >= 0)
        return found;
    column->labels = vq_need(column->labels, (size_t)(column->count + 1) * sizeof *column->labels);
    column->sizes = vq_need(column->sizes, (size_t)(column->count + 1) * sizeof *column->sizes);
    column->labels[column->count] = vq_join("%.*s", (int)length, label);
    column->sizes[column->count] = 0;
    return column->count++;
}

/* Cuts a line into fields; how many there are, MOST_COLUMNS at most. */
static size_t cut(const char *line, size_t length, const char *field[MOST_COLUMNS], size_t size[MOST_COLUMNS]) {
    size_t count = 0;
    const char *end = line + length;
    while (count < MOST_COLUMNS) {
        const char *tab = memchr(line, '\t', (size_t)(end - line));
        field[count] = line;
        size[count++] = (size_t)((tab ? tab : end) - line);
        if (!tab)
            break;
        line = tab + 1;
    }
    return count;
}

static int read_columns(vq_map_labels *l, vq_cli *cli, vq_input *in, const vq_list *wanted, size_t place[MOST_COLUMNS]) {
    const char *line, *field[MOST_COLUMNS];
    size_t length, size[MOST_COLUMNS];
    if (!vq_input_line(in, &line, &length))
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s %s", in->path, in->error ? in->error : "is empty");
    const size_t count = cut(line, length, field, size);
    if (count < 2)
        return vq_cli_fail(
            cli, VQ_EXIT_INPUT,
            "%s: a table of labels has a line of column names, split by tabs: the record's name and a label at least", in->path);
    l->columns = vq_need(NULL, count * sizeof *l->columns);
    for (size_t w = 0; w < (wanted->count ? wanted->count : count - 1); w++) {
        size_t at = wanted->count ? 0 : w + 1;
        while (wanted->count && at < count &&
               (strlen(wanted->items[w]) != size[at] || memcmp(wanted->items[w], field[at], size[at]) != 0))
            at++;
        if (at == count || at == 0)
            return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s has no column of labels '%s'", in->path, wanted->items[w]);
        if (l->count == count - 1)
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "--label names a column twice");
        place[l->count] = at;
        vq_label_column *column = &l->columns[l->count++];
        *column = (vq_label_column){.name = vq_join("%.*s", (int)size[at], field[at]), .of = vq_need(NULL, l->rows * sizeof(int))};
        for (size_t i = 0; i < l->rows; i++)
            column->of[i] = -1;
    }
    return VQ_GO_ON;
}

static int take_line(vq_map_labels *l, vq_cli *cli, const vq_input *in, const char *line, size_t length, const named *names,
                     bool *met, const size_t place[MOST_COLUMNS]) {
    const char *field[MOST_COLUMNS];
    size_t size[MOST_COLUMNS];
    const size_t count = cut(line, length, field, size);
    char *name = vq_join("%.*s", (int)size[0], field[0]);
    const named *at = bsearch(&(named){name, 0}, names, l->rows, sizeof *names, by_name);
    int code = VQ_GO_ON;
    while (at && at > names && !strcmp(at[-1].name, name))
        at--;
    l->strangers += !at;
    for (; at && at < names + l->rows && !strcmp(at->name, name) && code == VQ_GO_ON; at++) {
        l->labelled += !met[at->row];
        for (size_t c = 0; c < l->count && code == VQ_GO_ON; c++) {
            if (place[c] >= count || !size[place[c]])
                continue;
            const int label = add_label(&l->columns[c], field[place[c]], size[place[c]]);
            int *own = &l->columns[c].of[at->row];
            if (*own >= 0 && *own != label)
                code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s, line %llu: %.60s has another label in an earlier line", in->path,
                                   (unsigned long long)in->line, name);
            l->columns[c].sizes[label] += *own < 0;
            *own = label;
        }
        met[at->row] = true;
    }
    free(name);
    return code;
}

typedef struct sized {
    char *label;
    size_t size;
    int old;
} sized;

static int by_size(const void *a, const void *b) {
    const sized *x = a, *y = b;
    return x->size != y->size ? (x->size < y->size) - (x->size > y->size) : strcmp(x->label, y->label);
}

/* The most frequent first, so that a picture has colours for them. */
static void order_labels(vq_label_column *c, size_t rows) {
    sized *all = vq_need(NULL, (size_t)c->count * sizeof *all + 1);
    int *moved = vq_need(NULL, (size_t)c->count * sizeof *moved + 1);
    for (int i = 0; i < c->count; i++)
        all[i] = (sized){c->labels[i], c->sizes[i], i};
    qsort(all, (size_t)c->count, sizeof *all, by_size);
    for (int i = 0; i < c->count; i++) {
        c->labels[i] = all[i].label;
        c->sizes[i] = all[i].size;
        moved[all[i].old] = i;
    }
    for (size_t i = 0; i < rows; i++)
        c->of[i] = c->of[i] < 0 ? -1 : moved[c->of[i]];
    free(all);
    free(moved);
}

int vq_map_labels_read(vq_map_labels *out, vq_cli *cli, const char *path, const vq_list *columns, const char *const *names,
                       size_t rows) {
    vq_input in;
    const char *line;
    size_t length, place[MOST_COLUMNS];
    *out = (vq_map_labels){.rows = rows};
    named *sorted = vq_need(NULL, rows * sizeof *sorted);
    bool *met = vq_need(NULL, rows * sizeof *met);
    for (size_t i = 0; i < rows; i++) {
        sorted[i] = (named){names[i], i};
        met[i] = false;
    }
    qsort(sorted, rows, sizeof *sorted, by_name);
    int code = cli_input_open(&in, cli, path);
    if (code == VQ_GO_ON)
        code = read_columns(out, cli, &in, columns, place);
    while (code == VQ_GO_ON && vq_input_text_line(&in, &line, &length))
        if (length)
            code = take_line(out, cli, &in, line, length, sorted, met, place);
    if (code == VQ_GO_ON && in.error)
        code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s: %s", in.path, in.error);
    if (code == VQ_GO_ON && !out->labelled)
        code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s names none of the records, the first of which is %.60s", path, names[0]);
    for (size_t c = 0; c < out->count; c++)
        order_labels(&out->columns[c], rows);
    vq_input_close(&in);
    free(sorted);
    free(met);
    return code;
}

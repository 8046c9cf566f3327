#include "seq/labelled.h"

#include "base/c_locale.h"
#include "base/rng.h"
#include "seq/alphabet.h"
#include "seq/ids.h"
#include "seq/source.h"
#include "seq/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MOST_CLASSES = 4096 };

void vq_labelled_free(vq_labelled *set) {
    free(set->bases);
    free(set->ids);
    free(set->start);
    free(set->class);
    free(set->value);
    *set = (vq_labelled){0};
}

void vq_labels_free(vq_labels *labels) {
    for (int i = 0; i < labels->count; i++)
        free(labels->name[i]);
    free(labels->name);
    *labels = (vq_labels){0};
}

vq_status vq_labels_copy(vq_labels *out, const vq_labels *labels) {
    *out = (vq_labels){0};
    VQ_TRY(vq_alloc(&out->name, (size_t)labels->count, sizeof *out->name));
    for (int i = 0; i < labels->count; i++) {
        VQ_TRY(vq_alloc(&out->name[i], strlen(labels->name[i]) + 1, 1));
        strcpy(out->name[i], labels->name[i]);
        out->count++;
    }
    return VQDNA_OK;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------------------- */

typedef struct growing {
    vq_labelled set;
    size_t row_room, room; /* for rows; for bases or ids */
    vq_labels met;         /* in the order they came; class holds their numbers */
    bool numbers;          /* labels are values */
    bool ids;              /* rows are ids */
} growing;

static vq_status grow(growing *g, size_t count) {
    vq_labelled *s = &g->set;
    if (s->rows + 2 > g->row_room) {
        g->row_room = 2 * s->rows + 1024;
        size_t *start = realloc(s->start, g->row_room * sizeof *start);
        s->start = start ? start : s->start;
        int *class = realloc(s->class, g->row_room * sizeof *class);
        s->class = class ? class : s->class;
        float *value = realloc(s->value, g->row_room * sizeof *value);
        s->value = value ? value : s->value;
        if (!start || !class || !value)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for labelled sequences");
    }
    size_t used = s->rows ? s->start[s->rows] : 0;
    if (used + count > g->room) {
        g->room = 2 * (used + count);
        void *larger = realloc(g->ids ? (void *)s->ids : s->bases, g->room * (g->ids ? sizeof *s->ids : 1));
        if (!larger)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for labelled sequences");
        if (g->ids)
            s->ids = larger;
        else
            s->bases = larger;
    }
    s->start[0] = 0;
    return VQDNA_OK;
}

static int find_label(const vq_labels *labels, const char *text) {
    for (int i = 0; i < labels->count; i++)
        if (!strcmp(labels->name[i], text))
            return i;
    return -1;
}

static vq_status add_label(vq_labels *labels, const char *text, const char *path) {
    if (labels->count == MOST_CLASSES)
        return vq_fail(VQDNA_ERR_INPUT, "%s has more than 4096 labels: is that column one of labels?", path);
    char **larger = realloc(labels->name, (size_t)(labels->count + 1) * sizeof *larger);
    if (!larger)
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory for the labels of %s", path);
    labels->name = larger;
    VQ_TRY(vq_alloc(&labels->name[labels->count], strlen(text) + 1, 1));
    strcpy(labels->name[labels->count++], text);
    return VQDNA_OK;
}

static bool read_value(const char *text, float *value) {
    VQ_C_LOCALE;
    char *end;
    *value = strtof(text, &end);
    return end != text && !*end && isfinite(*value);
}

/* A row with its label, whose bases or ids are still to be put at its start. */
static vq_status add_row(growing *g, size_t count, const char *label, uint64_t line, const vq_labels *labels, const char *path) {
    const bool first = labels->count == 0;
    const unsigned long long at = line;
    if (!label)
        return vq_fail(VQDNA_ERR_INPUT, "%s has no column of labels", path);
    if (strpbrk(label, "\t\r\n"))
        return vq_fail(VQDNA_ERR_INPUT, "%s, line %llu: a tab or the end of a line in a label", path, at);
    int class = g->numbers ? 0 : find_label(first ? &g->met : labels, label);
    if (class < 0 && !first)
        return vq_fail(VQDNA_ERR_INPUT, "%s, line %llu: the label '%.60s' is met in no training row", path, at, label);
    if (class < 0) {
        VQ_TRY(add_label(&g->met, label, path));
        class = g->met.count - 1;
    }
    VQ_TRY(grow(g, count));
    vq_labelled *s = &g->set;
    if (g->numbers && !read_value(label, &s->value[s->rows]))
        return vq_fail(VQDNA_ERR_INPUT, "%s, line %llu: the label '%.60s' is not a finite number", path, at, label);
    s->class[s->rows] = class;
    s->start[s->rows + 1] = s->start[s->rows] + count;
    s->rows++;
    return VQDNA_OK;
}

static bool is_number(const char *text, long long *value) {
    char *end;
    *value = strtoll(text, &end, 10);
    return end != text && !*end;
}

static int by_label(const void *a, const void *b) {
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    long long m, n;
    bool numbers = is_number(x, &m) && is_number(y, &n);
    return numbers && m != n ? (m > n) - (m < n) : strcmp(x, y);
}

/* Puts the labels in order, and the classes with them. */
static vq_status order_labels(growing *g, vq_labels *labels) {
    int *moved;
    char **came;
    VQ_TRY(vq_alloc(&moved, (size_t)g->met.count, sizeof *moved));
    vq_status status = vq_alloc(&came, (size_t)g->met.count, sizeof *came);
    if (status == VQDNA_OK) {
        memcpy(came, g->met.name, (size_t)g->met.count * sizeof *came);
        qsort(g->met.name, (size_t)g->met.count, sizeof *came, by_label);
        for (int i = 0; i < g->met.count; i++)
            moved[i] = find_label(&g->met, came[i]);
        for (size_t i = 0; i < g->set.rows; i++)
            g->set.class[i] = moved[g->set.class[i]];
        *labels = g->met;
        g->met = (vq_labels){0};
        free(came);
    }
    free(moved);
    return status;
}

static vq_status read_ids(growing *g, const vq_labels *labels, const char *path, const char *label) {
    vq_ids *array;
    vq_ids_row row;
    vq_status status;
    VQ_TRY(vq_ids_open(&array, path, label));
    g->ids = true;
    while ((status = vq_ids_next(array, &row)) == VQDNA_OK) {
        VQ_TRY_OR(done, add_row(g, row.count, row.label, row.line, labels, path));
        memcpy(g->set.ids + g->set.start[g->set.rows - 1], row.ids, row.count * sizeof *row.ids);
    }
done:
    vq_ids_close(array);
    return status < 0 ? status : VQDNA_OK;
}

/* All rows of a table or an array; labels: those that may be met, or empty and then in the order they came in g->met. */
static vq_status read_rows(growing *g, const vq_labels *labels, const char *path, const char *sequence, const char *label) {
    vq_table *table;
    vq_table_row row;
    vq_status status;
    if (vq_ids_are_in(path))
        return read_ids(g, labels, path, label);
    VQ_TRY(vq_table_open(&table, path, sequence, label));
    while ((status = vq_table_next(table, &row)) == VQDNA_OK) {
        VQ_TRY_OR(done, add_row(g, row.length, row.label, row.line, labels, path));
        uint8_t *to = g->set.bases + g->set.start[g->set.rows - 1];
        for (size_t i = 0; i < row.length; i++)
            to[i] = vq_code_of_letter((uint8_t)row.sequence[i]);
    }
done:
    vq_table_close(table);
    return status < 0 ? status : VQDNA_OK;
}

vq_status vq_labelled_read(vq_labelled *out, vq_labels *labels, const char *path, const char *sequence, const char *label) {
    growing g = {0};
    const bool first = labels->count == 0;
    vq_status status;
    VQ_TRY_OR(failed, read_rows(&g, labels, path, sequence, label));
    if (first && g.met.count < 2)
        VQ_TRY_OR(failed, vq_fail(VQDNA_ERR_INPUT, "%s: every row has the label '%.60s', and there is nothing to tell apart", path,
                                  g.met.name[0]));
    if (first)
        VQ_TRY_OR(failed, order_labels(&g, labels));
    free(g.set.value);
    g.set.value = NULL;
    *out = g.set;
    return VQDNA_OK;
failed:
    vq_labelled_free(&g.set);
    vq_labels_free(&g.met);
    return status;
}

vq_status vq_labelled_read_numbers(vq_labelled *out, const char *path, const char *sequence, const char *label) {
    static char *one[] = {"0"}; /* the one class there is */
    growing g = {.numbers = true};
    vq_status status = read_rows(&g, &(vq_labels){one, 1}, path, sequence, label);
    if (status < 0)
        vq_labelled_free(&g.set);
    else
        *out = g.set;
    return status;
}

static vq_status add_records(growing *g, vq_source *source) {
    vq_piece piece;
    vq_status status;
    size_t open = 0; /* bases of the record that has begun */
    while ((status = vq_source_next(source, &piece)) == VQDNA_OK) {
        vq_labelled *s = &g->set;
        VQ_TRY(grow(g, open + piece.count));
        if (piece.count)
            memcpy(s->bases + s->start[s->rows] + open, piece.codes, piece.count);
        open += piece.count;
        if (!piece.last)
            continue;
        s->class[s->rows] = 0;
        s->start[s->rows + 1] = s->start[s->rows] + open;
        s->rows++;
        open = 0;
    }
    return status == VQDNA_END ? VQDNA_OK : status;
}

vq_status vq_labelled_read_sequences(vq_labelled *out, const char *path) {
    growing g = {0};
    vq_source *source;
    VQ_TRY(vq_source_open(&source, &path, 1, NULL, 0));
    vq_status status = add_records(&g, source);
    vq_source_close(source);
    free(g.set.value);
    g.set.value = NULL;
    if (status < 0)
        vq_labelled_free(&g.set);
    else
        *out = g.set;
    return status;
}

/* ---- Parts ------------------------------------------------------------------------------------------------------------------- */

static vq_status take_rows(vq_labelled *out, const vq_labelled *set, const bool *take) {
    vq_labelled s = {0};
    vq_status status;
    VQ_TRY_OR(failed,
              set->ids ? vq_alloc(&s.ids, set->start[set->rows], sizeof *s.ids) : vq_alloc(&s.bases, set->start[set->rows], 1));
    VQ_TRY_OR(failed, vq_alloc(&s.start, set->rows + 1, sizeof *s.start));
    VQ_TRY_OR(failed, vq_alloc(&s.class, set->rows, sizeof *s.class));
    if (set->value)
        VQ_TRY_OR(failed, vq_alloc(&s.value, set->rows, sizeof *s.value));
    for (size_t i = 0; i < set->rows; i++) {
        if (take && !take[i])
            continue;
        size_t length = set->start[i + 1] - set->start[i];
        if (s.ids)
            memcpy(s.ids + s.start[s.rows], set->ids + set->start[i], length * sizeof *s.ids);
        else
            memcpy(s.bases + s.start[s.rows], set->bases + set->start[i], length);
        s.class[s.rows] = set->class[i];
        if (s.value)
            s.value[s.rows] = set->value[i];
        s.start[s.rows + 1] = s.start[s.rows] + length;
        s.rows++;
    }
    *out = s;
    return VQDNA_OK;
failed:
    vq_labelled_free(&s);
    return status;
}

vq_status vq_labelled_copy(vq_labelled *out, const vq_labelled *set) {
    return take_rows(out, set, NULL);
}

/* Parts a set into what is taken and the rest; either may be NULL. */
static vq_status part(vq_labelled *taken, vq_labelled *rest, const vq_labelled *set, bool *take) {
    *taken = (vq_labelled){0};
    VQ_TRY(take_rows(taken, set, take));
    for (size_t i = 0; i < set->rows; i++)
        take[i] = !take[i];
    vq_status status = rest ? take_rows(rest, set, take) : VQDNA_OK;
    if (status < 0)
        vq_labelled_free(taken);
    return status;
}

vq_status vq_labelled_split(vq_labelled *set, vq_labelled *held, int share, uint64_t seed) {
    vq_labelled rest;
    bool *take;
    VQ_TRY(vq_alloc(&take, set->rows, sizeof *take));
    for (size_t i = 0; i < set->rows; i++)
        take[i] = vq_rng_below((uint64_t)share, seed, VQ_STREAM_SPLIT, 0, i) == 0;
    vq_status status = part(held, &rest, set, take);
    free(take);
    VQ_TRY(status);
    if (!held->rows || !rest.rows) {
        status = vq_fail(VQDNA_ERR_INPUT, "too few training rows (%zu) to hold some out: give others", set->rows);
        vq_labelled_free(&rest);
        vq_labelled_free(held);
        return status;
    }
    vq_labelled_free(set);
    *set = rest;
    return VQDNA_OK;
}

typedef struct drawn {
    uint64_t number;
    size_t row;
} drawn;

static int by_draw(const void *a, const void *b) {
    const drawn *x = a, *y = b;
    return x->number != y->number ? (x->number > y->number) - (x->number < y->number) : (x->row > y->row) - (x->row < y->row);
}

vq_status vq_labelled_keep(vq_labelled *set, size_t rows, uint64_t seed) {
    vq_labelled kept;
    drawn *order;
    bool *take = NULL;
    if (set->rows <= rows)
        return VQDNA_OK;
    VQ_TRY(vq_alloc(&order, set->rows, sizeof *order));
    vq_status status = vq_alloc(&take, set->rows, sizeof *take);
    for (size_t i = 0; status >= 0 && i < set->rows; i++)
        order[i] = (drawn){vq_rng_u64(seed, VQ_STREAM_SPLIT, 1, i), i};
    if (status >= 0) {
        qsort(order, set->rows, sizeof *order, by_draw);
        for (size_t i = 0; i < rows; i++)
            take[order[i].row] = true;
        status = part(&kept, NULL, set, take);
    }
    free(order);
    free(take);
    VQ_TRY(status);
    vq_labelled_free(set);
    *set = kept;
    return VQDNA_OK;
}

uint64_t vq_labelled_fingerprint(const vq_labelled *s) {
    const size_t count = s->start[s->rows];
    uint64_t print =
        s->ids ? XXH3_64bits_withSeed(s->ids, count * sizeof *s->ids, s->rows) : XXH3_64bits_withSeed(s->bases, count, s->rows);
    print = XXH3_64bits_withSeed(s->start, (s->rows + 1) * sizeof *s->start, print);
    print = XXH3_64bits_withSeed(s->class, s->rows * sizeof *s->class, print);
    return s->value ? XXH3_64bits_withSeed(s->value, s->rows * sizeof *s->value, print) : print;
}

#include "seq/ids.h"

#include "base/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[] = "\x93NUMPY";
enum { MAGIC = 6, MOST_COLUMNS = 64 };
static const size_t most_bytes = (size_t)1 << 36;

typedef enum column { OFFSET, COUNT, NAME, LABEL, COLUMNS } column;

struct vq_ids {
    char *path, *index_path;
    uint16_t *ids;
    uint64_t total; /* ids of the array */
    char *index, *at;
    uint64_t line, rows;
    int column[COLUMNS]; /* the place of each in a line, -1: none */
};

bool vq_ids_are_in(const char *path) {
    int fd;
    char head[MAGIC];
    if (!strcmp(path, "-") || vq_input_open(&fd, path, false) < 0)
        return false;
    struct stat file; /* what is read of a pipe is gone */
    const bool is = fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && read(fd, head, MAGIC) == MAGIC && !memcmp(head, magic, MAGIC);
    close(fd);
    return is;
}

void vq_ids_close(vq_ids *d) {
    if (!d)
        return;
    free(d->path);
    free(d->index_path);
    free(d->ids);
    free(d->index);
    free(d);
}

/* ---- The array --------------------------------------------------------------------------------------------------------------- */

static vq_status refuse(const vq_ids *d, const char *what) {
    return vq_fail(VQDNA_ERR_INPUT, "%s: %s", d->path, what);
}

/* What follows 'key': in the header's dictionary. */
static const char *member(const char *header, const char *key) {
    const char *at = strstr(header, key);
    at = at ? strchr(at, ':') : NULL;
    return at ? at + 1 + strspn(at + 1, " ") : "";
}

/* Kind (i or u), width and number of the elements that the header tells of. */
static vq_status read_header(vq_ids *d, const char *header, char *kind, int *width) {
    char order;
    uint64_t rows, columns = 1;
    if (sscanf(member(header, "'descr'"), "'%c%c%d'", &order, kind, width) != 3 || (*kind != 'i' && *kind != 'u') ||
        (*width != 1 && *width != 2 && *width != 4 && *width != 8) || (order != '<' && order != '|'))
        return refuse(d, "its numbers are not integers in little-endian order, as token ids are");
    if (sscanf(member(header, "'shape'"), "(%" SCNu64 ", %" SCNu64, &rows, &columns) < 1 || columns != 1)
        return refuse(d, "ids stand in one dimension, and this array is not of one");
    if (rows > most_bytes / (uint64_t)*width)
        return refuse(d, "its header tells of more numbers than a file can have");
    d->total = rows;
    return VQDNA_OK;
}

static int64_t number_at(const char *at, char kind, int width) {
    uint64_t u = 0;
    memcpy(&u, at, (size_t)width); /* little-endian, as the host */
    const int unused = 64 - 8 * width;
    return kind == 'u' ? (int64_t)u : (int64_t)(u << unused) >> unused;
}

static vq_status take_array(vq_ids *d, const char *bytes, size_t size) {
    char kind, header[4096] = "";
    int width;
    const unsigned char *b = (const unsigned char *)bytes;
    const size_t start = size < 12 ? 0 : b[6] == 1 ? 10 : 12;
    const size_t length = start == 10 ? b[8] | (size_t)b[9] << 8 : start ? b[8] | (size_t)b[9] << 8 | (size_t)b[10] << 16 : 0;
    if (!length || length >= sizeof header || start + length > size)
        return refuse(d, "the header of the array was cut, or is none of NumPy's");
    memcpy(header, bytes + start, length);
    VQ_TRY(read_header(d, header, &kind, &width));
    const uint64_t there = size - start - length;
    if (there != d->total * (uint64_t)width)
        return vq_fail(VQDNA_ERR_INPUT, "%s: its header tells of %" PRIu64 " ids, for which it is %s", d->path, d->total,
                       there < d->total * (uint64_t)width ? "too short: it was cut" : "too long");
    VQ_TRY(vq_alloc(&d->ids, d->total, sizeof *d->ids));
    for (uint64_t i = 0; i < d->total; i++) {
        const int64_t id = number_at(bytes + start + length + i * (uint64_t)width, kind, width);
        if (id < 0 || id >= VQ_IDS_MOST)
            return vq_fail(VQDNA_ERR_INPUT, "%s: number %" PRIu64 " is %" PRId64 ", and ids are 0 to %d", d->path, i, id,
                           VQ_IDS_MOST - 1);
        d->ids[i] = (uint16_t)id;
    }
    return VQDNA_OK;
}

/* ---- The index --------------------------------------------------------------------------------------------------------------- */

/* The next line, cut into fields; their number, 0 behind the last. */
static int next_line(vq_ids *d, char *field[MOST_COLUMNS]) {
    char *line = d->at, *end = strchr(line, '\n');
    int count = 0;
    if (!*line)
        return 0;
    d->at = end ? end + 1 : line + strlen(line);
    d->line++;
    if (end)
        *end = 0;
    const size_t length = strlen(line);
    if (length && line[length - 1] == '\r')
        line[length - 1] = 0;
    for (char *tab; count < MOST_COLUMNS; line = tab + 1) {
        field[count++] = line;
        tab = strchr(line, '\t');
        if (!tab)
            break;
        *tab = 0;
    }
    return count;
}

static vq_status read_columns(vq_ids *d, const char *label) {
    static const char *const names[COLUMNS][2] = {{"offset", "offset"}, {"count", "bases"}, {"name", "contig"}, {"label", "label"}};
    char *field[MOST_COLUMNS];
    int count;
    do /* lines of remarks, such as tokenize writes, have no column of this name */
        count = next_line(d, field);
    while (count == 1 && field[0][0] == '#');
    for (int c = 0; c < COLUMNS; c++)
        d->column[c] = -1;
    for (int i = 0; i < count; i++) {
        const char *name = i == 0 && field[0][0] == '#' ? field[0] + 1 : field[i];
        for (int c = 0; c < COLUMNS; c++)
            if (c == LABEL && label ? !strcmp(name, label) : !strcmp(name, names[c][0]) || !strcmp(name, names[c][1]))
                d->column[c] = i;
    }
    for (int c = 0; c <= COUNT; c++)
        if (d->column[c] < 0)
            return vq_fail(VQDNA_ERR_INPUT, "%s, line %" PRIu64 ": no column '%s', which the index of an array of ids has",
                           d->index_path, d->line, names[c][0]);
    if (label && d->column[LABEL] < 0)
        return vq_fail(VQDNA_ERR_INPUT, "%s has no column '%.60s'", d->index_path, label);
    return VQDNA_OK;
}

vq_status vq_ids_open(vq_ids **out, const char *path, const char *label) {
    vq_ids *d;
    char *bytes = NULL;
    size_t size, room = strlen(path) + 5;
    VQ_TRY(vq_alloc(&d, 1, sizeof *d));
    vq_status status;
    VQ_TRY_OR(failed, vq_alloc(&d->path, room, 1));
    VQ_TRY_OR(failed, vq_alloc(&d->index_path, room, 1));
    snprintf(d->path, room, "%s", path);
    snprintf(d->index_path, room, "%s.tsv", path);
    VQ_TRY_OR(failed, vq_read_file(&bytes, &size, path, most_bytes));
    VQ_TRY_OR(failed, take_array(d, bytes, size));
    VQ_TRY_OR(failed, vq_read_file(&d->index, NULL, d->index_path, most_bytes));
    d->at = d->index;
    VQ_TRY_OR(failed, read_columns(d, label));
    free(bytes);
    *out = d;
    return VQDNA_OK;
failed:
    free(bytes);
    vq_ids_close(d);
    return status;
}

static vq_status wrong(const vq_ids *d, const char *what) {
    return vq_fail(VQDNA_ERR_INPUT, "%s, line %" PRIu64 ": %s", d->index_path, d->line, what);
}

static bool read_number(const char *text, uint64_t *out) {
    char *end;
    *out = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    return *text >= '0' && *text <= '9' && !*end;
}

vq_status vq_ids_next(vq_ids *d, vq_ids_row *out) {
    char *field[MOST_COLUMNS];
    int count;
    uint64_t offset, ids;
    do
        count = next_line(d, field);
    while (count && (field[0][0] == '#' || (count == 1 && !field[0][0])));
    if (!count)
        return d->rows ? VQDNA_END : vq_fail(VQDNA_ERR_INPUT, "%s has a header and no rows", d->index_path);
    for (int c = 0; c < COLUMNS; c++)
        if (d->column[c] >= count)
            return wrong(d, "fewer fields than the first line has names");
    if (!read_number(field[d->column[OFFSET]], &offset) || !read_number(field[d->column[COUNT]], &ids))
        return wrong(d, "offset and count are whole numbers");
    if (offset > d->total || ids > d->total - offset)
        return wrong(d, "the array ends before these ids do: the index is not this array's, or it was cut");
    if (!ids)
        return wrong(d, "a sequence without ids: leave the row out");
    *out = (vq_ids_row){.ids = d->ids + offset,
                        .count = (size_t)ids,
                        .name = d->column[NAME] < 0 ? "" : field[d->column[NAME]],
                        .label = d->column[LABEL] < 0 ? NULL : field[d->column[LABEL]],
                        .line = d->line};
    if (out->label && !*out->label)
        return wrong(d, "the label is empty");
    d->rows++;
    return VQDNA_OK;
}

#include "seq/table.h"

#include "base/file.h"
#include "base/filetype.h"
#include "base/unzip.h"
#include "seq/alphabet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { READ = 64 << 10, LONGEST_ROW = 64 << 20, MOST_FIELDS = 4096, SHORTEST_GUESS = 4 };

struct vq_table {
    vq_unzip bytes;
    char *path;
    uint8_t in[READ];
    size_t in_at, in_count;
    bool ended;

    char delimiter;
    char *row; /* fields of the row, each ended by a 0 */
    size_t used, room;
    size_t fields[MOST_FIELDS]; /* where each begins */
    int count, columns;
    uint64_t line, row_line, rows;
    int sequence, label, name; /* their columns; -1: none */
    bool ready;                /* the first row is data, and still to be given */
};

static vq_status complain(const vq_table *t, const char *what) {
    return vq_fail(VQDNA_ERR_INPUT, "%s, line %" PRIu64 ": %s", t->path, t->row_line, what);
}

/* ---- Rows -------------------------------------------------------------------------------------------------------------------- */

/* The next byte, or -1 at the end. */
static vq_status peek(vq_table *t, int *c) {
    if (t->in_at == t->in_count && !t->ended) {
        ssize_t n = vq_unzip_read(&t->bytes, t->in, sizeof t->in);
        if (n < 0)
            return vq_fail(VQDNA_ERR_INPUT, "%s, line %" PRIu64 ": %s", t->path, t->line, t->bytes.trouble);
        t->in_at = 0;
        t->in_count = (size_t)n;
        t->ended = n == 0;
    }
    *c = t->in_at < t->in_count ? t->in[t->in_at] : -1;
    return VQDNA_OK;
}

static vq_status put(vq_table *t, int c) {
    if (t->used == t->room) {
        size_t room = t->room ? 2 * t->room : 4096;
        char *larger = room <= 2 * (size_t)LONGEST_ROW ? realloc(t->row, room) : NULL;
        if (room > 2 * (size_t)LONGEST_ROW)
            return complain(t, "a row of more than 64 MiB: is a quote not closed?");
        if (!larger)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for a row of %s", t->path);
        t->row = larger;
        t->room = room;
    }
    t->row[t->used++] = (char)c;
    return VQDNA_OK;
}

static vq_status take(vq_table *t, int *c) {
    t->line += *c == '\n';
    t->in_at++;
    return peek(t, c);
}

/* One field, up to its delimiter, line end or the end of the file, none of which it takes. */
static vq_status read_field(vq_table *t, int *c) {
    if (t->count == MOST_FIELDS)
        return complain(t, "more than 4096 columns");
    t->fields[t->count++] = t->used;
    if (*c == '"') {
        for (;;) {
            VQ_TRY(take(t, c));
            if (*c < 0)
                return complain(t, "a quote that is opened in this row is never closed");
            if (*c == 0)
                return complain(t, "a byte 0: this is no table");
            if (*c == '"') {
                VQ_TRY(take(t, c));
                if (*c != '"')
                    break;
            }
            VQ_TRY(put(t, *c));
        }
        if (*c == '\r')
            VQ_TRY(take(t, c));
        if (*c >= 0 && *c != '\n' && *c != t->delimiter)
            return complain(t, "something stands between a closing quote and the end of its field");
        return put(t, 0);
    }
    while (*c >= 0 && *c != '\n' && *c != t->delimiter) {
        if (*c == 0)
            return complain(t, "a byte 0: this is no table");
        VQ_TRY(put(t, *c));
        VQ_TRY(take(t, c));
    }
    if (*c != t->delimiter && t->used > t->fields[t->count - 1] && t->row[t->used - 1] == '\r')
        t->used--;
    return put(t, 0);
}

/* The next row that is not blank; VQDNA_END behind the last. */
static vq_status read_row(vq_table *t) {
    int c = -1;
    VQ_TRY(peek(t, &c));
    while (c == '\n' || c == '\r')
        VQ_TRY(take(t, &c));
    if (c < 0)
        return VQDNA_END;
    t->row_line = t->line;
    t->used = 0;
    t->count = 0;
    for (;;) {
        VQ_TRY(read_field(t, &c));
        bool more = c == t->delimiter && c >= 0;
        if (c >= 0)
            VQ_TRY(take(t, &c));
        if (!more)
            return VQDNA_OK;
    }
}

static const char *field(const vq_table *t, int column) {
    return t->row + t->fields[column];
}

static size_t field_length(const vq_table *t, int column) {
    return (column + 1 < t->count ? t->fields[column + 1] : t->used) - t->fields[column] - 1;
}

/* ---- The first row ----------------------------------------------------------------------------------------------------------- */

/* Of what the first bytes hold, for the first line is seldom longer. */
static char find_delimiter(const vq_table *t) {
    bool quoted = false, comma = false, semicolon = false;
    for (size_t i = t->in_at; i < t->in_count && (quoted || t->in[i] != '\n'); i++) {
        quoted ^= t->in[i] == '"';
        if (!quoted && t->in[i] == '\t')
            return '\t';
        comma |= !quoted && t->in[i] == ',';
        semicolon |= !quoted && t->in[i] == ';';
    }
    return comma || !semicolon ? ',' : ';';
}

static int find_column(const vq_table *t, const char *name) {
    for (int i = 0; i < t->count; i++)
        if (!strcasecmp(field(t, i), name))
            return i;
    return -1;
}

static bool is_nucleotides(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (vq_code_of_letter((uint8_t)text[i]) >= VQ_BASE_UNKNOWN && text[i] != 'N' && text[i] != 'n')
            return false;
    return length >= SHORTEST_GUESS;
}

static vq_status no_column(const vq_table *t, const char *name) {
    char list[300] = "";
    size_t used = 0;
    for (int i = 0; i < t->count && used < 240; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s'%.40s'", i ? ", " : "", field(t, i));
    return vq_fail(VQDNA_ERR_INPUT, "%s has no column '%.60s': its first row holds %s", t->path, name, list);
}

static vq_status read_head(vq_table *t, const char *sequence, const char *label) {
    int c = -1;
    VQ_TRY(peek(t, &c));
    for (const char *mark = "\xEF\xBB\xBF"; *mark && c == (uint8_t)*mark; mark++)
        VQ_TRY(take(t, &c));
    char is[900];
    if (vq_filetype_explain(is, sizeof is, t->path, t->in + t->in_at, t->in_count - t->in_at))
        return vq_fail(VQDNA_ERR_INPUT, "%s", is);
    if (c == '>' || c == '@')
        return vq_fail(VQDNA_ERR_INPUT, "%s starts with '%c', as FASTA and FASTQ do, and a table was expected", t->path, c);
    t->delimiter = find_delimiter(t);
    vq_status status = read_row(t);
    if (status == VQDNA_END)
        return vq_fail(VQDNA_ERR_INPUT, "%s is empty", t->path);
    VQ_TRY(status);
    t->columns = t->count;
    t->sequence = find_column(t, sequence ? sequence : "sequence");
    t->label = find_column(t, label ? label : "label");
    t->name = find_column(t, "name");
    if (t->name < 0)
        t->name = find_column(t, "id");
    if (t->sequence < 0 && !sequence)
        for (int i = t->count - 1; i >= 0; i--)
            if (is_nucleotides(field(t, i), field_length(t, i)))
                t->sequence = i;
    if (t->sequence < 0)
        return no_column(t, sequence ? sequence : "sequence");
    bool data = !sequence && is_nucleotides(field(t, t->sequence), field_length(t, t->sequence));
    if (data)
        t->name = -1;
    if (data)
        t->label = t->count == 2 && !label ? 1 - t->sequence : -1;
    if (label && t->label < 0)
        return no_column(t, label);
    t->ready = data;
    return VQDNA_OK;
}

/* ---- The handle -------------------------------------------------------------------------------------------------------------- */

vq_status vq_table_open(vq_table **out, const char *path, const char *sequence, const char *label) {
    int fd;
    VQ_TRY(vq_input_open(&fd, path, true));
    vq_table *t;
    vq_status status = vq_alloc(&t, 1, sizeof *t);
    if (status < 0) {
        close(fd);
        return status;
    }
    t->line = 1;
    VQ_TRY_OR(failed, vq_unzip_open(&t->bytes, fd));
    const char *shown = strcmp(path, "-") ? path : "standard input";
    VQ_TRY_OR(failed, vq_alloc(&t->path, strlen(shown) + 1, 1));
    strcpy(t->path, shown);
    VQ_TRY_OR(failed, read_head(t, sequence, label));
    *out = t;
    return VQDNA_OK;
failed:
    vq_table_close(t);
    return status;
}

vq_status vq_table_next(vq_table *t, vq_table_row *out) {
    vq_status status = t->ready ? VQDNA_OK : read_row(t);
    if (status == VQDNA_END && t->rows == 0)
        return vq_fail(VQDNA_ERR_INPUT, "%s has a header and no rows", t->path);
    if (status != VQDNA_OK)
        return status;
    t->ready = false;
    char what[120];
    if (t->count != t->columns) {
        snprintf(what, sizeof what, "%d fields, and the first row has %d", t->count, t->columns);
        return complain(t, what);
    }
    const char *sequence = field(t, t->sequence);
    size_t length = field_length(t, t->sequence);
    if (!length)
        return complain(t, "no sequence");
    for (size_t i = 0; i < length; i++)
        if (vq_code_of_letter((uint8_t)sequence[i]) == VQ_LETTER_ILLEGAL) {
            snprintf(what, sizeof what, "byte 0x%02X at place %zu of the sequence is no nucleotide letter", (uint8_t)sequence[i],
                     i);
            return complain(t, what);
        }
    if (t->label >= 0 && !field_length(t, t->label))
        return complain(t, "no label");
    *out = (vq_table_row){sequence,  length,     t->label < 0 ? NULL : field(t, t->label), t->name < 0 ? NULL : field(t, t->name),
                          t->rows++, t->row_line};
    return VQDNA_OK;
}

void vq_table_close(vq_table *t) {
    if (!t)
        return;
    vq_unzip_close(&t->bytes);
    free(t->path);
    free(t->row);
    free(t);
}

#include "seq/intervals.h"

#include "base/file.h"
#include "base/unzip.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ = 1 << 20, COLUMNS = 9 };

static vq_status complain(const vq_intervals *v, uint64_t line, const char *what) {
    return vq_fail(VQDNA_ERR_INPUT, "%s, line %" PRIu64 ": %s", v->path, line, what);
}

static vq_status read_all(vq_intervals *v, size_t *used, int fd) {
    vq_unzip bytes;
    VQ_TRY(vq_unzip_open(&bytes, fd));
    size_t room = 0;
    ssize_t n = 0;
    *used = 0;
    do {
        *used += (size_t)n;
        if (room - *used < READ + 1) {
            room = 2 * room + READ + 1;
            char *larger = realloc(v->text, room);
            if (!larger) {
                vq_unzip_close(&bytes);
                return vq_fail(VQDNA_ERR_MEMORY, "out of memory for the intervals of %s", v->path);
            }
            v->text = larger;
        }
        n = vq_unzip_read(&bytes, v->text + *used, READ);
    } while (n > 0);
    v->text[*used] = 0;
    vq_status status = n < 0 ? vq_fail(VQDNA_ERR_INPUT, "%s: %s", v->path, bytes.trouble) : VQDNA_OK;
    vq_unzip_close(&bytes);
    return status;
}

/* A whole number and nothing else. */
static bool number(const char *text, uint64_t *out) {
    uint64_t value = 0;
    if (!*text)
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > INT64_MAX / 16)
            return false;
    }
    *out = value;
    return !*text;
}

static char strand_of(const char *text) {
    return *text == '+' || *text == '-' ? *text : '.';
}

/* One line, its columns cut apart by zeros. */
static vq_status take_row(vq_intervals *v, char *row, uint64_t line) {
    char *column[COLUMNS];
    int count = 0;
    bool tabs = strchr(row, '\t');
    for (char *at = row; at && count < COLUMNS;) {
        column[count++] = at;
        at = tabs ? strchr(at, '\t') : strpbrk(at, " ");
        if (at) {
            *at++ = 0;
            if (!tabs)
                at += strspn(at, " ");
        }
    }
    vq_interval i = {.contig = column[0], .kind = "", .strand = '.', .phase = -1, .line = line};
    if (count >= 3 && number(column[1], &i.start) && number(column[2], &i.end)) {
        if (count >= 4 && strcmp(column[3], "."))
            i.kind = column[3];
        if (count >= 6)
            i.strand = strand_of(column[5]);
    } else if (count >= 8 && number(column[3], &i.start) && number(column[4], &i.end)) {
        if (i.start == 0)
            return complain(v, line, "a start of 0, and GFF counts from 1");
        i.start--;
        i.kind = column[2];
        i.strand = strand_of(column[6]);
        if (column[7][0] >= '0' && column[7][0] <= '2' && !column[7][1])
            i.phase = (char)(column[7][0] - '0');
    } else {
        return complain(v, line, "neither BED (contig, start, end) nor GFF (nine columns, numbers in the fourth and fifth)");
    }
    if (!*i.contig)
        return complain(v, line, "no name of a contig");
    if (i.end < i.start)
        return complain(v, line, "the interval ends before it starts");
    if (v->count == v->room) {
        v->room = v->room ? 2 * v->room : 1024;
        vq_interval *larger = realloc(v->items, v->room * sizeof *larger);
        if (!larger)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for the intervals of %s", v->path);
        v->items = larger;
    }
    v->items[v->count++] = i;
    return VQDNA_OK;
}

vq_status vq_intervals_read(vq_intervals **out, const char *path) {
    int fd;
    VQ_TRY(vq_input_open(&fd, path, true));
    vq_intervals *v;
    vq_status status = vq_alloc(&v, 1, sizeof *v);
    if (status < 0) {
        close(fd);
        return status;
    }
    const char *shown = strcmp(path, "-") ? path : "standard input";
    status = vq_alloc(&v->path, strlen(shown) + 1, 1);
    size_t used = 0;
    if (status < 0)
        close(fd);
    else
        status = read_all(v, &used, (strcpy(v->path, shown), fd));
    uint64_t line = 0;
    for (char *at = v->text, *next; status == VQDNA_OK && at < v->text + used; at = next) {
        char *end = memchr(at, '\n', (size_t)(v->text + used - at));
        next = end ? end + 1 : v->text + used;
        line++;
        if (memchr(at, 0, (size_t)((end ? end : next) - at))) {
            status = complain(v, line, "a byte 0: this is no table of intervals");
            break;
        }
        if (end) {
            *end = 0;
            if (end > at && end[-1] == '\r')
                end[-1] = 0;
        }
        if (!strncmp(at, "##FASTA", 7))
            break;
        if (*at && *at != '#' && strncmp(at, "track ", 6) && strncmp(at, "browser ", 8))
            status = take_row(v, at, line);
    }
    if (status == VQDNA_OK && !v->count)
        status = vq_fail(VQDNA_ERR_INPUT, "%s holds no interval", v->path);
    if (status < 0)
        vq_intervals_destroy(v);
    else
        *out = v;
    return status;
}

void vq_intervals_destroy(vq_intervals *v) {
    if (!v)
        return;
    free(v->items);
    free(v->text);
    free(v->path);
    free(v);
}

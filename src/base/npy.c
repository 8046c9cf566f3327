#include "base/npy.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER = 128, HEADER_LIMIT = 64 << 10 };

/* ---- Writing ---- */

static void make_header(char out[HEADER], uint64_t rows, uint64_t columns) {
    memset(out, ' ', HEADER);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    uint16_t length = HEADER - 10;
    memcpy(out + 8, &length, sizeof length);
    int n = snprintf(out + 10, HEADER - 10, "{'descr': '<u2', 'fortran_order': False, 'shape': (%" PRIu64 ", %" PRIu64 "), }", rows,
                     columns);
    out[10 + n] = ' ';
    out[HEADER - 1] = '\n';
}

vq_status vq_npy_create(vq_npy_writer *writer, const char *path, uint64_t columns) {
    *writer = (vq_npy_writer){.columns = columns};
    VQ_TRY(vq_outfile_open(&writer->out, path));
    vq_status status = VQDNA_OK;
    char header[HEADER];
    /* Appending would put the header behind the data, and a position other than 0 belongs to somebody else's bytes. */
    int fd = fileno(writer->out.file);
    if (lseek(fd, 0, SEEK_CUR) != 0 || fcntl(fd, F_GETFL) & O_APPEND) {
        status = vq_fail(VQDNA_ERR_USAGE, "an .npy file cannot be written to %s: name a file with -o, or choose another format",
                         strcmp(path, "-") ? path : "a pipe or terminal");
        goto done;
    }
    make_header(header, 0, columns);
    VQ_TRY_OR(done, vq_outfile_write(&writer->out, header, HEADER));
done:
    if (status < 0)
        vq_npy_discard(writer);
    return status;
}

vq_status vq_npy_write(vq_npy_writer *writer, const uint16_t *values, size_t rows) {
    VQ_TRY(vq_outfile_write(&writer->out, values, rows * writer->columns * sizeof *values));
    writer->rows += rows;
    return VQDNA_OK;
}

vq_status vq_npy_commit(vq_npy_writer *writer) {
    char header[HEADER];
    make_header(header, writer->rows, writer->columns);
    vq_status status = VQDNA_OK;
    if (fseeko(writer->out.file, 0, SEEK_SET) != 0)
        status = vq_outfile_failed(&writer->out);
    else
        status = vq_outfile_write(&writer->out, header, HEADER);
    if (status == VQDNA_OK)
        return vq_outfile_commit(&writer->out);
    vq_npy_discard(writer);
    return status;
}

void vq_npy_discard(vq_npy_writer *writer) {
    vq_outfile_discard(&writer->out);
}

/* ---- Reading ---- */

static vq_status bad(const vq_npy_reader *reader, const char *what) {
    return vq_fail(VQDNA_ERR_INPUT, "%s %s", reader->path, what);
}

static const char *skip_blanks(const char *p) {
    while (*p == ' ')
        p++;
    return p;
}

/* The text of the value of a key of the header's Python dictionary; NULL if absent. */
static const char *value_of(const char *header, const char *key) {
    const char *p = strstr(header, key);
    if (!p)
        return NULL;
    p = skip_blanks(p + strlen(key));
    return *p == ':' ? skip_blanks(p + 1) : NULL;
}

/* A whole number, then `end`; NULL if it is not so. */
static const char *number(uint64_t *out, const char *p, char end) {
    p = skip_blanks(p);
    if (!isdigit((unsigned char)*p))
        return NULL;
    char *after;
    errno = 0;
    *out = strtoull(p, &after, 10);
    p = skip_blanks(after);
    return errno == 0 && *p == end ? p + 1 : NULL;
}

static vq_status parse_header(vq_npy_reader *reader, const char *header) {
    const char *descr = value_of(header, "'descr'"), *order = value_of(header, "'fortran_order'"),
               *shape = value_of(header, "'shape'");
    if (!descr || !order || !shape)
        return bad(reader, "is damaged: its .npy header lacks descr, fortran_order or shape");
    if (strncmp(descr, "'<u2'", 5) != 0)
        return bad(reader, "is not of type uint16 (descr '<u2')");
    if (strncmp(order, "False", 5) != 0)
        return bad(reader, "is in Fortran order: save it in C order");
    const char *p = *shape == '(' ? number(&reader->rows, shape + 1, ',') : NULL;
    if (!p || (!number(&reader->columns, p, ')') && !((p = number(&reader->columns, p, ',')) && *skip_blanks(p) == ')')))
        return bad(reader, "is not of two dimensions (rows, columns)");
    uint64_t bytes;
    if (reader->columns == 0 || __builtin_mul_overflow(reader->rows, reader->columns, &bytes) || bytes > INT64_MAX / 2)
        return bad(reader, "has an impossible shape");
    return VQDNA_OK;
}

vq_status vq_npy_open(vq_npy_reader *reader, const char *path) {
    *reader = (vq_npy_reader){0};
    int fd;
    VQ_TRY(vq_input_open(&fd, path, true));
    reader->file = fdopen(fd, "r");
    reader->path = strdup(strcmp(path, "-") ? path : "standard input");
    char *header = NULL;
    vq_status status = VQDNA_OK;
    unsigned char start[8], size[4] = {0};
    if (fread(start, 1, 8, reader->file) != 8 || memcmp(start, "\x93NUMPY", 6) != 0) {
        status = bad(reader, "is not an .npy file");
        goto done;
    }
    if ((start[6] != 1 && start[6] != 2) || start[7] != 0) {
        status = bad(reader, "is of an .npy version other than 1.0 and 2.0");
        goto done;
    }
    size_t width = start[6] == 1 ? 2 : 4, read = fread(size, 1, width, reader->file);
    uint32_t length = size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
    if (read != width || length > HEADER_LIMIT) {
        status = bad(reader, "is damaged: its .npy header has an impossible length");
        goto done;
    }
    VQ_TRY_OR(done, vq_alloc(&header, length + 1, 1));
    if (fread(header, 1, length, reader->file) != length) {
        status = bad(reader, "is truncated in its .npy header");
        goto done;
    }
    VQ_TRY_OR(done, parse_header(reader, header));
done:
    free(header);
    if (status < 0)
        vq_npy_close(reader);
    return status;
}

vq_status vq_npy_read(vq_npy_reader *reader, uint16_t *values, size_t *rows, size_t limit) {
    *rows = 0;
    if (reader->at == reader->rows)
        return fgetc(reader->file) == EOF ? VQDNA_END : bad(reader, "is damaged: data follow the rows its header tells of");
    size_t want = reader->rows - reader->at < limit ? reader->rows - reader->at : limit;
    size_t got = fread(values, reader->columns * sizeof *values, want, reader->file);
    if (got != want)
        return ferror(reader->file) ? vq_fail_errno(VQDNA_ERR_INPUT, "%s cannot be read", reader->path)
                                    : bad(reader, "is truncated: it has fewer rows than its header tells of");
    reader->at += got;
    *rows = got;
    return VQDNA_OK;
}

void vq_npy_close(vq_npy_reader *reader) {
    if (reader->file)
        fclose(reader->file);
    free(reader->path);
    *reader = (vq_npy_reader){0};
}

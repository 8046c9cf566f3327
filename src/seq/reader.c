#include "seq/reader.h"

#include "base/file.h"
#include "base/filetype.h"
#include "base/log.h"
#include "base/unzip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { DEFAULT_READ = 256 << 10, HEADER_LIMIT = 1 << 20, NAMES_LIMIT = 1 << 20, EMPTY_WARNINGS = 10 };

struct vq_reader {
    vq_unzip bytes;
    char *path;

    uint8_t *in; /* bytes [in_at, in_count) are yet to be parsed */
    size_t in_at, in_count, capacity;
    uint8_t *codes; /* [capacity] of the piece in the making */

    enum { AT_START, AT_HEADER, IN_SEQUENCE, IN_QUALITIES, AT_END } state;
    bool fastq, line_start;
    bool keep_case;
    bool cr, stray_cr; /* the last byte was a CR; one before the next byte ended no line */
    uint64_t line;     /* current one, from 1 */

    char *name;
    size_t name_room;
    uint64_t bases, lines; /* of this record so far; lines: of sequence */
    vq_reader_stats stats;
    uint64_t empty_records;
    bool nameless_told, mark_told;

    uint64_t *names; /* open addressing over hashes of the names met; 0 is a free slot */
    size_t names_count, names_room;
    bool names_told;
};

/* ---- Complaints ---- */

/* "FILE, line 7, record 'x'" */
static const char *place(const vq_reader *r, char text[400]) {
    int used = snprintf(text, 400, "%.250s, line %" PRIu64, r->path, r->line);
    if (*r->name)
        snprintf(text + used, 400 - (size_t)used, ", record '%.60s'", r->name);
    return text;
}

static vq_status bad_record(const vq_reader *r, const char *what) {
    char at[400];
    return vq_fail(VQDNA_ERR_INPUT, "%s: %s", place(r, at), what);
}

static vq_status bad_byte(const vq_reader *r, int c, const char *where) {
    char what[80];
    snprintf(what, sizeof what, c > 32 && c < 127 ? "illegal character '%c' in the %s" : "illegal character 0x%02X in the %s", c,
             where);
    return bad_record(r, what);
}

static void warn_once(const vq_reader *r, bool *told, const char *what) {
    char at[400];
    if (!*told)
        vq_log(VQDNA_WARNING, "%s: %s (told once a file)", place(r, at), what);
    *told = true;
}

/* ---- Bytes ---- */

/* From here on LF alone ends a line: takes the CR of CRLF away. A CR that ends no line stops the file there, for it may be meant to
 * end one (as it once did on the Macintosh), and then bases would be lost in a header. */
static size_t end_lines_in_lf(vq_reader *r, size_t count) {
    if (!r->cr && !memchr(r->in, '\r', count))
        return count;
    uint8_t *to = r->in;
    for (const uint8_t *from = r->in; from < r->in + count; from++) {
        r->stray_cr = r->cr && *from != '\n' && *from != '\r';
        if (r->stray_cr)
            break;
        r->cr = *from == '\r';
        if (!r->cr)
            *to++ = *from;
    }
    return (size_t)(to - r->in);
}

/* Reads on; in_at == in_count afterwards means the end of the file. */
static vq_status refill(vq_reader *r) {
    ssize_t n = 0;
    r->in_at = r->in_count = 0;
    while (!r->stray_cr && !r->in_count && (n = vq_unzip_read(&r->bytes, r->in, r->capacity)) > 0)
        r->in_count = end_lines_in_lf(r, (size_t)n);
    if (n < 0)
        return bad_record(r, r->bytes.trouble);
    if (r->stray_cr && !r->in_count)
        return bad_record(r, "a carriage return (CR) without a line feed: lines end in LF or CRLF; where CR ends them, tr '\\r' "
                             "'\\n' mends the file");
    if (n > 0)
        return VQDNA_OK;
    if (r->bytes.unmarked)
        vq_log(VQDNA_WARNING, "%s: the end mark of bgzip is absent: the file may be truncated", r->path);
    if (r->bytes.padding)
        vq_log(VQDNA_WARNING, "%s: %" PRIu64 " zero bytes behind its gzip data are passed over", r->path, r->bytes.padding);
    r->bytes.unmarked = false;
    r->bytes.padding = 0;
    return VQDNA_OK;
}

/* The next byte, or -1 at the end of the file. */
static vq_status peek(vq_reader *r, int *c) {
    if (r->in_at == r->in_count)
        VQ_TRY(refill(r));
    *c = r->in_at < r->in_count ? r->in[r->in_at] : -1;
    return VQDNA_OK;
}

static void take(vq_reader *r, int c) {
    r->in_at++;
    r->line += c == '\n';
}

static bool is_blank(int c) {
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static vq_status skip_blank_lines(vq_reader *r, int *c) {
    for (;;) {
        VQ_TRY(peek(r, c));
        if (!is_blank(*c) && *c != '\n')
            return VQDNA_OK;
        take(r, *c);
    }
}

/* ---- Names ---- */

/* Warns once a file of a name met before; keeps 64-bit hashes of the first 2^20 names only. */
static vq_status note_name(vq_reader *r, size_t length) {
    if (r->names_told || r->names_count >= NAMES_LIMIT)
        return VQDNA_OK;
    if (2 * (r->names_count + 1) > r->names_room) {
        size_t room = r->names_room ? 2 * r->names_room : 1024;
        uint64_t *names;
        VQ_TRY(vq_alloc(&names, room, sizeof *names));
        for (size_t i = 0; i < r->names_room; i++) {
            if (!r->names[i])
                continue;
            size_t slot = r->names[i] & (room - 1);
            while (names[slot])
                slot = (slot + 1) & (room - 1);
            names[slot] = r->names[i];
        }
        free(r->names);
        r->names = names;
        r->names_room = room;
    }
    uint64_t hash = XXH3_64bits(r->name, length);
    hash += hash == 0;
    size_t slot = hash & (r->names_room - 1);
    while (r->names[slot] && r->names[slot] != hash)
        slot = (slot + 1) & (r->names_room - 1);
    if (r->names[slot])
        warn_once(r, &r->names_told, "its name appears a second time");
    r->names[slot] = hash;
    r->names_count++;
    return VQDNA_OK;
}

/* ---- Parsing ---- */

static vq_status read_start(vq_reader *r) {
    int c;
    VQ_TRY(peek(r, &c));
    for (const char *mark = "\xEF\xBB\xBF"; *mark && c == (uint8_t)*mark; mark++) { /* an editor's byte order mark */
        take(r, c);
        VQ_TRY(peek(r, &c));
    }
    VQ_TRY(skip_blank_lines(r, &c));
    if (c < 0)
        return vq_fail(VQDNA_ERR_INPUT, "%s is empty", r->path);
    char is[900];
    if (vq_filetype_explain(is, sizeof is, r->path, r->in + r->in_at, r->in_count - r->in_at))
        return vq_fail(VQDNA_ERR_INPUT, "%s", is);
    if (c != '>' && c != '@' && c > 32 && c < 127)
        return vq_fail(VQDNA_ERR_INPUT, "%s, line %" PRIu64 " starts with '%c', not with the '>' of FASTA or the '@' of FASTQ",
                       r->path, r->line, c);
    if (c != '>' && c != '@')
        return vq_fail(VQDNA_ERR_INPUT, "%s is a binary file (it starts with 0x%02X): FASTA or FASTQ is read, plain, gzip or bgzip",
                       r->path, c);
    r->fastq = c == '@';
    r->state = AT_HEADER;
    return VQDNA_OK;
}

/* A header line, from its '>' or '@' on. */
static vq_status read_header(vq_reader *r) {
    size_t length = 0, name_length = 0;
    bool in_name = true;
    int c;
    r->name[0] = 0;
    take(r, r->in[r->in_at]);
    for (;; take(r, c)) {
        VQ_TRY(peek(r, &c));
        if (c < 0 || c == '\n')
            break;
        if (c == 0)
            return bad_byte(r, c, "header line");
        if (++length > HEADER_LIMIT)
            return bad_record(r, "the header line is longer than 1 MiB");
        if (is_blank(c)) { /* before the name, as samtools allows, or behind it */
            in_name = name_length == 0;
            continue;
        }
        if (!in_name)
            continue;
        if (name_length + 1 == r->name_room) {
            char *larger = realloc(r->name, 2 * r->name_room);
            if (!larger)
                return vq_fail(VQDNA_ERR_MEMORY, "out of memory for a record name of %s", r->path);
            r->name = larger;
            r->name_room *= 2;
        }
        r->name[name_length++] = (char)c;
        r->name[name_length] = 0;
    }
    if (name_length == 0)
        warn_once(r, &r->nameless_told, "a record without a name");
    else
        VQ_TRY(note_name(r, name_length));
    if (c == '\n')
        take(r, c);
    r->state = IN_SEQUENCE;
    r->line_start = true;
    r->bases = r->lines = 0;
    r->stats.records++;
    return VQDNA_OK;
}

/* Codes until the piece is full or the sequence ends. */
static vq_status read_sequence(vq_reader *r, size_t *count) {
    while (*count < r->capacity) {
        int c;
        VQ_TRY(peek(r, &c));
        if (c < 0 || (r->line_start && c == (r->fastq ? '+' : '>'))) {
            r->state = r->fastq ? IN_QUALITIES : AT_HEADER;
            return VQDNA_OK;
        }
        size_t room = r->capacity - *count, ready = r->in_count - r->in_at, most = ready < room ? ready : room, n = 0;
        const uint8_t *in = r->in + r->in_at;
        uint8_t *codes = r->codes + *count, code;
        uint64_t unknown = 0;
        for (; n < most && (code = vq_code_of_letter(in[n])) != VQ_LETTER_ILLEGAL; n++) {
            codes[n] = code;
            unknown += code == VQ_BASE_UNKNOWN;
        }
        for (size_t i = 0; r->keep_case && i < n; i++)
            codes[i] |= in[i] >= 'a' ? VQ_SOFT : 0;
        *count += n;
        r->in_at += n;
        r->bases += n;
        r->stats.unknown += unknown;
        if (n > 0 && r->line_start) {
            r->line_start = false;
            r->lines++;
        }
        if (n == most)
            continue;
        c = in[n];
        if (c == '>' && !r->fastq) { /* keeps a place, as with samtools, so that it costs no more than one base */
            warn_once(r, &r->mark_told, "a '>' within a line reads as an unknown base: does a line's end lack before it?");
            codes[n] = VQ_BASE_UNKNOWN;
            (*count)++;
            r->bases++;
            r->stats.unknown++;
        } else if (c != '\n' && !is_blank(c)) {
            return bad_byte(r, c, "sequence");
        }
        r->line_start |= c == '\n';
        take(r, c);
    }
    return VQDNA_OK;
}

/* The '+' line and the qualities: as many as there are bases, on one line if the bases were. */
static vq_status read_qualities(vq_reader *r) {
    uint64_t count = 0;
    int c;
    VQ_TRY(peek(r, &c));
    if (c < 0)
        return bad_record(r, "the file ends before the record's '+' line: is it truncated?");
    while (c >= 0 && c != '\n') {
        take(r, c);
        VQ_TRY(peek(r, &c));
    }
    do {
        if (c == '\n') /* the one before this line */
            take(r, c);
        VQ_TRY(peek(r, &c));
        while (c >= 0 && c != '\n') {
            if (c < 33 || c > 126)
                return bad_byte(r, c, "qualities");
            count++;
            take(r, c);
            VQ_TRY(peek(r, &c));
        }
    } while (c >= 0 && r->lines > 1 && count < r->bases);
    if (count != r->bases) {
        char what[100];
        snprintf(what, sizeof what, "%" PRIu64 " bases but %" PRIu64 " qualities%s", r->bases, count,
                 c < 0 && count < r->bases ? ": is the file truncated?" : "");
        return bad_record(r, what);
    }
    r->state = AT_HEADER;
    return VQDNA_OK;
}

/* ---- The handle ---- */

vq_status vq_reader_open(vq_reader **out, const char *path, size_t read_bytes) {
    int fd;
    VQ_TRY(vq_input_open(&fd, path, true));
    vq_reader *r;
    vq_status status = vq_alloc(&r, 1, sizeof *r);
    if (status < 0) {
        close(fd);
        return status;
    }
    VQ_TRY_OR(failed, vq_unzip_open(&r->bytes, fd));
    r->line = 1;
    r->name_room = 64;
    r->capacity = read_bytes ? read_bytes : DEFAULT_READ;
    VQ_TRY_OR(failed, vq_alloc(&r->in, r->capacity, 1));
    VQ_TRY_OR(failed, vq_alloc(&r->codes, r->capacity, 1));
    VQ_TRY_OR(failed, vq_alloc(&r->name, r->name_room, 1));
    const char *shown = strcmp(path, "-") ? path : "standard input";
    VQ_TRY_OR(failed, vq_alloc(&r->path, strlen(shown) + 1, 1));
    strcpy(r->path, shown);
    *out = r;
    return VQDNA_OK;
failed:
    vq_reader_close(r);
    return status;
}

void vq_reader_keep_case(vq_reader *r, bool keep) {
    r->keep_case = keep;
}

vq_status vq_reader_next(vq_reader *r, vq_piece *out) {
    int c;
    if (r->state == AT_START)
        VQ_TRY(read_start(r));
    if (r->state == AT_HEADER) {
        VQ_TRY(skip_blank_lines(r, &c));
        if (c < 0)
            r->state = AT_END;
        else if (r->fastq && c != '@')
            return bad_byte(r, c, "place of the next record's '@'");
        else
            VQ_TRY(read_header(r));
    }
    if (r->state == AT_END)
        return r->stats.bases
                   ? VQDNA_END
                   : vq_fail(VQDNA_ERR_INPUT, "%s: no bases in any of its records (%" PRIu64 ")", r->path, r->stats.records);
    size_t count = 0;
    if (r->state == IN_SEQUENCE)
        VQ_TRY(read_sequence(r, &count));
    if (r->state == IN_QUALITIES)
        VQ_TRY(read_qualities(r));
    *out = (vq_piece){
        .name = r->name,
        .record = r->stats.records - 1,
        .start = r->bases - count,
        .codes = r->codes,
        .count = count,
        .last = r->state == AT_HEADER,
    };
    r->stats.bases += count;
    if (out->last && r->bases == 0 && r->empty_records++ < EMPTY_WARNINGS)
        vq_log(VQDNA_WARNING, "%s: record '%.60s' has no bases%s", r->path, r->name,
               r->empty_records == EMPTY_WARNINGS ? " (no more such warnings for this file)" : "");
    return VQDNA_OK;
}

vq_reader_stats vq_reader_describe(const vq_reader *r) {
    return r->stats;
}

void vq_reader_close(vq_reader *r) {
    if (!r)
        return;
    vq_unzip_close(&r->bytes);
    free(r->path);
    free(r->in);
    free(r->codes);
    free(r->name);
    free(r->names);
    free(r);
}

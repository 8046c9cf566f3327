#include "seq/source.h"

#include "seq/table.h"
#include "seq/windows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PIECE = 256 << 10 };

/* What comes in before anything is left out: bases may carry VQ_SOFT. */
typedef struct {
    const char *name; /* of the contig */
    uint64_t start;   /* in the contig */
    const uint8_t *bases;
    size_t count;
    bool first, last;    /* of its record */
    bool part, reversed; /* of a window that is less than its contig; on the - strand */
} raw_piece;

struct vq_source {
    const char *const *paths;
    size_t files, file; /* [file] is the next to be opened */
    vqdna_input_options o;
    size_t read_bytes;
    vq_reader *reader; /* of the file under way, or */
    vq_table *table;
    vq_windows *windows;
    uint8_t *letters; /* of a row or a window, as bases */
    size_t letters_room;
    char *row_name;

    bool gathers; /* whole stretches, to be cut or reversed */
    raw_piece raw;
    size_t at;          /* the next of its bases; raw.count: none left */
    bool inside, clean; /* a record is under way; nothing of it was left out */
    uint64_t from;      /* in the contig, of the stretch gathered */
    uint8_t *stretch;
    size_t count, room;
    char *name;                           /* of the stretch */
    uint8_t *whole;                       /* with windows: what they are cut from, and the stretch is one of them */
    size_t whole_count, whole_room, next; /* next: where the next window begins; */
    uint64_t whole_from;
    bool more;       /* there is one */
    int turn, turns; /* of its strands, the one under way */
    size_t given;    /* bases of it given */

    vqdna_stream_stats stats;
    bool open; /* a record is being delivered */
};

/* ---- What comes in ----------------------------------------------------------------------------------------------------------- */

static bool is_table(const vq_source *s, const char *path) {
    static const char *const ends[] = {".csv", ".tsv", ".csv.gz", ".tsv.gz"};
    size_t length = strlen(path);
    for (int i = 0; i < 4; i++)
        if (length > strlen(ends[i]) && !strcasecmp(path + length - strlen(ends[i]), ends[i]))
            return true;
    return s->o.column;
}

static vq_status as_bases(vq_source *s, const char *letters, size_t count) {
    if (count > s->letters_room) {
        free(s->letters);
        s->letters = NULL;
        s->letters_room = 0;
        VQ_TRY(vq_alloc(&s->letters, count, 1));
        s->letters_room = count;
    }
    for (size_t i = 0; i < count; i++) {
        s->letters[i] = vq_code_of_letter((uint8_t)letters[i]);
        if (s->letters[i] == VQ_LETTER_ILLEGAL)
            return vq_fail(VQDNA_ERR_INPUT,
                           "base %zu of a part of an indexed FASTA is byte 0x%02X, no nucleotide letter: does the index fit its "
                           "file? samtools faidx makes a new one",
                           i, (uint8_t)letters[i]);
        if (s->o.skip_soft_masked && letters[i] >= 'a')
            s->letters[i] |= VQ_SOFT;
    }
    return VQDNA_OK;
}

static vq_status from_window(vq_source *s, raw_piece *out) {
    vq_window w;
    vq_status status = vq_windows_next(s->windows, &w);
    if (status != VQDNA_OK)
        return status;
    size_t count = (size_t)(w.end - w.start);
    VQ_TRY(as_bases(s, w.letters, count));
    *out = (raw_piece){w.contig, w.start, s->letters, count, true, true, !w.whole, w.reverse};
    return VQDNA_OK;
}

static vq_status from_table(vq_source *s, raw_piece *out) {
    vq_table_row row;
    vq_status status = vq_table_next(s->table, &row);
    if (status != VQDNA_OK)
        return status;
    VQ_TRY(as_bases(s, row.sequence, row.length));
    size_t length = row.name ? strcspn(row.name, " \t\n\v\f\r") : 20;
    free(s->row_name);
    s->row_name = NULL;
    VQ_TRY(vq_alloc(&s->row_name, length + 1, 1));
    if (row.name)
        memcpy(s->row_name, row.name, length);
    else
        snprintf(s->row_name, length + 1, "%" PRIu64, row.row + 1);
    *out = (raw_piece){s->row_name, 0, s->letters, row.length, true, true, false, false};
    return VQDNA_OK;
}

static vq_status from_reader(vq_source *s, raw_piece *out) {
    vq_piece piece;
    vq_status status = vq_reader_next(s->reader, &piece);
    if (status == VQDNA_OK)
        *out = (raw_piece){piece.name, piece.start, piece.codes, piece.count, piece.start == 0, piece.last, false, false};
    return status;
}

static vq_status next_raw(vq_source *s, raw_piece *out) {
    if (s->windows)
        return from_window(s, out);
    for (;;) {
        vq_status status = s->reader ? from_reader(s, out) : s->table ? from_table(s, out) : VQDNA_END;
        if (status != VQDNA_END)
            return status;
        vq_reader_close(s->reader);
        vq_table_close(s->table);
        s->reader = NULL;
        s->table = NULL;
        if (s->file == s->files)
            return VQDNA_END;
        const char *path = s->paths[s->file++];
        if (is_table(s, path)) {
            VQ_TRY(vq_table_open(&s->table, path, s->o.column, NULL));
        } else {
            VQ_TRY(vq_reader_open(&s->reader, path, s->read_bytes));
            vq_reader_keep_case(s->reader, s->o.skip_soft_masked);
        }
    }
}

/* ---- Cut and reversed -------------------------------------------------------------------------------------------------------- */

static bool left_out(const vq_source *s, uint8_t base) {
    return (base & VQ_SOFT) || (base >= VQ_BASE_UNKNOWN && s->o.ambiguous == VQDNA_AMBIGUOUS_SKIP);
}

static vq_status append(vq_source *s, const uint8_t *bases, size_t count) {
    if (s->room - s->count < count) {
        size_t room = s->count + count > 2 * s->room ? s->count + count : 2 * s->room;
        uint8_t *larger = realloc(s->stretch, room);
        if (!larger)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for a stretch of %zu bases", room);
        s->stretch = larger;
        s->room = room;
    }
    memcpy(s->stretch + s->count, bases, count);
    s->count += count;
    return VQDNA_OK;
}

/* The next stretch, whole; VQDNA_END behind the last. */
static vq_status gather(vq_source *s) {
    s->count = 0;
    s->from = s->raw.start + s->at;
    for (;;) {
        if (s->at == s->raw.count && s->inside && s->raw.last) {
            s->inside = false;
            if (s->count || s->clean)
                return VQDNA_OK;
        }
        if (s->at == s->raw.count) {
            vq_status status = next_raw(s, &s->raw);
            if (status != VQDNA_OK) {
                s->raw.count = s->at = 0;
                return status;
            }
            s->at = 0;
            if (s->raw.first) {
                s->from = s->raw.start;
                s->inside = s->clean = true;
            }
            continue;
        }
        size_t i = s->at;
        if (left_out(s, s->raw.bases[i])) {
            s->clean = false;
            if (s->count)
                return VQDNA_OK;
            while (i < s->raw.count && left_out(s, s->raw.bases[i]))
                i++;
            s->stats.left_out += i - s->at;
            s->at = i;
            s->from = s->raw.start + i;
        } else {
            while (i < s->raw.count && !left_out(s, s->raw.bases[i]))
                i++;
            VQ_TRY(append(s, s->raw.bases + s->at, i - s->at));
            s->at = i;
        }
    }
}

static void swap_stretch(vq_source *s) {
    uint8_t *bases = s->stretch;
    size_t count = s->count, room = s->room;
    s->stretch = s->whole;
    s->count = s->whole_count;
    s->room = s->whole_room;
    s->whole = bases;
    s->whole_count = count;
    s->whole_room = room;
}

/* The next window of the stretch that was gathered; the last ends where that does, as long as the others if that is long enough. */
static vq_status next_window(vq_source *s) {
    const size_t window = s->o.window;
    if (!s->more) {
        const vq_status status = gather(s);
        if (status != VQDNA_OK)
            return status;
        s->whole_from = s->from;
        swap_stretch(s);
        s->next = 0;
    }
    const bool last = s->whole_count <= window || s->next >= s->whole_count - window;
    const size_t start = !last ? s->next : s->whole_count > window ? s->whole_count - window : 0;
    s->count = 0;
    if (s->whole_count)
        VQ_TRY(append(s, s->whole + start, last ? s->whole_count - start : window));
    s->from = s->whole_from + start;
    s->next += s->o.step ? s->o.step : window;
    s->more = !last;
    return VQDNA_OK;
}

static bool turn_reversed(const vq_source *s) {
    bool minus = s->o.strand == VQDNA_STRAND_MINUS || s->turn == 1;
    return minus != s->raw.reversed;
}

/* As samtools names a region, "chr1:11-20", unless it is all there is; the other strand's with "/rc" behind it, as samtools faidx does. A
 * window as BED counts, "chr1:10-20". */
static vq_status name_stretch(vq_source *s) {
    size_t length = strlen(s->raw.name) + 56;
    free(s->name);
    s->name = NULL;
    VQ_TRY(vq_alloc(&s->name, length, 1));
    const char *mark = turn_reversed(s) ? "/rc" : "";
    if (s->o.window)
        snprintf(s->name, length, "%s:%" PRIu64 "-%" PRIu64 "%s", s->raw.name, s->from, s->from + s->count, mark);
    else if (s->clean && !s->inside && !s->raw.part)
        snprintf(s->name, length, "%s%s", s->raw.name, mark);
    else
        snprintf(s->name, length, "%s:%" PRIu64 "-%" PRIu64 "%s", s->raw.name, s->from + (s->count > 0), s->from + s->count, mark);
    return VQDNA_OK;
}

static void reverse(uint8_t *bases, size_t count) {
    for (size_t i = 0, j = count; i < j; i++) {
        uint8_t other = vq_complement(bases[--j]);
        bases[j] = vq_complement(bases[i]);
        bases[i] = other;
    }
}

static vq_status next_gathered(vq_source *s, vq_piece *out) {
    if (s->given == s->count && !s->open && ++s->turn >= s->turns) {
        vq_status status = s->o.window ? next_window(s) : gather(s);
        if (status != VQDNA_OK)
            return status;
        s->turn = 0;
    }
    if (!s->open) {
        if (s->turn > 0 || turn_reversed(s))
            reverse(s->stretch, s->count);
        s->given = 0;
        VQ_TRY(name_stretch(s));
    }
    size_t left = s->count - s->given, n = left < PIECE ? left : PIECE;
    *out = (vq_piece){s->name, 0, s->given, s->stretch ? s->stretch + s->given : (const uint8_t *)"", n, n == left};
    s->given += n;
    return VQDNA_OK;
}

/* ---- The handle -------------------------------------------------------------------------------------------------------------- */

vq_status vq_source_open(vq_source **out, const char *const *paths, size_t count, const vqdna_input_options *options,
                         size_t read_bytes) {
    vq_source *s;
    VQ_TRY(vq_alloc(&s, 1, sizeof *s));
    s->paths = paths;
    s->files = count;
    s->read_bytes = read_bytes;
    vq_take_options(&s->o, sizeof s->o, options, sizeof s->o);
    bool windows = s->o.intervals || s->o.region_count;
    s->gathers = windows || s->o.skip_soft_masked || s->o.ambiguous == VQDNA_AMBIGUOUS_SKIP || s->o.strand || s->o.window;
    s->turns = s->o.strand == VQDNA_STRAND_BOTH ? 2 : 1;
    s->turn = s->turns;
    vq_status status = VQDNA_OK;
    if (windows && s->o.column)
        status = vq_fail(VQDNA_ERR_USAGE, "intervals and regions are of FASTA, and a column is of a table");
    else if (s->o.step && s->o.step > s->o.window)
        status = vq_fail(VQDNA_ERR_USAGE, "a step of %zu bases leaves some between windows of %zu out", s->o.step, s->o.window);
    else if (windows)
        status = vq_windows_open(&s->windows, paths, count, s->o.intervals, s->o.regions, s->o.region_count);
    if (status < 0)
        vq_source_close(s);
    else
        *out = s;
    return status;
}

static vq_status next_streamed(vq_source *s, vq_piece *out) {
    raw_piece raw;
    vq_status status = next_raw(s, &raw);
    if (status == VQDNA_OK)
        *out = (vq_piece){raw.name, 0, raw.start, raw.bases, raw.count, raw.last};
    return status;
}

vq_status vq_source_next(vq_source *s, vq_piece *out) {
    vq_status status = s->gathers ? next_gathered(s, out) : next_streamed(s, out);
    if (status == VQDNA_END && !s->stats.bases)
        return vq_fail(VQDNA_ERR_INPUT, "%s%s: no base is left: %" PRIu64 " are left out", s->files ? s->paths[0] : "no file",
                       s->files > 1 ? " and the others" : "", s->stats.left_out);
    if (status != VQDNA_OK)
        return status;
    uint64_t unknown = 0;
    for (size_t i = 0; i < out->count; i++)
        unknown += out->codes[i] == VQ_BASE_UNKNOWN;
    if (unknown && s->o.ambiguous == VQDNA_AMBIGUOUS_REFUSE) {
        size_t i = 0;
        while (out->codes[i] != VQ_BASE_UNKNOWN)
            i++;
        return vq_fail(VQDNA_ERR_INPUT, "record %.80s: base %" PRIu64 " is not A, C, G or T, and such bases are to be refused",
                       out->name, out->start + i);
    }
    s->stats.records += !s->open;
    out->record = s->stats.records - 1;
    s->open = !out->last;
    s->stats.bases += out->count;
    s->stats.unknown += unknown;
    return VQDNA_OK;
}

vqdna_stream_stats vq_source_describe(const vq_source *s) {
    return s->stats;
}

void vq_source_close(vq_source *s) {
    if (!s)
        return;
    vq_reader_close(s->reader);
    vq_table_close(s->table);
    vq_windows_close(s->windows);
    free(s->letters);
    free(s->row_name);
    free(s->stretch);
    free(s->whole);
    free(s->name);
    free(s);
}

#include "judge/contrast.h"

#include "base/integer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct met {
    uint16_t code;
    uint32_t count[2];
} met;

/* A level at a position: the codes that were met there. */
typedef struct cell {
    met *codes;
    uint16_t count, room;
} cell;

struct vq_contrast {
    int group, levels;
    uint64_t length, positions; /* of a record, once one is whole; that there is room for */
    size_t records[2];
    cell *cells; /* [positions][levels] */
    vqdna_contrast_row *rows;
    vqdna_contrast_call *calls;
    size_t row_count, call_count;
};

vq_status vq_contrast_create(vq_contrast **out) {
    return vq_alloc(out, 1, sizeof **out);
}

void vq_contrast_destroy(vq_contrast *c) {
    if (!c)
        return;
    for (uint64_t i = 0; i < c->positions * (uint64_t)c->levels; i++)
        free(c->cells[i].codes);
    free(c->cells);
    free(c->rows);
    free(c->calls);
    free(c);
}

void vq_contrast_group(vq_contrast *c, int group) {
    c->group = group;
}

/* ---- Counting ---------------------------------------------------------------------------------------------------------------- */

static vq_status grow(vq_contrast *c, uint64_t positions) {
    if (positions <= c->positions)
        return VQDNA_OK;
    const uint64_t room = vq_max(positions, 2 * c->positions);
    cell *larger = realloc(c->cells, room * (uint64_t)c->levels * sizeof *larger);
    if (!larger)
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory for records of %llu bases", (unsigned long long)positions);
    memset(larger + c->positions * (uint64_t)c->levels, 0, (room - c->positions) * (uint64_t)c->levels * sizeof *larger);
    c->cells = larger;
    c->positions = room;
    return VQDNA_OK;
}

static vq_status count(cell *at, uint16_t code, int group) {
    for (int i = 0; i < at->count; i++)
        if (at->codes[i].code == code) {
            at->codes[i].count[group]++;
            return VQDNA_OK;
        }
    if (at->count == at->room) {
        const uint16_t room = (uint16_t)(at->room ? 2 * at->room : 2);
        met *larger = realloc(at->codes, room * sizeof *larger);
        if (!larger)
            return vq_fail(VQDNA_ERR_MEMORY, "out of memory for the codes of a position");
        at->codes = larger;
        at->room = room;
    }
    at->codes[at->count] = (met){.code = code};
    at->codes[at->count++].count[group] = 1;
    return VQDNA_OK;
}

vq_status vq_contrast_add(void *contrast, const vqdna_codes *run) {
    vq_contrast *c = contrast;
    const uint64_t end = run->start + run->count;
    const size_t before = c->records[0] + c->records[1];
    c->levels = run->levels;
    if (before && (end > c->length || (run->last && end != c->length)))
        return vq_fail(VQDNA_ERR_INPUT, "record %.60s has %s than %llu bases, and the first has so many: align them", run->contig,
                       end > c->length ? "more" : "fewer", (unsigned long long)c->length);
    VQ_TRY(grow(c, end));
    for (size_t i = 0; i < run->count; i++)
        for (int n = 0; n < run->levels && run->bases[i] < 4; n++)
            VQ_TRY(count(&c->cells[(run->start + i) * (uint64_t)c->levels + (uint64_t)n],
                         run->codes[i * (size_t)run->levels + (size_t)n], c->group));
    if (run->last) {
        c->length = end;
        c->records[c->group]++;
    }
    return VQDNA_OK;
}

size_t vq_contrast_records(const vq_contrast *c, int group) {
    return c->records[group];
}

uint64_t vq_contrast_length(const vq_contrast *c) {
    return c->length;
}

/* ---- Judging ----------------------------------------------------------------------------------------------------------------- */

static double log_choose(double n, double k) {
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

double vq_fisher_p(uint64_t a, uint64_t A, uint64_t b, uint64_t B) {
    const double n = (double)(A + B), drawn = (double)(a + b), all = log_choose(n, drawn);
    const uint64_t low = a + b > B ? a + b - B : 0, high = vq_min(A, a + b);
    double below = 0, above = 0;
    for (uint64_t x = low; x <= high; x++) {
        const double p = exp(log_choose((double)A, (double)x) + log_choose((double)B, drawn - (double)x) - all);
        below += x <= a ? p : 0;
        above += x >= a ? p : 0;
    }
    return fmin(1, 2 * fmin(below, above));
}

/* The most frequent code of a group at a place, the first met among equals, and how many records of each group have a code there. */
static const met *most_frequent(const cell *at, int group, uint64_t known[2]) {
    const met *best = NULL;
    known[0] = known[1] = 0;
    for (int i = 0; i < at->count; i++) {
        known[0] += at->codes[i].count[0];
        known[1] += at->codes[i].count[1];
        if (at->codes[i].count[group] && (!best || at->codes[i].count[group] > best->count[group]))
            best = &at->codes[i];
    }
    return best;
}

static double share(uint32_t count, uint64_t of) {
    return of ? (double)count / (double)of : 0;
}

static bool judge(vqdna_contrast_row *out, const cell *at, double least, double tests, double alpha) {
    uint64_t known[2];
    const met *of[2];
    double difference = 0, p = 1;
    for (int g = 0; g < 2; g++) {
        of[g] = most_frequent(at, g, known);
        if (!of[g])
            return false;
        difference = fmax(difference, fabs(share(of[g]->count[0], known[0]) - share(of[g]->count[1], known[1])));
    }
    if (difference < least)
        return false;
    for (int g = 0; g < 2; g++)
        p = fmin(p, vq_fisher_p(of[g]->count[0], known[0], of[g]->count[1], known[1]));
    p = fmin(1, 2 * p * tests);
    if (p > alpha)
        return false;
    *out = (vqdna_contrast_row){.difference = difference, .p = p, .known = {known[0], known[1]}};
    for (int g = 0; g < 2; g++) {
        out->code[g] = of[g]->code;
        out->count[g][0] = of[g]->count[0];
        out->count[g][1] = of[g]->count[1];
    }
    return true;
}

vq_status vq_contrast_end(vq_contrast *c, double least, double alpha) {
    size_t room = 0;
    const double tests = (double)c->length * c->levels;
    for (int g = 0; g < 2; g++)
        if (c->records[g] < 2)
            return vq_fail(VQDNA_ERR_INPUT, "group %s has %zu record%s, and two at least are compared", g ? "B" : "A",
                           c->records[g], c->records[g] == 1 ? "" : "s");
    c->row_count = 0;
    for (uint64_t i = 0; i < c->length; i++)
        for (int n = 0; n < c->levels; n++) {
            vqdna_contrast_row row;
            if (!judge(&row, &c->cells[i * (uint64_t)c->levels + (uint64_t)n], least, tests, alpha))
                continue;
            if (c->row_count == room) {
                room = 2 * room + 256;
                vqdna_contrast_row *larger = realloc(c->rows, room * sizeof *larger);
                if (!larger)
                    return vq_fail(VQDNA_ERR_MEMORY, "out of memory for what differs");
                c->rows = larger;
            }
            row.position = i;
            row.level = n + 1;
            c->rows[c->row_count++] = row;
        }
    return VQDNA_OK;
}

const vqdna_contrast_row *vq_contrast_rows(const vq_contrast *c, size_t *count_of) {
    *count_of = c->row_count;
    return c->rows;
}

const vqdna_contrast_call *vq_contrast_calls(vq_contrast *c, uint64_t gap, size_t *count_of) {
    free(c->calls);
    c->calls = NULL;
    c->call_count = 0;
    *count_of = 0;
    if (vq_alloc(&c->calls, vq_max(c->row_count, 1), sizeof *c->calls) < 0)
        return NULL;
    for (size_t i = 0; i < c->row_count; i++) {
        const vqdna_contrast_row *r = &c->rows[i];
        vqdna_contrast_call *last = c->call_count ? &c->calls[c->call_count - 1] : NULL;
        if (!last || r->position > last->end - 1 + gap) {
            last = &c->calls[c->call_count++];
            *last = (vqdna_contrast_call){.start = r->position, .p = 1};
        }
        last->end = r->position + 1;
        last->rows++;
        last->difference = fmax(last->difference, r->difference);
        last->p = fmin(last->p, r->p);
    }
    *count_of = c->call_count;
    return c->calls;
}

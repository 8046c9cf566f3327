#include "judge/annotated.h"

#include "judge/tails.h"
#include "seq/alphabet.h"
#include "seq/intervals.h"
#include "seq/source.h"
#include "train/infer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a feature: FLANK bases on either side of its ends. INSIDE of a kind's bases are enough. A batch is encoded at once. */
enum {
    FLANK = 50,
    OFFSETS = 2 * FLANK + 1,
    INSIDE = 2000000,
    BATCH = 200000,
    MOST_KINDS = 64,
    LEAST_FEATURES = 10,
    LEAST_COUNT = 10
};
static const double threshold = 0.01;

typedef struct {
    double sum[4], squares[4]; /* over features: inside less expected; of each phase less a third */
    uint64_t inside, phase[3];
    double here[4]; /* of the feature under way: count, and of each phase */
    uint32_t start[OFFSETS], end[OFFSETS];
} code_counts;

typedef struct {
    char *name;
    bool coding;
    uint64_t inside, inside_features;
    uint64_t starts[OFFSETS], ends[OFFSETS]; /* features that have a base there */
    code_counts *code[VQDNA_MAX_LEVELS];
} kind_counts;

/* A feature with its flanks, as it is encoded. */
typedef struct {
    kind_counts *kind;
    int64_t first, length; /* place of the first base given, counted from the feature's; bases in the feature */
    size_t at, count;      /* of the batch's bases */
    int phase;             /* -1: none */
    bool inside;           /* its inside counts */
} job;

typedef struct {
    vq_model *model;
    const vq_survey *survey;
    vq_intervals *annotation;
    size_t *order; /* of the intervals, by contig */
    bool *met;
    kind_counts kinds[MOST_KINDS];
    size_t kind_count;
    int levels, reach;
    const int *codes;
    uint8_t *bases; /* of the batch */
    size_t used, room;
    job *jobs;
    size_t job_count, job_room;
} annotated;

static vq_status grow(void *block, size_t *room, size_t needed, size_t size) {
    if (needed <= *room)
        return VQDNA_OK;
    void **at = block, *larger = realloc(*at, 2 * needed * size);
    if (!larger)
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory for annotated sequences");
    *at = larger;
    *room = 2 * needed;
    return VQDNA_OK;
}

/* ---- Kinds ------------------------------------------------------------------------------------------------------------------- */

static vq_status kind_of(annotated *c, const char *name, kind_counts **out) {
    for (size_t i = 0; i < c->kind_count; i++)
        if (!strcmp(c->kinds[i].name, name)) {
            *out = &c->kinds[i];
            return VQDNA_OK;
        }
    *out = NULL;
    if (c->kind_count == MOST_KINDS)
        return vq_fail(VQDNA_ERR_INPUT, "%s has more than %d kinds of features: give those that matter in a file of their own",
                       c->annotation->path, MOST_KINDS);
    kind_counts *k = &c->kinds[c->kind_count++];
    VQ_TRY(vq_alloc(&k->name, strlen(name) + 1, 1));
    strcpy(k->name, name);
    k->coding = !strcmp(name, "CDS");
    for (int n = 0; n < c->levels; n++)
        VQ_TRY(vq_alloc(&k->code[n], (size_t)c->codes[n], sizeof *k->code[n]));
    *out = k;
    return VQDNA_OK;
}

/* ---- A feature's codes ------------------------------------------------------------------------------------------------------- */

static void settle(const annotated *c, kind_counts *k, const job *f, double known) {
    for (int n = 0; n < c->levels; n++)
        for (int j = 0; j < c->codes[n]; j++) {
            code_counts *code = &k->code[n][j];
            double count = code->here[0];
            if (count == 0 && known == 0)
                continue;
            double d = count - known * vq_survey_share(c->survey, n, j);
            code->sum[0] += d;
            code->squares[0] += d * d;
            for (int p = 0; p < 3 && f->phase >= 0; p++) {
                d = code->here[1 + p] - count / 3;
                code->sum[1 + p] += d;
                code->squares[1 + p] += d * d;
            }
            memset(code->here, 0, sizeof code->here);
        }
}

static void count_feature(annotated *c, const job *f, const uint16_t *codes) {
    kind_counts *k = f->kind;
    const uint8_t *bases = c->bases + f->at;
    size_t levels = (size_t)c->levels, known = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (bases[i] >= VQ_BASE_UNKNOWN)
            continue;
        int64_t from_start = f->first + (int64_t)i, from_end = from_start - f->length + 1;
        bool within = from_start >= 0 && from_end <= 0, at_start = llabs(from_start) <= FLANK, at_end = llabs(from_end) <= FLANK;
        int phase = f->phase >= 0 && within ? (int)((from_start + 3 - f->phase) % 3) : 0;
        if (at_start)
            k->starts[from_start + FLANK]++;
        if (at_end)
            k->ends[from_end + FLANK]++;
        known += within && f->inside;
        for (size_t n = 0; n < levels; n++) {
            code_counts *code = &k->code[n][codes[i * levels + n]];
            if (at_start)
                code->start[from_start + FLANK]++;
            if (at_end)
                code->end[from_end + FLANK]++;
            if (!within || !f->inside)
                continue;
            code->inside++;
            code->here[0]++;
            code->here[1 + phase] += f->phase >= 0;
            code->phase[phase] += f->phase >= 0;
        }
    }
    if (f->inside) {
        k->inside += known;
        k->inside_features++;
        settle(c, k, f, (double)known);
    }
}

/* ---- Batches ----------------------------------------------------------------------------------------------------------------- */

static vq_status encode_batch(annotated *c) {
    size_t *counts = NULL;
    uint16_t *codes = NULL, **out = NULL;
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&counts, c->job_count, sizeof *counts));
    VQ_TRY_OR(done, vq_alloc(&out, c->job_count, sizeof *out));
    VQ_TRY_OR(done, vq_alloc(&codes, c->used * (size_t)c->levels, sizeof *codes));
    for (size_t i = 0; i < c->job_count; i++) {
        counts[i] = c->jobs[i].count;
        out[i] = codes + c->jobs[i].at * (size_t)c->levels;
    }
    VQ_TRY_OR(done, vq_encode(c->model, c->job_count, c->bases, counts, out, NULL));
    for (size_t i = 0; i < c->job_count; i++)
        count_feature(c, &c->jobs[i], out[i]);
    c->used = c->job_count = 0;
done:
    free(counts);
    free(codes);
    free(out);
    return status;
}

/* The bases of a job, [from, to) of the feature's own direction, to the batch. */
static vq_status add_job(annotated *c, job f, const uint8_t *contig, size_t length, const vq_interval *v, int64_t from,
                         int64_t to) {
    bool reverse = v->strand == '-';
    int64_t low = reverse ? (int64_t)v->end - to : (int64_t)v->start + from, high = low + (to - from);
    int64_t below = low < 0 ? -low : 0, above = high > (int64_t)length ? high - (int64_t)length : 0;
    f.first = from + (reverse ? above : below);
    f.at = c->used;
    f.count = (size_t)(to - from - below - above);
    VQ_TRY(grow(&c->bases, &c->room, c->used + f.count, 1));
    VQ_TRY(grow(&c->jobs, &c->job_room, c->job_count + 1, sizeof *c->jobs));
    const uint8_t *source = contig + low + below;
    for (size_t i = 0; i < f.count; i++)
        c->bases[c->used + i] = reverse ? vq_complement(source[f.count - 1 - i]) : source[i];
    c->used += f.count;
    c->jobs[c->job_count++] = f;
    return c->used >= BATCH ? encode_batch(c) : VQDNA_OK;
}

static vq_status add_feature(annotated *c, const uint8_t *contig, size_t length, const vq_interval *v) {
    job f = {.length = (int64_t)(v->end - v->start), .phase = v->phase};
    int64_t flank = FLANK + c->reach;
    if (v->end > length)
        return vq_fail(VQDNA_ERR_INPUT,
                       "%s, line %" PRIu64 ": the feature ends at %" PRIu64 ", and contig %.60s has %zu bases: is the annotation "
                       "that of these sequences?",
                       c->annotation->path, v->line, v->end, v->contig, length);
    if (f.length == 0)
        return VQDNA_OK;
    VQ_TRY(kind_of(c, *v->kind ? v->kind : "feature", &f.kind));
    f.phase = f.kind->coding ? f.phase : -1;
    f.inside = f.kind->inside < INSIDE && f.length < BATCH;
    if (f.inside || f.length <= 2 * flank)
        return add_job(c, f, contig, length, v, -flank, f.length + flank);
    VQ_TRY(add_job(c, f, contig, length, v, -flank, flank));
    return add_job(c, f, contig, length, v, f.length - flank, f.length + flank);
}

/* ---- Sequences --------------------------------------------------------------------------------------------------------------- */

static int by_contig(const void *a, const void *b, void *intervals) {
    const vq_interval *sorting = intervals;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = strcmp(sorting[x].contig, sorting[y].contig);
    return order ? order : x < y ? -1 : x > y;
}

static vq_status take_contig(annotated *c, const char *name, const uint8_t *contig, size_t length) {
    size_t low = 0, high = c->annotation->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(c->annotation->items[c->order[middle]].contig, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < c->annotation->count && !strcmp(c->annotation->items[c->order[low]].contig, name); low++) {
        c->met[c->order[low]] = true;
        VQ_TRY(add_feature(c, contig, length, &c->annotation->items[c->order[low]]));
    }
    return VQDNA_OK;
}

static vq_status take_files(annotated *c, const char *const *paths, size_t count, const vqdna_stream_options *stream) {
    vq_source *source;
    vq_piece piece;
    uint8_t *contig = NULL;
    size_t used = 0, room = 0;
    vq_status status;
    VQ_TRY(vq_source_open(&source, paths, count, stream->input, stream->read_bytes));
    while ((status = vq_source_next(source, &piece)) == VQDNA_OK) {
        used = piece.start ? used : 0;
        VQ_TRY_OR(done, grow(&contig, &room, used + piece.count, 1));
        memcpy(contig + used, piece.codes, piece.count);
        used += piece.count;
        if (piece.last)
            VQ_TRY_OR(done, take_contig(c, piece.name, contig, used));
        if (stream->interrupted && stream->interrupted(stream->user))
            VQ_TRY_OR(done, vq_fail(VQDNA_ERR_INTERRUPTED, "interrupted"));
    }
    VQ_TRY_OR(done, status);
    status = c->job_count ? encode_batch(c) : VQDNA_OK;
done:
    free(contig);
    vq_source_close(source);
    for (size_t i = 0; i < c->annotation->count && status == VQDNA_OK; i++)
        if (!c->met[i])
            status = vq_fail(VQDNA_ERR_INPUT,
                             "%s, line %" PRIu64 ": contig %.60s is in none of the sequences: is the annotation of another genome?",
                             c->annotation->path, c->annotation->items[i].line, c->annotation->items[i].contig);
    return status;
}

/* ---- Findings ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
    vqdna_finding *items;
    size_t count, room;
} findings;

static vq_status keep(findings *f, vqdna_finding finding) {
    if (!(finding.p < threshold))
        return VQDNA_OK;
    VQ_TRY(grow(&f->items, &f->room, f->count + 1, sizeof *f->items));
    f->items[f->count++] = finding;
    return VQDNA_OK;
}

/* At an end every feature is one trial at each offset. */
static vq_status judge_end(findings *out, const vqdna_finding *like, const uint32_t *count, const uint64_t *features, double share,
                           double tests) {
    for (int o = 0; o < OFFSETS; o++) {
        vqdna_finding f = *like;
        double expected = (double)features[o] * share;
        if (features[o] < LEAST_FEATURES || !(share > 0) || share >= 1)
            continue;
        double above = vq_binomial_above(count[o], features[o], share), below = vq_binomial_below(count[o], features[o], share);
        f.offset = o - FLANK;
        f.count = count[o];
        f.enrichment = count[o] / expected;
        f.p = fmin(1, 2 * tests * fmin(above, below));
        VQ_TRY(keep(out, f));
    }
    return VQDNA_OK;
}

static vq_status judge_code(const annotated *c, const kind_counts *k, int level, int code, double codes, findings *out) {
    const code_counts *x = &k->code[level][code];
    double share = vq_survey_share(c->survey, level, code), expected = (double)k->inside * share,
           features = (double)k->inside_features;
    vqdna_finding f = {.kind = k->name, .level = level, .code = code, .count = x->inside};
    if (features >= LEAST_FEATURES && expected >= LEAST_COUNT) {
        f.place = VQDNA_INSIDE;
        f.enrichment = (double)x->inside / expected;
        f.p = fmin(1, codes * vq_student_p(vq_clusters_t(x->sum[0], x->squares[0], features), features - 1));
        VQ_TRY(keep(out, f));
    }
    for (int p = 0; p < 3 && k->coding && features >= LEAST_FEATURES && x->inside >= 3 * LEAST_COUNT; p++) {
        f.place = VQDNA_IN_PHASE;
        f.offset = p;
        f.count = x->phase[p];
        f.enrichment = 3 * (double)x->phase[p] / (double)x->inside;
        f.p = fmin(1, 3 * codes * vq_student_p(vq_clusters_t(x->sum[1 + p], x->squares[1 + p], features), features - 1));
        VQ_TRY(keep(out, f));
    }
    f.place = VQDNA_AT_START;
    VQ_TRY(judge_end(out, &f, x->start, k->starts, share, codes * OFFSETS * 2));
    f.place = VQDNA_AT_END;
    return judge_end(out, &f, x->end, k->ends, share, codes * OFFSETS * 2);
}

static int by_p(const void *a, const void *b) {
    const vqdna_finding *x = a, *y = b;
    double u = fabs(log(x->enrichment + 1e-9)), v = fabs(log(y->enrichment + 1e-9));
    return x->p != y->p ? (x->p < y->p ? -1 : 1) : u > v ? -1 : u < v;
}

static vq_status judge_all(const annotated *c, findings *out) {
    double codes = 0;
    for (int n = 0; n < c->levels; n++)
        codes += c->codes[n];
    codes *= (double)c->kind_count;
    for (size_t i = 0; i < c->kind_count; i++)
        for (int n = 0; n < c->levels; n++)
            for (int k = 0; k < c->codes[n]; k++)
                VQ_TRY(judge_code(c, &c->kinds[i], n, k, codes, out));
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_p);
    return VQDNA_OK;
}

/* ---- All --------------------------------------------------------------------------------------------------------------------- */

void vq_annotated_free_names(char **names) {
    for (size_t i = 0; names && names[i]; i++)
        free(names[i]);
    free(names);
}

vq_status vq_annotated_files(vq_model *model, const vq_survey *survey, const char *const *paths, size_t count,
                             const vqdna_stream_options *stream, const char *annotation, vqdna_finding **list, size_t *found,
                             char ***names) {
    annotated *c;
    findings out = {0};
    VQ_TRY(vq_alloc(&c, 1, sizeof *c));
    c->model = model;
    c->survey = survey;
    c->levels = model->config.levels;
    c->codes = model->config.codes;
    c->reach = vq_config_encoder_halo(&model->config);
    vq_status status;
    VQ_TRY_OR(done, vq_intervals_read(&c->annotation, annotation));
    VQ_TRY_OR(done, vq_alloc(&c->order, c->annotation->count, sizeof *c->order));
    VQ_TRY_OR(done, vq_alloc(&c->met, c->annotation->count, sizeof *c->met));
    for (size_t i = 0; i < c->annotation->count; i++)
        c->order[i] = i;
    qsort_r(c->order, c->annotation->count, sizeof *c->order, by_contig, c->annotation->items);
    VQ_TRY_OR(done, take_files(c, paths, count, stream));
    VQ_TRY_OR(done, judge_all(c, &out));
    VQ_TRY_OR(done, vq_alloc(names, c->kind_count + 1, sizeof **names));
    for (size_t i = 0; i < c->kind_count; i++) {
        (*names)[i] = c->kinds[i].name;
        c->kinds[i].name = NULL;
    }
    *list = out.items;
    *found = out.count;
    out.items = NULL;
done:
    for (size_t i = 0; i < c->kind_count; i++) {
        free(c->kinds[i].name);
        for (int n = 0; n < c->levels; n++)
            free(c->kinds[i].code[n]);
    }
    vq_intervals_destroy(c->annotation);
    free(c->order);
    free(c->met);
    free(c->bases);
    free(c->jobs);
    free(c);
    free(out.items);
    return status;
}

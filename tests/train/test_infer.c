/* Streams over files: tokenize, detokenize and evaluate agree with one another and with encoding in memory, however files are read
 * and batches are cut. */
#include "fixture.h"
#include "seq/alphabet.h"
#include "train/infer.h"

#include <check.h>
#include <math.h>

enum { RECORDS = 9, LONGEST = 2500, TOTAL = 8000 };
static const size_t lengths[RECORDS] = {20, 1, 0, 2500, 0, 137, 2, 800, 1};

static const vqdna_model_options shapes[] = {
    {.dim = 18, .stem = 9, .blocks = 2, .codes = 16, .decoder_stride = 3},
    {.dim = 16, .stem = 8, .blocks = 3, .codes = 12, .quantizer = "vq"},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static vq_config config;
static vq_state state;
static uint8_t bases[RECORDS][LONGEST];
static char *path;
static uint64_t unknown;

static void begin(int shape) {
    ck_ok(vq_config_resolve(&config, &shapes[shape]));
    ck_ok(vq_model_state(&state, &config));
    vq_state_start(&state, 21);
    for (int n = 0; n < config.levels; n++) {
        char name[24];
        snprintf(name, sizeof name, "books.%d.e", n);
        vq_state_tensor *e = vq_state_find(&state, name);
        for (size_t i = 0; i < e->count; i++)
            e->data[i] = (float)fixture_uniform((uint64_t)n, i, -1, 1);
    }
    path = scratch_path("in.fa");
    FILE *file = fopen(path, "w");
    unknown = 0;
    for (int r = 0; r < RECORDS; r++) {
        fixture_bases(bases[r], lengths[r], 80 + (uint64_t)r, r == 1 ? 0 : 11);
        fprintf(file, ">rec%d some words\n", r);
        for (size_t i = 0; i < lengths[r]; i++) {
            unknown += bases[r][i] == 4;
            fprintf(file, "%c%s", vq_letter_of_code(bases[r][i]), i % 70 == 69 || i + 1 == lengths[r] ? "\n" : "");
        }
    }
    ck_assert_int_eq(fclose(file), 0);
}

static vq_model *open_model(int M) {
    vq_model *model;
    ck_ok(vq_model_create(&model, device, &config, M, VQ_INFERENCE));
    ck_ok(vq_model_put(model, &state));
    return model;
}

/* What came out of a stream, records one after another; runs must come in order and without gaps. */
typedef struct {
    int record;
    uint64_t next;
    size_t at, runs;
    uint16_t codes[TOTAL * VQDNA_MAX_LEVELS];
    char letters[TOTAL];
    size_t stop_after;
    vq_status stop_with;
} collected;

static void advance(collected *c, const char *contig, uint64_t start, size_t count, bool last) {
    char name[16];
    snprintf(name, sizeof name, "rec%d", c->record);
    ck_assert_str_eq(contig, name);
    ck_assert_uint_eq(start, c->next);
    c->at += count;
    c->next += count;
    ck_assert_int_eq(last, c->next == lengths[c->record]);
    if (last) {
        c->record++;
        c->next = 0;
    }
}

static vqdna_status take_codes(void *user, const vqdna_codes *run) {
    collected *c = user;
    ck_assert_int_eq(run->levels, config.levels);
    ck_assert_mem_eq(run->bases, bases[c->record] + run->start, run->count);
    memcpy(c->codes + c->at * (size_t)config.levels, run->codes, run->count * (size_t)config.levels * sizeof *run->codes);
    advance(c, run->contig, run->start, run->count, run->last);
    return ++c->runs == c->stop_after ? c->stop_with : VQDNA_OK;
}

static vqdna_status take_bases(void *user, const char *contig, uint64_t start, const char *letters, size_t count, bool last) {
    collected *c = user;
    memcpy(c->letters + c->at, letters, count);
    advance(c, contig, start, count, last);
    return ++c->runs == c->stop_after ? c->stop_with : VQDNA_OK;
}

/* Gives codes back in runs of `step`. */
typedef struct {
    const uint16_t *codes;
    size_t step, at;
    int record;
    uint64_t next;
    char name[16];
    bool masked;
} source;

static vqdna_status give_codes(void *user, vqdna_codes *run) {
    source *s = user;
    if (s->record == RECORDS)
        return VQDNA_END;
    size_t left = lengths[s->record] - s->next, n = left < s->step ? left : s->step;
    snprintf(s->name, sizeof s->name, "rec%d", s->record);
    *run = (vqdna_codes){s->name, s->next, n, config.levels, s->codes + s->at * (size_t)config.levels, NULL, n == left};
    if (s->masked)
        run->bases = bases[s->record] + s->next;
    s->at += n;
    s->next += n;
    if (n == left) {
        s->record++;
        s->next = 0;
    }
    return VQDNA_OK;
}

/* Source and sink of vq_detokenize share one pointer. */
typedef struct {
    vqdna_codes_source give;
    vqdna_bases_sink take;
    void *source, *sink;
} pair;

static vqdna_status pair_give(void *user, vqdna_codes *run) {
    return ((pair *)user)->give(((pair *)user)->source, run);
}

static vqdna_status pair_take(void *user, const char *contig, uint64_t start, const char *letters, size_t count, bool last) {
    return ((pair *)user)->take(((pair *)user)->sink, contig, start, letters, count, last);
}

static vq_status detokenize(vq_model *model, vqdna_codes_source give, void *from, vqdna_bases_sink take, void *to,
                            vqdna_stream_stats *stats) {
    pair p = {give, take, from, to};
    return vq_detokenize(model, NULL, pair_give, pair_take, &p, stats);
}

static collected *tokenized(vq_model *model, size_t read_bytes) {
    collected *c = calloc(1, sizeof *c);
    vqdna_stream_options options = {.read_bytes = read_bytes};
    vqdna_stream_stats stats;
    ck_ok(vq_tokenize(model, &(const char *){path}, 1, &options, take_codes, c, &stats));
    ck_assert_int_eq(c->record, RECORDS);
    ck_assert_uint_eq(stats.records, RECORDS);
    ck_assert_uint_eq(stats.bases, c->at);
    ck_assert_uint_eq(stats.unknown, unknown);
    return c;
}

START_TEST(tokenize_is_encode) {
    begin(_i);
    vq_model *model = open_model(512);
    collected *c = tokenized(model, 0);
    size_t at = 0, N = (size_t)config.levels;
    for (int r = 0; r < RECORDS; r++) {
        uint16_t codes[LONGEST * VQDNA_MAX_LEVELS], *out = codes;
        ck_ok(vq_encode(model, 1, bases[r], &lengths[r], &out, NULL));
        ck_assert_mem_eq(codes, c->codes + at * N, lengths[r] * N * sizeof *codes);
        at += lengths[r];
    }
    free(c);
    vq_model_destroy(model);
    vq_state_destroy(&state);
}
END_TEST

/* read_bytes and batch never change a result. */
START_TEST(cuts_do_not_matter) {
    begin(_i);
    int least = vq_infer_least_rows(&config);
    const int rows[] = {4096, least, least + 13, 700};
    static const size_t reads[] = {0, 1, 37, 1000}, steps[] = {100000, 1, 29, 500};
    collected *first = NULL;
    for (int i = 0; i < 4; i++) {
        vq_model *model = open_model(rows[i]);
        collected *c = tokenized(model, reads[i]);
        source s = {.codes = c->codes, .step = steps[i]};
        collected *back = calloc(1, sizeof *back);
        vqdna_stream_stats stats;
        ck_ok(detokenize(model, give_codes, &s, take_bases, back, &stats));
        ck_assert_int_eq(back->record, RECORDS);
        ck_assert_uint_eq(stats.records, RECORDS);
        ck_assert_uint_eq(stats.bases, c->at);
        memcpy(c->letters, back->letters, sizeof c->letters);
        free(back);
        for (size_t j = 0; j < c->at; j++)
            ck_assert_ptr_nonnull(memchr("ACGT", c->letters[j], 4));
        s = (source){.codes = c->codes, .step = steps[i], .masked = true};
        back = calloc(1, sizeof *back);
        ck_ok(detokenize(model, give_codes, &s, take_bases, back, &stats));
        ck_assert_uint_eq(stats.unknown, unknown);
        for (size_t r = 0, at = 0; r < RECORDS; r++)
            for (size_t j = 0; j < lengths[r]; j++, at++)
                ck_assert_int_eq(back->letters[at], bases[r][j] == 4 ? 'N' : c->letters[at]);
        free(back);
        vq_model_destroy(model);
        if (!first) {
            first = c;
            continue;
        }
        ck_assert_mem_eq(first->codes, c->codes, sizeof c->codes);
        ck_assert_mem_eq(first->letters, c->letters, sizeof c->letters);
        free(c);
    }
    free(first);
    vq_state_destroy(&state);
}
END_TEST

START_TEST(evaluate_counts) {
    begin(_i);
    vq_model *model = open_model(600), *other = open_model(vq_infer_least_rows(&config));
    collected *c = tokenized(model, 0), *back = calloc(1, sizeof *back);
    source s = {.codes = c->codes, .step = 77};
    ck_ok(detokenize(model, give_codes, &s, take_bases, back, NULL));
    uint64_t correct = 0, at = 0;
    uint64_t use[VQDNA_MAX_LEVELS][256] = {{0}};
    for (int r = 0; r < RECORDS; r++)
        for (size_t i = 0; i < lengths[r]; i++, at++) {
            if (bases[r][i] == 4)
                continue;
            correct += back->letters[at] == "ACGT"[bases[r][i]];
            for (int n = 0; n < config.levels; n++)
                use[n][c->codes[at * (uint64_t)config.levels + (uint64_t)n]]++;
        }
    ck_assert_uint_gt(correct, at / 10);
    const char *twice[] = {path, path};
    for (int i = 0; i < 4; i++) {
        uint64_t times = i % 2 ? 2 : 1;
        vqdna_metrics m;
        vqdna_stream_options options = {.read_bytes = i < 2 ? 0 : 19};
        ck_ok(vq_evaluate(i < 2 ? model : other, twice, times, &options, &m));
        ck_assert_uint_eq(m.correct, times * correct);
        ck_assert_uint_eq(m.bases, times * at);
        ck_assert_uint_eq(m.skipped, times * unknown);
        ck_assert_double_eq(m.reconstruction_accuracy, (double)correct / (double)(at - unknown));
        ck_assert_int_eq(m.levels, config.levels);
        for (int n = 0; n < config.levels; n++) {
            double entropy = 0;
            int used = 0;
            for (int k = 0; k < config.codes[n]; k++) {
                double p = (double)use[n][k] / (double)(at - unknown);
                used += p > 0;
                entropy -= p > 0 ? p * log(p) : 0;
            }
            ck_assert_int_eq(m.level[n].codes, config.codes[n]);
            ck_assert_int_eq(m.level[n].used, used);
            ck_assert_double_eq_tol(m.level[n].perplexity, exp(entropy), 1e-9 * exp(entropy));
        }
    }
    free(c);
    free(back);
    vq_model_destroy(model);
    vq_model_destroy(other);
    vq_state_destroy(&state);
}
END_TEST

/* ---- Streams that end early ---- */

static int interrupt_now(void *user) {
    return --*(int *)user < 0;
}

START_TEST(stopped) {
    begin(0);
    vq_model *model = open_model(vq_infer_least_rows(&config));
    static const vq_status with[] = {VQDNA_END, VQDNA_ERR_OUTPUT};
    collected *all = tokenized(model, 0);
    for (int i = 0; i < 2; i++) {
        collected *c = calloc(1, sizeof *c);
        c->stop_after = 5;
        c->stop_with = with[i];
        ck_assert_int_eq(vq_tokenize(model, &(const char *){path}, 1, NULL, take_codes, c, NULL), with[i]);
        ck_assert_uint_eq(c->runs, 5);
        memset(c, 0, sizeof *c);
        c->stop_after = 5;
        c->stop_with = with[i];
        source s = {.codes = all->codes, .step = 10};
        ck_assert_int_eq(detokenize(model, give_codes, &s, take_bases, c, NULL), with[i]);
        ck_assert_uint_eq(c->runs, 5);
        free(c);
    }
    collected *c = calloc(1, sizeof *c);
    int patience = 3;
    vqdna_stream_options options = {.interrupted = interrupt_now, .user = &patience};
    ck_fails(vq_tokenize(model, &(const char *){path}, 1, &options, take_codes, c, NULL), VQDNA_ERR_INTERRUPTED, "interrupted");
    ck_assert_int_lt(c->record, RECORDS);
    vqdna_metrics m;
    const char *paths[] = {path};
    patience = 3;
    ck_fails(vq_evaluate(model, paths, 1, &options, &m), VQDNA_ERR_INTERRUPTED, "interrupted");
    ck_fails(vq_tokenize(model, &(const char *){scratch_path("absent.fa")}, 1, NULL, take_codes, c, NULL), VQDNA_ERR_INPUT,
             "absent.fa");
    const char *second[] = {path, scratch_path("absent.fa")};
    ck_fails(vq_evaluate(model, second, 2, NULL, &m), VQDNA_ERR_INPUT, "absent.fa");
    free(c);
    free(all);
    vq_model_destroy(model);
    vq_state_destroy(&state);
}
END_TEST

/* An accuracy of no base at all would be a made-up number. */
START_TEST(nothing_known) {
    begin(0);
    vq_model *model = open_model(512);
    const char *only = scratch_text("unknown.fa", ">n\nNNNNNNNN\nRYSW\n"), *paths[] = {only, only, path};
    vqdna_metrics m;
    ck_fails(vq_evaluate(model, paths, 1, NULL, &m), VQDNA_ERR_INPUT, "unknown.fa", "none of the 12 bases");
    ck_fails(vq_evaluate(model, paths, 2, NULL, &m), VQDNA_ERR_INPUT, "and the others", "none of the 24 bases");
    ck_ok(vq_evaluate(model, paths, 3, NULL, &m));
    ck_assert_uint_eq(m.skipped, 24 + unknown);
    vq_model_destroy(model);
    vq_state_destroy(&state);
}
END_TEST

/* ---- Codes that are wrong ---- */

typedef struct {
    const vqdna_codes *runs;
    int count;
} listed;

static vqdna_status give_listed(void *user, vqdna_codes *run) {
    listed *l = user;
    if (l->count == 0)
        return VQDNA_END;
    l->count--;
    *run = *l->runs++;
    return VQDNA_OK;
}

static vqdna_status give_error(void *user, vqdna_codes *run) {
    (void)user, (void)run;
    return vq_fail(VQDNA_ERR_INPUT, "the source broke");
}

static vqdna_status ignore(void *user, const char *contig, uint64_t start, const char *letters, size_t count, bool last) {
    (void)contig, (void)start, (void)letters, (void)last;
    if (user)
        *(size_t *)user += count;
    return VQDNA_OK;
}

START_TEST(wrong_codes) {
    begin(0);
    vq_model *model = open_model(512);
    ck_assert_int_eq(config.codes[1], 64);
    const uint16_t good[] = {0, 0, 31, 63, 1, 2}, high[] = {0, 0, 31, 64, 1, 2}, highest[] = {65535, 0, 0, 0, 0, 0};
    const struct {
        vqdna_codes runs[2];
        int count;
        const char *a, *b;
    } wrong[] = {
        {{{"x", 0, 3, 2, high, NULL, true}}, 1, "base 1", "code 64 of level 2"},
        {{{"x", 0, 3, 2, highest, NULL, true}}, 1, "record x", "code 65535 of level 1"},
        {{{"x", 0, 3, 1, good, NULL, true}}, 1, "1 levels", "2"},
        {{{"x", 0, 3, 2, good, NULL, false}}, 1, "within a record", ""},
        {{{"x", 0, 3, 2, good, NULL, false}, {"x", 4, 3, 2, good, NULL, true}}, 2, "base 4 follows base 2", "out of order"},
        {{{"x", 0, 3, 2, good, NULL, false}, {"y", 0, 3, 2, good, NULL, true}}, 2, "record y", "out of order"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        listed l = {wrong[i].runs, wrong[i].count};
        ck_fails(detokenize(model, give_listed, &l, ignore, NULL, NULL), VQDNA_ERR_INPUT, wrong[i].a, wrong[i].b);
    }
    ck_fails(detokenize(model, give_error, NULL, ignore, NULL, NULL), VQDNA_ERR_INPUT, "the source broke");
    /* A record need not begin at 0. */
    const vqdna_codes late[] = {{"x", 500, 3, 2, good, NULL, false}, {"x", 503, 3, 2, good, NULL, true}};
    listed l = {late, 2};
    size_t count = 0;
    ck_ok(detokenize(model, give_listed, &l, ignore, &count, NULL));
    ck_assert_uint_eq(count, 6);
    vq_model_destroy(model);
    vq_state_destroy(&state);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("infer");
    TCase *t = fixture_case(suite, "infer");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, tokenize_is_encode, 0, SHAPES);
    tcase_add_loop_test(t, cuts_do_not_matter, 0, SHAPES);
    tcase_add_loop_test(t, evaluate_counts, 0, SHAPES);
    tcase_add_test(t, nothing_known);
    tcase_add_test(t, stopped);
    tcase_add_test(t, wrong_codes);
    return scratch_run(suite);
}

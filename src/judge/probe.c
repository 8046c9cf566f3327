#include "judge/probe.h"

#include "base/clock.h"
#include "base/outfile.h"
#include "judge/lookup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256, PATIENCE = 2, MOST_SEEDS = 100, HELD_OUT = 10, MOST_ITERATIONS = 2000 };

/* Of features with a mean square norm of 1. */
static const double path[] = {0.01, 0.1, 1, 10, 100, 1000};
enum { PATH = sizeof path / sizeof *path };

typedef struct run {
    const vqdna_probe_options *options;
    const vq_probe_encoder *encoder;
    vq_features *features;
    uint64_t done, all; /* sequences turned into features, of the seed under way */
    int seed, step;     /* from 0; step: of the path */
} run;

static vq_status attend(run *r) {
    const vqdna_probe_options *o = r->options;
    if (o->interrupted && o->interrupted(o->user))
        return vq_fail(VQDNA_ERR_INTERRUPTED, "interrupted");
    if (o->progress) { /* a seed is half features, half fits */
        double share = 0.5 * (double)r->done / (double)r->all + 0.5 * r->step / PATH;
        o->progress(o->user, (r->seed + share) / o->seeds);
    }
    return VQDNA_OK;
}

static int asked_to_stop(void *user) {
    run *r = user;
    return r->options->interrupted && r->options->interrupted(r->options->user);
}

/* ---- Features of a set ------------------------------------------------------------------------------------------------------- */

/* Codes and vectors of a batch of sequences, in blocks that grow with the longest. */
typedef struct batch {
    size_t counts[BATCH];
    struct {
        uint16_t *codes[BATCH];
        float *embedding[BATCH], *taps[BATCH];
    } of[VQ_TOKENIZERS];
} batch;

static void free_batch(batch *b) {
    for (int t = 0; t < VQ_TOKENIZERS; t++)
        for (int i = 0; i < BATCH; i++) {
            free(b->of[t].codes[i]);
            free(b->of[t].embedding[i]);
            free(b->of[t].taps[i]);
        }
    free(b);
}

static vq_status encode(run *r, batch *b, const vq_labelled *set, size_t first, size_t rows) {
    for (int t = 0; t < VQ_TOKENIZERS; t++) {
        int needs = vq_features_needs(r->features, t);
        if (!needs)
            continue;
        size_t N = (size_t)r->encoder->shape.levels, D = (size_t)r->encoder->shape.dim;
        for (size_t i = 0; i < rows; i++) {
            free(b->of[t].codes[i]);
            free(b->of[t].embedding[i]);
            free(b->of[t].taps[i]);
            b->of[t].codes[i] = NULL;
            b->of[t].embedding[i] = b->of[t].taps[i] = NULL;
            b->counts[i] = set->start[first + i + 1] - set->start[first + i];
            VQ_TRY(vq_alloc(&b->of[t].codes[i], b->counts[i] * N, sizeof(uint16_t)));
            if (needs & VQ_NEEDS_EMBEDDING)
                VQ_TRY(vq_alloc(&b->of[t].embedding[i], b->counts[i] * D, sizeof(float)));
            if (needs & VQ_NEEDS_ENCODER)
                VQ_TRY(vq_alloc(&b->of[t].taps[i], b->counts[i] * D, sizeof(float)));
        }
        VQ_TRY(r->encoder->encode(r->encoder->user, t, rows, set->bases + set->start[first], b->counts, b->of[t].codes,
                                  needs & VQ_NEEDS_EMBEDDING ? b->of[t].embedding : NULL,
                                  needs & VQ_NEEDS_ENCODER ? b->of[t].taps : NULL));
    }
    return VQDNA_OK;
}

static vq_status make_matrix(vq_sparse *out, run *r, const vq_labelled *set) {
    batch *b;
    VQ_TRY(vq_alloc(&b, 1, sizeof *b));
    vq_status status = VQDNA_OK;
    for (size_t first = 0, rows; first < set->rows; first += rows) {
        rows = set->rows - first < BATCH ? set->rows - first : BATCH;
        VQ_TRY_OR(done, encode(r, b, set, first, rows));
        for (size_t i = 0; i < rows; i++) {
            vq_sample sample = {.count = set->start[first + i + 1] - set->start[first + i],
                                .bases = set->bases + set->start[first + i]};
            for (int t = 0; t < VQ_TOKENIZERS; t++) {
                sample.of[t].codes = b->of[t].codes[i];
                sample.of[t].embedding = b->of[t].embedding[i];
                sample.of[t].encoder = b->of[t].taps[i];
            }
            VQ_TRY_OR(done, vq_features_add(r->features, &sample));
        }
        r->done += rows;
        VQ_TRY_OR(done, attend(r));
    }
    VQ_TRY_OR(done, vq_features_take(r->features, out));
done:
    free_batch(b);
    return status;
}

/* LIBSVM's text: class, then column:value, columns from 1. */
static vq_status save_matrix(const vq_sparse *m, const int *classes, const char *prefix, const char *part) {
    char name[4096];
    vq_outfile out;
    snprintf(name, sizeof name, "%s.%s.svm", prefix, part);
    VQ_TRY(vq_outfile_open(&out, name));
    for (size_t row = 0; row < m->rows; row++) {
        fprintf(out.file, "%d", classes[row]);
        for (size_t i = m->start[row]; i < m->start[row + 1]; i++)
            fprintf(out.file, " %u:%.9g", m->column[i] + 1, (double)m->value[i]);
        fputc('\n', out.file);
    }
    return vq_outfile_commit(&out);
}

/* ---- One seed ---------------------------------------------------------------------------------------------------------------- */

typedef struct sets {
    vq_labelled train, dev, test;
} sets;

typedef struct outcome {
    double C, loss;
    vq_scores dev, test;
    vq_scores_interval dev_interval, test_interval;
    size_t features;
} outcome;

/* Along the path from much to little penalty; the C that scores best on dev is kept, of equals the first. Two steps in a row without a
 * gain end it: less penalty takes ever longer to fit. */
static vq_status fit(outcome *out, run *r, const vq_sparse m[3], const sets *s, int classes, int *predicted) {
    vq_logistic model = {0};
    int *told = NULL, *best_dev = NULL;
    double best = -INFINITY, given[1] = {r->options->C};
    const double *C = given[0] > 0 ? given : path;
    int steps = given[0] > 0 ? 1 : PATH, idle = 0;
    vq_status status;
    VQ_TRY_OR(done, vq_logistic_create(&model, m[0].columns, classes));
    VQ_TRY_OR(done, vq_alloc(&told, s->dev.rows, sizeof *told));
    VQ_TRY_OR(done, vq_alloc(&best_dev, s->dev.rows, sizeof *best_dev));
    for (r->step = 0; r->step < steps && idle < PATIENCE; r->step++, idle++) {
        vq_scores dev;
        VQ_TRY_OR(done, attend(r));
        VQ_TRY_OR(done, vq_logistic_fit(&model, &m[0], s->train.class, C[r->step], MOST_ITERATIONS, asked_to_stop, r));
        vq_logistic_predict(&model, &m[1], told, NULL, NULL);
        VQ_TRY_OR(done, vq_scores_of(&dev, s->dev.class, told, s->dev.rows, classes));
        if (dev.mcc <= best)
            continue;
        best = dev.mcc;
        idle = -1;
        out->C = C[r->step];
        out->loss = model.loss;
        out->dev = dev;
        memcpy(best_dev, told, s->dev.rows * sizeof *told);
        vq_logistic_predict(&model, &m[2], predicted, NULL, NULL);
    }
    const vqdna_probe_options *o = r->options;
    VQ_TRY_OR(done, vq_scores_of(&out->test, s->test.class, predicted, s->test.rows, classes));
    VQ_TRY_OR(done, vq_scores_bootstrap(&out->dev_interval, s->dev.class, best_dev, s->dev.rows, classes, o->resamples, o->seed));
    VQ_TRY_OR(done,
              vq_scores_bootstrap(&out->test_interval, s->test.class, predicted, s->test.rows, classes, o->resamples, o->seed));
done:
    free(told);
    free(best_dev);
    vq_logistic_destroy(&model);
    return status;
}

static vq_status make_untrained(run *r, const vq_labelled *train, uint64_t seed) {
    size_t *counts;
    VQ_TRY(vq_alloc(&counts, train->rows, sizeof *counts));
    for (size_t i = 0; i < train->rows; i++)
        counts[i] = train->start[i + 1] - train->start[i];
    vq_status status = r->encoder->untrained(r->encoder->user, seed, train->rows, train->bases, counts);
    free(counts);
    return status;
}

static vq_status probe_seed(outcome *out, run *r, const sets *s, int classes, int *predicted) {
    static const char *const parts[] = {"train", "dev", "test"};
    const vq_labelled *set[] = {&s->train, &s->dev, &s->test};
    vq_sparse m[3] = {{0}};
    uint64_t seed = r->options->seed + (uint64_t)r->seed;
    vq_status status;
    r->done = 0;
    r->step = 0;
    r->all = s->train.rows + s->dev.rows + s->test.rows;
    VQ_TRY(vq_features_create(&r->features, r->options->features, r->encoder ? &r->encoder->shape : NULL));
    if (vq_features_needs(r->features, VQ_UNTRAINED))
        VQ_TRY_OR(done, make_untrained(r, &s->train, seed));
    for (int i = 0; i < 3; i++) {
        VQ_TRY_OR(done, make_matrix(&m[i], r, set[i]));
        if (r->options->svmlight && r->seed == 0)
            VQ_TRY_OR(done, save_matrix(&m[i], set[i]->class, r->options->svmlight, parts[i]));
    }
    out->features = m[0].columns;
    VQ_TRY_OR(done, fit(out, r, m, s, classes, predicted));
done:
    for (int i = 0; i < 3; i++)
        vq_sparse_free(&m[i]);
    vq_features_destroy(r->features);
    r->features = NULL;
    return status;
}

/* ---- All of it --------------------------------------------------------------------------------------------------------------- */

/* Adds a seed to the running sums: mean and sd hold sum and sum of squares until `finish`. */
static void add_score(vqdna_score *to, double value, vq_interval interval) {
    to->mean += value;
    to->sd += value * value;
    to->low += interval.low;
    to->high += interval.high;
}

static void add_scores(vqdna_scores *to, const vq_scores *s, const vq_scores_interval *i) {
    add_score(&to->mcc, s->mcc, i->mcc);
    add_score(&to->f1_macro, s->f1_macro, i->f1_macro);
    add_score(&to->accuracy, s->accuracy, i->accuracy);
}

static void finish(vqdna_scores *scores, int seeds) {
    vqdna_score *each[] = {&scores->mcc, &scores->f1_macro, &scores->accuracy};
    for (int i = 0; i < 3; i++) {
        vqdna_score *s = each[i];
        double square = s->sd;
        s->mean /= seeds;
        s->sd = seeds > 1 ? sqrt(fmax(0, (square - seeds * s->mean * s->mean) / (seeds - 1))) : 0;
        s->low /= seeds;
        s->high /= seeds;
    }
}

static vq_status look_up(vq_probe *p, const sets *s, const vqdna_probe_options *o) {
    int *told;
    vq_scores scores;
    vq_scores_interval interval;
    VQ_TRY(vq_alloc(&told, s->test.rows, sizeof *told));
    vq_status status;
    VQ_TRY_OR(done, vq_lookup_classes(told, &s->train, &s->test, p->labels.count));
    VQ_TRY_OR(done, vq_scores_of(&scores, s->test.class, told, s->test.rows, p->labels.count));
    VQ_TRY_OR(done, vq_scores_bootstrap(&interval, s->test.class, told, s->test.rows, p->labels.count, o->resamples, o->seed));
    add_scores(&p->report.lookup, &scores, &interval);
    finish(&p->report.lookup, 1);
    VQ_TRY_OR(done, vq_lookup_seen(&p->report.seen, &s->train, &s->test));
done:
    free(told);
    return status;
}

/* Whether anything differs from seed to seed. */
static vq_status depends_on_seed(bool *out, const vq_probe_encoder *encoder, const char *dev, const vqdna_probe_options *o) {
    vq_features *f;
    VQ_TRY(vq_features_create(&f, o->features, encoder ? &encoder->shape : NULL));
    *out = !dev || vq_features_needs(f, VQ_UNTRAINED);
    vq_features_destroy(f);
    return VQDNA_OK;
}

vq_status vq_probe_run(vq_probe **out, const vq_probe_encoder *encoder, const char *train, const char *dev, const char *test,
                       const vqdna_probe_options *options) {
    double began = vq_clock();
    vqdna_probe_options own = *options;
    run r = {.options = &own, .encoder = encoder};
    vq_labelled all = {0}, held = {0};
    sets s = {{0}};
    vq_probe *p = NULL;
    int *predicted = NULL;
    bool depends;
    if (own.seeds > MOST_SEEDS)
        return vq_fail(VQDNA_ERR_USAGE, "%d seeds; at most %d make sense", own.seeds, MOST_SEEDS);
    VQ_TRY(depends_on_seed(&depends, encoder, dev, options));
    own.seeds = depends ? own.seeds : 1;
    VQ_TRY(vq_alloc(&p, 1, sizeof *p));
    vq_status status;
    VQ_TRY_OR(failed, vq_labelled_read(&all, &p->labels, train, own.sequence, own.label));
    if (dev)
        VQ_TRY_OR(failed, vq_labelled_read(&held, &p->labels, dev, own.sequence, own.label));
    VQ_TRY_OR(failed, vq_labelled_read(&p->test, &p->labels, test, own.sequence, own.label));
    if (all.ids || held.ids || p->test.ids)
        VQ_TRY_OR(failed, vq_fail(VQDNA_ERR_USAGE, "a probe has features of sequences, and %s holds ids",
                                  all.ids    ? train
                                  : held.ids ? dev
                                             : test));
    VQ_TRY_OR(failed, vq_alloc(&p->predicted, p->test.rows, sizeof *p->predicted));
    VQ_TRY_OR(failed, vq_alloc(&predicted, p->test.rows, sizeof *predicted));
    VQ_TRY_OR(failed, vq_alloc(&p->C, (size_t)own.seeds, sizeof *p->C));
    s.test = p->test;
    for (r.seed = 0; r.seed < own.seeds; r.seed++) {
        outcome o = {0};
        VQ_TRY_OR(failed, vq_labelled_copy(&s.train, &all));
        if (dev)
            s.dev = held;
        else
            VQ_TRY_OR(failed, vq_labelled_split(&s.train, &s.dev, HELD_OUT, own.seed + (uint64_t)r.seed));
        VQ_TRY_OR(failed, probe_seed(&o, &r, &s, p->labels.count, predicted));
        if (r.seed == 0) {
            memcpy(p->predicted, predicted, p->test.rows * sizeof *predicted);
            p->report.train = s.train.rows;
            p->report.dev = s.dev.rows;
            p->report.features = o.features;
            p->report.loss = o.loss;
            VQ_TRY_OR(failed, look_up(p, &s, &own));
        }
        p->C[r.seed] = o.C;
        add_scores(&p->report.scores_dev, &o.dev, &o.dev_interval);
        add_scores(&p->report.scores_test, &o.test, &o.test_interval);
        vq_labelled_free(&s.train);
        if (!dev)
            vq_labelled_free(&s.dev);
        s.dev = (vq_labelled){0};
    }
    finish(&p->report.scores_dev, own.seeds);
    finish(&p->report.scores_test, own.seeds);
    p->report.test = p->test.rows;
    p->report.classes = p->labels.count;
    p->report.labels = (const char *const *)p->labels.name;
    p->report.split = !dev;
    p->report.seeds = own.seeds;
    p->report.C = p->C;
    p->report.truth = p->test.class;
    p->report.predicted = p->predicted;
    p->report.seconds = vq_clock() - began;
    *out = p;
failed:
    vq_labelled_free(&all);
    vq_labelled_free(&s.train);
    if (!dev)
        vq_labelled_free(&s.dev);
    vq_labelled_free(&held);
    free(predicted);
    if (status < 0)
        vq_probe_destroy(p);
    return status;
}

void vq_probe_destroy(vq_probe *p) {
    if (!p)
        return;
    vq_labels_free(&p->labels);
    vq_labelled_free(&p->test);
    free(p->predicted);
    free(p->C);
    free(p);
}

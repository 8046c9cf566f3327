#include "train/pretrain_task.h"

#include "base/integer.h"
#include "base/json.h"
#include "base/rng.h"
#include "train/pretrain_batch.h"
#include "train/pretrain_options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Batches that no training reaches: the baselines' and an evaluation's. */
static const uint64_t baseline_steps = (uint64_t)1 << 62, evaluation_steps = (uint64_t)1 << 61;

/* ---- A step ------------------------------------------------------------------------------------------------------------------ */

static double span(const vq_pretrain_task *t, double progress) {
    return t->options.span_first + (t->options.span_last - t->options.span_first) * progress;
}

static int window(const vq_pretrain_task *t, uint64_t step) {
    return vq_schedule_length(t->options.length_warmup, t->options.window, step, t->options.steps);
}

static vq_status begin(void *self, uint64_t step, uint64_t *bases) {
    vq_pretrain_task *t = self;
    t->step = step;
    VQ_TRY(vq_pretrain_batch(t, t->dataset, step, t->options.batch, window(t, step),
                             span(t, (double)step / (double)t->options.steps)));
    *bases = 0;
    for (int b = 0; b < t->count; b++)
        *bases += (uint64_t)t->lengths[b];
    vq_pretrain_baselines(t, &t->since, false);
    return VQDNA_OK;
}

static int parts(const vqdna_pretrain_options *o) {
    return o->batch / o->micro_batch;
}

/* A part of the batch at hand through the model; with scale, backward too. */
static vq_status run(vq_pretrain_task *t, int part, double dropout, float scale) {
    const vq_draws draws = {t->options.seed, t->step * (uint64_t)parts(&t->options) + (uint64_t)part, VQ_STREAM_DROPOUT};
    const int first = part * t->options.micro_batch, count = vq_min_int(t->options.micro_batch, t->count - first);
    vq_masked *m = t->model;
    if (count < 1)
        return VQDNA_OK;
    vq_pretrain_pick(t, first, count);
    if (!t->H) /* of unknown bases alone */
        return VQDNA_OK;
    vq_body_use(&m->body, count, t->tokens.L);
    VQ_TRY(vq_body_upload_part(&m->body, t->tokens.ids, t->tokens.place, t->mark, t->tokens.padded ? t->tokens.there : NULL,
                               (size_t)t->count * (size_t)t->tokens.L, (size_t)first * (size_t)t->tokens.L));
    VQ_TRY(vq_masked_upload(m, t->picked, t->back, t->targets, t->H));
    return vq_masked_run(m, dropout, draws, scale);
}

static vq_status learn(void *self, int part) {
    vq_pretrain_task *t = self;
    return run(t, part, t->options.dropout, t->hidden_tokens ? 1.0f / (float)t->hidden_tokens : 0);
}

static vq_view sums(void *self, int i) {
    (void)self;
    (void)i;
    return VQ_NO_VIEW;
}

static vq_status update(void *self, uint64_t step, double progress) {
    (void)self;
    (void)step;
    (void)progress;
    return VQDNA_OK;
}

/* ---- Report ------------------------------------------------------------------------------------------------------------------ */

static vq_status add_numbers(vq_pretrain_task *t, vq_report *out, const vq_pretrain_sums *s) {
    const vq_masked *m = t->model;
    const int N = m->config.heads;
    const double tokens = s->tokens ? (double)s->tokens : 1;
    float metrics[VQ_MAX_TABLES + 1][2];
    double loss = 0;
    for (int i = 0; i <= N; i++) {
        VQ_TRY(vq_read(m->device, metrics[i], m->heads[i].metrics.view, 0, sizeof metrics[i]));
        loss += metrics[i][0] / tokens / (i < N ? N : 1);
    }
    vq_report_add(out, (vqdna_number){"loss", loss, VQDNA_REAL, .label = "loss", .unit = "nats a hidden token", .brief = "loss",
                                      .panel = "Loss", .curve = "loss"});
    vq_report_add(out, (vqdna_number){"base_nats", metrics[N][0] / tokens, VQDNA_REAL, .label = "hidden bases",
                                      .unit = "nats a base", .brief = "nats", .panel = "Hidden bases (nats)", .curve = "model"});
    vq_report_add(out,
                  (vqdna_number){"baseline_nats", s->nats / tokens, VQDNA_REAL, .label = "counting, order 6", .unit = "nats a base",
                                 .brief = "counting", .panel = "Hidden bases (nats)", .curve = "order 6"});
    vq_report_add(out, (vqdna_number){"base_accuracy", metrics[N][1] / tokens, VQDNA_SHARE, .label = "bases told",
                                      .unit = "of the hidden (%)", .panel = "Hidden tokens told", .curve = "bases"});
    for (int i = 0; i < N; i++) {
#define NAME(what) vq_report_text(out, "levels.%d." what, i)
        const char *level = vq_report_text(out, "level %d", i + 1);
        vq_report_add(out, (vqdna_number){NAME("loss"), metrics[i][0] / tokens, VQDNA_REAL,
                                          .label = vq_report_text(out, "level %d loss", i + 1), .unit = "nats a code"});
        vq_report_add(out, (vqdna_number){NAME("accuracy"), metrics[i][1] / tokens, VQDNA_SHARE,
                                          .label = vq_report_text(out, "level %d told", i + 1), .unit = "of the hidden (%)",
                                          .brief = "told", .panel = "Hidden tokens told", .curve = level});
        vq_report_add(out, (vqdna_number){NAME("baseline"), (double)s->right[i] / tokens, VQDNA_SHARE,
                                          .label = vq_report_text(out, "level %d by two neighbours", i + 1),
                                          .unit = "of the hidden (%)", .panel = "Hidden tokens told",
                                          .curve = vq_report_text(out, "level %d, two neighbours", i + 1)});
#undef NAME
    }
    return VQDNA_OK;
}

static vq_status report(void *self, vq_report *out, const vq_standing *at, bool ends) {
    vq_pretrain_task *t = self;
    vq_report_begin(out, at);
    VQ_TRY(add_numbers(t, out, &t->since));
    vq_report_add(out, (vqdna_number){"span", span(t, at->progress), VQDNA_REAL});
    if (t->options.length_warmup)
        vq_report_add(out, (vqdna_number){"window", window(t, at->step ? at->step - 1 : 0), VQDNA_REAL});
    vq_report_optimizer(out, at);
    vq_report_end(out, at);
    if (ends)
        t->since = (vq_pretrain_sums){0};
    return VQDNA_OK;
}

vq_status vq_pretrain_evaluate(vq_pretrain_task *t, const vq_dataset *dataset, uint64_t windows, vq_report *out) {
    vq_masked *m = t->model;
    vq_pretrain_sums s = {0};
    float before[VQ_MAX_TABLES + 1][2];
    vq_status status = VQDNA_OK;
    for (int i = 0; i <= m->config.heads; i++) { /* those of the training go on after it */
        VQ_TRY(vq_read(m->device, before[i], m->heads[i].metrics.view, 0, sizeof before[i]));
        VQ_TRY(vq_zero(m->device, m->heads[i].metrics.view));
    }
    for (uint64_t done = 0; done < windows && status >= 0; done += (uint64_t)t->count) {
        const int count = (int)vq_min((uint64_t)t->options.batch, windows - done);
        status = vq_pretrain_batch(t, dataset, evaluation_steps + done, count, t->options.window, t->options.span_last);
        if (status >= 0)
            vq_pretrain_baselines(t, &s, false);
        for (int part = 0; part < parts(&t->options) && status >= 0; part++)
            status = run(t, part, 0, 0);
    }
    vq_report_clear(out);
    if (status >= 0)
        status = add_numbers(t, out, &s);
    for (int i = 0; i <= m->config.heads && status >= 0; i++)
        status = vq_write(m->device, m->heads[i].metrics.view, 0, before[i], sizeof before[i]);
    return status;
}

/* ---- Checkpoint -------------------------------------------------------------------------------------------------------------- */

static vq_status to_json(const void *self, json_t *run) {
    const vq_pretrain_task *t = self;
    json_t *model = NULL, *options = NULL, *right = json_array();
    char print[24];
    vqdna_dataset_info d = vq_dataset_describe(t->dataset);
    snprintf(print, sizeof print, "%016" PRIx64, vq_dataset_fingerprint(t->dataset));
    for (int i = 0; i < t->model->config.heads; i++)
        json_array_append_new(right, json_integer((json_int_t)t->since.right[i]));
    json_object_set_new(run, "since_report",
                        json_pack("{s:I, s:f, s:o}", "tokens", (json_int_t)t->since.tokens, "nats", t->since.nats, "right", right));
    VQ_TRY(vq_predictor_to_json(&model, t->predictor));
    json_object_set_new(run, "model", model);
    VQ_TRY(vq_pretrain_to_json(&options, &t->options));
    json_object_set_new(run, "options", options);
    json_object_set_new(run, "dataset",
                        json_pack("{s:I, s:I, s:I, s:s}", "files", (json_int_t)d.files, "contigs", (json_int_t)d.contigs, "bases",
                                  (json_int_t)d.bases, "fingerprint", print));
    return VQDNA_OK;
}

static vq_status from_json(void *self, const json_t *run, const char *path) {
    vq_pretrain_task *t = self;
    json_t *since, *right;
    int64_t n;
    VQ_TRY(vq_json_member(&since, run, "since_report", JSON_OBJECT, path));
    VQ_TRY(vq_json_integer(&n, since, "tokens", 0, INT64_MAX, path));
    t->since.tokens = (uint64_t)n;
    VQ_TRY(vq_json_number(&t->since.nats, since, "nats", 0, 1e300, path));
    VQ_TRY(vq_json_member(&right, since, "right", JSON_ARRAY, path));
    for (int i = 0; i < t->model->config.heads; i++)
        t->since.right[i] = (uint64_t)json_integer_value(json_array_get(right, (size_t)i));
    return VQDNA_OK;
}

/* ---- Life -------------------------------------------------------------------------------------------------------------------- */

static void destroy(void *self) {
    vq_pretrain_task *t = self;
    vq_masked_destroy(t->model);
    vq_baseline_destroy(t->baseline);
    vq_pretrain_batch_close(t);
    free(t);
}

/* From batches of their own, so that a resumed run has the same baselines. */
static vq_status count_baselines(vq_pretrain_task *t) {
    const uint64_t batch = (uint64_t)t->options.window * (uint64_t)t->options.batch,
                   batches = vq_ceil_div(t->options.baseline_bases, batch);
    for (uint64_t i = 0; i < batches; i++) {
        VQ_TRY(vq_pretrain_batch(t, t->dataset, baseline_steps + i, t->options.batch, t->options.window,
                                 span(t, (double)i / (double)batches)));
        vq_pretrain_baselines(t, NULL, true);
    }
    return VQDNA_OK;
}

static vq_status plan_model(vq_pretrain_task *t, vq_device *device) {
    const vqdna_pretrain_options *o = &t->options;
    const vq_masked_config config = vq_predictor_masked(t->predictor);
    const vq_body_training how = {.recompute = o->recompute};
    const int B = o->micro_batch;
    return vq_masked_plan(&t->model, device, &config, B, vq_pretrain_tokens(t, 1), vq_pretrain_most_hidden(t, B),
                          VQ_TRAINING_SORTED, &how);
}

vq_status vq_pretrain_plan(vq_masked **out, vq_device *device, const vq_predictor *predictor, const vqdna_pretrain_options *o) {
    vq_pretrain_task t = {.predictor = predictor, .options = *o};
    VQ_TRY(plan_model(&t, device));
    *out = t.model;
    return VQDNA_OK;
}

static vq_status open_task(vq_pretrain_task *t, vq_device *device) {
    VQ_TRY(plan_model(t, device));
    VQ_TRY(vq_plan_bind(t->model->plan));
    VQ_TRY(vq_pretrain_batch_open(t));
    VQ_TRY(vq_baseline_create(&t->baseline));
    return count_baselines(t);
}

vq_status vq_pretrain_trainer(vq_trainer **out, vq_pretrain_task **self, vq_device *device, const vq_predictor *predictor,
                              vq_model *tokenizer, const vq_dataset *dataset, const vqdna_pretrain_options *o) {
    vq_pretrain_task *t;
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    t->predictor = predictor;
    t->tokenizer = tokenizer;
    t->dataset = dataset;
    t->options = *o;
    vq_status status = open_task(t, device);
    if (status < 0) {
        destroy(t);
        return status;
    }
    *self = t;
    const vq_task task = {.kind = VQ_PRETRAIN_KIND,
                          .self = t,
                          .device = device,
                          .plan = t->model->plan,
                          .parts = parts(o),
                          .begin = begin,
                          .learn = learn,
                          .sums = sums,
                          .update = update,
                          .report = report,
                          .to_json = to_json,
                          .from_json = from_json,
                          .destroy = destroy};
    const vq_schedule schedule = {o->steps, 0, (int)(o->warmup * (double)o->steps), o->learning_rate, o->final_rate};
    const vq_optimizer_rates rates = {o->beta1, o->beta2, o->weight_decay, o->clip};
    return vq_trainer_create(out, task, schedule, rates);
}

#include "train/classify_task.h"

#include "base/integer.h"
#include "base/json.h"
#include "base/rng.h"
#include "train/optimizer.h"
#include "train/options.h"
#include "train/predictor_options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A step ------------------------------------------------------------------------------------------------------------------ */

/* The order of an epoch's rows, a function of seed and epoch. */
static void draw_order(vq_classify_task *t, uint64_t epoch) {
    const size_t rows = t->train->set->rows;
    if (t->ordered && t->epoch == epoch)
        return;
    for (size_t i = 0; i < rows; i++)
        t->order[i] = i;
    for (size_t i = rows - 1; i > 0; i--) { /* Fisher and Yates */
        const size_t j = (size_t)vq_rng_below(i + 1, t->options.seed, VQ_STREAM_SAMPLE, epoch, i), swap = t->order[i];
        t->order[i] = t->order[j];
        t->order[j] = swap;
    }
    t->epoch = epoch;
    t->ordered = true;
}

static int strands(const vqdna_finetune_options *o) {
    return o->both_strands ? 2 : 1;
}

/* What is read of the sequences of a step. */
static vq_reading drawn(const vq_classify_task *t) {
    const vqdna_finetune_options *o = &t->options;
    return (vq_reading){.most = (size_t)vq_schedule_length(o->length_warmup, t->longest, t->step, o->steps),
                        .turned = o->both_strands ? &t->train[1] : NULL,
                        .seed = o->seed,
                        .step = t->step};
}

static vq_status begin(void *self, uint64_t step, uint64_t *bases) {
    vq_classify_task *t = self;
    const vq_labelled *set = t->train->set;
    draw_order(t, step / t->steps_of_epoch);
    t->step = step;
    t->first = (size_t)(step % t->steps_of_epoch) * (size_t)t->options.batch;
    t->count = (int)vq_min((size_t)t->options.batch, set->rows - t->first);
    t->weight = 0;
    *bases = 0;
    for (int i = 0; i < t->count; i++) {
        const size_t row = t->order[t->first + (size_t)i];
        t->weight += t->class_weights ? t->class_weights[set->class[row]] : 1;
        *bases += vq_min(set->start[row + 1] - set->start[row], drawn(t).most);
    }
    t->weight_since += t->weight;
    t->rows_since += (uint64_t)t->count;
    return VQDNA_OK;
}

static vq_status upload(vq_classify_task *t, const size_t *rows, int count) {
    vq_classifier *m = t->model;
    const vq_labelled *set = t->train->set;
    int32_t *classes = NULL;
    float *numbers = NULL;
    vq_body_use(&m->body, count, t->batch.L);
    VQ_TRY(vq_body_upload(&m->body, t->batch.ids, t->batch.place, NULL, t->batch.padded ? t->batch.there : NULL));
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&classes, (size_t)count, sizeof *classes));
    VQ_TRY_OR(done, vq_alloc(&numbers, (size_t)count, sizeof *numbers));
    for (int i = 0; i < count; i++) {
        classes[i] = set->class[rows[i]];
        numbers[i] = set->value ? (float)((set->value[rows[i]] - t->predictor->mean) / t->predictor->deviation) : 0;
    }
    status = vq_upload(m->device, m->targets.view, set->value ? (void *)numbers : (void *)classes, (size_t)count * 4);
done:
    free(classes);
    free(numbers);
    return status;
}

static vq_status learn(void *self, int part) {
    vq_classify_task *t = self;
    const int parts = t->options.batch / t->options.micro_batch, first = part * t->options.micro_batch,
              count = vq_min_int(t->options.micro_batch, t->count - first);
    const vq_draws draws = {t->options.seed, t->step * (uint64_t)parts + (uint64_t)part, VQ_STREAM_DROPOUT};
    const size_t *rows = t->order + t->first + first;
    const vq_reading reading = drawn(t);
    if (count < 1) /* the last step of an epoch is short */
        return VQDNA_OK;
    vq_examples_batch(t->train, &t->batch, rows, count, 0, t->model->config.body.positions, &reading);
    VQ_TRY(upload(t, rows, count));
    return vq_classifier_learn(t->model, t->options.dropout, draws, t->class_weights != NULL, (float)(1 / t->weight));
}

static vq_view sums(void *self, int i) {
    (void)self;
    (void)i;
    return VQ_NO_VIEW;
}

/* ---- Dev --------------------------------------------------------------------------------------------------------------------- */

static vq_status score(vq_classify_task *t, const float *outputs, double *out) {
    const vq_labelled *set = t->dev->set;
    vq_scores scores;
    int *classes;
    if (set->value) {
        *out = vq_correlation(outputs, set->value, set->rows);
        return VQDNA_OK;
    }
    VQ_TRY(vq_alloc(&classes, set->rows, sizeof *classes));
    vq_classify_best(classes, outputs, set->rows, t->model->outputs);
    vq_status status = vq_scores_of(&scores, set->class, classes, set->rows, t->model->outputs);
    free(classes);
    *out = scores.mcc;
    return status;
}

static vq_status judge(vq_classify_task *t, uint64_t step) {
    float *outputs;
    VQ_TRY(vq_alloc(&outputs, t->dev->set->rows * (size_t)t->model->outputs, sizeof *outputs));
    vq_status status = vq_classify(outputs, t->model, t->dev, strands(&t->options), 1, &t->batch);
    if (status >= 0)
        status = score(t, outputs, &t->score);
    free(outputs);
    VQ_TRY(status);
    if (t->found && t->score <= t->best_score)
        return VQDNA_OK;
    t->found = true;
    t->best_score = t->score;
    t->best_step = step;
    return vq_state_get(t->best, t->model->device, t->model->plan);
}

/* What is judged and kept are the averages of weights where there are any, training goes on with the weights. */
static vq_status evaluate(vq_classify_task *t, uint64_t step) {
    VQ_TRY(vq_optimizer_swap(t->model->device, t->model->plan));
    VQ_TRY(judge(t, step));
    return vq_optimizer_swap(t->model->device, t->model->plan);
}

static vq_status update(void *self, uint64_t step, double progress) {
    vq_classify_task *t = self;
    const uint64_t done = step + 1;
    (void)progress;
    if (t->dev->set && (done % t->evaluate_every == 0 || done == t->options.steps))
        return evaluate(t, done);
    if (!t->dev->set && done == t->options.steps) /* the last weights are what is kept */
        return vq_optimizer_swap(t->model->device, t->model->plan);
    return VQDNA_OK;
}

vq_status vq_classify_kept(vq_state *kept, const vq_classify_task *t) {
    if (!t->options.lora)
        return t->found ? VQDNA_OK : vq_state_get(kept, t->model->device, t->model->plan);
    if (t->found) {
        vq_classifier_merge(kept, t->model, t->best);
        return VQDNA_OK;
    }
    vq_state last;
    VQ_TRY(vq_state_create(&last, t->model->plan));
    vq_status status = vq_state_get(&last, t->model->device, t->model->plan);
    if (status >= 0)
        vq_classifier_merge(kept, t->model, &last);
    vq_state_destroy(&last);
    return status;
}

/* ---- Report ------------------------------------------------------------------------------------------------------------------ */

static vq_status report(void *self, vq_report *out, const vq_standing *at, bool ends) {
    vq_classify_task *t = self;
    const bool classes = t->model->config.classes > 0;
    float metrics[VQ_CLASSIFIER_METRICS];
    VQ_TRY(vq_read(t->model->device, metrics, t->model->metrics.view, 0, sizeof metrics));
    const double weight = t->weight_since > 0 ? t->weight_since : 1, rows = t->rows_since ? (double)t->rows_since : 1;
    vq_report_begin(out, at);
    vq_report_add(out, (vqdna_number){"epoch", (double)at->step / (double)t->steps_of_epoch, VQDNA_REAL});
    vq_report_add(out, (vqdna_number){"loss", metrics[VQ_CLASSIFIER_LOSS] / weight, VQDNA_REAL, .label = "loss",
                                      .unit = classes ? "nats a sequence" : "half the squared error", .brief = "loss",
                                      .panel = "Loss", .curve = "loss"});
    if (classes)
        vq_report_add(out, (vqdna_number){"accuracy", metrics[VQ_CLASSIFIER_CORRECT] / rows, VQDNA_SHARE, .label = "accuracy",
                                          .unit = "training sequences told right (%)", .panel = "Accuracy", .curve = "accuracy"});
    if (t->dev->set)
        vq_report_add(out, (vqdna_number){classes ? "dev_mcc" : "dev_r", t->found ? t->score : 0, VQDNA_REAL,
                                          .label = classes ? "MCC on dev" : "r on dev", .unit = classes ? "MCC" : "r",
                                          .brief = t->found ? classes ? "dev MCC" : "dev r" : NULL, .panel = "On dev",
                                          .curve = classes ? "MCC" : "r"});
    vq_report_optimizer(out, at);
    vq_report_end(out, at);
    if (ends) {
        t->weight_since = 0;
        t->rows_since = 0;
    }
    return VQDNA_OK;
}

/* ---- Checkpoint -------------------------------------------------------------------------------------------------------------- */

static uint64_t fingerprint(const vq_classify_task *t) {
    const uint64_t train = vq_labelled_fingerprint(t->train->set), dev = t->dev->set ? vq_labelled_fingerprint(t->dev->set) : 0;
    return train * 31 + dev;
}

static vq_status to_json(const void *self, json_t *run) {
    const vq_classify_task *t = self;
    json_t *model = NULL, *options = NULL;
    char print[24];
    snprintf(print, sizeof print, "%016" PRIx64, fingerprint(t));
    VQ_TRY(vq_predictor_to_json(&model, t->predictor));
    json_object_set_new(run, "model", model);
    VQ_TRY(vq_finetune_to_json(&options, &t->options));
    json_object_set_new(run, "options", options);
    json_object_set_new(run, "dataset",
                        json_pack("{s:I, s:I, s:s}", "train", (json_int_t)t->train->set->rows, "dev",
                                  (json_int_t)(t->dev->set ? t->dev->set->rows : 0), "fingerprint", print));
    json_object_set_new(run, "weight_since_report", json_real(t->weight_since));
    json_object_set_new(run, "rows_since_report", json_integer((json_int_t)t->rows_since));
    if (t->found)
        json_object_set_new(
            run, "best", json_pack("{s:f, s:I, s:f}", "score", t->best_score, "step", (json_int_t)t->best_step, "last", t->score));
    return VQDNA_OK;
}

static vq_status from_json(void *self, const json_t *run, const char *path) {
    vq_classify_task *t = self;
    const json_t *best = json_object_get(run, "best");
    int64_t n;
    VQ_TRY(vq_json_number(&t->weight_since, run, "weight_since_report", 0, 1e30, path));
    VQ_TRY(vq_json_integer(&n, run, "rows_since_report", 0, INT64_MAX, path));
    t->rows_since = (uint64_t)n;
    t->found = best != NULL;
    if (!best)
        return VQDNA_OK;
    VQ_TRY(vq_json_number(&t->best_score, best, "score", -1, 1, path));
    VQ_TRY(vq_json_number(&t->score, best, "last", -1, 1, path));
    VQ_TRY(vq_json_integer(&n, best, "step", 0, INT64_MAX, path));
    t->best_step = (uint64_t)n;
    return VQDNA_OK;
}

/* ---- Life -------------------------------------------------------------------------------------------------------------------- */

static void destroy(void *self) {
    vq_classify_task *t = self;
    vq_classifier_destroy(t->model);
    for (int i = 0; i < 2; i++) {
        vq_examples_destroy(&t->train[i]);
        vq_examples_destroy(&t->dev[i]);
    }
    vq_token_batch_destroy(&t->batch);
    vq_state_destroy(&t->own);
    free(t->order);
    free(t->class_weights);
    free(t);
}

/* One over the share of each class, a mean of 1 over the rows. */
static vq_status weigh(vq_classify_task *t) {
    const vq_labelled *set = t->train->set;
    const size_t classes = (size_t)t->model->config.classes;
    VQ_TRY(vq_alloc(&t->class_weights, classes, sizeof *t->class_weights));
    for (size_t i = 0; i < set->rows; i++)
        t->class_weights[set->class[i]]++;
    for (size_t k = 0; k < classes; k++)
        t->class_weights[k] = (float)((double)set->rows / ((double)classes * fmax(1, t->class_weights[k])));
    return vq_write(t->model->device, t->model->weights.view, 0, t->class_weights, classes * sizeof *t->class_weights);
}

vq_status vq_classify_plan(vq_classifier **out, vq_device *device, const vq_predictor *predictor, size_t tokens,
                           const vqdna_finetune_options *o) {
    if ((size_t)o->micro_batch > VQ_MAX_STEP_BASES / vq_max(tokens, 1))
        return vq_fail(VQDNA_ERR_USAGE, "%d sequences of up to %zu tokens at once are too many: at most %d tokens", o->micro_batch,
                       tokens, VQ_MAX_STEP_BASES);
    const vq_body_training how = {o->recompute, o->frozen, {o->lora, o->lora_alpha, o->lora_feed}};
    return vq_classifier_plan(out, device, &predictor->config, o->micro_batch, (int)tokens,
                              o->average > 0 ? VQ_TRAINING_AVERAGED : VQ_TRAINING_SORTED, &how);
}

static vq_status open_task(vq_classify_task *t, vq_device *device) {
    const vqdna_finetune_options *o = &t->options;
    const vq_predictor *p = t->predictor;
    const size_t rows = t->train->set->rows,
                 longest = vq_max(1, vq_max(vq_examples_longest(t->train, 2), vq_examples_longest(t->dev, 2)));
    VQ_TRY(vq_classify_plan(&t->model, device, p, longest, o));
    VQ_TRY(vq_plan_bind(t->model->plan));
    if (o->lora) {
        VQ_TRY(vq_state_create(&t->own, t->model->plan));
        t->best = &t->own;
    }
    VQ_TRY(vq_token_batch_create(&t->batch, p->vocabulary.tables, (size_t)o->micro_batch * longest));
    VQ_TRY(vq_alloc(&t->order, rows, sizeof *t->order));
    for (size_t i = 0; i < rows; i++)
        t->longest = vq_max_int(t->longest, (int)(t->train->set->start[i + 1] - t->train->set->start[i]));
    t->steps_of_epoch = vq_ceil_div(rows, (size_t)o->batch);
    t->evaluate_every = vq_max(1, t->steps_of_epoch / (uint64_t)o->evaluations);
    t->score = NAN;
    return o->balanced && p->config.classes ? weigh(t) : VQDNA_OK;
}

vq_status vq_classify_trainer(vq_trainer **out, vq_classify_task **self, vq_device *device, const vq_predictor *predictor,
                              vq_state *kept, vq_examples *train, vq_examples *dev, const vqdna_finetune_options *o) {
    vq_classify_task *t;
    vq_status status = vq_alloc(&t, 1, sizeof *t);
    if (status < 0) {
        for (int i = 0; i < strands(o); i++) {
            vq_examples_destroy(&train[i]);
            if (dev)
                vq_examples_destroy(&dev[i]);
        }
        return status;
    }
    for (int i = 0; i < strands(o); i++) {
        t->train[i] = train[i];
        if (dev)
            t->dev[i] = dev[i];
    }
    t->predictor = predictor;
    t->best = kept;
    t->options = *o;
    status = open_task(t, device);
    if (status < 0) {
        destroy(t);
        return status;
    }
    *self = t;
    const vq_task task = {.kind = predictor->config.classes ? VQ_CLASSIFY_KIND : VQ_REGRESS_KIND,
                          .self = t,
                          .device = device,
                          .plan = t->model->plan,
                          .parts = o->batch / o->micro_batch,
                          .best = t->dev->set ? t->best : NULL,
                          .begin = begin,
                          .learn = learn,
                          .sums = sums,
                          .update = update,
                          .report = report,
                          .to_json = to_json,
                          .from_json = from_json,
                          .destroy = destroy};
    const vq_schedule schedule = {o->steps, 0, (int)(o->warmup * (double)o->steps), o->learning_rate, o->final_rate};
    const vq_optimizer_rates rates = {o->beta1, o->beta2, o->weight_decay, o->clip, o->average};
    return vq_trainer_create(out, task, schedule, rates);
}

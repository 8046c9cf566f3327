#include "api/handles.h"

#include "base/file.h"
#include "base/integer.h"
#include "base/lock.h"
#include "check/firstuse.h"
#include "train/checkpoint.h"
#include "train/predict.h"
#include "train/predictor_options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Examples ---------------------------------------------------------------------------------------------------------------- */

vqdna_status vqdna_examples_read(vqdna_examples **out, const char *path, const vqdna_examples_options *options,
                                 const vqdna_examples *like) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(path);
    vqdna_examples_options o = {0};
    vq_take_options(&o, sizeof o, options, sizeof o);
    vqdna_examples *e;
    VQ_TRY(vq_alloc(&e, 1, sizeof *e));
    vq_labels borrowed = like ? like->labels : (vq_labels){0};
    vq_status status;
    if (o.regression || (like && like->set.value))
        VQ_TRY_OR(failed, vq_labelled_read_numbers(&e->set, path, o.sequence, o.label));
    else if (like)
        VQ_TRY_OR(failed, vq_labelled_read(&e->set, &borrowed, path, o.sequence, o.label));
    else
        VQ_TRY_OR(failed, vq_labelled_read(&e->set, &e->labels, path, o.sequence, o.label));
    if (o.rows)
        VQ_TRY_OR(failed, vq_labelled_keep(&e->set, o.rows, o.seed ? o.seed : 1));
    *out = e;
    return VQDNA_OK;
failed:
    vqdna_examples_destroy(e);
    return status;
}

vqdna_status vqdna_examples_split(vqdna_examples *examples, vqdna_examples **held, int share, uint64_t seed) {
    VQ_REQUIRE(examples);
    VQ_REQUIRE(held);
    if (share < 2)
        return vq_fail(VQDNA_ERR_USAGE, "one row in %d cannot be held out: give 2 or more", share);
    vqdna_examples *h;
    VQ_TRY(vq_alloc(&h, 1, sizeof *h));
    vq_status status = vq_labelled_split(&examples->set, &h->set, share, seed);
    if (status < 0)
        vqdna_examples_destroy(h);
    else
        *held = h;
    return status;
}

vqdna_examples_info vqdna_examples_describe(const vqdna_examples *e) {
    vqdna_examples_info info = {.rows = e->set.rows, .bases = e->set.start[e->set.rows], .classes = e->labels.count};
    for (size_t i = 0; i < e->set.rows; i++)
        info.longest = vq_max(info.longest, e->set.start[i + 1] - e->set.start[i]);
    info.labels = (const char *const *)e->labels.name;
    return info;
}

void vqdna_examples_destroy(vqdna_examples *e) {
    if (!e)
        return;
    vq_labelled_free(&e->set);
    vq_labels_free(&e->labels);
    free(e);
}

/* ---- Predictors -------------------------------------------------------------------------------------------------------------- */

vqdna_status vqdna_set_predictor_option(vqdna_predictor_options *predictor, vqdna_finetune_options *finetune,
                                        const char *assignment) {
    VQ_REQUIRE(predictor);
    VQ_REQUIRE(finetune);
    VQ_REQUIRE(assignment);
    return vq_predictor_option_set(predictor, finetune, assignment);
}

const vqdna_option *vqdna_predictor_option_at(size_t index) {
    return vq_predictor_option_at(index);
}

/* Mean and deviation of a regression's labels. */
static void standardize(vq_predictor *card, const vq_labelled *set) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < set->rows; i++)
        sum += set->value[i];
    card->mean = sum / (double)set->rows;
    for (size_t i = 0; i < set->rows; i++)
        squares += pow(set->value[i] - card->mean, 2);
    card->deviation = squares > 0 ? sqrt(squares / (double)set->rows) : 1;
}

static vq_status create(vqdna_predictor *p, const vqdna_examples *train, size_t longest, const vqdna_predictor_options *options,
                        uint64_t seed) {
    const vq_config *config = p->tokenizer ? &p->tokenizer->config : NULL;
    const vq_state *state = p->tokenizer ? &p->tokenizer->state : NULL;
    if (p->tokenizer) {
        VQ_TRY(vq_tokenizer_refresh(p->tokenizer));
        VQ_TRY(vq_tokenizer_prepare(p->tokenizer, NULL));
    }
    longest = vq_max(longest, vqdna_examples_describe(train).longest);
    VQ_TRY(vq_predictor_resolve(&p->card, options, config, state, longest, train->set.value ? NULL : &train->labels));
    if (train->set.value)
        standardize(&p->card, &train->set);
    VQ_TRY(vq_classifier_state(&p->state, &p->card.config));
    vq_state_start(&p->state, seed);
    return vq_predictor_take_vectors(&p->state, &p->card, state);
}

vqdna_status vqdna_predictor_create(vqdna_predictor **out, vqdna_context *context, vqdna_tokenizer *tokenizer,
                                    const vqdna_examples *train, size_t longest, const vqdna_predictor_options *options,
                                    uint64_t seed) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(context);
    VQ_REQUIRE(train);
    VQ_HOLD(context->device);
    vqdna_predictor *p;
    VQ_TRY(vq_alloc(&p, 1, sizeof *p));
    p->device = context->device;
    p->tokenizer = tokenizer;
    vq_status status = create(p, train, longest, options, seed);
    if (status < 0)
        vqdna_predictor_destroy(p);
    else
        *out = p;
    return status;
}

/* Card, state and tokenizer of a folder's or a checkpoint's config. */
static vq_status take_config(vqdna_predictor *p, vqdna_context *context, const json_t *config, const char *file,
                             const char *folder) {
    const char *vocabulary = json_string_value(json_object_get(config, "vocabulary"));
    char hash[17];
    if (vocabulary && vq_vocabulary_is_codes(vocabulary)) {
        char *path;
        VQ_TRY(vq_path_join(&path, folder, "tokenizer"));
        vq_status status = vqdna_tokenizer_open(&p->tokenizer, context, path);
        free(path);
        VQ_TRY(status);
        p->owns = true;
    }
    VQ_TRY(vq_predictor_from_json(&p->card, config, p->tokenizer ? &p->tokenizer->config : NULL, file));
    if (p->tokenizer) {
        vq_predictor_hash(hash, &p->tokenizer->state);
        if (strcmp(hash, p->card.tokenizer) != 0)
            return vq_fail(VQDNA_ERR_INPUT, "%s/tokenizer is not the tokenizer whose codes the model was trained on", folder);
    }
    return vq_classifier_state(&p->state, &p->card.config);
}

static vq_status open_predictor(vqdna_predictor *p, vqdna_context *context, const vq_folder *folder, const char *path) {
    if (!folder->config || (strcmp(folder->kind, VQ_CLASSIFY_KIND) != 0 && strcmp(folder->kind, VQ_REGRESS_KIND) != 0))
        return vq_folder_expect(folder, VQ_CLASSIFY_KIND);
    VQ_TRY(take_config(p, context, folder->config, folder->path, path));
    VQ_TRY(vq_folder_load(folder, &p->state));
    for (size_t i = 0; i < p->state.count; i++)
        for (size_t j = 0; j < p->state.tensors[i].count; j++)
            if (!isfinite(p->state.tensors[i].data[j]))
                return vq_fail(VQDNA_ERR_INPUT, "%s: tensor %s is not finite", path, p->state.tensors[i].name);
    p->step = folder->step;
    return VQDNA_OK;
}

vqdna_status vqdna_predictor_open(vqdna_predictor **out, vqdna_context *context, const char *path) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(context);
    VQ_REQUIRE(path);
    vqdna_predictor *p;
    vq_folder folder;
    VQ_TRY(vq_alloc(&p, 1, sizeof *p));
    p->device = context->device;
    vq_status status = vq_folder_open(&folder, path);
    if (status >= 0)
        status = open_predictor(p, context, &folder, path);
    vq_folder_close(&folder);
    if (status < 0)
        vqdna_predictor_destroy(p);
    else
        *out = p;
    return status;
}

void vqdna_predictor_destroy(vqdna_predictor *p) {
    if (!p)
        return;
    if (p->owns)
        vqdna_tokenizer_destroy(p->tokenizer);
    vq_predictor_free(&p->card);
    vq_state_destroy(&p->state);
    free(p->judged.truth);
    free(p->judged.predicted);
    free(p->judged.outputs);
    free(p);
}

vqdna_predictor_info vqdna_predictor_describe(const vqdna_predictor *p) {
    const vq_body_config *b = &p->card.config.body;
    vqdna_predictor_info info = {.width = b->layer.width,
                                 .layers = b->layers,
                                 .heads = b->layer.heads,
                                 .positions = b->positions,
                                 .classes = p->card.config.classes,
                                 .labels = (const char *const *)p->card.labels.name,
                                 .parameters = vq_state_parameters(&p->state),
                                 .step = p->trainer ? p->trainer->trainer->before + p->trainer->trainer->step : p->step};
    snprintf(info.kind, sizeof info.kind, "%s", info.classes ? VQ_CLASSIFY_KIND : VQ_REGRESS_KIND);
    snprintf(info.preset, sizeof info.preset, "%s", p->card.preset);
    snprintf(info.vocabulary, sizeof info.vocabulary, "%s", p->card.vocabulary.name);
    for (size_t i = 0; i < p->state.count; i++) {
        const vq_tensor *t = p->trainer ? vq_plan_find(p->trainer->finetune->model->plan, p->state.tensors[i].name) : NULL;
        const bool moves = t ? t->role == VQ_PARAM : p->state.tensors[i].role == VQ_PARAM;
        info.trained += moves ? p->state.tensors[i].count : 0;
    }
    return info;
}

/* ---- Training ---------------------------------------------------------------------------------------------------------------- */

vq_status vq_predictor_refresh(vqdna_predictor *p) {
    if (!p->trainer)
        return VQDNA_OK;
    p->step = p->trainer->trainer->before + p->trainer->trainer->step;
    return vq_classify_kept(&p->state, p->trainer->finetune);
}

/* Tokens of a set, one view of it. */
static vq_status make_view(vq_examples *out, vqdna_predictor *p, const vqdna_examples *examples, bool reverse) {
    const size_t longest = vqdna_examples_describe(examples).longest;
    if (longest > (size_t)p->card.config.body.positions)
        return vq_fail(VQDNA_ERR_INPUT,
                       "a sequence has %zu bases, and the model reads %d at most: cut it, or train one with positions=%zu", longest,
                       p->card.config.body.positions, longest);
    if (p->tokenizer)
        VQ_TRY(vq_tokenizer_prepare(p->tokenizer, NULL));
    return vq_examples_create(out, &p->card.vocabulary, &examples->set, p->tokenizer ? p->tokenizer->model : NULL, reverse);
}

static vq_status same_labels(const vqdna_predictor *p, const vqdna_examples *e) {
    bool same = p->card.labels.count == e->labels.count || (e->labels.count == 0 && !e->set.value);
    if (!p->card.config.classes != (e->set.value != NULL))
        return vq_fail(VQDNA_ERR_USAGE, "the labels are %s, and the model is %s", e->set.value ? "numbers" : "names of classes",
                       p->card.config.classes ? "a classifier" : "a regression");
    for (int i = 0; same && i < e->labels.count; i++)
        same = !strcmp(p->card.labels.name[i], e->labels.name[i]);
    return same ? VQDNA_OK : vq_fail(VQDNA_ERR_INPUT, "the labels of the sequences are not those of the model");
}

static vq_status attach(vqdna_trainer *t, vqdna_predictor *p, const vqdna_examples *train, const vqdna_examples *dev,
                        const vqdna_finetune_options *resolved) {
    vq_examples views[2];
    VQ_TRY(same_labels(p, train));
    if (dev)
        VQ_TRY(same_labels(p, dev));
    vq_first_use(p->device, VQ_USE_TRAINING);
    VQ_TRY(make_view(&views[0], p, train, false));
    vq_status status = dev ? make_view(&views[1], p, dev, false) : VQDNA_OK;
    if (status < 0) {
        vq_examples_destroy(&views[0]);
        return status;
    }
    VQ_TRY(vq_classify_trainer(&t->trainer, &t->finetune, p->device, &p->card, &views[0], dev ? &views[1] : NULL, resolved));
    t->predictor = p;
    p->trainer = t;
    return VQDNA_OK;
}

vqdna_status vqdna_finetuner_create(vqdna_trainer **out, vqdna_predictor *predictor, const vqdna_examples *train,
                                    const vqdna_examples *dev, const vqdna_finetune_options *options) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(predictor);
    VQ_REQUIRE(train);
    VQ_HOLD(predictor->device);
    if (predictor->trainer)
        return vq_fail(VQDNA_ERR_USAGE, "the predictor has a trainer already");
    vqdna_finetune_options resolved;
    vqdna_trainer *t;
    VQ_TRY(vq_finetune_resolve(&resolved, options, train->set.rows));
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    vq_status status;
    VQ_TRY_OR(failed, attach(t, predictor, train, dev, &resolved));
    VQ_TRY_OR(failed, vq_state_put(&predictor->state, predictor->device, t->finetune->model->plan));
    t->trainer->before = predictor->step;
    *out = t;
    return VQDNA_OK;
failed:
    vqdna_trainer_destroy(t);
    return status;
}

static vq_status resume(vqdna_trainer *t, vqdna_predictor *p, vqdna_context *context, const vqdna_examples *train,
                        const vqdna_examples *dev, const vq_checkpoint *c, const char *path) {
    vqdna_finetune_options options;
    const uint64_t print = vq_labelled_fingerprint(&train->set) * 31 + (dev ? vq_labelled_fingerprint(&dev->set) : 0);
    VQ_TRY(vq_checkpoint_expect(c, train->set.value ? VQ_REGRESS_KIND : VQ_CLASSIFY_KIND, print));
    VQ_TRY(take_config(p, context, c->config, c->path, path));
    VQ_TRY(vq_finetune_from_json(&options, c->options, c->path));
    VQ_TRY(attach(t, p, train, dev, &options));
    VQ_TRY(vq_checkpoint_load(c, t->trainer, &p->state));
    return vq_state_put(&p->state, p->device, t->finetune->model->plan); /* those that are frozen, too */
}

vqdna_status vqdna_finetuner_resume(vqdna_trainer **out, vqdna_predictor **predictor, vqdna_context *context,
                                    const vqdna_examples *train, const vqdna_examples *dev, const char *path) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(predictor);
    VQ_REQUIRE(context);
    VQ_REQUIRE(train);
    VQ_REQUIRE(path);
    VQ_HOLD(context->device);
    vqdna_predictor *p = NULL;
    vqdna_trainer *t = NULL;
    vq_checkpoint checkpoint = {0};
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&p, 1, sizeof *p));
    VQ_TRY_OR(done, vq_alloc(&t, 1, sizeof *t));
    p->device = context->device;
    VQ_TRY_OR(done, vq_checkpoint_open(&checkpoint, path));
    VQ_TRY_OR(done, resume(t, p, context, train, dev, &checkpoint, path));
    *predictor = p;
    *out = t;
done:
    vq_checkpoint_close(&checkpoint);
    if (status < 0) {
        vqdna_trainer_destroy(t);
        vqdna_predictor_destroy(p);
    }
    return status;
}

static vq_status save_tokenizer(const vqdna_predictor *p, const char *path, const char *provenance) {
    char *folder;
    if (!p->tokenizer)
        return VQDNA_OK;
    VQ_TRY(vq_path_join(&folder, path, "tokenizer"));
    vq_status status = vqdna_tokenizer_save(p->tokenizer, folder, provenance);
    free(folder);
    return status;
}

vq_status vq_predictor_checkpoint(vqdna_trainer *t, const char *path, const char *provenance) {
    vq_state now;
    VQ_TRY(save_tokenizer(t->predictor, path, provenance));
    VQ_TRY(vq_state_create(&now, t->finetune->model->plan));
    vq_status status = vq_checkpoint_save(path, t->trainer, &now, provenance);
    vq_state_destroy(&now);
    return status;
}

vqdna_status vqdna_predictor_save(vqdna_predictor *p, const char *path, const char *provenance) {
    VQ_REQUIRE(p);
    VQ_REQUIRE(path);
    VQ_HOLD(p->device);
    vq_lock *lock;
    json_t *config;
    VQ_TRY(vq_predictor_refresh(p));
    VQ_TRY(vq_mkdir(path));
    VQ_TRY(vq_folder_lock(&lock, path, true));
    vq_status status = save_tokenizer(p, path, provenance);
    if (status >= 0)
        status = vq_predictor_to_json(&config, &p->card);
    if (status >= 0) {
        status = vq_folder_save(path, config, &p->state, p->step, provenance);
        json_decref(config);
    }
    vq_folder_unlock(lock);
    return status;
}

/* ---- Judging ----------------------------------------------------------------------------------------------------------------- */

/* The model with its weights, for sequences of so many tokens. */
static vq_status load(vq_classifier **out, vqdna_predictor *p, size_t tokens) {
    VQ_TRY(
        vq_classifier_plan(out, p->device, &p->card.config, vq_predict_at_once(tokens), (int)tokens, VQ_INFERENCE, false, false));
    vq_status status = vq_plan_bind((*out)->plan);
    return status < 0 ? status : vq_state_put(&p->state, p->device, (*out)->plan);
}

static vq_status classify(vqdna_predictor *p, const vqdna_examples *e, int count, int phases) {
    vq_examples views[2] = {{0}};
    vq_classifier *model = NULL;
    vq_token_batch batch = {0};
    const size_t rows = e->set.rows;
    vq_status status;
    for (int v = 0; v < count; v++)
        VQ_TRY_OR(done, make_view(&views[v], p, e, v == 1));
    VQ_TRY_OR(done, load(&model, p, views[0].longest));
    VQ_TRY_OR(done, vq_token_batch_create(&batch, p->card.vocabulary.tables, (size_t)model->body.planned_B * views[0].longest));
    free(p->judged.outputs);
    VQ_TRY_OR(done, vq_alloc(&p->judged.outputs, rows * (size_t)model->outputs, sizeof *p->judged.outputs));
    status = vq_classify(p->judged.outputs, model, views, count, phases, &batch);
done:
    vq_token_batch_destroy(&batch);
    vq_classifier_destroy(model);
    vq_examples_destroy(&views[0]);
    vq_examples_destroy(&views[1]);
    return status;
}

static vq_status check_phases(const vqdna_predictor *p, int phases) {
    return phases >= 0 && phases <= p->card.vocabulary.stride
               ? VQDNA_OK
               : vq_fail(VQDNA_ERR_USAGE, "phases is %d, it must be between 1 and the vocabulary's stride, %d", phases,
                         p->card.vocabulary.stride);
}

/* Scores of a classifier with their intervals. */
static vq_status judge_classes(vqdna_judgement *out, vqdna_predictor *p, const vqdna_examples *e, int resamples) {
    const size_t rows = e->set.rows;
    vq_scores s;
    vq_scores_interval in;
    free(p->judged.truth);
    free(p->judged.predicted);
    p->judged.truth = p->judged.predicted = NULL;
    VQ_TRY(vq_alloc(&p->judged.truth, rows, sizeof *p->judged.truth));
    VQ_TRY(vq_alloc(&p->judged.predicted, rows, sizeof *p->judged.predicted));
    memcpy(p->judged.truth, e->set.class, rows * sizeof *p->judged.truth);
    vq_classify_best(p->judged.predicted, p->judged.outputs, rows, out->classes);
    VQ_TRY(vq_scores_of(&s, p->judged.truth, p->judged.predicted, rows, out->classes));
    VQ_TRY(vq_scores_bootstrap(&in, p->judged.truth, p->judged.predicted, rows, out->classes, resamples, 1));
    out->mcc = (vqdna_score){s.mcc, 0, in.mcc.low, in.mcc.high};
    out->f1_macro = (vqdna_score){s.f1_macro, 0, in.f1_macro.low, in.f1_macro.high};
    out->accuracy = (vqdna_score){s.accuracy, 0, in.accuracy.low, in.accuracy.high};
    out->truth = p->judged.truth;
    out->predicted = p->judged.predicted;
    return VQDNA_OK;
}

static void judge_numbers(vqdna_judgement *out, const vqdna_predictor *p, const vq_labelled *set) {
    double squares = 0;
    for (size_t i = 0; i < set->rows; i++) {
        float *y = &p->judged.outputs[i];
        *y = (float)(*y * p->card.deviation + p->card.mean);
        squares += pow(*y - set->value[i], 2);
    }
    out->r = vq_correlation(p->judged.outputs, set->value, set->rows);
    out->rmse = sqrt(squares / (double)set->rows);
}

vqdna_status vqdna_predictor_judge(vqdna_predictor *p, const vqdna_examples *examples, const vqdna_judge_options *options,
                                   vqdna_judgement *out) {
    VQ_REQUIRE(p);
    VQ_REQUIRE(examples);
    VQ_REQUIRE(out);
    VQ_HOLD(p->device);
    vqdna_judge_options o = {0};
    vq_take_options(&o, sizeof o, options, sizeof o);
    VQ_TRY(check_phases(p, o.phases));
    if (o.resamples < 0)
        return vq_fail(VQDNA_ERR_USAGE, "resamples is not negative");
    VQ_TRY(same_labels(p, examples));
    VQ_TRY(vq_predictor_refresh(p));
    VQ_TRY(classify(p, examples, o.both_strands ? 2 : 1, o.phases ? o.phases : 1));
    *out = (vqdna_judgement){.rows = examples->set.rows, .classes = p->card.config.classes, .outputs = p->judged.outputs};
    if (out->classes)
        return judge_classes(out, p, examples, o.resamples ? o.resamples : 1000);
    judge_numbers(out, p, &examples->set);
    return VQDNA_OK;
}

vqdna_status vqdna_predictor_predict(vqdna_predictor *p, const char *const *paths, size_t count,
                                     const vqdna_stream_options *options, const vqdna_predict_options *predict,
                                     vqdna_predictions_sink sink, void *user, vqdna_stream_stats *stats) {
    VQ_REQUIRE(p);
    VQ_REQUIRE_EACH(paths, count);
    VQ_REQUIRE(sink);
    VQ_HOLD(p->device);
    vqdna_stream_options stream = {0};
    vqdna_predict_options o = {0};
    const size_t positions = (size_t)p->card.config.body.positions;
    vq_classifier *model = NULL;
    vq_take_options(&stream, sizeof stream, options, sizeof stream);
    vq_take_options(&o, sizeof o, predict, sizeof o);
    VQ_TRY(check_phases(p, o.phases));
    if (o.window > positions)
        return vq_fail(VQDNA_ERR_USAGE, "a window of %zu bases is longer than the %zu that the model reads", o.window, positions);
    o.phases = o.phases ? o.phases : 1;
    o.step = o.step ? o.step : o.window;
    if (o.step > o.window)
        return vq_fail(VQDNA_ERR_USAGE, "a step of %zu bases leaves some between windows of %zu out", o.step, o.window);
    VQ_TRY(vq_predictor_refresh(p));
    if (p->tokenizer)
        VQ_TRY(vq_tokenizer_prepare(p->tokenizer, NULL));
    vq_status status = load(&model, p, vq_vocabulary_tokens(&p->card.vocabulary, o.window ? o.window : positions, 0));
    if (status >= 0)
        status =
            vq_predict(model, &p->card, p->tokenizer ? p->tokenizer->model : NULL, paths, count, &stream, &o, sink, user, stats);
    vq_classifier_destroy(model);
    return status;
}

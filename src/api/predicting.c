#include "api/handles.h"

#include "base/integer.h"
#include "train/body_vectors.h"
#include "train/predict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The model with its weights, for sequences of so many tokens. */
static vq_status load(vq_classifier **out, vqdna_predictor *p, size_t tokens) {
    VQ_TRY(vq_classifier_plan(out, p->device, &p->card.config, vq_predict_at_once(tokens), (int)tokens, VQ_INFERENCE, NULL));
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
        VQ_TRY_OR(done, vq_predictor_view(&views[v], p, e, v == 1));
    const size_t longest = vq_examples_longest(views, count);
    VQ_TRY_OR(done, load(&model, p, longest));
    VQ_TRY_OR(done, vq_token_batch_create(&batch, p->card.vocabulary.tables, (size_t)model->body.planned_B * longest));
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
    VQ_TRY(vq_predictor_has_labels(p, examples));
    VQ_TRY(vq_predictor_refresh(p));
    VQ_TRY(classify(p, examples, o.both_strands ? 2 : 1, o.phases ? o.phases : 1));
    *out = (vqdna_judgement){.rows = examples->set.rows, .classes = p->card.config.classes, .outputs = p->judged.outputs};
    if (out->classes)
        return judge_classes(out, p, examples, o.resamples ? o.resamples : 1000);
    judge_numbers(out, p, &examples->set);
    return VQDNA_OK;
}

/* Options as they will be used, and the model for them. */
static vq_status prepare(vqdna_predictor *p, vqdna_stream_options *stream, const vqdna_stream_options *options,
                         vqdna_predict_options *o, const vqdna_predict_options *predict, vq_classifier **model) {
    const size_t positions = (size_t)p->card.config.body.positions;
    vq_take_options(stream, sizeof *stream, options, sizeof *stream);
    vq_take_options(o, sizeof *o, predict, sizeof *o);
    VQ_TRY(check_phases(p, o->phases));
    if (p->card.pretrain)
        return vq_fail(VQDNA_ERR_USAGE, "the model is pre-trained and tells no labels yet: fine-tune one from it");
    if (o->window > positions)
        return vq_fail(VQDNA_ERR_USAGE, "a window of %zu bases is longer than the %zu that the model reads", o->window, positions);
    o->phases = o->phases ? o->phases : 1;
    o->step = o->step ? o->step : o->window;
    if (o->step > o->window)
        return vq_fail(VQDNA_ERR_USAGE, "a step of %zu bases leaves some between windows of %zu out", o->step, o->window);
    VQ_TRY(vq_predictor_refresh(p));
    if (p->tokenizer)
        VQ_TRY(vq_tokenizer_prepare(p->tokenizer, NULL));
    return load(model, p, vq_vocabulary_tokens(&p->card.vocabulary, o->window ? o->window : positions, 0));
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
    vq_classifier *model = NULL;
    vq_status status = prepare(p, &stream, options, &o, predict, &model);
    if (status >= 0)
        status =
            vq_predict(model, &p->card, p->tokenizer ? p->tokenizer->model : NULL, paths, count, &stream, &o, sink, user, stats);
    vq_classifier_destroy(model);
    return status;
}

vqdna_status vqdna_predictor_mutate(vqdna_predictor *p, const char *const *paths, size_t count, const vqdna_stream_options *options,
                                    const vqdna_predict_options *predict, vqdna_mutations_sink sink, void *user,
                                    vqdna_stream_stats *stats) {
    VQ_REQUIRE(p);
    VQ_REQUIRE_EACH(paths, count);
    VQ_REQUIRE(sink);
    VQ_HOLD(p->device);
    vqdna_stream_options stream = {0};
    vqdna_predict_options o = {0};
    vq_classifier *model = NULL;
    vq_status status = prepare(p, &stream, options, &o, predict, &model);
    if (status >= 0 && o.window)
        status = vq_fail(VQDNA_ERR_USAGE, "bases are changed in whole records: leave the window out");
    if (status >= 0)
        status = vq_predict_mutations(model, &p->card, p->tokenizer ? p->tokenizer->model : NULL, paths, count, &stream, &o, sink,
                                      user, stats);
    vq_classifier_destroy(model);
    return status;
}

typedef struct relay {
    vqdna_vectors_sink sink;
    void *user;
    bool max;
    int width;
} relay;

static vq_status pass_on(void *user, const vq_body_vectors *of) {
    const relay *r = user;
    const vqdna_vectors run = {.contig = of->contig,
                               .count = 1,
                               .width = r->width,
                               .vectors = r->max ? of->max : of->mean,
                               .bases = of->bases,
                               .known = of->known,
                               .last = true};
    return r->sink(r->user, &run);
}

vqdna_status vqdna_predictor_embed(vqdna_predictor *p, const char *const *paths, size_t count, const vqdna_stream_options *options,
                                   const vqdna_embed_options *embed, vqdna_vectors_sink sink, void *user,
                                   vqdna_stream_stats *stats) {
    VQ_REQUIRE(p);
    VQ_REQUIRE_EACH(paths, count);
    VQ_REQUIRE(sink);
    VQ_HOLD(p->device);
    vqdna_stream_options stream = {0};
    vqdna_embed_options how = {0};
    vq_classifier *model = NULL;
    vq_take_options(&stream, sizeof stream, options, sizeof stream);
    vq_take_options(&how, sizeof how, embed, sizeof how);
    if (how.pool == VQDNA_POOL_NONE)
        return vq_fail(VQDNA_ERR_USAGE, "hidden states of a body are pooled over a record: take their mean or max");
    vq_status status = vq_predictor_load_body(&model, p);
    relay r = {sink, user, how.pool == VQDNA_POOL_MAX, p->card.config.body.layer.width};
    if (status >= 0)
        status =
            vq_embed_body(model, &p->card, p->tokenizer ? p->tokenizer->model : NULL, paths, count, &stream, pass_on, &r, stats);
    vq_classifier_destroy(model);
    return status;
}

#include "api/handles.h"

#include "base/integer.h"
#include "check/firstuse.h"
#include "train/checkpoint.h"
#include "train/largest_batch.h"
#include "train/options.h"
#include "train/predictor_options.h"

#include <stdlib.h>

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

static vq_status attach(vqdna_trainer *t, vqdna_predictor *p, const vqdna_examples *train, const vqdna_examples *dev,
                        const vqdna_finetune_options *resolved) {
    const int strands = resolved->both_strands ? 2 : 1;
    vq_examples views[4] = {{0}}; /* train, then dev, each as it stands and turned */
    vq_status status = VQDNA_OK;
    VQ_TRY(vq_predictor_has_labels(p, train));
    if (dev)
        VQ_TRY(vq_predictor_has_labels(p, dev));
    vq_first_use(p->device, VQ_USE_TRAINING);
    for (int i = 0; i < (dev ? 4 : 2) && status >= 0; i++)
        if (i % 2 < strands)
            status = vq_predictor_view(&views[i], p, i < 2 ? train : dev, i % 2);
    if (status < 0) {
        for (int i = 0; i < 4; i++)
            vq_examples_destroy(&views[i]);
        return status;
    }
    VQ_TRY(vq_classify_trainer(&t->trainer, &t->finetune, p->device, &p->card, &p->state, views, dev ? views + 2 : NULL, resolved));
    t->predictor = p;
    p->trainer = t;
    return VQDNA_OK;
}

/* The predictor's weights to the trainer's model; adapters, which are not among them, start by the seed. */
static vq_status put_weights(const vqdna_trainer *t, const vqdna_predictor *p, uint64_t seed) {
    vq_state *adapted = &t->finetune->own;
    vq_state_start(adapted, seed);
    VQ_TRY(vq_state_put(adapted, p->device, t->trainer->task.plan));
    return vq_state_put(&p->state, p->device, t->trainer->task.plan);
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
    if ((resolved.lora || resolved.frozen) && vq_predictor_pairs_are_new(&predictor->state, &predictor->card.vocabulary))
        return vq_fail(VQDNA_ERR_USAGE,
                       "the vectors of pairs of codes are new, and %s would leave them at zero: train the whole body, "
                       "or leave :pairs=%d out",
                       resolved.lora ? "adapters" : "a frozen body", predictor->card.vocabulary.pairs);
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    vq_status status;
    VQ_TRY_OR(failed, attach(t, predictor, train, dev, &resolved));
    VQ_TRY_OR(failed, put_weights(t, predictor, resolved.seed));
    t->trainer->before = predictor->step;
    *out = t;
    return VQDNA_OK;
failed:
    vqdna_trainer_destroy(t);
    return status;
}

typedef struct trial {
    vqdna_predictor *predictor;
    size_t tokens;
    vqdna_finetune_options options;
} trial;

static vq_status plan_batch(void *user, int batch, vq_plan **plan, void **model) {
    trial *t = user;
    vq_classifier *m;
    t->options.batch = t->options.micro_batch = batch;
    VQ_TRY(vq_classify_plan(&m, t->predictor->device, &t->predictor->card, t->tokens, &t->options));
    *plan = m->plan;
    *model = m;
    return VQDNA_OK;
}

static void drop(void *model) {
    vq_classifier_destroy(model);
}

vqdna_status vqdna_finetuner_plan(vqdna_predictor *p, size_t longest, const vqdna_finetune_options *options, vqdna_plan_fn fn,
                                  void *user, vqdna_plan_summary *out) {
    VQ_REQUIRE(p);
    VQ_REQUIRE(out);
    VQ_HOLD(p->device);
    trial t = {.predictor = p, .tokens = vq_max(1, vq_vocabulary_tokens(&p->card.vocabulary, longest, 0))};
    VQ_TRY(vq_finetune_resolve(&t.options, options, 1));
    *out = (vqdna_plan_summary){.device_limit = p->device->info.global_bytes};
    return vq_batch_plan(out, (vq_batch_planner){plan_batch, drop, &t}, t.options.micro_batch, VQ_MAX_BATCH, fn, user);
}

static vq_status resume(vqdna_trainer *t, vqdna_predictor *p, const vqdna_examples *train, const vqdna_examples *dev,
                        const vq_checkpoint *c, const char *path) {
    vqdna_finetune_options options;
    const uint64_t print = vq_labelled_fingerprint(&train->set) * 31 + (dev ? vq_labelled_fingerprint(&dev->set) : 0);
    VQ_TRY(vq_checkpoint_expect(c, train->set.value ? VQ_REGRESS_KIND : VQ_CLASSIFY_KIND, print));
    VQ_TRY(vq_predictor_take(p, c->config, c->path, path));
    VQ_TRY(vq_finetune_from_json(&options, c->options, c->path));
    VQ_TRY(attach(t, p, train, dev, &options));
    return vq_checkpoint_load(c, t->trainer, &p->state);
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
    VQ_TRY_OR(done, resume(t, p, train, dev, &checkpoint, path));
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

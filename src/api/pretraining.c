#include "api/handles.h"

#include "base/integer.h"
#include "check/firstuse.h"
#include "train/checkpoint.h"
#include "train/largest_batch.h"
#include "train/options.h"
#include "train/pretrain_options.h"

#include <stdlib.h>

vqdna_status vqdna_set_pretrain_option(vqdna_predictor_options *body, vqdna_pretrain_options *pretrain, const char *assignment) {
    VQ_REQUIRE(body);
    VQ_REQUIRE(pretrain);
    VQ_REQUIRE(assignment);
    return vq_pretrain_option_set(body, pretrain, assignment);
}

const vqdna_option *vqdna_pretrain_option_at(size_t index) {
    return vq_pretrain_option_at(index);
}

static vq_status attach(vqdna_trainer *t, vqdna_predictor *p, const vqdna_dataset *dataset,
                        const vqdna_pretrain_options *resolved) {
    if (resolved->window > p->card.config.body.positions)
        return vq_fail(VQDNA_ERR_USAGE, "a window of %d bases is longer than the %d that the model reads", resolved->window,
                       p->card.config.body.positions);
    vq_first_use(p->device, VQ_USE_TRAINING);
    if (p->tokenizer)
        VQ_TRY(vq_tokenizer_prepare(p->tokenizer, NULL));
    VQ_TRY(vq_pretrain_trainer(&t->trainer, &t->pretrain, p->device, &p->card, p->tokenizer ? p->tokenizer->model : NULL, dataset,
                               resolved));
    t->predictor = p;
    p->trainer = t;
    return VQDNA_OK;
}

vqdna_status vqdna_pretrainer_create(vqdna_trainer **out, vqdna_predictor *predictor, const vqdna_dataset *dataset,
                                     const vqdna_pretrain_options *options) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(predictor);
    VQ_REQUIRE(dataset);
    VQ_HOLD(predictor->device);
    vqdna_dataset_info held = vq_dataset_describe(dataset);
    vqdna_pretrain_options resolved;
    vqdna_trainer *t;
    if (predictor->trainer)
        return vq_fail(VQDNA_ERR_USAGE, "the predictor has a trainer already");
    if (!predictor->card.pretrain)
        return vq_fail(VQDNA_ERR_USAGE, "the model tells labels, and is not one to pre-train");
    if (held.unknown == held.bases)
        return vq_fail(VQDNA_ERR_INPUT, "the dataset holds no sequences to train on: none of its %llu bases is A, C, G or T",
                       (unsigned long long)held.bases);
    VQ_TRY(vq_pretrain_resolve(&resolved, options, held.bases - held.unknown));
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    vq_status status;
    VQ_TRY_OR(failed, attach(t, predictor, dataset, &resolved));
    VQ_TRY_OR(failed, vq_state_put(&predictor->state, predictor->device, t->trainer->task.plan));
    t->trainer->before = predictor->step;
    *out = t;
    return VQDNA_OK;
failed:
    vqdna_trainer_destroy(t);
    return status;
}

typedef struct trial {
    vqdna_predictor *predictor;
    vqdna_pretrain_options options;
} trial;

static vq_status plan_batch(void *user, int batch, vq_plan **plan, void **model) {
    trial *t = user;
    vq_masked *m;
    t->options.batch = t->options.micro_batch = batch;
    VQ_TRY(vq_pretrain_plan(&m, t->predictor->device, &t->predictor->card, &t->options));
    *plan = m->plan;
    *model = m;
    return VQDNA_OK;
}

static void drop(void *model) {
    vq_masked_destroy(model);
}

vqdna_status vqdna_pretrainer_plan(vqdna_predictor *p, const vqdna_pretrain_options *options, vqdna_plan_fn fn, void *user,
                                   vqdna_plan_summary *out) {
    VQ_REQUIRE(p);
    VQ_REQUIRE(out);
    VQ_HOLD(p->device);
    trial t = {.predictor = p};
    VQ_TRY(vq_pretrain_resolve(&t.options, options, 1));
    *out = (vqdna_plan_summary){.device_limit = p->device->info.global_bytes};
    const int most = vq_min_int(VQ_MAX_BATCH, VQ_MAX_STEP_BASES / t.options.window);
    return vq_batch_plan(out, (vq_batch_planner){plan_batch, drop, &t}, t.options.micro_batch, most, fn, user);
}

static vq_status resume(vqdna_trainer *t, vqdna_predictor *p, const vqdna_dataset *dataset, const vq_checkpoint *c,
                        const char *path) {
    vqdna_pretrain_options options;
    VQ_TRY(vq_checkpoint_expect(c, VQ_PRETRAIN_KIND, vq_dataset_fingerprint(dataset)));
    VQ_TRY(vq_predictor_take(p, c->config, c->path, path));
    VQ_TRY(vq_pretrain_from_json(&options, c->options, c->path));
    VQ_TRY(attach(t, p, dataset, &options));
    return vq_checkpoint_load(c, t->trainer, &p->state);
}

vqdna_status vqdna_pretrainer_resume(vqdna_trainer **out, vqdna_predictor **predictor, vqdna_context *context,
                                     const vqdna_dataset *dataset, const char *path) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(predictor);
    VQ_REQUIRE(context);
    VQ_REQUIRE(dataset);
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
    VQ_TRY_OR(done, resume(t, p, dataset, &checkpoint, path));
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

vqdna_status vqdna_pretrainer_evaluate(vqdna_trainer *trainer, const vqdna_dataset *dataset, uint64_t windows, vqdna_report *out) {
    VQ_REQUIRE(trainer);
    VQ_REQUIRE(dataset);
    VQ_REQUIRE(out);
    if (!trainer->pretrain || !windows)
        return vq_fail(VQDNA_ERR_USAGE, "%s", windows ? "the trainer is not one of pre-training" : "no windows to evaluate on");
    VQ_HOLD(trainer->predictor->device);
    vqdna_dataset_info held = vq_dataset_describe(dataset);
    if (held.unknown == held.bases)
        return vq_fail(VQDNA_ERR_INPUT, "the sequences to evaluate on hold no A, C, G or T");
    vq_report *r = &trainer->pretrain->evaluation;
    VQ_TRY(vq_pretrain_evaluate(trainer->pretrain, dataset, windows, r));
    *out = (vqdna_report){.step = trainer->trainer->step, .numbers = r->numbers, .count = r->count};
    return VQDNA_OK;
}

#include "api/handles.h"

#include "base/file.h"
#include "base/lock.h"
#include "check/firstuse.h"
#include "train/checkpoint.h"
#include "train/options.h"
#include "train/predictor_options.h"
#include "train/pretrain_options.h"

#include <math.h>
#include <stdlib.h>

vqdna_status vqdna_set_option(vqdna_model_options *model, vqdna_train_options *train, const char *assignment) {
    VQ_REQUIRE(model);
    VQ_REQUIRE(train);
    VQ_REQUIRE(assignment);
    return vq_option_set(model, train, assignment);
}

const vqdna_option *vqdna_option_at(size_t index) {
    return vq_option_at(index);
}

/* A trainer for the tokenizer's model, whose weights it does not have yet. */
static vq_status make_trainer(vqdna_trainer *out, vqdna_tokenizer *tokenizer, const vqdna_dataset *dataset,
                              const vqdna_train_options *options, bool started) {
    vq_first_use(tokenizer->device, VQ_USE_TRAINING);
    return vq_tokenizer_trainer(&out->trainer, &out->task, tokenizer->device, &tokenizer->config, dataset, options, started);
}

static void attach(vqdna_trainer *trainer, vqdna_tokenizer *tokenizer) {
    trainer->tokenizer = tokenizer;
    tokenizer->trainer = trainer;
}

vqdna_status vqdna_trainer_create(vqdna_trainer **out, vqdna_tokenizer *tokenizer, const vqdna_dataset *dataset,
                                  const vqdna_train_options *options) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE(dataset);
    VQ_HOLD(tokenizer->device);
    if (tokenizer->trainer)
        return vq_fail(VQDNA_ERR_USAGE, "the tokenizer has a trainer already");
    vqdna_train_options resolved;
    vqdna_dataset_info held = vq_dataset_describe(dataset);
    if (held.unknown == held.bases)
        return vq_fail(VQDNA_ERR_INPUT, "the dataset holds no sequences to train on: none of its %llu bases is A, C, G or T",
                       (unsigned long long)held.bases);
    VQ_TRY(vq_train_resolve(&resolved, options, &tokenizer->config, held.bases - held.unknown));
    vqdna_trainer *t;
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    vq_status status;
    VQ_TRY_OR(failed, make_trainer(t, tokenizer, dataset, &resolved, vq_tokenizer_has_codes(tokenizer)));
    VQ_TRY_OR(failed, vq_model_put(t->task->model, &tokenizer->state));
    t->trainer->before = tokenizer->step;
    attach(t, tokenizer);
    *out = t;
    return VQDNA_OK;
failed:
    vqdna_trainer_destroy(t);
    return status;
}

/* The tokenizer and the trainer of a checkpoint. */
static vq_status resume(vqdna_trainer *t, vqdna_tokenizer *k, const vq_checkpoint *c, const vqdna_dataset *dataset) {
    vqdna_train_options options;
    VQ_TRY(vq_checkpoint_expect(c, VQ_TOKENIZER_KIND, vq_dataset_fingerprint(dataset)));
    VQ_TRY(vq_config_from_json(&k->config, c->config, c->path));
    VQ_TRY(vq_train_from_json(&options, c->options, c->path));
    VQ_TRY(vq_model_state(&k->state, &k->config));
    VQ_TRY(make_trainer(t, k, dataset, &options, false));
    VQ_TRY(vq_checkpoint_load(c, t->trainer, &k->state));
    k->step = t->trainer->before + t->trainer->step;
    return VQDNA_OK;
}

vqdna_status vqdna_trainer_resume(vqdna_trainer **out, vqdna_tokenizer **tokenizer, vqdna_context *context,
                                  const vqdna_dataset *dataset, const char *path) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE(context);
    VQ_REQUIRE(dataset);
    VQ_REQUIRE(path);
    VQ_HOLD(context->device);
    vqdna_tokenizer *k = NULL;
    vqdna_trainer *t = NULL;
    vq_checkpoint checkpoint = {0};
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&k, 1, sizeof *k));
    VQ_TRY_OR(done, vq_alloc(&t, 1, sizeof *t));
    k->device = context->device;
    VQ_TRY_OR(done, vq_checkpoint_open(&checkpoint, path));
    VQ_TRY_OR(done, resume(t, k, &checkpoint, dataset));
    attach(t, k);
    *tokenizer = k;
    *out = t;
done:
    vq_checkpoint_close(&checkpoint);
    if (status < 0) {
        vqdna_trainer_destroy(t);
        vqdna_tokenizer_destroy(k);
    }
    return status;
}

vqdna_status vqdna_trainer_check_option(const vqdna_trainer *trainer, const char *assignment) {
    VQ_REQUIRE(trainer);
    VQ_REQUIRE(assignment);
    if (trainer->pretrain)
        return vq_pretrain_option_agrees(&trainer->pretrain->options, assignment);
    return trainer->tokenizer ? vq_option_agrees(&trainer->tokenizer->config, &trainer->task->options, assignment)
                              : vq_predictor_option_agrees(&trainer->finetune->options, assignment);
}

static vq_device *device_of(const vqdna_trainer *t) {
    return t->tokenizer ? t->tokenizer->device : t->predictor ? t->predictor->device : NULL;
}

void vqdna_trainer_destroy(vqdna_trainer *t) {
    if (!t)
        return;
    VQ_HOLD(device_of(t));
    /* Weights stay what they became; a device that fails here failed before. */
    if (t->tokenizer) {
        vq_tokenizer_refresh(t->tokenizer);
        t->tokenizer->trainer = NULL;
    }
    if (t->predictor) {
        vq_predictor_refresh(t->predictor);
        t->predictor->trainer = NULL;
    }
    vq_trainer_destroy(t->trainer);
    free(t);
}

vqdna_status vqdna_trainer_step(vqdna_trainer *trainer) {
    VQ_REQUIRE(trainer);
    VQ_HOLD(device_of(trainer));
    return vq_trainer_step(trainer->trainer);
}

vqdna_status vqdna_trainer_report(vqdna_trainer *trainer, vqdna_report *out) {
    VQ_REQUIRE(trainer);
    VQ_REQUIRE(out);
    VQ_HOLD(device_of(trainer));
    return vq_trainer_report(trainer->trainer, out);
}

double vqdna_report_value(const vqdna_report *report, const char *name) {
    return report && name ? vq_number_value(report->numbers, report->count, name) : NAN;
}

vqdna_status vqdna_trainer_peek(vqdna_trainer *trainer, vqdna_report *out) {
    VQ_REQUIRE(trainer);
    VQ_REQUIRE(out);
    VQ_HOLD(device_of(trainer));
    return vq_trainer_peek(trainer->trainer, out);
}

static vq_status checkpoint_tokenizer(vqdna_trainer *trainer, const char *path, const char *provenance) {
    vqdna_tokenizer *k = trainer->tokenizer;
    VQ_TRY(vq_tokenizer_refresh(k));
    return vq_checkpoint_save(path, trainer->trainer, &k->state, provenance);
}

vqdna_status vqdna_trainer_checkpoint(vqdna_trainer *trainer, const char *path, const char *provenance) {
    VQ_REQUIRE(trainer);
    VQ_REQUIRE(path);
    VQ_HOLD(device_of(trainer));
    vq_lock *lock;
    VQ_TRY(vq_mkdir(path));
    VQ_TRY(vq_folder_lock(&lock, path, true));
    vq_status status =
        trainer->tokenizer ? checkpoint_tokenizer(trainer, path, provenance) : vq_predictor_checkpoint(trainer, path, provenance);
    vq_folder_unlock(lock);
    return status;
}

vqdna_status vqdna_training_plan(vqdna_context *context, const vqdna_model_options *model, const vqdna_train_options *train,
                                 vqdna_plan_fn fn, void *user, vqdna_plan_summary *out) {
    VQ_REQUIRE(context);
    VQ_REQUIRE(out);
    VQ_HOLD(context->device);
    vq_config config;
    vqdna_train_options resolved;
    vq_tokenizer_memory memory;
    VQ_TRY(vq_config_resolve(&config, model));
    VQ_TRY(vq_train_resolve(&resolved, train, &config, 0));
    vqdna_plan_summary summary = {.device_limit = context->device->info.global_bytes};
    VQ_TRY(vq_tokenizer_memory_largest_batch(&summary.largest_batch, context->device, &config, &resolved));
    vq_status status;
    VQ_TRY_OR(done, vq_tokenizer_memory_plan(&memory, context->device, &config, &resolved));
    if (fn) {
        int next = vq_plan_describe(memory.model->plan, 0, fn, user);
        vq_plan_describe(memory.start, next, fn, user);
    }
    summary.device_bytes = vq_tokenizer_memory_bytes(&memory);
    *out = summary;
    status = vq_tokenizer_memory_fits(&memory);
done:
    vq_tokenizer_memory_destroy(&memory);
    return status;
}

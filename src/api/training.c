#include "api/handles.h"

#include "base/file.h"
#include "base/lock.h"
#include "check/firstuse.h"
#include "train/checkpoint.h"
#include "train/options.h"

#include <stdlib.h>

vqdna_status vqdna_set_option(vqdna_model_options *model, vqdna_train_options *train, const char *assignment) {
    VQ_REQUIRE(model);
    VQ_REQUIRE(train);
    VQ_REQUIRE(assignment);
    return vq_option_set(model, train, assignment);
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
    VQ_TRY(vq_train_resolve(&resolved, options, &tokenizer->config, held.bases));
    vqdna_trainer *t;
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    vq_status status;
    vq_first_use(tokenizer->device, VQ_USE_TRAINING);
    VQ_TRY_OR(failed, vq_trainer_create(&t->trainer, tokenizer->device, &tokenizer->config, dataset, &resolved));
    VQ_TRY_OR(failed, vq_model_put(t->trainer->model, &tokenizer->state));
    t->tokenizer = tokenizer;
    tokenizer->trainer = t;
    tokenizer->step = 0;
    *out = t;
    return VQDNA_OK;
failed:
    vqdna_trainer_destroy(t);
    return status;
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
    vq_status status;
    VQ_TRY_OR(failed, vq_alloc(&k, 1, sizeof *k));
    VQ_TRY_OR(failed, vq_alloc(&t, 1, sizeof *t));
    k->device = context->device;
    vq_first_use(context->device, VQ_USE_TRAINING);
    VQ_TRY_OR(failed, vq_checkpoint_resume(&t->trainer, &k->config, &k->state, context->device, dataset, path));
    k->step = t->trainer->step;
    k->trainer = t;
    t->tokenizer = k;
    *tokenizer = k;
    *out = t;
    return VQDNA_OK;
failed:
    vqdna_trainer_destroy(t);
    vqdna_tokenizer_destroy(k);
    return status;
}

void vqdna_trainer_destroy(vqdna_trainer *t) {
    if (!t)
        return;
    VQ_HOLD(t->tokenizer ? t->tokenizer->device : NULL);
    if (t->tokenizer) {
        vq_tokenizer_refresh(t->tokenizer); /* its weights stay what they became; a device that fails here failed before */
        t->tokenizer->trainer = NULL;
    }
    vq_trainer_destroy(t->trainer);
    free(t);
}

vqdna_status vqdna_trainer_step(vqdna_trainer *trainer) {
    VQ_REQUIRE(trainer);
    VQ_HOLD(trainer->tokenizer->device);
    return vq_trainer_step(trainer->trainer);
}

vqdna_status vqdna_trainer_report(vqdna_trainer *trainer, vqdna_report *out) {
    VQ_REQUIRE(trainer);
    VQ_REQUIRE(out);
    VQ_HOLD(trainer->tokenizer->device);
    return vq_trainer_report(trainer->trainer, out);
}

vqdna_status vqdna_trainer_checkpoint(vqdna_trainer *trainer, const char *path, const char *provenance) {
    VQ_REQUIRE(trainer);
    VQ_REQUIRE(path);
    VQ_HOLD(trainer->tokenizer->device);
    vqdna_tokenizer *k = trainer->tokenizer;
    vq_lock *lock;
    VQ_TRY(vq_mkdir(path));
    VQ_TRY(vq_folder_lock(&lock, path, true));
    vq_status status = vq_checkpoint_save(path, trainer->trainer, &k->state, provenance);
    vq_folder_unlock(lock);
    VQ_TRY(status);
    k->step = trainer->trainer->step;
    k->current = false;
    return VQDNA_OK;
}

vqdna_status vqdna_training_plan(vqdna_context *context, const vqdna_model_options *model, const vqdna_train_options *train,
                                 vqdna_plan_fn fn, void *user, vqdna_plan_summary *out) {
    VQ_REQUIRE(context);
    VQ_REQUIRE(out);
    VQ_HOLD(context->device);
    vq_config config;
    vqdna_train_options resolved;
    vq_model *planned = NULL;
    VQ_TRY(vq_config_resolve(&config, model));
    VQ_TRY(vq_train_resolve(&resolved, train, &config, 0));
    vqdna_plan_summary summary = {.device_limit = context->device->info.global_bytes};
    vq_status status;
    VQ_TRY_OR(done, vq_trainer_largest_batch(&summary.largest_batch, context->device, &config, &resolved));
    VQ_TRY_OR(done, vq_trainer_plan(&planned, context->device, &config, &resolved));
    if (fn)
        vq_plan_describe(planned->plan, fn, user);
    summary.device_bytes = vq_plan_bytes(planned->plan);
    *out = summary;
    status = vq_plan_fits(planned->plan);
done:
    vq_model_destroy(planned);
    return status;
}

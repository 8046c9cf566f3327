#include "api/handles.h"

#include "check/trial.h"

#include <stdio.h>

static vq_status take(const vqdna_choice *choice, vq_choice *out, vq_tunable_place *at) {
    if (!choice || !choice->operation || !choice->shape || !choice->name)
        return vq_fail(VQDNA_ERR_USAGE, "a choice needs an operation, a class of shapes and a name");
    snprintf(out->operation, sizeof out->operation, "%s", choice->operation);
    snprintf(out->shape, sizeof out->shape, "%s", choice->shape);
    snprintf(out->name, sizeof out->name, "%s", choice->name);
    out->value = choice->value;
    if (!vq_tunable_find(at, out))
        return vq_fail(VQDNA_ERR_USAGE, "%s %s has no tunable %s with a value %d", choice->operation, choice->shape, choice->name,
                       choice->value);
    return VQDNA_OK;
}

vqdna_status vqdna_tunables(vqdna_context *context, vqdna_tunable_fn fn, void *user) {
    VQ_REQUIRE(fn);
    VQ_HOLD(context ? context->device : NULL);
    const vq_device *device = context ? context->device : NULL;
    const vq_case_table *table;
    const vq_tunables *set;
    for (int i = 0; (set = vq_case_tunables(&table, i)); i++)
        for (int which = 0; which < set->count; which++)
            for (int shape = 0; shape < set->shape_count; shape++) {
                const vq_tunable *t = &set->list[which];
                vqdna_tunable told = {.operation = set->operation, .shape = set->shapes[shape].name, .name = t->name};
                told.values = t->values;
                while (told.count < VQ_TUNABLE_VALUES && t->values[told.count])
                    told.count++;
                if (device) {
                    told.value = vq_tuned(device, set, which, shape);
                    told.slow = t->slow_on_cpu && device->family == VQ_FAMILY_CPU;
                }
                if (told.value || !device)
                    fn(user, &told);
            }
    return VQDNA_OK;
}

bool vqdna_tuning_allows(vqdna_context *context, const vqdna_choice *choice) {
    VQ_HOLD(context->device);
    vq_choice own;
    vq_tunable_place at;
    return take(choice, &own, &at) >= 0 && vq_tuning_allows(context->device, at.set, at.which, at.shape, own.value);
}

vqdna_status vqdna_tuning_try(vqdna_context *context, const vqdna_choice *choice, bool thorough, double seconds, vqdna_trial *out) {
    VQ_REQUIRE(context);
    VQ_REQUIRE(out);
    VQ_HOLD(context->device);
    vq_choice own;
    vq_tunable_place at;
    vq_trial trial = {0};
    VQ_TRY(take(choice, &own, &at));
    VQ_TRY(vq_trial_run(context->device, &own, thorough, seconds, &trial));
    *out = (vqdna_trial){trial.before, trial.after, trial.gain, trial.noise};
    return VQDNA_OK;
}

vqdna_status vqdna_tuning_keep(vqdna_context *context, const vqdna_choice *choice) {
    VQ_REQUIRE(context);
    VQ_HOLD(context->device);
    vq_choice own;
    vq_tunable_place at;
    VQ_TRY(take(choice, &own, &at));
    if (!vq_tuning_allows(context->device, at.set, at.which, at.shape, own.value))
        return vq_fail(VQDNA_ERR_USAGE, "%s %s: %s = %d is, with the other values, more than the device takes", own.operation,
                       own.shape, own.name, own.value);
    return vq_tuning_keep(context->device, &own, 1);
}

vqdna_status vqdna_tuning_export(vqdna_context *context, const char *path, int *count) {
    VQ_REQUIRE(context);
    VQ_REQUIRE(path);
    VQ_REQUIRE(count);
    VQ_HOLD(context->device);
    return vq_tuning_export(context->device, path, count);
}

static const vq_tunables *find(const vq_choice *choice, int *shape) {
    vq_tunable_place at = {0};
    bool found = vq_tunable_find(&at, choice);
    *shape = at.shape;
    return found ? at.set : NULL;
}

vqdna_status vqdna_tuning_import(vqdna_context *context, const char *path, int *taken, int *skipped) {
    VQ_REQUIRE(context);
    VQ_REQUIRE(path);
    VQ_REQUIRE(taken);
    VQ_REQUIRE(skipped);
    VQ_HOLD(context->device);
    return vq_tuning_import(context->device, path, find, taken, skipped);
}

const char *vqdna_tuning_hash(const vqdna_context *context) {
    return vq_tuning_hash(context->device);
}

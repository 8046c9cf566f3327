#include "train/pretrain_options.h"

#include "train/options.h"
#include "train/predictor_options.h"
#include "train/schedule.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* key, kind, least, most, fallback, the same in words, help */
#define TRAIN(key, kind, least, most, fallback, words, help)                                                                       \
    { {#key, words, help, least, most, false, false}, VQ_OPTION_##kind, offsetof(vqdna_pretrain_options, key), fallback, NULL }

static const vq_option_row train_options[] = {
    TRAIN(seed, COUNT, 1, 9007199254740992.0, 1, "1", "seed of everything random"),
    TRAIN(window, INTEGER, 8, 1 << 20, 256, "256", "bases of a window"),
    TRAIN(batch, INTEGER, 1, 1 << 16, 32, "32", "windows of a step"),
    TRAIN(steps, COUNT, 1, 1e12, 0, "2000", "train so many steps"),
    {{"epochs", "none", "or until each base is expected to have been seen so often", 0, 1e6, true, false},
     VQ_OPTION_REAL,
     offsetof(vqdna_pretrain_options, epochs),
     0,
     NULL},
    TRAIN(mask, REAL, 0.01, 0.9, 0.25, "0.25", "share of the bases that are hidden"),
    TRAIN(span_first, REAL, 1, 1e4, 6, "6", "mean length of a hidden span at the start"),
    TRAIN(span_last, REAL, 1, 1e4, 36, "36", "and at the end"),
    TRAIN(mask_codes, FLAG, 0, 0, 0, "false", "hide tokens one by one after tokenizing, as the paper has it"),
    TRAIN(learning_rate, REAL, 0, 10, 1e-3, "0.001", "at its peak"),
    TRAIN(final_rate, REAL, 0, 1, 0, "0", "learning rate at the end, as a share of the peak"),
    TRAIN(warmup, REAL, 0, 1, 0.05, "0.05", "share of the steps in which the rate rises"),
    TRAIN(beta1, REAL, 0, 0.999999, 0.9, "0.9", "decay of AdamW's first moment"),
    TRAIN(beta2, REAL, 0, 0.999999, 0.98, "0.98", "of its second"),
    TRAIN(weight_decay, REAL, 0, 10, 0.01, "0.01", "decoupled weight decay, of weights alone"),
    TRAIN(clip, REAL, 0, 1e9, 1, "1", "largest norm of the gradient; 0: no clipping"),
    TRAIN(dropout, REAL, 0, 0.99, 0, "0", "share of the residual branches that is dropped"),
    TRAIN(baseline_bases, COUNT, 0, 1e9, 2e6, "2000000", "bases the counting baselines learn from, before the training"),
    TRAIN(forward_only, FLAG, 0, 0, 0, "false", "sample the given strand only"),
    TRAIN(recompute, FLAG, 0, 0, 0, "false", "less memory, more time: compute activations again in backward"),
    TRAIN(length_warmup, INTEGER, 8, 1 << 20, 0, "none", "bases of a window at the start, doubled at equal shares of the steps"),
    TRAIN(micro_batch, INTEGER, 1, VQ_MAX_BATCH, 0, "batch", "windows the device takes at once; divides batch"),
};

enum { TABLES = 2 };
static const vq_option_table train_table = {train_options, sizeof train_options / sizeof *train_options};

static vq_status find(const vq_option_row **row, const char **value, const char *assignment) {
    const vq_option_table tables[TABLES] = {vq_body_options, train_table};
    return vq_option_find(row, value, tables, TABLES, assignment);
}

const vqdna_option *vq_pretrain_option_at(size_t index) {
    const vq_option_table *const tables[TABLES] = {&vq_body_options, &train_table};
    return vq_option_at_of(tables, TABLES, index);
}

vq_status vq_pretrain_option_set(vqdna_predictor_options *body, vqdna_pretrain_options *pretrain, const char *assignment) {
    const vq_option_row *row;
    const char *value;
    VQ_TRY(find(&row, &value, assignment));
    return vq_option_put(row, row->shown.of_model ? (void *)body : (void *)pretrain, value);
}

vq_status vq_pretrain_option_agrees(const vqdna_pretrain_options *resolved, const char *assignment) {
    const vq_option_row *row;
    const char *value;
    VQ_TRY(find(&row, &value, assignment));
    if (row->shown.of_model)
        return VQDNA_OK;
    return vq_option_same(row, vq_option_number(row, resolved), NULL, value);
}

vq_status vq_pretrain_resolve(vqdna_pretrain_options *out, const vqdna_pretrain_options *options, uint64_t bases) {
    vqdna_pretrain_options r = {0};
    vq_take_options(&r, sizeof r, options, sizeof r);
    if (r.steps > 0 && r.epochs > 0)
        return vq_fail(VQDNA_ERR_USAGE, "give one of steps and epochs");
    VQ_TRY(vq_options_resolve(&train_table, &r));
    VQ_TRY(vq_micro_batch_resolve(&r.micro_batch, r.batch));
    if ((int64_t)r.window * r.batch > VQ_MAX_STEP_BASES)
        return vq_fail(VQDNA_ERR_USAGE, "a step of %d windows of %d bases is too large: at most %d bases", r.batch, r.window,
                       VQ_MAX_STEP_BASES);
    if (r.length_warmup > r.window)
        return vq_fail(VQDNA_ERR_USAGE, "length_warmup is %d, more than the window it leads to, %d", r.length_warmup, r.window);
    if (r.epochs > 0)
        r.steps = (uint64_t)ceil(r.epochs * (double)bases / (vq_schedule_mean_length(r.length_warmup, r.window) * r.batch));
    r.steps = r.steps ? r.steps : 2000;
    *out = r;
    return VQDNA_OK;
}

vq_status vq_pretrain_to_json(json_t **out, const vqdna_pretrain_options *options) {
    return vq_options_to_json(out, &train_table, options);
}

vq_status vq_pretrain_from_json(vqdna_pretrain_options *out, const json_t *json, const char *path) {
    vqdna_pretrain_options r = {0};
    VQ_TRY(vq_options_from_json(&train_table, &r, json, path, offsetof(vqdna_pretrain_options, length_warmup)));
    if (!r.steps || vq_micro_batch_resolve(&r.micro_batch, r.batch) < 0 || (int64_t)r.window * r.batch > VQ_MAX_STEP_BASES)
        return vq_fail(VQDNA_ERR_INPUT, "%s: the options of the run do not fit each other", path);
    *out = r;
    return VQDNA_OK;
}

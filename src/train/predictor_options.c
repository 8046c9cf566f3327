#include "train/predictor_options.h"

#include "base/integer.h"
#include "train/option_table.h"
#include "train/options.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* key, kind, least, most, fallback, the same in words, help */
#define MODEL(key, least, most, words, help)                                                                                       \
    { {#key, words, help, least, most, false, true}, VQ_OPTION_INTEGER, offsetof(vqdna_predictor_options, key), 0, NULL }
#define NAMED(key, names, words, help)                                                                                             \
    { {#key, words, help, 0, 0, false, true}, VQ_OPTION_TEXT, offsetof(vqdna_predictor_options, key), 0, names }
#define TRAIN(key, kind, least, most, fallback, words, help)                                                                       \
    { {#key, words, help, least, most, false, false}, VQ_OPTION_##kind, offsetof(vqdna_finetune_options, key), fallback, NULL }
#define ABOVE(key, kind, least, most, words, help)                                                                                 \
    { {#key, words, help, least, most, true, false}, VQ_OPTION_##kind, offsetof(vqdna_finetune_options, key), 0, NULL }

static const char *const presets[] = {"tiny", "small", "base", NULL};
static const char *const pools[] = {"mean", "max", NULL};
static const char *const heads[] = {"mlp", "linear", NULL};

static const vq_option_row body_options[] = {
    NAMED(preset, presets, "tiny", "tiny, small or base: gives the other options of the body their defaults"),
    NAMED(vocabulary, NULL, "codes, or conv:9 without -m",
          "what a token is: codes, codes:fresh, codes:tuned, onehot, conv:R, kmer:K, ids:V; :stride=S, :pairs=D"),
    MODEL(width, 1, 8192, "128, 256, 768", "channels of the body"),
    MODEL(layers, 1, 64, "4, 6, 12", "layers of the body"),
    MODEL(heads, 1, 1024, "4, 8, 12", "heads of an attention"),
    NAMED(mixer, NULL, "attention", "attention or hyena (long convolutions), or a list, one a layer: hyena,hyena,attention"),
    MODEL(feed, 1, 65536, "4 width", "channels inside a layer"),
    MODEL(positions, 1, 1 << 20, "512 or the longest", "bases of the longest sequence"),
    {{"post_norm", "false", "norms behind the residual sums", 0, 0, false, true},
     VQ_OPTION_FLAG,
     offsetof(vqdna_predictor_options, post_norm),
     0,
     NULL},
};

const vq_option_table vq_body_options = {body_options, sizeof body_options / sizeof *body_options};

static const vq_option_row head_options[] = {
    NAMED(pool, pools, "mean", "mean or max over the positions"),
    NAMED(head, heads, "mlp", "mlp (one hidden layer) or linear"),
    NAMED(reference, NULL, "none", "FASTA: read what differs from it, no base whose pair of codes (:pairs=D) occurs there"),
};

static const vq_option_row train_options[] = {
    TRAIN(seed, COUNT, 1, 9007199254740992.0, 1, "1", "seed of everything random"),
    TRAIN(batch, INTEGER, 1, 1 << 16, 32, "32", "sequences of a step"),
    ABOVE(epochs, REAL, 0, 1e6, "3", "passes over the training sequences"),
    TRAIN(steps, COUNT, 1, 1e12, 0, "none", "or train so many steps"),
    TRAIN(learning_rate, REAL, 0, 10, 1e-3, "0.001", "at its peak"),
    TRAIN(final_rate, REAL, 0, 1, 0, "0", "learning rate at the end, as a share of the peak"),
    TRAIN(warmup, REAL, 0, 1, 0.05, "0.05", "share of the steps in which the rate rises"),
    TRAIN(beta1, REAL, 0, 0.999999, 0.9, "0.9", "decay of AdamW's first moment"),
    TRAIN(beta2, REAL, 0, 0.999999, 0.98, "0.98", "of its second"),
    TRAIN(weight_decay, REAL, 0, 10, 0.01, "0.01", "decoupled weight decay, of weights alone"),
    TRAIN(clip, REAL, 0, 1e9, 1, "1", "largest norm of the gradient; 0: no clipping"),
    TRAIN(dropout, REAL, 0, 0.99, 0.1, "0.1", "share of the residual branches that is dropped"),
    TRAIN(evaluations, INTEGER, 1, 1 << 20, 1, "1", "evaluations on dev an epoch; the best weights are kept"),
    TRAIN(average, REAL, 0, 0.999999, 0, "0",
          "dev, and the model kept, are of a moving average of the weights that a step keeps this share of; 0: of the weights"),
    TRAIN(both_strands, FLAG, 0, 0, 0, "false",
          "read a training sequence from either strand, drawn anew each time; dev is scored by the mean"),
    TRAIN(frozen, FLAG, 0, 0, 0, "false", "train the head alone"),
    TRAIN(lora, INTEGER, 0, 4096, 0, "0", "rank of adapters trained in place of the body's weights; 0: none"),
    TRAIN(lora_alpha, REAL, 0, 1e6, 16, "16", "adapters count alpha / rank times"),
    TRAIN(lora_feed, FLAG, 0, 0, 0, "false", "adapters of the layers' inner products too, not those about the mixer alone"),
    TRAIN(balanced, FLAG, 0, 0, 0, "false", "weigh classes by one over their frequency"),
    TRAIN(recompute, FLAG, 0, 0, 0, "false", "less memory, more time: compute activations again in backward"),
    TRAIN(length_warmup, INTEGER, 8, 1 << 20, 0, "none",
          "bases read of a sequence at the start, from a place drawn anew each time, doubled at equal shares of the steps"),
    TRAIN(micro_batch, INTEGER, 1, VQ_MAX_BATCH, 0, "batch", "sequences the device takes at once; divides batch"),
};

enum { TABLES = 3 };
static const vq_option_table head_table = {head_options, sizeof head_options / sizeof *head_options};
static const vq_option_table train_table = {train_options, sizeof train_options / sizeof *train_options};

static vq_status find(const vq_option_row **row, const char **value, const char *assignment) {
    const vq_option_table tables[TABLES] = {vq_body_options, head_table, train_table};
    return vq_option_find(row, value, tables, TABLES, assignment);
}

const vqdna_option *vq_predictor_option_at(size_t index) {
    const vq_option_table *const tables[TABLES] = {&vq_body_options, &head_table, &train_table};
    return vq_option_at_of(tables, TABLES, index);
}

vq_status vq_predictor_option_set(vqdna_predictor_options *predictor, vqdna_finetune_options *finetune, const char *assignment) {
    const vq_option_row *row;
    const char *value;
    VQ_TRY(find(&row, &value, assignment));
    return vq_option_put(row, row->shown.of_model ? (void *)predictor : (void *)finetune, value);
}

vq_status vq_predictor_option_agrees(const vqdna_finetune_options *resolved, const char *assignment) {
    const vq_option_row *row;
    const char *value;
    VQ_TRY(find(&row, &value, assignment));
    if (row->shown.of_model)
        return VQDNA_OK;
    return vq_option_same(row, vq_option_number(row, resolved), NULL, value);
}

vq_status vq_finetune_resolve(vqdna_finetune_options *out, const vqdna_finetune_options *options, size_t rows) {
    vqdna_finetune_options r = {0};
    vq_take_options(&r, sizeof r, options, sizeof r);
    if (r.steps > 0 && r.epochs > 0)
        return vq_fail(VQDNA_ERR_USAGE, "give one of steps and epochs");
    VQ_TRY(vq_options_resolve(&train_table, &r));
    VQ_TRY(vq_micro_batch_resolve(&r.micro_batch, r.batch));
    if (r.steps == 0) {
        r.epochs = r.epochs > 0 ? r.epochs : 3;
        r.steps = (uint64_t)ceil(r.epochs * (double)vq_ceil_div(rows, (size_t)r.batch));
    }
    *out = r;
    return VQDNA_OK;
}

vq_status vq_finetune_to_json(json_t **out, const vqdna_finetune_options *options) {
    return vq_options_to_json(out, &train_table, options);
}

vq_status vq_finetune_from_json(vqdna_finetune_options *out, const json_t *json, const char *path) {
    vqdna_finetune_options r = {0};
    VQ_TRY(vq_options_from_json(&train_table, &r, json, path, offsetof(vqdna_finetune_options, length_warmup)));
    if (!r.steps || vq_micro_batch_resolve(&r.micro_batch, r.batch) < 0)
        return vq_fail(VQDNA_ERR_INPUT, "%s: the options of the run do not fit each other", path);
    *out = r;
    return VQDNA_OK;
}

#include "train/options.h"

#include "train/option_table.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* key, kind, least, most, fallback, the same in words, help */
#define MODEL(key, kind, least, most, words, help)                                                                                 \
    { {#key, words, help, least, most, false, true}, VQ_OPTION_##kind, offsetof(vqdna_model_options, key), 0, NULL }
#define NAMED(key, names, words, help)                                                                                             \
    { {#key, words, help, 0, 0, false, true}, VQ_OPTION_TEXT, offsetof(vqdna_model_options, key), 0, names }
#define TRAIN(key, kind, least, most, fallback, words, help)                                                                       \
    { {#key, words, help, least, most, false, false}, VQ_OPTION_##kind, offsetof(vqdna_train_options, key), fallback, NULL }
#define ABOVE(key, kind, least, most, fallback, words, help)                                                                       \
    { {#key, words, help, least, most, true, false}, VQ_OPTION_##kind, offsetof(vqdna_train_options, key), fallback, NULL }

static const char *const presets[] = {"tiny", "small", "base", NULL};
static const char *const quantizers[] = {"hrq", "vq", NULL};

/* The ranges of the model's are those of config.c, where they are checked together. */
static const vq_option_row model_options[] = {
    NAMED(preset, presets, "tiny", "tiny, small or base: gives the other options of the model their defaults"),
    NAMED(quantizer, quantizers, "hrq", "hrq (a codebook a level) or vq (one)"),
    MODEL(dim, INTEGER, 1, VQ_MAX_DIM, "64, 192, 384", "dimension of the codes"),
    MODEL(stem, INTEGER, 1, VQ_MAX_DIM, "32, 128, 256", "channels of the stem"),
    MODEL(blocks, INTEGER, 1, VQ_MAX_BLOCKS, "4, 6, 6", "blocks of the encoder, and of the decoder"),
    MODEL(codes, INTEGER, 1, VQ_MAX_CODES, "256, 512, 512", "K: vq has K codes, level n of hrq K 2^n"),
    MODEL(levels, INTEGER, 1, VQDNA_MAX_LEVELS, "2", "levels of hrq"),
    MODEL(decoder_stride, INTEGER, 1, VQ_MAX_STRIDE, "1", "the decoder sees one code in so many"),
};

static const vq_option_row train_options[] = {
    TRAIN(seed, COUNT, 1, 9007199254740992.0, 1, "1", "seed of everything random"),
    TRAIN(window, INTEGER, 1, 1 << 20, 0, "256 for tiny, 512 else", "bases of a window"),
    TRAIN(batch, INTEGER, 1, VQ_MAX_BATCH, 16, "16", "windows of a step"),
    TRAIN(steps, COUNT, 1, 1e12, 0, "1000", "train so many steps"),
    ABOVE(epochs, REAL, 0, 1e6, 0, "none", "or until each base is expected to have been seen so often"),
    ABOVE(seconds, REAL, 0, 1e9, 0, "none", "or so long; two such runs differ"),
    TRAIN(learning_rate, REAL, 0, 10, 1e-3, "0.001", "at its peak"),
    TRAIN(beta1, REAL, 0, 0.999999, 0.9, "0.9", "decay of AdamW's first moment"),
    TRAIN(beta2, REAL, 0, 0.999999, 0.95, "0.95", "of its second"),
    TRAIN(weight_decay, REAL, 0, 10, 0.01, "0.01", "decoupled weight decay"),
    TRAIN(final_rate, REAL, 0, 1, 0.05, "0.05", "learning rate at the end, as a share of the peak"),
    TRAIN(warmup, INTEGER, 0, 1 << 30, 50, "50", "steps of the rise to the peak, at most a tenth of the run unless given"),
    TRAIN(clip, REAL, 0, 1e9, 1, "1", "largest norm of the gradient; 0: no clipping"),
    TRAIN(commitment, REAL, 0, 1e3, 0.5, "0.5", "beta, the weight of the commitment loss"),
    TRAIN(decay_first, REAL, 0, 1, 0.9, "0.9", "decay of the codebooks' moving averages at the start"),
    TRAIN(decay_last, REAL, 0, 1, 0.99, "0.99", "and at the end"),
    TRAIN(laplace, REAL, 0, 1, 1e-5, "1e-05", "epsilon of the averages' smoothing"),
    TRAIN(use_decay, REAL, 0, 1, 0.9, "0.9", "decay of the faster average of use"),
    TRAIN(expire, REAL, 0, 1, 0.1, "0.1", "a code under this share of its expected use is re-seeded"),
    TRAIN(unquantized, REAL, 0, 1e9, 0, "0", "steps at the start without the quantizer"),
    TRAIN(kmeans_batches, INTEGER, 1, 256, 4, "4", "batches the codebooks start from"),
    TRAIN(kmeans_rounds, INTEGER, 0, 1000, 10, "10", "Lloyd rounds of that start"),
    TRAIN(forward_only, FLAG, 0, 0, 0, "false", "sample the given strand only"),
    TRAIN(micro_batch, INTEGER, 1, VQ_MAX_BATCH, 0, "batch", "windows the device takes at once; divides batch"),
    TRAIN(decay_weights_only, FLAG, 0, 0, 0, "false", "no weight decay of norms and biases"),
};

enum { MODEL_COUNT = sizeof model_options / sizeof *model_options, TRAIN_COUNT = sizeof train_options / sizeof *train_options };

static const vq_option_table tables[] = {{model_options, MODEL_COUNT}, {train_options, TRAIN_COUNT}};

const vqdna_option *vq_option_at(size_t index) {
    if (index >= MODEL_COUNT + TRAIN_COUNT)
        return NULL;
    return index < MODEL_COUNT ? &model_options[index].shown : &train_options[index - MODEL_COUNT].shown;
}

vq_status vq_option_set(vqdna_model_options *model, vqdna_train_options *train, const char *assignment) {
    const vq_option_row *row;
    const char *value;
    VQ_TRY(vq_option_find(&row, &value, tables, 2, assignment));
    return vq_option_put(row, row->shown.of_model ? (void *)model : (void *)train, value);
}

vq_status vq_option_agrees(const vq_config *config, const vqdna_train_options *resolved, const char *assignment) {
    const vq_option_row *row;
    const char *value, *name = NULL;
    double number = 0;
    VQ_TRY(vq_option_find(&row, &value, tables, 2, assignment));
    if (row->kind == VQ_OPTION_TEXT)
        name = row->names == presets ? config->preset : config->quantizer;
    else
        number = row->shown.of_model ? vq_config_number(config, row->shown.key) : vq_option_number(row, resolved);
    return vq_option_same(row, number, name, value);
}

vq_status vq_micro_batch_resolve(int *micro_batch, int batch) {
    *micro_batch = *micro_batch ? *micro_batch : batch;
    if (batch % *micro_batch != 0)
        return vq_fail(VQDNA_ERR_USAGE, "micro_batch is %d, it must divide batch, which is %d", *micro_batch, batch);
    return VQDNA_OK;
}

vq_status vq_train_resolve(vqdna_train_options *out, const vqdna_train_options *options, const vq_config *config, uint64_t bases) {
    vqdna_train_options r = {0};
    vq_take_options(&r, sizeof r, options, sizeof r);
    const bool warmup_given = r.warmup != 0;
    VQ_TRY(vq_options_resolve(&tables[1], &r));
    if (r.window == 0)
        r.window = strcmp(config->preset, "tiny") == 0 ? 256 : 512;
    VQ_TRY(vq_micro_batch_resolve(&r.micro_batch, r.batch));
    if ((r.steps > 0) + (r.epochs > 0) + (r.seconds > 0) > 1)
        return vq_fail(VQDNA_ERR_USAGE, "give one of steps, epochs and seconds");
    if (r.epochs > 0)
        r.steps = (uint64_t)ceil(r.epochs * (double)bases / ((double)r.window * r.batch));
    else if (r.steps == 0 && r.seconds == 0)
        r.steps = 1000;
    if (r.steps > 0 && !warmup_given)
        r.warmup = (int)fmin(r.warmup, floor((double)r.steps / 10));
    r.unquantized = floor(r.unquantized);
    if ((double)r.window * r.batch > VQ_MAX_STEP_BASES)
        return vq_fail(VQDNA_ERR_USAGE, "a step of %d windows of %d bases is too large: at most %d bases", r.batch, r.window,
                       VQ_MAX_STEP_BASES);
    *out = r;
    return VQDNA_OK;
}

vq_status vq_train_to_json(json_t **out, const vqdna_train_options *options) {
    return vq_options_to_json(out, &tables[1], options);
}

vq_status vq_train_from_json(vqdna_train_options *out, const json_t *json, const char *path) {
    vqdna_train_options r = {0};
    VQ_TRY(vq_options_from_json(&tables[1], &r, json, path, offsetof(vqdna_train_options, micro_batch)));
    if (r.window < 1 || vq_micro_batch_resolve(&r.micro_batch, r.batch) < 0 || !(r.steps || r.seconds > 0))
        return vq_fail(VQDNA_ERR_INPUT, "%s: the options of the run do not fit each other", path);
    *out = r;
    return VQDNA_OK;
}

/* What the public handles are. */
#ifndef VQ_API_HANDLES_H
#define VQ_API_HANDLES_H

#include "device/device.h"
#include "nn/model.h"
#include "train/classify_task.h"
#include "train/pretrain_task.h"
#include "train/tokenizer_task.h"
#include "train/trainer.h"

struct vqdna_context {
    vq_device *device;
};

struct vqdna_tokenizer {
    vq_device *device;
    vq_config config;
    vq_state state;  /* the weights, unless `trainer` has newer ones */
    uint64_t step;   /* training steps behind them */
    vq_model *model; /* for inference, made when first needed */
    bool current;    /* model has the weights of state */
    vqdna_trainer *trainer;
};

struct vqdna_examples {
    vq_labelled set;
    vq_labels labels; /* none: of a regression */
};

struct vqdna_predictor {
    vq_device *device;
    vq_predictor card;
    vq_state state;             /* the weights, unless `trainer` has newer ones */
    uint64_t step;              /* training steps behind them */
    uint64_t trained;           /* parameters that its training moves */
    vqdna_tokenizer *tokenizer; /* whose codes it reads, or NULL */
    bool owns;                  /* it */
    vqdna_trainer *trainer;
    struct {
        vq_scores_interval interval;
        int *truth, *predicted;
        float *outputs;
    } judged; /* the last */
};

/* Trains a tokenizer or a predictor; what belongs to another training is NULL. */
struct vqdna_trainer {
    vq_trainer *trainer;
    vq_tokenizer_task *task; /* what it trains, the trainer's own */
    vqdna_tokenizer *tokenizer;
    vq_classify_task *finetune;
    vq_pretrain_task *pretrain;
    vqdna_predictor *predictor; /* of one of the two before it */
};

/* The function that says so has the device to itself until it returns, so that handles of one context may be used from several
 * threads. */
static inline void vq_let_go(vq_device **device) {
    vq_device_unlock(*device);
}
#define VQ_HOLD(device) __attribute__((cleanup(vq_let_go), unused)) vq_device *vq_held_ = vq_device_lock(device)

/* vqdna_tokenizer_open; device NULL: to be described alone. */
vq_status vq_tokenizer_open(vqdna_tokenizer **out, vq_device *device, const char *path);

/* Fetches newer weights from the tokenizer's trainer, if it has one. */
vq_status vq_tokenizer_refresh(vqdna_tokenizer *tokenizer);

/* The same for a predictor: those that its training keeps. */
vq_status vq_predictor_refresh(vqdna_predictor *predictor);

/* What a folder's or a checkpoint's config says of a predictor, and its tokenizer from the folder; weights zero. `file` for sentences. */
vq_status vq_predictor_take(vqdna_predictor *predictor, const json_t *config, const char *file, const char *folder);

/* The state dict of a card, zero. */
vq_status vq_predictor_state(vq_state *out, const vq_predictor *card);

/* The body with its weights for inference, for sequences of as many bases as it has positions, below a head without weights; destroy it.
 * The weights are those of its trainer, if it has one, and its tokenizer is ready. */
vq_status vq_predictor_load_body(vq_classifier **out, vqdna_predictor *predictor);

/* Whether examples have the labels that the predictor tells; their tokens, of the other strand if `reverse`. */
vq_status vq_predictor_has_labels(const vqdna_predictor *predictor, const vqdna_examples *examples);
vq_status vq_predictor_view(vq_examples *out, vqdna_predictor *predictor, const vqdna_examples *examples, bool reverse);

/* Writes a checkpoint of a predictor's trainer, its tokenizer first. */
vq_status vq_predictor_checkpoint(vqdna_trainer *trainer, const char *path, const char *provenance);

/* The model for inference with the newest weights, tokenizer->model. Options may be NULL. */
vq_status vq_tokenizer_prepare(vqdna_tokenizer *tokenizer, const vqdna_stream_options *options);

/* Whether it has a vocabulary: a new one has none until its training starts the codebooks. */
bool vq_tokenizer_has_codes(const vqdna_tokenizer *tokenizer);

/* A mistake of the caller's: an argument that must not be NULL. */
#define VQ_REQUIRE(argument)                                                                                                       \
    do {                                                                                                                           \
        if (!(argument))                                                                                                           \
            return vq_fail(VQDNA_ERR_USAGE, "%s: %s is NULL", __func__, #argument);                                                \
    } while (0)

/* The same for a list of names. */
#define VQ_REQUIRE_EACH(list, count)                                                                                               \
    do {                                                                                                                           \
        VQ_REQUIRE(list);                                                                                                          \
        for (size_t i = 0; i < (count); i++)                                                                                       \
            VQ_REQUIRE(list[i]);                                                                                                   \
    } while (0)

#endif

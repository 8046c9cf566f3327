/* What a trainer trains. It knows nothing of models, losses or data but this: a step draws examples, learns from them part by part,
 * and has something to move beside the weights. Each function takes `self`; a failure stops the training. */
#ifndef VQ_TRAIN_TASK_H
#define VQ_TRAIN_TASK_H

#include "nn/state.h"
#include "train/report.h"

#include <jansson.h>

typedef struct vq_task {
    const char *kind; /* as in config.json: "vqdna-tokenizer" */
    void *self;
    vq_device *device;
    const vq_plan *plan; /* bound, for training: parameters, state and sums are what a checkpoint keeps */
    int parts;           /* micro-batches of a step */
    vq_state *best;      /* weights that a checkpoint has beside the last, those that did best; NULL: none are kept */

    /* Draws the examples of a step, a pure function of `step` and the options; *bases of them. */
    vq_status (*begin)(void *self, uint64_t step, uint64_t *bases);

    /* Forward and backward of one part: gradients += and sums +=, weighed so that the parts add up to the mean over the step. */
    vq_status (*learn)(void *self, int part);

    /* View number `i` of what other nodes' must be added to before update, beside the gradients; VQ_NO_VIEW past the last. */
    vq_view (*sums)(void *self, int i);

    /* Moves what the optimizer does not. progress: of the run, before this step. */
    vq_status (*update)(void *self, uint64_t step, double progress);

    /* The numbers of a report, in the order of the log. `ends`: the sums start over after it, those on the device by the trainer. */
    vq_status (*report)(void *self, vq_report *out, const vq_standing *at, bool ends);

    /* Into the checkpoint's object: "model" (the config), "options", "dataset" and what else resuming needs; and back, all but the
     * first three, after the tensors. */
    vq_status (*to_json)(const void *self, json_t *run);
    vq_status (*from_json)(void *self, const json_t *run, const char *path);

    void (*destroy)(void *self);
} vq_task;

#endif

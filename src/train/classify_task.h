/* Training of a predictor as a task: batches of labelled sequences in an order drawn for each epoch; dev is evaluated now and then, and
 * the weights that did best there are kept. */
#ifndef VQ_TRAIN_CLASSIFY_TASK_H
#define VQ_TRAIN_CLASSIFY_TASK_H

#include "train/classify.h"
#include "train/predictor.h"
#include "train/trainer.h"

typedef struct vq_classify_task {
    vq_classifier *model;
    const vq_predictor *predictor;
    vq_examples train[2], dev[2];   /* as they stand, and turned if both strands are read; dev->set NULL: none */
    vqdna_finetune_options options; /* resolved */
    vq_token_batch batch;
    uint64_t steps_of_epoch, evaluate_every;
    size_t *order, *before; /* rows in the order of an epoch: its number; work */
    int longest;            /* bases of a training sequence */
    uint64_t epoch;
    bool ordered;
    size_t first;         /* of the step's rows in the order */
    int count;            /* of them */
    double weight;        /* of them: what the loss is divided by */
    float *class_weights; /* [classes]; NULL: all 1 */
    uint64_t step;
    double weight_since; /* since the last report */
    uint64_t rows_since;
    double score;   /* on dev, the last; NAN before the first */
    vq_state *best; /* where the weights that did best are kept */
    vq_state own;   /* that, of a training with adapters: beside the model's tensors it has theirs */
    bool found;     /* there are some */
    double best_score;
    uint64_t best_step;
} vq_classify_task;

/* A trainer of this task; *self, its own, is for reaching the model. Takes over the examples, also if it fails: train, and dev unless it is
 * NULL, with each the same turned behind it if `options`, resolved, have both strands. The weights are set by the caller (vq_state_put);
 * in `kept`, of the model's tensors, borrowed, it keeps those that did best, unless it trains adapters. */
vq_status vq_classify_trainer(vq_trainer **out, vq_classify_task **self, vq_device *device, const vq_predictor *predictor,
                              vq_state *kept, vq_examples *train, vq_examples *dev, const vqdna_finetune_options *options);

/* The model of such a training, for sequences of up to so many tokens, declared and not bound. */
vq_status vq_classify_plan(vq_classifier **out, vq_device *device, const vq_predictor *predictor, size_t tokens,
                           const vqdna_finetune_options *options);

/* The weights that are kept, the best on dev or the last, into the trainer's `kept`: adapters are merged. */
vq_status vq_classify_kept(vq_state *kept, const vq_classify_task *task);

#endif

/* Masked pre-training as a task: windows of a dataset, a share of their bases hidden, and heads that tell what they were. */
#ifndef VQ_TRAIN_PRETRAIN_TASK_H
#define VQ_TRAIN_PRETRAIN_TASK_H

#include "seq/dataset.h"
#include "train/examples.h"
#include "train/mask.h"
#include "train/predictor.h"
#include "train/trainer.h"

/* Sums over hidden tokens on the host. */
typedef struct vq_pretrain_sums {
    uint64_t tokens, right[VQ_MAX_TABLES]; /* hidden; told by the baseline, of each head */
    double nats;                           /* of the baseline, of the base */
} vq_pretrain_sums;

typedef struct vq_pretrain_task {
    vq_masked *model;
    const vq_predictor *predictor;
    vq_model *tokenizer; /* borrowed; NULL without codes */
    const vq_dataset *dataset;
    vqdna_pretrain_options options; /* resolved */
    vq_baseline *baseline;
    vq_pretrain_sums since; /* the last report */
    uint64_t step;

    /* A batch: of each window its bases as they are and as they are shown, what is hidden, and codes of both. */
    int count, *lengths, *phases;
    uint8_t *bases, *shown, *hidden;
    uint16_t *codes[2];
    vq_token_batch tokens;                   /* as the body reads them */
    int32_t *truth;                          /* [tables][tokens]: what they are */
    int32_t *mark, *picked, *back, *targets; /* 0 where a token is hidden, else 1; as vq_masked_upload has them */
    int hidden_tokens, H;                    /* of the batch; those picked, of some of its windows */
    vq_report evaluation;                    /* its numbers, the last */
} vq_pretrain_task;

/* A trainer of this task; *self, its own, is for reaching the model. `options` resolved. Counts what the baselines need, which takes a
 * while. The weights are set by the caller (vq_state_put). */
vq_status vq_pretrain_trainer(vq_trainer **out, vq_pretrain_task **self, vq_device *device, const vq_predictor *predictor,
                              vq_model *tokenizer, const vq_dataset *dataset, const vqdna_pretrain_options *options);

/* The model of such a training, declared and not bound. */
vq_status vq_pretrain_plan(vq_masked **out, vq_device *device, const vq_predictor *predictor,
                           const vqdna_pretrain_options *options);

/* The numbers of a report over so many windows of another dataset, hidden as at the end of the training. */
vq_status vq_pretrain_evaluate(vq_pretrain_task *task, const vq_dataset *dataset, uint64_t windows, vq_report *out);

#endif

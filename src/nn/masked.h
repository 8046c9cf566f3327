/* Masked pre-training: the body reads tokens of which some are hidden, and heads tell what they are. A head for each of the vocabulary's
 * tables that has more than bases in it (the levels of codes, words), and a small one for the base itself, whose loss compares
 * vocabularies:
 *     loss = mean over the heads of tables of their mean cross-entropy + that of the base, over hidden tokens
 * Heads see the hidden positions alone, which are gathered first. */
#ifndef VQ_NN_MASKED_H
#define VQ_NN_MASKED_H

#include "nn/body.h"
#include "nn/state.h"

typedef struct vq_masked_config {
    vq_body_config body;
    int heads, classes[VQ_MAX_TABLES]; /* of the tables, the base's not among them */
} vq_masked_config;

/* A head with its sums: losses and how many were right, over the batches since they were cleared. */
typedef struct vq_masked_head {
    int classes;
    vq_tensor weight, bias, targets, metrics; /* targets int32 [hidden] */
} vq_masked_head;

typedef struct vq_masked {
    vq_masked_config config;
    vq_device *device;
    vq_plan *plan;
    int most, hidden; /* tokens hidden in a batch: at most, and as it is */
    vq_body body;
    vq_masked_head heads[VQ_MAX_TABLES + 1]; /* the base's behind the others */
    vq_tensor picked, back; /* inputs: int32 [hidden], rows that are hidden; [M], the number of each, `hidden` for none */
    vq_tensor x, dx, logits, part, scratch, work; /* [hidden][W] twice, [hidden][classes]; one head's gradient */
} vq_masked;

/* The memory for up to B sequences of L tokens, of which `most` are hidden, declared and not bound; without a device a list. */
vq_status vq_masked_plan(vq_masked **out, vq_device *device, const vq_masked_config *config, int B, int L, int most,
                         vq_purpose purpose, const vq_body_training *how);
void vq_masked_destroy(vq_masked *model);
vq_status vq_masked_state(vq_state *out, const vq_masked_config *config);

/* Of the batch that was uploaded to the body: rows that are hidden [hidden], the number of each row among them [M], targets of each head
 * [heads + 1][hidden], those of the base last; a target outside the classes counts nowhere. */
vq_status vq_masked_upload(vq_masked *model, const int32_t *picked, const int32_t *back, const int32_t *targets, int hidden);

/* Forward; metrics +=. With `scale` above 0 backward too, of scale times the sum over the hidden tokens: gradients +=. */
vq_status vq_masked_run(vq_masked *model, double dropout, vq_draws draws, float scale);

#endif

/* What a training needs of a device's memory, and the largest batch that it has memory for. */
#ifndef VQ_TRAIN_LARGEST_BATCH_H
#define VQ_TRAIN_LARGEST_BATCH_H

#include "base/status.h"
#include "device/plan.h"

/* Plans the training with so many examples in a step: *plan, not bound, and *model, what `destroy` takes. */
typedef struct vq_batch_planner {
    vq_status (*plan)(void *user, int batch, vq_plan **plan, void **model);
    void (*destroy)(void *model);
    void *user;
} vq_batch_planner;

/* As vqdna_finetuner_plan, of a step of `batch` examples; at most `most` are tried. */
vq_status vq_batch_plan(vqdna_plan_summary *out, vq_batch_planner planner, int batch, int most, vqdna_plan_fn fn, void *user);

/* Memory grows with the batch, so the largest from 1 to `most` that fits is found by halving; 0: not even one. fits: VQDNA_OK, or
 * VQDNA_ERR_MEMORY or VQDNA_ERR_USAGE for one that is too large. */
vq_status vq_largest_batch(int *out, int most, vq_status (*fits)(void *user, int batch), void *user);

#endif

/* The training of stage 1: sampling, forward and backward, AdamW, codebooks, schedules, reports. A step is a pure function of the
 * state before it (weights, moments, codebooks, step number) and the options, so a resumed run goes on bit for bit. */
#ifndef VQ_TRAIN_TRAINER_H
#define VQ_TRAIN_TRAINER_H

#include "nn/model.h"
#include "seq/dataset.h"

typedef struct vq_trainer {
    vq_model *model;
    const vq_dataset *dataset;
    vqdna_train_options options; /* resolved */
    uint64_t step;               /* done */
    uint64_t bases;              /* seen */
    double seconds;              /* spent in training, over all runs */
    bool started;                /* the codebooks are */

    vq_view norm_sq, norm_work; /* of the gradient */
    vq_row *rows;               /* [M] of the batch being made */
    uint8_t *window;
    int32_t *seeds; /* rows for re-seeding */

    double report_seconds, clock; /* of the last report; when the clock was last read */
    uint64_t report_step, report_bases, report_known;
} vq_trainer;

/* `options` resolved. The model's weights are set by the caller (vq_model_put). */
vq_status vq_trainer_create(vq_trainer **out, vq_device *device, const vq_config *config, const vq_dataset *dataset,
                            const vqdna_train_options *options);
void vq_trainer_destroy(vq_trainer *trainer);

/* The memory of such a training, not bound; and the most windows a step may have for it to fit, 0 if not even one does. */
vq_status vq_trainer_plan(vq_model **out, vq_device *device, const vq_config *config, const vqdna_train_options *options);
vq_status vq_trainer_largest_batch(int *out, vq_device *device, const vq_config *config, const vqdna_train_options *options);

/* One step, enqueued; VQDNA_END after the last. */
vq_status vq_trainer_step(vq_trainer *trainer);

/* Means since the last report. VQDNA_ERR_NUMERIC if the loss is not finite. */
vq_status vq_trainer_report(vq_trainer *trainer, vqdna_report *out);

/* Share of the run that is done, 0 to 1. */
double vq_trainer_progress(const vq_trainer *trainer);

#endif

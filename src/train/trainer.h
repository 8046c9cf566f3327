/* Training, whatever the task: micro-batches, AdamW, schedule, reports. A step is a pure function of the state before it (what a
 * checkpoint keeps) and the options, so a resumed run goes on bit for bit. */
#ifndef VQ_TRAIN_TRAINER_H
#define VQ_TRAIN_TRAINER_H

#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/task.h"

/* Adds to a view what the other nodes have in theirs. */
typedef vq_status (*vq_exchange)(void *user, vq_device *device, vq_view view);

typedef struct vq_trainer {
    vq_task task;
    vq_schedule schedule;
    vq_optimizer_rates rates;
    vq_optimizer optimizer;
    vq_exchange exchange; /* NULL: one node */
    void *exchange_user;

    uint64_t before; /* steps behind the weights it began with */
    uint64_t step;   /* done */
    uint64_t bases;  /* seen */
    double seconds;  /* spent in training, over all runs */
    double clock;    /* when it was last read */
    struct {
        uint64_t step, bases;
        double seconds;
    } last; /* report */
    vq_report report;
} vq_trainer;

/* Takes over the task, also if it fails. The weights are set by the caller. */
vq_status vq_trainer_create(vq_trainer **out, vq_task task, vq_schedule schedule, vq_optimizer_rates rates);
void vq_trainer_destroy(vq_trainer *trainer);

/* One step, enqueued; VQDNA_END after the last. */
vq_status vq_trainer_step(vq_trainer *trainer);

/* Means since the last report, valid until the next or a peek. VQDNA_ERR_NUMERIC if the loss is not finite. */
vq_status vq_trainer_report(vq_trainer *trainer, vqdna_report *out);

/* The same, but the means go on. */
vq_status vq_trainer_peek(vq_trainer *trainer, vqdna_report *out);

#endif

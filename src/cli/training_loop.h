/* The loop of a command that trains: steps, reports at fixed steps, checkpoints by the clock, signals. */
#ifndef VQ_CLI_TRAINING_LOOP_H
#define VQ_CLI_TRAINING_LOOP_H

#include "cli/cli_session.h"
#include "cli/training_log.h"

typedef struct vq_training_loop {
    vq_cli *cli;
    const char *folder;
    vqdna_trainer *trainer;
    const vq_session *session; /* for provenance */
    vq_training_log *log;
    uint64_t report_every;
    double checkpoint_every; /* seconds */
    const char *prefix;      /* of a progress line, or NULL */

    uint64_t step;
    vqdna_report shown; /* the last report; at first what a peek says */
    double report_time; /* of that, by cli_clock */
    bool reported;      /* it has means of this run */
    bool *warned;       /* [shown.count]: of a collapse that goes on */
} vq_training_loop;

/* Before the first step: what the trainer is, in `shown` and `step`. VQ_GO_ON, or an exit code after a sentence. */
int vq_training_begin(vq_training_loop *loop);

/* Trains to the end and writes a checkpoint; after a signal the checkpoint comes early, and VQ_EXIT_INTERRUPTED. */
int vq_training_run(vq_training_loop *loop);
void vq_training_end(vq_training_loop *loop);

#endif

/* What --plan prints: a training's tensors on the device, and the largest batch. */
#ifndef VQ_CLI_TRAINING_PLAN_H
#define VQ_CLI_TRAINING_PLAN_H

#include "cli/cli_session.h"

/* A vqdna_plan_fn that prints a row; `user` is a bool, false before the first. */
void vq_training_plan_row(void *user, const char *name, const char *role, int rank, const size_t *shape, size_t bytes, int slab,
                          size_t offset);

/* The last line, of a plan that ended with `status`; examples: "windows". An exit code, after a sentence if it does not fit. */
int vq_training_plan_end(vq_cli *cli, vqdna_status status, const vqdna_plan_summary *summary, const char *examples);

#endif

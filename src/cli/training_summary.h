/* What a training came to, on one screen. */
#ifndef VQ_CLI_TRAINING_SUMMARY_H
#define VQ_CLI_TRAINING_SUMMARY_H

#include "cli/cli_session.h"

#include <stdio.h>

/* `metrics` is what metrics.json holds: the last report, and the evaluation if there was one. The numbers are those that a report of
 * this training has labels for. */
void vq_training_summary(FILE *to, const char *folder, const vqdna_model_info *info, const json_t *metrics,
                         const vqdna_report *like, const vqdna_context *context);

#endif

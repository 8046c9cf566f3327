/* The log of a training, MODEL/log.ndjson: an object a report, whatever number of times the training was stopped and resumed; and
 * the curves drawn from it. */
#ifndef VQ_CLI_TRAINING_LOG_H
#define VQ_CLI_TRAINING_LOG_H

#include "cli/cli_session.h"

#include <stdio.h>

typedef struct vq_training_log {
    char *path;
    FILE *file;
    json_t *reports; /* array of what the file holds */
} vq_training_log;

/* Opens `path` for appending. Reports after `step`, and a line that a crash cut short, are removed first, so that the log of a
 * resumed training reads as if it had never stopped. VQ_GO_ON, or an exit code after a sentence. */
int vq_training_log_open(vq_training_log *log, vq_cli *cli, const char *path, uint64_t step);
int vq_training_log_append(vq_training_log *log, vq_cli *cli, const vqdna_report *report);
void vq_training_log_close(vq_training_log *log);

/* A number of a report in the log or of what metrics.json holds, by its name; NaN if there is none. */
double vq_report_number(const json_t *report, const char *name);

/* The curves of a log against the bases seen, as SVG to be freed: those that a report of this training has panels for. */
char *vq_training_curves(const vq_training_log *log, const vqdna_report *like, const char *title);

#endif

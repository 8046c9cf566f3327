/* The metrics of an evaluation, for eval and for the end of a training. */
#ifndef VQ_CLI_METRICS_H
#define VQ_CLI_METRICS_H

#include "cli/cli_session.h"

#include <stdio.h>

json_t *vq_metrics_json(const vqdna_metrics *metrics, const char *const *paths, size_t count);
void vq_metrics_print(const vqdna_metrics *metrics, FILE *to);

#endif

/* Predictions of labelled rows as a table, which vqdna probe --against reads. */
#ifndef VQ_CLI_PREDICTIONS_H
#define VQ_CLI_PREDICTIONS_H

#include "cli/cli_output.h"

/* truth and predicted: classes of each row. provenance: one line of JSON, or NULL. VQ_GO_ON, or an exit code after a sentence. */
int vq_predictions_write(vq_cli *cli, const char *path, size_t rows, const char *const *labels, const int *truth,
                         const int *predicted, const char *provenance);

#endif

/* The folder a training writes to: found fit before any work is done. */
#ifndef VQ_CLI_TRAINING_FOLDER_H
#define VQ_CLI_TRAINING_FOLDER_H

#include "cli/cli.h"

/* Makes the folder if it is missing and tries to write there. A model in it is refused unless it is to be resumed, or replaced by
 * `force` (what resuming needs is removed then). *resume becomes false if there is no checkpoint to resume yet, *made true if the
 * folder is new. VQ_GO_ON, or an exit code after a sentence. */
int vq_training_folder(vq_cli *cli, const char *path, bool *resume, bool force, bool *made);

/* Whether an input can be opened, so that a mistyped name is told before hours of work. */
int vq_training_readable(vq_cli *cli, const char *path);

#endif

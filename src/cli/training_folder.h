/* The folder a training writes to: found fit before any work is done. */
#ifndef VQ_CLI_TRAINING_FOLDER_H
#define VQ_CLI_TRAINING_FOLDER_H

#include "cli/cli.h"

/* Makes the folder if it is missing, locks it against other trainings, tries to write there, and removes what a killed training left
 * half-written. Refused are a model in it, unless it is to be resumed or replaced by --force; inputs that the training would replace;
 * and files of its names that no training wrote. *resume becomes false if there is no checkpoint to resume yet, *made true if the
 * folder is new. of_several: of trainings that each have a folder in it, where their checkpoints are. VQ_GO_ON, or an exit code after a sentence. */
int vq_training_folder(vq_cli *cli, const char *path, bool of_several, bool *resume, vqdna_lock **lock, bool *made);

/* Removes what an earlier training left there besides its model, which stays until the first checkpoint replaces it: --resume must
 * not find a checkpoint of the one, nor a reader take metrics of the one for those of the other. */
void vq_training_folder_clear(const char *path);

/* Whether an input can be opened, so that a mistyped name is told before hours of work. */
int vq_training_readable(vq_cli *cli, const char *path);

#endif

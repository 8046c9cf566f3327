/* adapter.safetensors: what a training by adapters learned, apart from the body it stands on: the adapters and the head by name, and in the
 * metadata the config of the whole model, rank, alpha and feed of the adapters, and the hash of the body. */
#ifndef VQ_TRAIN_ADAPTER_FILE_H
#define VQ_TRAIN_ADAPTER_FILE_H

#include "base/safetensors.h"
#include "train/classify_task.h"

/* The weights that the task keeps. provenance: JSON text of an object, or NULL. */
vq_status vq_adapter_file_save(const char *path, const vq_classify_task *task, uint64_t step, const char *provenance);

typedef struct vq_adapter_file {
    char *path;
    vq_safetensors *file;
    json_t *config; /* as vq_predictor_from_json takes it */
    char base[17];  /* hash of the body */
    vq_adapter_options how;
    uint64_t step;
} vq_adapter_file;

/* Opens a file and reads all but its tensors. Close it after a failure too. */
vq_status vq_adapter_file_open(vq_adapter_file *out, const char *path);
void vq_adapter_file_close(vq_adapter_file *file);

/* Fills the head of a state of the card's tensors, and merges the adapters into its body, which is there. */
vq_status vq_adapter_file_load(const vq_adapter_file *file, const vq_predictor *card, vq_state *state);

#endif

/* A model's folder.
 *     config.json          the model's shape, steps trained, provenance
 *     model.safetensors    the state dict, names and layouts as PyTorch's
 *     trainer.safetensors  all that a resumed run needs: state dict, moments, and in its metadata options, dataset and step
 *     trainer.json         the same metadata, for people
 * Each file is written whole before any is renamed, so a full disk or a crash leaves the last checkpoint as it was. Resuming reads
 * trainer.safetensors alone, so it cannot meet halves of two checkpoints. */
#ifndef VQ_TRAIN_CHECKPOINT_H
#define VQ_TRAIN_CHECKPOINT_H

#include "train/trainer.h"

/* config.json and model.safetensors. provenance: JSON text of an object, or NULL. */
vq_status vq_checkpoint_save_model(const char *folder, const vq_config *config, const vq_state *state, uint64_t step,
                                   const char *provenance);

/* The model of a folder; *state is yours. Without config.json (PyTorch writes none) the tensors tell the shape, and *step is 0. */
vq_status vq_checkpoint_load_model(const char *folder, vq_config *config, vq_state *state, uint64_t *step);

/* config.json and the header of model.safetensors, checked against one another. */
vq_status vq_checkpoint_describe(const char *folder, vq_config *config, uint64_t *step, vqdna_tensor_fn fn, void *user);

/* All four files. `state` receives the trainer's weights. */
vq_status vq_checkpoint_save(const char *folder, vq_trainer *trainer, vq_state *state, const char *provenance);

/* A trainer that goes on from the last checkpoint; *config and *state get its model. */
vq_status vq_checkpoint_resume(vq_trainer **out, vq_config *config, vq_state *state, vq_device *device, const vq_dataset *dataset,
                               const char *folder);

#endif

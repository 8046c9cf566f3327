/* A model's folder, whatever the model.
 *     config.json          kind, shape, steps trained, provenance
 *     model.safetensors    the state dict, names and layouts as PyTorch's
 *     trainer.safetensors  all that a resumed run needs: state dict, moments, sums since the last report, and in its metadata kind,
 *                          config, options, dataset and step
 *     trainer.json         the same metadata, for people
 * Each file is written whole before any is renamed, so a full disk or a crash leaves the last checkpoint as it was. Resuming reads
 * trainer.safetensors alone, so it cannot meet halves of two checkpoints. */
#ifndef VQ_TRAIN_CHECKPOINT_H
#define VQ_TRAIN_CHECKPOINT_H

#include "base/safetensors.h"
#include "nn/state.h"
#include "train/trainer.h"

/* ---- Models ---- */

/* config.json and model.safetensors. config: an object of the model's own, with "model", its kind; borrowed. provenance: JSON text of
 * an object, or NULL. */
vq_status vq_folder_save(const char *folder, const json_t *config, const vq_state *state, uint64_t step, const char *provenance);

typedef struct vq_folder {
    char *path;           /* of config.json */
    vq_safetensors *file; /* the tensors */
    json_t *config;       /* NULL: there is none, as PyTorch leaves a model */
    char kind[64];        /* "" without config */
    uint64_t step;
} vq_folder;

/* Opens a folder and reads config.json and the header of model.safetensors. Close it after a failure too. */
vq_status vq_folder_open(vq_folder *out, const char *folder);
void vq_folder_close(vq_folder *folder);

/* Fails, by name, if the model is of another kind. */
vq_status vq_folder_expect(const vq_folder *folder, const char *kind);

/* Fills a state from the tensors of its names, which must be there in its shapes. */
vq_status vq_folder_load(const vq_folder *folder, vq_state *state);

/* The same check without reading data. */
vq_status vq_folder_check(const vq_folder *folder, const vq_state *state);

/* ---- Trainings ---- */

/* All four files. `model`: the weights that the folder's model has, of the caller. The config is the one that the task gives. */
vq_status vq_checkpoint_save(const char *folder, vq_trainer *trainer, const vq_state *model, const char *provenance);

typedef struct vq_checkpoint {
    char *path; /* of trainer.safetensors */
    vq_safetensors *file;
    json_t *run;          /* the metadata: "model", "options", "dataset", ... */
    const char *kind;     /* of the model */
    const json_t *config; /* "model" and "options" of it, borrowed */
    const json_t *options;
} vq_checkpoint;

/* Opens the last checkpoint of a folder. Close it after a failure too. */
vq_status vq_checkpoint_open(vq_checkpoint *out, const char *folder);
void vq_checkpoint_close(vq_checkpoint *checkpoint);

/* Fails unless the run is of this kind and was trained on sequences of this fingerprint. */
vq_status vq_checkpoint_expect(const vq_checkpoint *checkpoint, const char *kind, uint64_t fingerprint);

/* Puts a trainer, made with the checkpoint's config and options, where the checkpoint was taken; `state` receives its weights, or those
 * that did best if it is where the task keeps them. */
vq_status vq_checkpoint_load(const vq_checkpoint *checkpoint, vq_trainer *trainer, vq_state *state);

#endif

/* Stage 1 as a task: windows of a dataset, reconstruction and commitment, codebooks that move by their averages. */
#ifndef VQ_TRAIN_TOKENIZER_TASK_H
#define VQ_TRAIN_TOKENIZER_TASK_H

#include "nn/model.h"
#include "seq/dataset.h"
#include "train/trainer.h"

typedef struct vq_tokenizer_task {
    vq_model *model;
    const vq_dataset *dataset;
    vqdna_train_options options; /* resolved */
    bool started;                /* the codebooks are */
    int parts;                   /* micro-batches of a step */
    vq_row *rows;                /* [parts][M] of the step, or of a batch the codebooks start from */
    int known;                   /* of them that hold a known base */
    uint64_t known_since;        /* the last report, over the steps */
    uint8_t *window;
    int32_t *indices; /* rows: those of a part that hold a known base, or for re-seeding */
} vq_tokenizer_task;

/* A trainer of this task; *self, its own, is for reaching the model. `options` resolved. The model's weights are set by the caller
 * (vq_model_put); started: the codebooks have codes that are to be kept. */
vq_status vq_tokenizer_trainer(vq_trainer **out, vq_tokenizer_task **self, vq_device *device, const vq_config *config,
                               const vq_dataset *dataset, const vqdna_train_options *options, bool started);

/* The memory of such a training, declared and not bound: of its model, and of the codebooks' start, needed beside it for a while. */
typedef struct vq_tokenizer_memory {
    vq_model *model;
    vq_plan *start;
    vq_codebook_origin origin;
} vq_tokenizer_memory;
vq_status vq_tokenizer_memory_plan(vq_tokenizer_memory *memory, vq_device *device, const vq_config *config,
                                   const vqdna_train_options *options);
void vq_tokenizer_memory_destroy(vq_tokenizer_memory *memory);
size_t vq_tokenizer_memory_bytes(const vq_tokenizer_memory *memory);

/* Whether the device has room for both; VQDNA_ERR_MEMORY says what is too large. */
vq_status vq_tokenizer_memory_fits(const vq_tokenizer_memory *memory);

/* The most windows a step may have for that, 0 if not even one does; micro-batches are as large as the step. */
vq_status vq_tokenizer_memory_largest_batch(int *out, vq_device *device, const vq_config *config,
                                            const vqdna_train_options *options);

#endif

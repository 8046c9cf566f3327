/* Hierarchical residual quantization (ops/quantize.h has the formulas): a codebook a level, moved by an exponential moving average.
 */
#ifndef VQ_NN_QUANTIZER_H
#define VQ_NN_QUANTIZER_H

#include "device/plan.h"
#include "nn/config.h"
#include "ops/codebook.h"

typedef struct vq_level {
    int K;
    vq_tensor e, n, s, f;      /* codes [K][D]; averages of count [K] and sum [K][D]; the faster average of use [K] */
    vq_tensor packed;          /* e as the search reads it */
    vq_tensor h, codes;        /* [M][D] (level 1 uses the tap itself), int32 [M] */
    vq_tensor counts, sums;    /* of the step: int32 [K], rows given to a code; [K][D], the sum of their targets */
    vq_tensor usage, reseeded; /* int32 [K], [1]: since the last report */
    vq_tensor rows;            /* int32 [K]: rows of the batch for codes to be re-seeded from */
} vq_level;

typedef struct vq_quantizer {
    const vq_config *config;
    int M;
    vq_level level[VQDNA_MAX_LEVELS];
    vq_tensor zhat;                      /* [M][D]: what the decoder sees */
    vq_tensor total;                     /* [M][D]: sum of the codes so far */
    vq_tensor counts, sums, order, work; /* scratch */
} vq_quantizer;

void vq_quantizer_plan(vq_quantizer *quantizer, vq_plan *plan, vq_device *device, const vq_config *config, int M);

/* To be called after the codebooks were written to and before forward. */
vq_status vq_quantizer_pack(vq_quantizer *quantizer, vq_device *device);

/* Codes of every level and zhat from the taps [M][D] of each level. metrics[slot] += the commitment: the mean over levels, channels
 * and the `known` rows of a step that hold a known base, unless metrics is VQ_NO_VIEW. */
vq_status vq_quantizer_forward(vq_quantizer *quantizer, vq_device *device, const vq_view *taps, vq_view rows, vq_view metrics,
                               int slot, int known);

/* The gradient of one level's tap, counted from 0: d = or += from dzhat and beta times the commitment. */
vq_status vq_quantizer_backward(vq_quantizer *quantizer, vq_device *device, vq_view d, vq_view dzhat, vq_view tap, vq_view rows,
                                int level, float beta, int known, bool add);

/* The same two for the unquantized start: zhat is the mean of the taps. */
vq_status vq_quantizer_mean_forward(vq_quantizer *quantizer, vq_device *device, const vq_view *taps, vq_view rows);
vq_status vq_quantizer_mean_backward(vq_quantizer *quantizer, vq_device *device, vq_view d, vq_view dzhat, vq_view rows, bool add);

/* What the moving averages need of the batch of the last forward: level->counts and sums =, or += if `add`. With several nodes each
 * adds the others' to its own. */
vq_status vq_quantizer_sums(vq_quantizer *quantizer, vq_device *device, const vq_view *taps, vq_view rows, bool add);

/* Moves the codebooks by the sums of `count` rows. Codes out of use start over from the rows level->rows, uploaded before, of the
 * last forward's batch. */
vq_status vq_quantizer_update(vq_quantizer *quantizer, vq_device *device, const vq_view *taps, int count, vq_codebook_rates rates);

/* What a level (counted from 0) quantizes in the rows of the last encoder forward, with the codes of the levels before it: *target
 * is its view [M][D]. */
vq_status vq_quantizer_target(vq_quantizer *quantizer, vq_device *device, vq_view *target, const vq_view *taps, vq_view rows,
                              int level);

/* -- A codebook's start: gather the vectors of some batches, then k-means. Levels are started in order. -- */

/* Memory of a start, of a plan of its own that is let go after it. */
typedef struct vq_codebook_origin {
    vq_tensor vectors; /* [count][D] */
    vq_tensor codes, order, uniforms, counts, sums, work;
} vq_codebook_origin;
void vq_quantizer_start_plan(const vq_quantizer *quantizer, vq_codebook_origin *memory, vq_plan *plan, vq_device *device,
                             int count);

/* k-means++ with uniforms [K] from [0, 1), then `rounds` Lloyd rounds over the first `count` vectors; the averages start from it. */
vq_status vq_quantizer_start(vq_quantizer *quantizer, vq_device *device, vq_codebook_origin *memory, int level, int count,
                             const float *uniforms, int rounds);

#endif

/* The body of the models that read tokens: embeddings, an encoder of attention, convolutions or both, a norm. A token is one entry of each of some tables; a
 * position's vector is
 *     u = scale * sum over tables of the entry's vector            frozen vectors of `dim` channels pass through join: dim -> width
 *     x = drop(input_norm(join(u) + mask, if hidden, + position))
 * There are position vectors only where the first layer is attention, which is blind to order: a convolution is not, and has no use for
 * a vector for each of a million positions. A base a token is one table of 5; overlapping words, one of 4^K + 1; a convolution over bases of width R, R tables of 5, each of the
 * base at its own offset; codes of a tokenizer, a table a level, frozen at its vectors or learned. */
#ifndef VQ_NN_BODY_H
#define VQ_NN_BODY_H

#include "nn/adapter.h"
#include "nn/layer.h"
#include "ops/embedding.h"

enum { VQ_MAX_TABLES = 16, VQ_MAX_LAYERS = 64 };

typedef struct vq_body_config {
    vq_layer_config layer;
    int layers, positions; /* positions: the most a sequence may have */
    vq_mixer mixers[VQ_MAX_LAYERS];
    int tables, entries[VQ_MAX_TABLES];
    int dim; /* of frozen vectors; 0: the vectors are learned, of the body's width */
    double scale;
    /* How often the last table's vectors count beside that, unless 0: AdamW's steps are of one size, and vectors that begin at zero would
     * be long in coming up to the others. */
    double last_scale;
} vq_body_config;

/* How a body is trained; all zero, or NULL: it is, whole. */
typedef struct vq_body_training {
    bool recompute; /* activations of a layer are computed again in backward: memory grows by one [M][width] a layer */
    bool frozen;    /* its weights are, and there is no backward */
    vq_adapter_options
        adapters; /* of rank above 0: its weights are frozen, and adapters of the layers are trained in their place */
} vq_body_training;

typedef struct vq_body {
    vq_body_config config;
    vq_device *device;
    int planned_B, planned_L;
    vq_body_training how;
    vq_adapter *adapters; /* [layers][4], those of a layer one after another */
    bool bound;           /* the adapters are, and what convolutions need is there */
    vq_tensor sink;       /* where gradients go that nobody asks for: of frozen norms and biases */
    vq_layer_batch batch;

    vq_tensor vectors[VQ_MAX_TABLES], join_weight, join_bias, mask_vector, position;
    vq_tensor in_weight, in_bias, out_weight, out_bias; /* the norms before and behind the layers; post-norm has none behind */
    vq_layer *layers;
    vq_layer_saved shared;

    vq_tensor ids[VQ_MAX_TABLES], place, hidden, there; /* inputs: int32 [M] each, uint8 [M] */
    vq_tensor rows, features;                           /* of convolutions: uint8 [M][4], [L][5] */
    bool any_hidden, padded;                            /* of this batch: whether `hidden` and `there` are to be looked at */
    vq_tensor joined, sum, in_stats, x, out, out_stats; /* u [M][dim]; its sum with mask and position, x, the result [M][width] */
    vq_tensor sums, counts, order, scratch, work;
    vq_tensor ga, gb; /* gradients [M][width] */
} vq_body;

/* Whether a layer has this mixer; whether there are position vectors. */
bool vq_body_has(const vq_body_config *config, vq_mixer mixer);
bool vq_body_has_positions(const vq_body_config *config);

/* Rejects what cannot be: a width that is no multiple of the heads, ranges. Names say so in the user's words. */
vq_status vq_body_check(const vq_body_config *config);

/* Declares the tensors of a body, zeroed before, for up to B sequences of L positions. */
vq_status vq_body_plan(vq_body *body, vq_plan *plan, vq_device *device, const vq_body_config *config, int B, int L,
                       const vq_body_training *how);

/* Before the plan is destroyed, and after. */
void vq_body_unbind(vq_body *body);
void vq_body_free(vq_body *body);

/* From now on a batch is B sequences of L positions. */
void vq_body_use(vq_body *body, int B, int L);

/* To the device, without waiting: ids of each table [tables][M], an id of entries[t] for none; place: the position each has, counted in
 * bases; hidden: 0 where the token is hidden, 1 elsewhere, NULL: none is; there: 0 where there is none, 1 elsewhere, NULL: all are. */
vq_status vq_body_upload(vq_body *body, const int32_t *ids, const int32_t *place, const int32_t *hidden, const uint8_t *there);

/* The same of arrays of a larger batch, of `rows` tokens, from the one numbered `first`. */
vq_status vq_body_upload_part(vq_body *body, const int32_t *ids, const int32_t *place, const int32_t *hidden, const uint8_t *there,
                              size_t rows, size_t first);

/* body->out [M][width]. dropout 0 outside training. */
vq_status vq_body_forward(vq_body *body, double dropout, vq_draws draws);

/* Weights' gradients += from d_out, put into body->ga by the caller. Once after each forward. */
vq_status vq_body_backward(vq_body *body);

#endif

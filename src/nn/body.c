#include "nn/body.h"

#include "base/integer.h"
#include "ops/layernorm.h"
#include "ops/linear.h"
#include "ops/rows.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Plan -------------------------------------------------------------------------------------------------------------------- */

bool vq_body_has(const vq_body_config *c, vq_mixer mixer) {
    for (int i = 0; i < c->layers; i++)
        if (c->mixers[i] == mixer)
            return true;
    return false;
}

bool vq_body_has_positions(const vq_body_config *c) {
    return c->mixers[0] == VQ_ATTENTION;
}

vq_status vq_body_check(const vq_body_config *c) {
    const struct {
        const char *name;
        int value, most;
    } ranges[] = {{"width", c->layer.width, 8192},      {"heads", c->layer.heads, 1024},      {"feed", c->layer.feed, 1 << 16},
                  {"layers", c->layers, VQ_MAX_LAYERS}, {"positions", c->positions, 1 << 20}, {"tables", c->tables, VQ_MAX_TABLES}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].value < 1 || ranges[i].value > ranges[i].most)
            return vq_fail(VQDNA_ERR_USAGE, "%s is %d, it must be between 1 and %d", ranges[i].name, ranges[i].value,
                           ranges[i].most);
    if (vq_body_has(c, VQ_ATTENTION) && (c->layer.width % c->layer.heads || c->layer.width / c->layer.heads > 128))
        return vq_fail(VQDNA_ERR_USAGE, "width %d does not go into %d heads of at most 128 channels each", c->layer.width,
                       c->layer.heads);
    return VQDNA_OK;
}

static float scale_of(const vq_body_config *c, int table) {
    return (float)(c->scale * (c->last_scale > 0 && table == c->tables - 1 ? c->last_scale : 1));
}

static int widest_table(const vq_body_config *c) {
    int most = vq_body_has_positions(c) ? c->positions : 1;
    for (int t = 0; t < c->tables; t++)
        most = vq_max_int(most, c->entries[t]);
    return most;
}

static bool adapted(const vq_body *b) {
    return b->how.adapters.rank > 0;
}

static void plan_weights(vq_body *b, vq_plan *plan) {
    const vq_body_config *c = &b->config;
    const size_t W = (size_t)c->layer.width, dim = c->dim ? (size_t)c->dim : W;
    if (c->dim)
        vq_plan_freeze(plan);
    for (int t = 0; t < c->tables; t++) {
        vq_plan_enter(plan, "input.%d.", t);
        vq_plan_weight(plan, &b->vectors[t], "weight", vq_normal_start(0.5, true), (size_t)c->entries[t], dim);
        vq_plan_leave(plan);
    }
    if (c->dim) {
        if (!b->how.frozen && !adapted(b))
            vq_plan_thaw(plan);
        vq_plan_weight(plan, &b->join_weight, "join.weight", vq_weight_start(dim), W, dim);
        vq_plan_weight(plan, &b->join_bias, "join.bias", vq_bias_start(dim), W);
    }
    vq_plan_weight(plan, &b->mask_vector, "mask.weight", vq_normal_start(0.02, false), 1, W);
    if (vq_body_has_positions(c))
        vq_plan_weight(plan, &b->position, "position.weight", vq_normal_start(0.02, false), (size_t)c->positions, W);
    vq_plan_weight(plan, &b->in_weight, "input_norm.weight", VQ_ONES, W);
    vq_plan_weight(plan, &b->in_bias, "input_norm.bias", VQ_ZEROS, W);
}

static void plan_batch(vq_body *b, vq_plan *plan, bool training) {
    const vq_body_config *c = &b->config;
    const size_t M = (size_t)b->planned_B * (size_t)b->planned_L, W = (size_t)c->layer.width, V = (size_t)widest_table(c);
    const int m = (int)M, w = c->layer.width;
    for (int t = 0; t < c->tables; t++) {
        vq_plan_enter(plan, "ids.%d", t);
        vq_plan_tensor(plan, &b->ids[t], VQ_INPUT, VQ_I32, "", M);
        vq_plan_leave(plan);
    }
    if (vq_body_has_positions(c))
        vq_plan_tensor(plan, &b->place, VQ_INPUT, VQ_I32, "place", M);
    if (vq_body_has(c, VQ_HYENA)) {
        vq_plan_tensor(plan, &b->rows, VQ_INPUT, VQ_U8, "rows", M, sizeof(vq_row));
        vq_plan_tensor(plan, &b->features, VQ_INPUT, VQ_F32, "features", (size_t)b->planned_L, VQ_HYENA_FEATURES);
    }
    vq_plan_tensor(plan, &b->hidden, VQ_INPUT, VQ_I32, "hidden", M);
    vq_plan_tensor(plan, &b->there, VQ_INPUT, VQ_U8, "there", M);
    if (c->dim)
        vq_plan_tensor(plan, &b->joined, VQ_SAVED, VQ_F32, "joined", M, (size_t)c->dim);
    vq_plan_tensor(plan, &b->sum, VQ_SAVED, VQ_F32, "sum", M, W);
    vq_plan_tensor(plan, &b->in_stats, VQ_SAVED, VQ_F32, "in_stats", M, 2);
    vq_plan_tensor(plan, &b->x, VQ_SAVED, VQ_F32, "x", M, W);
    vq_plan_tensor(plan, &b->out, VQ_SAVED, VQ_F32, "out", M, W);
    vq_plan_tensor(plan, &b->out_stats, VQ_SAVED, VQ_F32, "out_stats", M, 2);
    if (training && !b->how.frozen) {
        vq_plan_tensor(plan, &b->ga, VQ_SAVED, VQ_F32, "gradient.a", M, W);
        vq_plan_tensor(plan, &b->gb, VQ_SAVED, VQ_F32, "gradient.b", M, W);
        if (adapted(b))
            vq_plan_tensor(plan, &b->sink, VQ_SAVED, VQ_F32, "sink", vq_max(9 * W, (size_t)c->layer.feed)); /* the short filter */
    }
    vq_plan_scope_begin(plan);
    size_t work = c->dim ? vq_linear_scratch(b->device, m, c->dim, w) : 1;
    if (training && !b->how.frozen) {
        work = vq_max(work, vq_layernorm_scratch(b->device, m, w));
        vq_plan_tensor(plan, &b->sums, VQ_SCRATCH, VQ_F32, "sums", V + 1, W);
        vq_plan_tensor(plan, &b->counts, VQ_SCRATCH, VQ_I32, "counts", V + 1);
        vq_plan_tensor(plan, &b->order, VQ_SCRATCH, VQ_I32, "order", M);
        size_t most = 1;
        for (int t = 0; t < c->tables; t++)
            most = vq_max(most, vq_embedding_scratch(b->device, m, c->entries[t]));
        if (vq_body_has_positions(c))
            most = vq_max(most, vq_embedding_scratch(b->device, m, c->positions));
        vq_plan_tensor(plan, &b->scratch, VQ_SCRATCH, VQ_U8, "scratch", most);
    }
    vq_plan_tensor(plan, &b->work, VQ_SCRATCH, VQ_U8, "work", work);
    vq_plan_scope_end(plan);
}

/* An adapter for each product of a layer, or for those about its mixer; and a sink for what is not asked for. */
static void plan_adapters(vq_body *b, vq_plan *plan, int layer) {
    static const char *const names[][4] = {[VQ_ATTENTION] = {"self_attn.in_proj", "self_attn.out_proj", "linear1", "linear2"},
                                           [VQ_HYENA] = {"mixer.in_proj", "mixer.out_proj", "linear1", "linear2"}};
    vq_layer *l = &b->layers[layer];
    const vq_tensor *bases[] = {&l->in_weight, &l->out_weight, &l->up_weight, &l->down_weight};
    const vq_tensor **used[] = {&l->in, &l->out, &l->up, &l->down};
    for (int k = 0; k < (b->how.adapters.feed ? 4 : 2); k++) {
        vq_adapter *a = &b->adapters[4 * layer + k];
        vq_adapter_plan(a, plan, b->device, names[l->config.mixer][k], bases[k], &b->how.adapters);
        *used[k] = &a->merged;
    }
}

static vq_status plan_layers(vq_body *b, vq_plan *plan, bool training) {
    const vq_body_config *c = &b->config;
    const bool share = b->how.recompute || !training || b->how.frozen;
    VQ_TRY(vq_alloc(&b->layers, (size_t)c->layers, sizeof *b->layers));
    VQ_TRY(vq_alloc(&b->adapters, 4 * (size_t)c->layers, sizeof *b->adapters));
    vq_plan_enter(plan, "body.");
    if (share && !vq_plan_is_list(plan))
        vq_layer_saved_plan(&b->shared, plan, b->device, &c->layer, vq_body_has(c, VQ_ATTENTION), vq_body_has(c, VQ_HYENA),
                            b->planned_B, b->planned_L);
    for (int i = 0; i < c->layers; i++) {
        vq_layer_config layer = c->layer;
        layer.mixer = c->mixers[i];
        layer.positions = c->positions;
        vq_plan_enter(plan, "layers.%d.", i);
        b->layers[i].number = i;
        vq_layer_plan(&b->layers[i], plan, b->device, &layer, b->planned_B, b->planned_L, share ? &b->shared : NULL);
        if (adapted(b)) {
            vq_plan_thaw(plan);
            plan_adapters(b, plan, i);
            vq_plan_freeze(plan);
        }
        vq_plan_leave(plan);
    }
    if (!c->layer.post_norm) {
        vq_plan_weight(plan, &b->out_weight, "norm.weight", VQ_ONES, (size_t)c->layer.width);
        vq_plan_weight(plan, &b->out_bias, "norm.bias", VQ_ZEROS, (size_t)c->layer.width);
    }
    vq_plan_leave(plan);
    return VQDNA_OK;
}

vq_status vq_body_plan(vq_body *b, vq_plan *plan, vq_device *device, const vq_body_config *config, int B, int L,
                       const vq_body_training *how) {
    const bool training = vq_plan_is_training(plan);
    b->config = *config;
    b->device = device;
    b->planned_B = B;
    b->planned_L = L;
    if (how && training)
        b->how = *how;
    VQ_TRY(vq_body_check(config));
    if (b->how.frozen || adapted(b))
        vq_plan_freeze(plan);
    plan_weights(b, plan);
    VQ_TRY(plan_layers(b, plan, training));
    if (b->how.frozen || adapted(b))
        vq_plan_thaw(plan);
    if (!vq_plan_is_list(plan))
        plan_batch(b, plan, training);
    vq_body_use(b, B, L);
    return VQDNA_OK;
}

void vq_body_free(vq_body *b) {
    free(b->layers);
    free(b->adapters);
    b->layers = NULL;
    b->adapters = NULL;
}

/* ---- Batch ------------------------------------------------------------------------------------------------------------------- */

void vq_body_use(vq_body *b, int B, int L) {
    assert(B >= 1 && L >= 1 && (int64_t)B * L <= (int64_t)b->planned_B * b->planned_L && L <= b->planned_L);
    b->batch.B = B;
    b->batch.L = L;
}

/* How far a short convolution may look: as far as positions are there, or are not. */
static vq_status upload_rows(vq_body *b, const uint8_t *there) {
    const int B = b->batch.B, L = b->batch.L;
    vq_row *rows;
    VQ_TRY(vq_alloc(&rows, (size_t)B * (size_t)L, sizeof *rows));
    for (int i = 0; i < B; i++)
        for (int first = 0, end; first < L; first = end) {
            const size_t row = (size_t)i * (size_t)L;
            for (end = first + 1; end < L && (!there || there[row + (size_t)end] == there[row + (size_t)first]);)
                end++;
            for (int l = first; l < end; l++)
                rows[row + (size_t)l] = (vq_row){.left = (uint8_t)vq_min_int(l - first, VQ_MAX_REACH),
                                                 .right = (uint8_t)vq_min_int(end - 1 - l, VQ_MAX_REACH)};
        }
    vq_status status = vq_upload(b->device, b->rows.view, rows, (size_t)B * (size_t)L * sizeof *rows);
    free(rows);
    return status;
}

vq_status vq_body_upload(vq_body *b, const int32_t *ids, const int32_t *place, const int32_t *hidden, const uint8_t *there) {
    return vq_body_upload_part(b, ids, place, hidden, there, (size_t)b->batch.B * (size_t)b->batch.L, 0);
}

vq_status vq_body_upload_part(vq_body *b, const int32_t *ids, const int32_t *place, const int32_t *hidden, const uint8_t *there,
                              size_t rows, size_t first) {
    const size_t M = (size_t)b->batch.B * (size_t)b->batch.L;
    for (int t = 0; t < b->config.tables; t++)
        VQ_TRY(vq_upload(b->device, b->ids[t].view, ids + (size_t)t * rows + first, M * sizeof *ids));
    if (vq_body_has_positions(&b->config))
        VQ_TRY(vq_upload(b->device, b->place.view, place + first, M * sizeof *place));
    if (vq_body_has(&b->config, VQ_HYENA))
        VQ_TRY(upload_rows(b, there ? there + first : NULL));
    b->any_hidden = hidden != NULL;
    b->padded = there != NULL;
    if (hidden)
        VQ_TRY(vq_upload(b->device, b->hidden.view, hidden + first, M * sizeof *hidden));
    if (there)
        VQ_TRY(vq_upload(b->device, b->there.view, there + first, M));
    b->batch.mask = there ? b->there.view : VQ_NO_VIEW;
    b->batch.rows = b->rows.view;
    b->batch.features = b->features.view;
    return VQDNA_OK;
}

/* ---- Forward and backward ---------------------------------------------------------------------------------------------------- */

enum { INPUT_BRANCH = 2 * VQ_MAX_LAYERS }; /* draws behind those of the layers */

static vq_draws input_draws(const vq_body *b) {
    vq_draws d = b->batch.draws;
    d.stream += INPUT_BRANCH;
    return d;
}

/* Gradients of frozen norms, biases and short filters, borrowed: to a sink, or to nowhere. */
static void lend(vq_body *b, vq_view sink) {
    for (int i = 0; i < b->config.layers; i++) {
        vq_layer *l = &b->layers[i];
        vq_tensor *const idle[] = {&l->in_bias,    &l->out_bias,     &l->up_bias,    &l->down_bias,          &l->norm1_weight,
                                   &l->norm1_bias, &l->norm2_weight, &l->norm2_bias, &l->hyena.short_weight, &l->hyena.short_bias,
                                   &l->hyena.bias};
        for (size_t k = 0; k < sizeof idle / sizeof *idle; k++)
            idle[k]->grad = sink;
    }
    b->out_weight.grad = b->out_bias.grad = sink;
}

static vq_status bind_adapters(vq_body *b) {
    for (int i = 0; i < 4 * b->config.layers; i++)
        if (b->adapters[i].rank)
            VQ_TRY(vq_adapter_bind(&b->adapters[i], b->device));
    lend(b, b->sink.view);
    return vq_zero(b->device, b->sink.view);
}

static vq_status write_features(vq_body *b) {
    const size_t count = (size_t)b->planned_L * VQ_HYENA_FEATURES;
    float *features;
    VQ_TRY(vq_alloc(&features, count, sizeof *features));
    vq_hyena_features(features, b->planned_L, b->config.positions);
    vq_status status = vq_write(b->device, b->features.view, 0, features, count * sizeof *features);
    free(features);
    return status;
}

/* Once the plan is bound. */
static vq_status bind(vq_body *b) {
    if (b->bound)
        return VQDNA_OK;
    if (adapted(b))
        VQ_TRY(bind_adapters(b));
    if (vq_body_has(&b->config, VQ_HYENA))
        VQ_TRY(write_features(b));
    b->bound = true;
    return VQDNA_OK;
}

void vq_body_unbind(vq_body *b) {
    if (!b->bound || !adapted(b))
        return;
    lend(b, VQ_NO_VIEW);
    for (int i = 0; i < 4 * b->config.layers; i++)
        b->adapters[i].merged.grad = VQ_NO_VIEW;
    b->bound = false;
}

static vq_status for_adapters(vq_body *b, vq_status (*fn)(vq_adapter *adapter, vq_device *device)) {
    for (int i = 0; i < 4 * b->config.layers; i++)
        if (b->adapters[i].rank)
            VQ_TRY(fn(&b->adapters[i], b->device));
    return VQDNA_OK;
}

static vq_view input_of(const vq_body *b, int layer) {
    return layer ? b->layers[layer - 1].y.view : b->x.view;
}

vq_status vq_body_forward(vq_body *b, double dropout, vq_draws draws) {
    const vq_body_config *c = &b->config;
    const int M = b->batch.B * b->batch.L, W = c->layer.width, dim = c->dim ? c->dim : W;
    vq_view u = c->dim ? b->joined.view : b->sum.view;
    b->batch.dropout = dropout;
    b->batch.draws = draws;
    VQ_TRY(bind(b));
    if (adapted(b))
        VQ_TRY(for_adapters(b, vq_adapter_merge));
    for (int t = 0; t < c->tables; t++)
        VQ_TRY(
            vq_embedding_forward(b->device, u, b->vectors[t].view, b->ids[t].view, M, dim, c->entries[t], scale_of(c, t), t > 0));
    if (c->dim) /* sum [M][W] = u [M][dim] join [W][dim]^T */
        VQ_TRY(vq_linear_forward(b->device, b->sum.view, b->work.view, u, b->join_weight.view, b->join_bias.view, M, dim, W));
    if (b->any_hidden)
        VQ_TRY(vq_embedding_forward(b->device, b->sum.view, b->mask_vector.view, b->hidden.view, M, W, 1, 1, true));
    if (vq_body_has_positions(c))
        VQ_TRY(vq_embedding_forward(b->device, b->sum.view, b->position.view, b->place.view, M, W, c->positions, 1, true));
    VQ_TRY(vq_layernorm_forward(b->device, b->x.view, b->in_stats.view, b->sum.view, b->in_weight.view, b->in_bias.view, M, W));
    if (dropout > 0)
        VQ_TRY(vq_dropout_forward(b->device, b->x.view, b->x.view, VQ_NO_VIEW, (size_t)M * (size_t)W, dropout, input_draws(b)));
    for (int i = 0; i < c->layers; i++)
        VQ_TRY(vq_layer_forward(&b->layers[i], b->device, input_of(b, i), &b->batch));
    vq_view y = input_of(b, c->layers);
    if (c->layer.post_norm)
        return vq_copy(b->device, b->out.view, 0, y, 0, (size_t)M * (size_t)W * sizeof(float));
    return vq_layernorm_forward(b->device, b->out.view, b->out_stats.view, y, b->out_weight.view, b->out_bias.view, M, W);
}

vq_status vq_body_backward(vq_body *b) {
    const vq_body_config *c = &b->config;
    const int M = b->batch.B * b->batch.L, W = c->layer.width;
    const vq_embedding_work work = {b->sums.view, b->counts.view, b->order.view, b->scratch.view};
    vq_view dy = b->ga.view, dx = b->gb.view;
    if (!c->layer.post_norm)
        VQ_TRY(vq_layernorm_backward(b->device, dy, b->out_weight.grad, b->out_bias.grad, b->work.view, dy, input_of(b, c->layers),
                                     b->out_stats.view, b->out_weight.view, VQ_NO_VIEW, M, W));
    for (int i = c->layers - 1; i >= 0; i--) {
        if (b->how.recompute && i < c->layers - 1) /* what the last layer keeps is still there */
            VQ_TRY(vq_layer_forward(&b->layers[i], b->device, input_of(b, i), &b->batch));
        VQ_TRY(vq_layer_backward(&b->layers[i], b->device, dx, dy, input_of(b, i), &b->batch));
        vq_view swap = dx;
        dx = dy;
        dy = swap;
    }
    if (adapted(b))
        return for_adapters(b, vq_adapter_split);
    if (b->batch.dropout > 0)
        VQ_TRY(vq_dropout_backward(b->device, dy, dy, (size_t)M * (size_t)W, b->batch.dropout, input_draws(b)));
    VQ_TRY(vq_layernorm_backward(b->device, dy, b->in_weight.grad, b->in_bias.grad, b->work.view, dy, b->sum.view, b->in_stats.view,
                                 b->in_weight.view, VQ_NO_VIEW, M, W));
    if (vq_body_has_positions(c))
        VQ_TRY(vq_embedding_backward(b->device, b->position.grad, &work, dy, b->place.view, M, W, c->positions, 1));
    if (b->any_hidden)
        VQ_TRY(vq_embedding_backward(b->device, b->mask_vector.grad, &work, dy, b->hidden.view, M, W, 1, 1));
    if (c->dim) /* djoin [W][dim] += dy [M][W]^T u [M][dim] */
        return vq_linear_backward_weight(b->device, b->join_weight.grad, b->join_bias.grad, b->work.view, dy, b->joined.view, M,
                                         c->dim, W);
    for (int t = 0; t < c->tables; t++)
        VQ_TRY(
            vq_embedding_backward(b->device, b->vectors[t].grad, &work, dy, b->ids[t].view, M, W, c->entries[t], scale_of(c, t)));
    return VQDNA_OK;
}

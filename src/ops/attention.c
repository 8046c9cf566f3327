#include "ops/attention.h"

#include "ops/gemm.h"

#include <math.h>
#include <stdio.h>

enum { GPU_SQUARE = 64, GPU_SIDE = 16, WANTED_GROUPS = 16, DELTA_ROWS = 64 };

static int ceil_div(int a, int b) {
    return (a + b - 1) / b;
}

/* ---- The blocks of a work-item on a CPU: as in cl/attention.cl ----------------------------------------------------------------
 */

typedef struct {
    int query_panels, keys;  /* forward: QP, KB */
    int key_panels, queries; /* backward: KP, QB */
} blocks;

static int tile_rows(const vq_device *device) {
    return device->vector_width == 16 ? 8 : 4;
}

static size_t forward_floats(const vq_device *device, int d, const blocks *b) {
    size_t rows = (size_t)tile_rows(device), padded = ((size_t)d + rows - 1) / rows * rows, panel = (size_t)vq_tile_columns(device);
    return 2 * (size_t)b->query_panels * padded * panel + (size_t)b->keys * (2 * (padded + 16) + panel);
}

static size_t backward_floats(const vq_device *device, int d, const blocks *b) {
    size_t rows = (size_t)tile_rows(device), padded = ((size_t)d + rows - 1) / rows * rows, panel = (size_t)vq_tile_columns(device);
    size_t wide = ((size_t)d + panel - 1) / panel * panel, keys = (size_t)b->key_panels * panel;
    return keys * (4 * padded + wide) + (size_t)b->queries * (2 * (padded + 16) + 2 * keys);
}

/* The largest blocks that fit local memory; false if none do. */
static bool cut(const vq_device *device, int d, blocks *b) {
    const size_t most = device->info.local_bytes / sizeof(float);
    const int least = tile_rows(device);
    *b = (blocks){4, 128, 4, 64};
    if (device->family != VQ_FAMILY_CPU)
        return false;
    while (forward_floats(device, d, b) > most && (b->query_panels > 1 || b->keys > least)) {
        b->keys = b->keys > least ? b->keys / 2 : least;
        b->query_panels = b->query_panels > 1 ? b->query_panels / 2 : 1;
    }
    while (backward_floats(device, d, b) > most && (b->key_panels > 1 || b->queries > least)) {
        b->queries = b->queries > least ? b->queries / 2 : least;
        b->key_panels = b->key_panels > 1 ? b->key_panels / 2 : 1;
    }
    return forward_floats(device, d, b) <= most && backward_floats(device, d, b) <= most;
}

/* How many parts of the keys of a head have a work-item, and a dq, of their own: more than one only if heads are few. */
static int parts(const vq_device *device, const vq_attention_shape *s, const blocks *b) {
    int most = ceil_div(s->L, b->key_panels * vq_tile_columns(device)), wanted = ceil_div(WANTED_GROUPS, s->B * s->H);
    int blocks_each = ceil_div(most, wanted < most ? wanted : most);
    return ceil_div(most, blocks_each);
}

static void build_options(char *out, size_t size, bool tiles, int d, const blocks *b) {
    if (tiles)
        snprintf(out, size, "-DD=%d -DQP=%d -DKB=%d -DKP=%d -DQB=%d -DROWS=%d", d, b->query_panels, b->keys, b->key_panels,
                 b->queries, DELTA_ROWS);
    else
        snprintf(out, size, "-DD=%d", d);
}

static vq_status check(const vq_attention_shape *s) {
    if (s->d < 1 || s->d > VQ_ATTENTION_CHANNELS)
        return vq_fail(VQDNA_ERR_USAGE, "attention heads of %d channels: choose from 1 to %d", s->d, VQ_ATTENTION_CHANNELS);
    return VQDNA_OK;
}

/* ---- Forward and backward -----------------------------------------------------------------------------------------------------
 */

#define LAYOUT(of) vq_int((of).stride), vq_int((of).column)
#define LAYOUTS(s) LAYOUT((s)->q), LAYOUT((s)->k), LAYOUT((s)->v), LAYOUT((s)->o)

vq_status vq_attention_forward(vq_device *device, vq_view o, vq_view lse, vq_view q, vq_view k, vq_view v, vq_view keys,
                               const vq_attention_shape *s) {
    const int B = s->B, H = s->H, L = s->L;
    const float scale = 1.0f / sqrtf((float)s->d);
    char options[128];
    blocks b;
    const bool tiles = cut(device, s->d, &b);
    VQ_TRY(check(s));
    build_options(options, sizeof options, tiles, s->d, &b);
    if (B == 0 || H == 0 || L == 0)
        return VQDNA_OK;
    if (!tiles)
        return vq_run(device, "attention", "attention_square", options,
                      vq_grid2((size_t)ceil_div(L, GPU_SQUARE), (size_t)(B * H), GPU_SIDE, GPU_SIDE), vq_in(o), vq_in(lse),
                      vq_in(q), vq_in(k), vq_in(v), vq_in(keys), vq_int(H), vq_int(L), LAYOUTS(s), vq_float(scale));
    int panels = ceil_div(L, vq_tile_columns(device)), each = b.query_panels;
    while (each > 1 && B * H * ceil_div(panels, each) < WANTED_GROUPS)
        each--;
    return vq_run(device, "attention", "attention_tile", options, vq_grid2((size_t)ceil_div(panels, each), (size_t)(B * H), 1, 1),
                  vq_in(o), vq_in(lse), vq_in(q), vq_in(k), vq_in(v), vq_in(keys), vq_int(H), vq_int(L), LAYOUTS(s),
                  vq_float(scale), vq_int(each));
}

/* scratch: delta [B][H][L], then, if dq is cut, its parts [parts][B][L][H][d]. */
size_t vq_attention_scratch(const vq_device *device, const vq_attention_shape *s) {
    const size_t rows = (size_t)s->B * (size_t)s->H * (size_t)s->L;
    blocks b;
    size_t floats = rows + 1;
    if (cut(device, s->d, &b) && rows > 0 && parts(device, s, &b) > 1)
        floats += (size_t)parts(device, s, &b) * rows * (size_t)s->d;
    return floats * sizeof(float);
}

vq_status vq_attention_backward(vq_device *device, vq_view dq, vq_view dk, vq_view dv, vq_view scratch, vq_view d_o, vq_view q,
                                vq_view k, vq_view v, vq_view o, vq_view lse, vq_view keys, const vq_attention_shape *s) {
    const int B = s->B, H = s->H, L = s->L;
    const float scale = 1.0f / sqrtf((float)s->d);
    char options[128];
    blocks b;
    const bool tiles = cut(device, s->d, &b);
    const size_t heads = (size_t)(B * H);
    VQ_TRY(check(s));
    build_options(options, sizeof options, tiles, s->d, &b);
    if (B == 0 || H == 0 || L == 0)
        return VQDNA_OK;
    const vq_grid by_rows = vq_grid2((size_t)ceil_div(L, DELTA_ROWS), heads, tiles ? 1 : DELTA_ROWS, 1);
    VQ_TRY(vq_run(device, "attention", "attention_delta", options, by_rows, vq_in(scratch), vq_in(d_o), vq_in(o), vq_int(H),
                  vq_int(L), LAYOUT(s->o)));
    if (!tiles) {
        const vq_grid grid = vq_grid2((size_t)ceil_div(L, GPU_SQUARE), heads, GPU_SIDE, GPU_SIDE);
        VQ_TRY(vq_run(device, "attention", "attention_grad_queries", options, grid, vq_in(dq), vq_in(d_o), vq_in(q), vq_in(k),
                      vq_in(v), vq_in(lse), vq_in(scratch), vq_in(keys), vq_int(H), vq_int(L), LAYOUTS(s), vq_float(scale)));
        return vq_run(device, "attention", "attention_grad_keys", options, grid, vq_in(dk), vq_in(dv), vq_in(d_o), vq_in(q),
                      vq_in(k), vq_in(v), vq_in(lse), vq_in(scratch), vq_in(keys), vq_int(H), vq_int(L), LAYOUTS(s),
                      vq_float(scale));
    }
    const int count = parts(device, s, &b), each = ceil_div(ceil_div(L, b.key_panels * vq_tile_columns(device)), count);
    const vq_heads cut_up = {H * s->d, B * H * L};
    VQ_TRY(vq_run(device, "attention", "attention_grad_tile", options, vq_grid2((size_t)count, heads, 1, 1),
                  vq_in(count > 1 ? scratch : dq), vq_in(dk), vq_in(dv), vq_in(d_o), vq_in(q), vq_in(k), vq_in(v), vq_in(lse),
                  vq_in(scratch), vq_in(keys), vq_int(H), vq_int(L), LAYOUTS(s), LAYOUT(count > 1 ? cut_up : s->q), vq_float(scale),
                  vq_int(each)));
    if (count == 1)
        return VQDNA_OK;
    return vq_run(device, "attention", "attention_grad_sum", options, by_rows, vq_in(dq), vq_in(scratch), vq_int(H), vq_int(L),
                  LAYOUT(s->q), vq_int(count));
}

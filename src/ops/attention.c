#include "ops/attention.h"

#include "base/integer.h"
#include "ops/gemm.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

enum { WANTED_GROUPS = 16, DELTA_ROWS = 64 };

/* ---- Tunables ---------------------------------------------------------------------------------------------------------------- */

/* On a CPU: panels of queries and keys of a block, forward; panels of keys and queries of a block, backward. On a GPU: items of a
 * work-group in each direction and rows of an item. As the kernels name them. */
enum { QUERY_PANELS, KEYS, KEY_PANELS, QUERIES, SIDE, EACH, TUNABLES };
static const vq_tunable tunables[TUNABLES] = {
    [QUERY_PANELS] = {"QP", {1, 2, 4, 8}, {0, 0, 4, 4}}, [KEYS] = {"KB", {32, 64, 128, 256}, {0, 0, 128, 128}},
    [KEY_PANELS] = {"KP", {1, 2, 4, 8}, {0, 0, 4, 4}},   [QUERIES] = {"QB", {16, 32, 64, 128}, {0, 0, 64, 64}},
    [SIDE] = {"SIDE", {8, 16}, {16, 16, 0, 0}},          [EACH] = {"EACH", {4, 8}, {4, 4, 0, 0}},
};

enum { NARROW, MIDDLE, WIDE };
static const vq_tuning_shape shapes[] = {
    [NARROW] = {"d32", {4, 4, 512, 32, 0, 1}, {1, 2, 90, 32, 1}, true},
    [MIDDLE] = {"d64", {2, 4, 512, 64, 0, 1}, {1, 2, 90, 64, 1}, true},
    [WIDE] = {"d128", {2, 2, 512, 128, 0, 1}, {1, 2, 90, 128, 1}, true},
};

static size_t round_up(int n, int to) {
    return (size_t)(vq_ceil_div_int(n, to) * to);
}

/* Floats of local memory, as declared in cl/attention_group.cl. */
static size_t group_floats(int d, const int *of) {
    const size_t side = (size_t)of[SIDE], square = side * (size_t)of[EACH], stride = square + 4, width = round_up(d, 4 * of[SIDE]);
    return side * (2 * stride > width ? 2 * stride : width) + square * (stride + 2);
}

/* Of a GPU's kernels; a CPU's blocks are halved until they fit. */
static bool allows(const vq_device *device, int shape, const int *of) {
    static const int widest[] = {[NARROW] = 32, [MIDDLE] = 64, [WIDE] = VQ_ATTENTION_CHANNELS};
    return !of[SIDE] ||
           vq_device_takes(device, (size_t)of[SIDE], (size_t)of[SIDE], group_floats(widest[shape], of) * sizeof(float));
}

const vq_tunables vq_attention_tunables = {
    .operation = "attention",
    .list = tunables,
    .shapes = shapes,
    .count = TUNABLES,
    .shape_count = sizeof shapes / sizeof *shapes,
    .allows = allows,
};

/* ---- Choice ------------------------------------------------------------------------------------------------------------------ */

typedef enum { PLAIN, TILES, GROUPS } variant;

/* Kernels, their tunables and build options. */
typedef struct plan {
    variant variant;
    const char *stem;
    int of[TUNABLES];
    char options[96];
} plan;

/* Floats of local memory, as declared in cl/attention.cl. */
static size_t forward_floats(const vq_device *device, int d, int rows, const int *of) {
    const size_t panel = (size_t)vq_tile_columns(device), padded = round_up(d, rows), keys = (size_t)of[KEYS];
    return 2 * (size_t)of[QUERY_PANELS] * padded * panel + keys * (2 * (padded + 16) + panel + 1);
}

static size_t backward_floats(const vq_device *device, int d, int rows, const int *of) {
    const int panel = vq_tile_columns(device);
    const size_t padded = round_up(d, rows), wide = round_up(d, panel), keys = (size_t)(of[KEY_PANELS] * panel);
    return keys * (4 * padded + wide + 1) + (size_t)of[QUERIES] * (2 * (padded + 16) + 2 * keys);
}

static void halve(int *value, int least) {
    *value = *value / 2 > least ? *value / 2 : least;
}

/* The tuned blocks, halved until they fit local memory; false if none do. */
static bool fit_tiles(const vq_device *device, int d, int *of) {
    const size_t most = device->info.local_bytes / sizeof(float);
    const int rows = device->vector_width == 16 ? 8 : 4;
    while (forward_floats(device, d, rows, of) > most && (of[QUERY_PANELS] > 1 || of[KEYS] > rows)) {
        halve(&of[KEYS], rows);
        halve(&of[QUERY_PANELS], 1);
    }
    while (backward_floats(device, d, rows, of) > most && (of[KEY_PANELS] > 1 || of[QUERIES] > rows)) {
        halve(&of[QUERIES], rows);
        halve(&of[KEY_PANELS], 1);
    }
    return forward_floats(device, d, rows, of) <= most && backward_floats(device, d, rows, of) <= most;
}

static plan choose(vq_device *device, int d) {
    const vq_shape kernels = vq_shape_of(device, "attention");
    const int shape = d <= 32 ? NARROW : d <= 64 ? MIDDLE : WIDE;
    plan p = {.variant = PLAIN, .stem = "attention"};
    vq_tuned_all(p.of, device, &vq_attention_tunables, shape);
    if (kernels.plain) {
        snprintf(p.options, sizeof p.options, "-DD=%d", d);
    } else if (kernels.family == VQ_FAMILY_CPU && fit_tiles(device, d, p.of)) {
        p.variant = TILES;
        snprintf(p.options, sizeof p.options, "-DD=%d -DQP=%d -DKB=%d -DKP=%d -DQB=%d", d, p.of[QUERY_PANELS], p.of[KEYS],
                 p.of[KEY_PANELS], p.of[QUERIES]);
    } else {
        p.variant = GROUPS;
        p.stem = "attention_group";
        if (!p.of[SIDE]) { /* a CPU with little local memory */
            p.of[SIDE] = tunables[SIDE].values[0];
            p.of[EACH] = tunables[EACH].values[0];
        }
        snprintf(p.options, sizeof p.options, "-DD=%d -DSIDE=%d -DEACH=%d", d, p.of[SIDE], p.of[EACH]);
        if (!vq_group_fits(device, p.stem, p.options, (size_t)p.of[SIDE], (size_t)p.of[SIDE])) { /* nor does the compiler */
            p.of[SIDE] = tunables[SIDE].values[0];
            p.of[EACH] = tunables[EACH].values[0];
            snprintf(p.options, sizeof p.options, "-DD=%d -DSIDE=%d -DEACH=%d", d, p.of[SIDE], p.of[EACH]);
        }
    }
    return p;
}

/* Keys of a block of a work-item, backward. */
static int block_keys(const vq_device *device, const plan *p) {
    return p->of[KEY_PANELS] * vq_tile_columns(device);
}

/* How many parts of the keys of a head have a work-item, and a dq, of their own: more than one only if heads are few. */
static int parts(const vq_device *device, const vq_attention_shape *s, const plan *p) {
    if (p->variant != TILES || s->B == 0 || s->H == 0 || s->L == 0)
        return 1;
    int most = vq_ceil_div_int(s->L, block_keys(device, p)), wanted = vq_ceil_div_int(WANTED_GROUPS, s->B * s->H);
    int blocks_each = vq_ceil_div_int(most, wanted < most ? wanted : most);
    return vq_ceil_div_int(most, blocks_each);
}

static vq_status check(const vq_attention_shape *s) {
    if (s->d < 1 || s->d > VQ_ATTENTION_CHANNELS)
        return vq_fail(VQDNA_ERR_USAGE, "attention heads of %d channels: choose from 1 to %d", s->d, VQ_ATTENTION_CHANNELS);
    if ((double)s->B * s->H * s->L > INT_MAX)
        return vq_fail(VQDNA_ERR_USAGE, "attention over %d x %d heads of %d positions: choose a smaller batch", s->B, s->H, s->L);
    return VQDNA_OK;
}

/* ---- Forward and backward ---------------------------------------------------------------------------------------------------- */

#define LAYOUT(of) vq_int((of).stride), vq_int((of).column)
#define LAYOUTS(s) LAYOUT((s)->q), LAYOUT((s)->k), LAYOUT((s)->v), LAYOUT((s)->o)

/* Of the kernels that take a row (plain) or a square of rows at a time, with so many products of L x L. */
static vq_grid by_rows(const plan *p, const vq_attention_shape *s, double products) {
    const int side = p->variant == PLAIN ? 1 : p->of[SIDE], rows = p->variant == PLAIN ? 1 : side * p->of[EACH];
    vq_grid grid = vq_grid2((size_t)vq_ceil_div_int(s->L, rows), (size_t)(s->B * s->H), (size_t)side, (size_t)side);
    grid.flops = 2.0 * products * s->B * s->H * s->L * s->L * s->d;
    return grid;
}

vq_status vq_attention_forward(vq_device *device, vq_view o, vq_view lse, vq_view q, vq_view k, vq_view v, vq_view mask,
                               const vq_attention_shape *s) {
    const float scale = 1.0f / sqrtf((float)s->d);
    const plan p = choose(device, s->d);
    VQ_TRY(check(s));
    if (s->B == 0 || s->H == 0 || s->L == 0)
        return VQDNA_OK;
    if (p.variant != TILES)
        return vq_run(device, p.stem, p.variant == PLAIN ? "attention_plain" : "attention_group", p.options, by_rows(&p, s, 2),
                      vq_in(o), vq_in(lse), vq_in(q), vq_in(k), vq_in(v), vq_in(mask), vq_int(s->H), vq_int(s->L), LAYOUTS(s),
                      vq_float(scale));
    int panels = vq_ceil_div_int(s->L, vq_tile_columns(device)), each = p.of[QUERY_PANELS];
    while (each > 1 && s->B * s->H * vq_ceil_div_int(panels, each) < WANTED_GROUPS)
        each--;
    return vq_run(device, p.stem, "attention_tile", p.options,
                  vq_grid2((size_t)vq_ceil_div_int(panels, each), (size_t)(s->B * s->H), 1, 1), vq_in(o), vq_in(lse), vq_in(q),
                  vq_in(k), vq_in(v), vq_in(mask), vq_int(s->H), vq_int(s->L), LAYOUTS(s), vq_float(scale), vq_int(each));
}

/* scratch: delta [B][H][L], then, if dq is cut, its parts [parts][B][L][H][d]. */
size_t vq_attention_scratch(vq_device *device, const vq_attention_shape *s) {
    const size_t rows = (size_t)s->B * (size_t)s->H * (size_t)s->L;
    const plan p = choose(device, s->d);
    const int count = parts(device, s, &p);
    return (rows + 1 + (count > 1 ? (size_t)count * rows * (size_t)s->d : 0)) * sizeof(float);
}

vq_status vq_attention_backward(vq_device *device, vq_view dq, vq_view dk, vq_view dv, vq_view scratch, vq_view d_o, vq_view q,
                                vq_view k, vq_view v, vq_view o, vq_view lse, vq_view mask, const vq_attention_shape *s) {
    const int H = s->H, L = s->L;
    const float scale = 1.0f / sqrtf((float)s->d);
    const plan p = choose(device, s->d);
    const size_t heads = (size_t)s->B * (size_t)H;
    VQ_TRY(check(s));
    if (heads == 0 || L == 0)
        return VQDNA_OK;
    const int local = p.variant == GROUPS ? DELTA_ROWS : 1, per = DELTA_ROWS / local;
    const vq_grid by_query = vq_grid2((size_t)vq_ceil_div_int(L, DELTA_ROWS), heads, (size_t)local, 1);
    VQ_TRY(vq_run(device, p.stem, "attention_delta", p.options, by_query, vq_in(scratch), vq_in(d_o), vq_in(o), vq_int(H),
                  vq_int(L), LAYOUT(s->o), vq_int(per)));
    if (p.variant != TILES) {
        const bool plain = p.variant == PLAIN;
        VQ_TRY(vq_run(device, p.stem, plain ? "attention_grad_queries_plain" : "attention_grad_queries_group", p.options,
                      by_rows(&p, s, 3), vq_in(dq), vq_in(d_o), vq_in(q), vq_in(k), vq_in(v), vq_in(lse), vq_in(scratch),
                      vq_in(mask), vq_int(H), vq_int(L), LAYOUTS(s), vq_float(scale)));
        return vq_run(device, p.stem, plain ? "attention_grad_keys_plain" : "attention_grad_keys_group", p.options,
                      by_rows(&p, s, 4), vq_in(dk), vq_in(dv), vq_in(d_o), vq_in(q), vq_in(k), vq_in(v), vq_in(lse), vq_in(scratch),
                      vq_in(mask), vq_int(H), vq_int(L), LAYOUTS(s), vq_float(scale));
    }
    const int count = parts(device, s, &p), each = vq_ceil_div_int(vq_ceil_div_int(L, block_keys(device, &p)), count);
    const vq_heads cut_up = {H * s->d, s->B * H * L};
    VQ_TRY(vq_run(device, p.stem, "attention_grad_tile", p.options, vq_grid2((size_t)count, heads, 1, 1),
                  vq_in(count > 1 ? scratch : dq), vq_in(dk), vq_in(dv), vq_in(d_o), vq_in(q), vq_in(k), vq_in(v), vq_in(lse),
                  vq_in(scratch), vq_in(mask), vq_int(H), vq_int(L), LAYOUTS(s), LAYOUT(count > 1 ? cut_up : s->q), vq_float(scale),
                  vq_int(each)));
    if (count == 1)
        return VQDNA_OK;
    return vq_run(device, p.stem, "attention_grad_sum", p.options, by_query, vq_in(dq), vq_in(scratch), vq_int(H), vq_int(L),
                  LAYOUT(s->q), vq_int(count), vq_int(per));
}

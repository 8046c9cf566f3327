#include "ops/longconv.h"

#include "base/integer.h"

#include <math.h>
#include <stdio.h>

enum {
    LONGEST = 1 << 22,
    WANTED_PARTS = 16,
    COLUMNS = 256,
    ACROSS = 16,
    GROUP = 64
}; /* ACROSS: of a GPU's work-group over channels */

/* ---- Tunables ---------------------------------------------------------------------------------------------------------------- */

/* Radices of the first pass, which reads rows, of the last, which multiplies by the filter, and the largest between; as the kernels name
 * them. */
enum { FIRST, LEAF, MOST, TUNABLES };
static const vq_tunable tunables[TUNABLES] = {
    [FIRST] = {"FIRST", {4, 8, 16}, {8, 8, 8, 8}},
    [LEAF] = {"LEAF", {4, 8, 16}, {8, 8, 8, 8}},
    [MOST] = {"MOST", {8, 16}, {8, 8, 8, 8}},
};

enum { SHORT, LONG };
enum { LONG_SERIES = 4096 };
static const vq_tuning_shape shapes[] = {
    [SHORT] = {"short", {16, 1024, 128, 17}, {2, 70, 5, 1}, true},
    [LONG] = {"long", {1, 65536, 64, 17}, {1, 4099, 1, 2}, true},
};

/* A GPU's butterflies of 16 registers of 4 floats do not fit its own. */
static bool allows(const vq_device *device, int shape, const int *of) {
    (void)shape;
    return device->family == VQ_FAMILY_CPU || (of[FIRST] < 16 && of[LEAF] < 16 && of[MOST] < 16);
}

const vq_tunables vq_longconv_tunables = {
    .operation = "longconv",
    .list = tunables,
    .shapes = shapes,
    .count = TUNABLES,
    .shape_count = sizeof shapes / sizeof *shapes,
    .recompiles = true,
    .allows = allows,
};

/* ---- Choice ------------------------------------------------------------------------------------------------------------------ */

enum { MOST_PASSES = 7 };

/* Length of the transform, its passes between the first and the last, the floats of their tables, and the kernels. */
typedef struct plan {
    bool cpu;
    int N, passes, radix[MOST_PASSES];
    int radices; /* as cl/longconv.cl has them */
    int factors;
    int of[TUNABLES];
    int blocks; /* registers of channels */
    int width;
    int items;          /* CPU: work-items, each with series of its own */
    int entries, parts; /* CPU, backward: batch entries whose spectra are added up as they come, and of how many such parts */
    char options[64];
} plan;

/* The cheapest length: radix 3 and 5 take more operations a point than 2 twice or thrice. */
static int choose_length(int L, int least) {
    static const struct {
        int factor;
        double cost;
    } kinds[] = {{1, 1}, {3, 1.05}, {5, 1.1}};
    double cost = INFINITY;
    int best = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int N = least * kinds[i].factor;
        while (N < L)
            N *= 2;
        if (N * kinds[i].cost < cost) {
            cost = N * kinds[i].cost;
            best = N;
        }
    }
    return best;
}

/* The odd radix first, where series are longest; powers of two as even as they come. */
static void choose_passes(plan *p) {
    int rest = p->N / (p->of[FIRST] * p->of[LEAF]), bits = 0;
    const int most = p->of[MOST] == 16 ? 4 : 3;
    for (int odd = 3; odd <= 5; odd += 2)
        if (rest % odd == 0) {
            p->radix[p->passes++] = odd;
            rest /= odd;
        }
    for (; 1 << bits < rest; bits++)
        ;
    for (int left = vq_ceil_div_int(bits, most); left > 0; left--) {
        const int taken = vq_ceil_div_int(bits, left);
        p->radix[p->passes++] = 1 << taken;
        bits -= taken;
    }
    p->factors = 2 * (p->of[FIRST] + p->N);
    int size = p->N / p->of[FIRST];
    for (int i = 0; i < p->passes; i++) {
        p->radices |= (p->radix[i] - 1) << 4 * i;
        size /= p->radix[i];
        p->factors += 2 * size * (p->radix[i] - 1);
    }
    p->factors = (int)vq_round_up((size_t)p->factors, 16);
}

static plan choose(vq_device *device, const vq_longconv_shape *s) {
    const vq_shape kernels = vq_shape_of(device, "longconv");
    plan p = {.cpu = kernels.family == VQ_FAMILY_CPU, .width = kernels.width};
    vq_tuned_all(p.of, device, &vq_longconv_tunables, s->L < LONG_SERIES ? SHORT : LONG);
    p.N = choose_length(s->L, p.of[FIRST] * p.of[LEAF]);
    choose_passes(&p);
    p.blocks = vq_ceil_div_int(s->C, p.width);
    p.items = vq_max_int(4, 2 * (int)device->info.compute_units);
    p.entries = vq_ceil_div_int(s->B, vq_max_int(1, vq_min_int(s->B, vq_ceil_div_int(WANTED_PARTS, vq_max_int(1, p.blocks)))));
    p.parts = vq_ceil_div_int(s->B, vq_max_int(1, p.entries));
    snprintf(p.options, sizeof p.options, "-DFIRST=%d -DLEAF=%d -DMOST=%d", p.of[FIRST], p.of[LEAF], p.of[MOST]);
    return p;
}

static vq_status check(const vq_longconv_shape *s) {
    if (s->L > LONGEST)
        return vq_fail(VQDNA_ERR_USAGE, "a long convolution over %d positions: choose at most %d", s->L, LONGEST);
    return VQDNA_OK;
}

static bool is_empty(const vq_longconv_shape *s) {
    return s->B == 0 || s->L == 0 || s->C == 0;
}

static int lags_before(const vq_longconv_shape *s) {
    return s->causal || s->L == 0 ? 0 : s->L - 1;
}

int vq_longconv_lags(const vq_longconv_shape *s) {
    return lags_before(s) + s->L;
}

/* ---- Sizes ------------------------------------------------------------------------------------------------------------------- */

/* Floats of the series of all channels. */
static size_t series(const plan *p) {
    return 2 * (size_t)p->N * (size_t)p->blocks * (size_t)p->width;
}

size_t vq_longconv_spectrum_bytes(vq_device *device, const vq_longconv_shape *s) {
    if (is_empty(s) || s->L > LONGEST)
        return sizeof(float);
    const plan p = choose(device, s);
    return ((size_t)p.factors + series(&p)) * sizeof(float);
}

/* CPU: two series of a register of channels for each work-item, then the parts' spectra. GPU: those of u and g, then one. */
size_t vq_longconv_scratch(vq_device *device, const vq_longconv_shape *s) {
    if (is_empty(s) || s->L > LONGEST)
        return sizeof(float);
    const plan p = choose(device, s);
    const size_t jobs = (size_t)vq_max_int(s->B, p.parts) * (size_t)p.blocks, one = series(&p) / (size_t)p.blocks;
    if (p.cpu)
        return (2 * vq_min((size_t)p.items, jobs) * one + (size_t)p.parts * series(&p)) * sizeof(float);
    return (2 * (size_t)s->B + 1) * series(&p) * sizeof(float);
}

/* ---- Launches ---------------------------------------------------------------------------------------------------------------- */

#define ROWS(of) vq_int((of).stride), vq_int((of).column)
#define LAYOUTS(l) ROWS((l)->x0), ROWS((l)->x1), ROWS((l)->v), ROWS((l)->y), ROWS((l)->s)
#define SHAPE(s, p) vq_int((s)->L), vq_int((s)->C), vq_int((p)->N), vq_int((p)->radices), vq_int((p)->factors)

/* A GPU's launches over so many columns of so many entries. */
static vq_grid columns(const plan *p, const vq_group *g, int count, int entries) {
    return (vq_grid){{vq_ceil_div((size_t)p->blocks, g->across), vq_ceil_div((size_t)count, g->down), (size_t)entries},
                     {g->across, g->down, 1},
                     0};
}

#define RUN(name, grid, ...) vq_run(device, "longconv", name, g.options, grid, __VA_ARGS__)

/* The passes between of `entries` series behind `before` others and `from` floats of x: down, or back up. */
static vq_status pass(vq_device *device, vq_view x, int from, int before, int entries, vq_view tables, const plan *p,
                      const vq_group *group, int C, bool up) {
    const vq_group g = *group;
    for (int step = 0; step < p->passes; step++) {
        const int at = up ? p->passes - 1 - step : step, R = p->radix[at];
        int factor = 2 * (p->of[FIRST] + p->N), M = p->N / p->of[FIRST];
        for (int i = 0; i <= at; i++) {
            M /= p->radix[i];
            factor += i < at ? 2 * M * (p->radix[i] - 1) : 0;
        }
        char name[24];
        snprintf(name, sizeof name, "longconv_%s%d", up ? "join" : "split", R);
        VQ_TRY(RUN(name, columns(p, &g, p->N / R, entries), vq_in(x), vq_in(tables), vq_int(from), vq_int(before), vq_int(factor),
                   vq_int(M), vq_int(p->N), vq_int(C)));
    }
    return VQDNA_OK;
}

static vq_group make_group(vq_device *device, const plan *p) {
    return vq_group_fit(device, "longconv", p->options, ACROSS, GROUP);
}

vq_status vq_longconv_spectrum(vq_device *device, vq_view spectrum, vq_view scratch, vq_view h, const vq_longconv_shape *s) {
    (void)scratch;
    VQ_TRY(check(s));
    if (is_empty(s))
        return VQDNA_OK;
    const plan p = choose(device, s);
    const vq_group g = make_group(device, &p);
    const int per = p.cpu ? COLUMNS : 1, M = p.N / p.of[FIRST], before = lags_before(s);
    const size_t local = p.cpu ? 1 : g.spread;
    VQ_TRY(RUN("longconv_tables", vq_grid2(vq_ceil_div((size_t)M, (size_t)per * local), (size_t)p.passes + 1, local, 1),
               vq_in(spectrum), vq_int(p.N), vq_int(p.radices), vq_int(per)));
    if (p.cpu)
        return RUN("longconv_spectrum", vq_grid1((size_t)p.blocks, 1), vq_in(spectrum), vq_in(h), SHAPE(s, &p), vq_int(before));
    VQ_TRY(RUN("longconv_open_filter", columns(&p, &g, M, 1), vq_in(spectrum), vq_in(h), SHAPE(s, &p), vq_int(before)));
    VQ_TRY(pass(device, spectrum, p.factors, 0, 1, spectrum, &p, &g, s->C, false));
    return RUN("longconv_leaves_spectrum", columns(&p, &g, p.N / p.of[LEAF], 1), vq_in(spectrum), vq_float(1.0f / (float)p.N),
               vq_int(p.factors), vq_int(p.N), vq_int(s->C));
}

vq_status vq_longconv_forward(vq_device *device, vq_view y, vq_view s, vq_view scratch, vq_view x0, vq_view x1, vq_view v,
                              vq_view spectrum, vq_view bias, vq_view mask, const vq_longconv_layout *layout,
                              const vq_longconv_shape *shape) {
    VQ_TRY(check(shape));
    if (is_empty(shape))
        return VQDNA_OK;
    const plan p = choose(device, shape);
    const vq_group g = make_group(device, &p);
    const int B = shape->B, M = p.N / p.of[FIRST];
    if (p.cpu) {
        const int jobs = B * p.blocks, per = vq_ceil_div_int(jobs, p.items);
        return RUN("longconv_forward", vq_grid1((size_t)vq_ceil_div_int(jobs, per), 1), vq_in(y), vq_in(s), vq_in(scratch),
                   vq_in(x0), vq_in(x1), vq_in(v), vq_in(spectrum), vq_in(bias), vq_in(mask), LAYOUTS(layout), SHAPE(shape, &p),
                   vq_int(B), vq_int(jobs), vq_int(per));
    }
    VQ_TRY(RUN("longconv_open", columns(&p, &g, M, B), vq_in(scratch), vq_in(x1), vq_in(v), vq_in(spectrum), vq_in(mask),
               LAYOUTS(layout), SHAPE(shape, &p), vq_int(0)));
    VQ_TRY(pass(device, scratch, 0, 0, B, spectrum, &p, &g, shape->C, false));
    VQ_TRY(RUN("longconv_leaves_convolve", columns(&p, &g, p.N / p.of[LEAF], B), vq_in(scratch), vq_in(spectrum), vq_in(bias),
               vq_int(p.factors), vq_int(p.N), vq_int(shape->C)));
    VQ_TRY(pass(device, scratch, 0, 0, B, spectrum, &p, &g, shape->C, true));
    return RUN("longconv_close", columns(&p, &g, M, B), vq_in(y), vq_in(s), vq_in(scratch), vq_in(x0), vq_in(spectrum), vq_in(mask),
               LAYOUTS(layout), SHAPE(shape, &p));
}

vq_status vq_longconv_backward(vq_device *device, vq_view dx0, vq_view dx1, vq_view dv, vq_view dh, vq_view dbias, vq_view scratch,
                               vq_view dy, vq_view x0, vq_view x1, vq_view v, vq_view s, vq_view spectrum, vq_view bias,
                               vq_view mask, const vq_longconv_layout *layout, const vq_longconv_shape *shape) {
    VQ_TRY(check(shape));
    if (is_empty(shape))
        return VQDNA_OK;
    const plan p = choose(device, shape);
    const vq_group g = make_group(device, &p);
    const int B = shape->B, C = shape->C, M = p.N / p.of[FIRST], leaves = p.N / p.of[LEAF], before = lags_before(shape);
    if (p.cpu) {
        const int jobs = p.parts * p.blocks, per = vq_ceil_div_int(jobs, p.items), items = vq_ceil_div_int(jobs, per);
        VQ_TRY(RUN("longconv_backward", vq_grid1((size_t)items, 1), vq_in(dx0), vq_in(dx1), vq_in(dv), vq_in(scratch), vq_in(dy),
                   vq_in(x0), vq_in(x1), vq_in(v), vq_in(s), vq_in(spectrum), vq_in(bias), vq_in(mask), LAYOUTS(layout),
                   SHAPE(shape, &p), vq_int(B), vq_int(jobs), vq_int(per), vq_int(p.entries)));
        return RUN("longconv_filter", vq_grid1((size_t)p.blocks, 1), vq_in(dh), vq_in(dbias), vq_in(scratch), vq_in(spectrum),
                   SHAPE(shape, &p), vq_int(before), vq_int(p.parts), vq_int(2 * items));
    }
    VQ_TRY(RUN("longconv_open_gradients", columns(&p, &g, M, B), vq_in(scratch), vq_in(dx0), vq_in(dy), vq_in(x0), vq_in(s),
               vq_in(spectrum), vq_in(mask), LAYOUTS(layout), SHAPE(shape, &p)));
    VQ_TRY(RUN("longconv_open", columns(&p, &g, M, B), vq_in(scratch), vq_in(x1), vq_in(v), vq_in(spectrum), vq_in(mask),
               LAYOUTS(layout), SHAPE(shape, &p), vq_int(B)));
    VQ_TRY(pass(device, scratch, 0, 0, 2 * B, spectrum, &p, &g, C, false));
    VQ_TRY(RUN("longconv_leaves_spectrum", columns(&p, &g, leaves, 2 * B), vq_in(scratch), vq_float(1), vq_int(0), vq_int(p.N),
               vq_int(C)));
    VQ_TRY(RUN("longconv_points_gradient", columns(&p, &g, p.N, 1), vq_in(scratch), vq_in(spectrum), vq_in(bias), vq_int(p.factors),
               vq_int(p.N), vq_int(C), vq_int(B)));
    VQ_TRY(RUN("longconv_leaves_back", columns(&p, &g, leaves, B), vq_in(scratch), vq_int(0), vq_int(p.N), vq_int(C)));
    VQ_TRY(pass(device, scratch, 0, 0, B, spectrum, &p, &g, C, true));
    VQ_TRY(RUN("longconv_close_gradients", columns(&p, &g, M, B), vq_in(dx1), vq_in(dv), vq_in(scratch), vq_in(x1), vq_in(v),
               vq_in(spectrum), vq_in(mask), LAYOUTS(layout), SHAPE(shape, &p)));
    VQ_TRY(RUN("longconv_leaves_back", columns(&p, &g, leaves, 1), vq_in(scratch), vq_int(2 * B), vq_int(p.N), vq_int(C)));
    VQ_TRY(pass(device, scratch, 0, 2 * B, 1, spectrum, &p, &g, C, true));
    return RUN("longconv_close_filter", columns(&p, &g, M, 1), vq_in(dh), vq_in(dbias), vq_in(scratch), vq_in(spectrum),
               SHAPE(shape, &p), vq_int(before), vq_int(B));
}

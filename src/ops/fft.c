#include "ops/fft.h"

#include "base/integer.h"
#include "device/clfft.h"
#include "device/constants.h"

#include <math.h>
#include <stdio.h>

/* ---- Tunables ---------------------------------------------------------------------------------------------------------------- */

/* The longest transform of a pass over memory, KiB of a group's block, and of a GPU the items of a work-group. Then who transforms. */
enum { LONGEST, BLOCK, ITEMS, PROVIDER, TUNABLES };
enum { OURS = 1, CLFFT = 2 };
enum { SHORT, LONG };
enum { LONG_SERIES = 1 << 12 };

static const vq_tunable tunables[TUNABLES] = {
    [LONGEST] = {"longest", {64, 128, 256, 512, 1024, 2048, 4096}, {512, 512, 1024, 1024}},
    [BLOCK] = {"block", {8, 16, 32, 64, 128, 256, 512}, {32, 32, 256, 512}},
    [ITEMS] = {"items", {64, 128, 256, 512}, {256, 256, 0, 0}},
    [PROVIDER] = {"provider", {OURS, CLFFT}, {OURS, OURS, OURS, OURS}, .slow_on_cpu = true},
};

static const vq_tuning_shape shapes[] = {
    [SHORT] = {"short", {16, 1024, 128, -1}, {1, 360, 16, -1}, false},
    [LONG] = {"long", {1, 65536, 128, -1}, {1, 5000, 32, -1}, false},
};

const vq_tunables vq_fft_tunables = {
    .operation = "fft",
    .list = tunables,
    .shapes = shapes,
    .count = TUNABLES,
    .shape_count = sizeof shapes / sizeof *shapes,
};

static int shape_class(int N) {
    return N < LONG_SERIES ? SHORT : LONG;
}

/* ---- Lengths ----------------------------------------------------------------------------------------------------------------- */

static int without(int n, int factor) {
    while (n % factor == 0)
        n /= factor;
    return n;
}

static bool is_length(int n) {
    return n >= 1 && n <= VQ_FFT_LONGEST && without(without(without(n, 2), 3), 5) == 1;
}

int vq_fft_length(int n) {
    while (n >= 1 && n <= VQ_FFT_LONGEST)
        if (is_length(n++))
            return n - 1;
    return 0;
}

/* Radices of the steps of a pass, decimal digits of a number, the first lowest. At least two, the last 1 if need be. */
static int radices_of(int n, int *steps) {
    static const int all[] = {8, 5, 4, 3, 2};
    int number = 0, place = 1;
    *steps = 0;
    for (int i = 0; i < (int)(sizeof all / sizeof *all); i++)
        for (; n % all[i] == 0; n /= all[i], place *= 10, ++*steps)
            number += all[i] * place;
    for (; *steps < 2; place *= 10, ++*steps)
        number += place;
    return number;
}

/* ---- Tables -------------------------------------------------------------------------------------------------------------------- */

static void put_root(float *out, int64_t k, int64_t n) {
    const double angle = -2 * M_PI * (double)(k % n) / (double)n;
    out[0] = (float)cos(angle);
    out[1] = (float)sin(angle);
}

/* Of a pass of length n in transforms of length M = n stride: the twiddles of each step but the last, the butterflies of the last step in
 * the order of their rows, and, of a pass but the last, the roots of M in two tables. Floats; *turns: where the roots begin. */
static size_t table_floats(int n, int M, size_t *turns, int *shift) {
    int steps, radices = radices_of(n, &steps);
    size_t count = 0;
    for (int m = n; steps > 1; steps--, radices /= 10) {
        const int R = radices % 10;
        count += 2 * (size_t)(m / R) * (size_t)(R - 1);
        m /= R;
    }
    count += (size_t)(n / radices);
    *turns = count;
    for (*shift = 1; (int64_t)1 << 2 * *shift < M; ++*shift)
        continue;
    return n == M ? count : count + (2 << *shift) + 2 * (size_t)((M >> *shift) + 1);
}

static void fill_table(float *out, const int key[VQ_CONSTANT_KEYS]) {
    const int n = key[0], M = key[1];
    int steps, shift, radices = radices_of(n, &steps), m = n, left = radices;
    size_t turns;
    table_floats(n, M, &turns, &shift);
    for (int step = 1; step < steps; step++, left /= 10) {
        const int R = left % 10, span = m / R;
        for (int j = 0; j < span; j++)
            for (int q = 1; q < R; q++, out += 2)
                put_root(out, (int64_t)j * q, m);
        m = span;
    }
    for (int t = 0; t < n / left; t++) { /* the row has the digits of t, last step's first, in reversed order */
        int row = 0, rest = t, span = n / left, scale = 1;
        for (int digits = radices; digits >= 10; digits /= 10) {
            const int R = digits % 10;
            span /= R;
            row += rest / span * scale;
            rest %= span;
            scale *= R;
        }
        out[row] = (float)t;
    }
    out += n / left;
    if (n == M)
        return;
    for (int k = 0; k < 1 << shift; k++, out += 2)
        put_root(out, k, M);
    for (int k = 0; k <= M >> shift; k++, out += 2)
        put_root(out, (int64_t)k << shift, M);
}

static void fill_roots(float *out, const int key[VQ_CONSTANT_KEYS]) {
    for (int k = 0; k < key[0]; k++)
        put_root(out + 2 * k, k, key[0]);
}

/* ---- Passes -------------------------------------------------------------------------------------------------------------------- */

enum { MOST_PASSES = 3, NARROW_REGISTERS = 2, MOST_REGISTERS = 8, ROUND = 32 << 20 };

typedef struct passes {
    int count, n[MOST_PASSES]; /* 0: none of our passes can, only the plain kernel */
    int entries;               /* of a round */
} passes;

/* The most even factors of N, at most `most` of each; the largest of them, 0 if there are none. */
static int factors(int N, int count, int most, int *n) {
    if (count == 1) {
        n[0] = N;
        return N <= most ? N : 0;
    }
    int best = 0;
    for (int f = vq_min_int(N, most); f >= 1; f--) {
        int rest[MOST_PASSES];
        if (N % f || (best && f >= best))
            continue;
        const int largest = factors(N / f, count - 1, f, rest);
        if (!largest)
            continue;
        best = f;
        n[0] = f;
        for (int i = 1; i < count; i++)
            n[i] = rest[i - 1];
    }
    return best;
}

/* Floats between rows of a group's block. */
static size_t pitch_of(const vq_shape *kernels, int registers) {
    return kernels->family == VQ_FAMILY_GPU ? 2 * (size_t)registers : (2 * (size_t)registers + 1) * (size_t)kernels->width;
}

static size_t block_bytes(const vq_shape *kernels, int registers, int n) {
    return (size_t)n * pitch_of(kernels, registers) * sizeof(float);
}

static bool is_aligned(const vq_shape *kernels, int C) {
    return kernels->family == VQ_FAMILY_CPU && C % kernels->width == 0;
}

/* Registers of columns of a group: as many as its block has room for; on a CPU of whole rows. */
static int registers_of(const vq_device *device, const vq_shape *kernels, int n, int N, int C) {
    const size_t block = (size_t)vq_tuned(device, &vq_fft_tunables, BLOCK, shape_class(N)) << 10;
    const size_t room = vq_min(block, device->info.local_bytes);
    int registers = kernels->family == VQ_FAMILY_GPU ? 32 : is_aligned(kernels, C) ? MOST_REGISTERS : NARROW_REGISTERS;
    while (registers > 1 &&
           (block_bytes(kernels, registers, n) > room || (is_aligned(kernels, C) && C / kernels->width % registers) ||
            (kernels->family == VQ_FAMILY_GPU && (size_t)registers / 2 >= (size_t)(N / n) * (size_t)C)))
        registers /= 2;
    return registers;
}

static passes plan(const vq_device *device, const vq_fft_shape *s) {
    const vq_shape kernels = vq_shape_of(device, "fft");
    const size_t entry = 2 * (size_t)s->N * (size_t)s->C * sizeof(float);
    passes p = {.entries = vq_min_int(s->B, entry < ROUND ? (int)(ROUND / vq_max(entry, 1)) : 1)};
    const int least = kernels.family == VQ_FAMILY_GPU ? 4 : 1, narrow = kernels.family == VQ_FAMILY_CPU && s->C < kernels.width;
    int longest = vq_tuned(device, &vq_fft_tunables, LONGEST, shape_class(s->N));
    while (longest > 1 && block_bytes(&kernels, least, longest) > device->info.local_bytes)
        longest /= 2;
    for (int count = narrow && s->N >= 64 ? 2 : 1; !kernels.plain && count <= MOST_PASSES; count++)
        if (factors(s->N, count, longest, p.n)) {
            p.count = count;
            break;
        }
    if (p.count == 1) /* needs no scratch */
        p.entries = s->B;
    return p;
}

/* Entries of a buffer of two planes: of so many, from the first on. */
typedef struct entries {
    vq_view view;
    int planes, first;
} entries;

#define FROM_TO(to, from) vq_int((from).planes), vq_int((from).first), vq_int((to).planes), vq_int((to).first)

static vq_status run_pass(vq_device *device, entries to, entries from, const vq_fft_shape *s, const passes *p, int pass, int count,
                          int swaps) {
    const vq_shape kernels = vq_shape_of(device, "fft");
    const int n = p->n[pass], rows = s->N / n, lower = pass == 2 ? p->n[1] : 1;
    int steps, shift, stride = 1;
    for (int i = pass + 1; i < p->count; i++)
        stride *= p->n[i];
    size_t turns;
    const size_t floats = table_floats(n, n * stride, &turns, &shift);
    vq_view table;
    VQ_TRY(vq_constant(device, &table, fill_table, (const int[VQ_CONSTANT_KEYS]){n, n * stride}, floats));

    const int registers = registers_of(device, &kernels, n, s->N, s->C),
              width = kernels.family == VQ_FAMILY_GPU ? 1 : kernels.width;
    char options[48];
    snprintf(options, sizeof options, "-DG=%d -DALIGNED=%d", registers, is_aligned(&kernels, s->C));
    int items = vq_tuned(device, &vq_fft_tunables, ITEMS, shape_class(s->N));
    while (items > registers && items / registers > vq_ceil_div_int(n, 4))
        items /= 2;
    const vq_group g = vq_group_fit(device, "fft", options, registers, items);
    vq_grid grid =
        vq_grid2(vq_ceil_div((size_t)rows * (size_t)s->C, (size_t)registers * (size_t)width), (size_t)count, g.across, g.down);
    const bool last = pass + 1 == p->count;
    return vq_run(device, "fft", "fft_pass", g.options, grid, vq_in(to.view), vq_in(from.view), vq_in(table),
                  vq_local(block_bytes(&kernels, registers, n)), vq_int(n), vq_int(stride), vq_int(rows), vq_int(s->C),
                  vq_int(radices_of(n, &steps)), vq_int(last ? 0 : (int)turns), vq_int(shift), vq_int(lower), FROM_TO(to, from),
                  vq_int(swaps));
}

static vq_status transform(vq_device *device, entries out, entries in, entries scratch, const vq_fft_shape *s, const passes *p,
                           int count, bool backward) {
    for (int i = 0; i < p->count; i++) {
        const bool first = i == 0, last = i + 1 == p->count;
        VQ_TRY(run_pass(device, last ? out : scratch, first ? in : scratch, s, p, i, count,
                        backward ? (first ? 1 : 0) | (last ? 2 : 0) : 0));
    }
    return VQDNA_OK;
}

/* The steps alternate between halves of scratch, for the last may not write what another item has yet to read. */
static vq_status plain(vq_device *device, entries out, entries in, entries scratch, const vq_fft_shape *s, int count,
                       bool backward) {
    const vq_group g = vq_group_fit(device, "fft", "", 1, 1);
    const size_t groups = vq_ceil_div((size_t)s->N * (size_t)s->C, g.spread);
    vq_view roots;
    VQ_TRY(vq_constant(device, &roots, fill_roots, (const int[VQ_CONSTANT_KEYS]){s->N}, 2 * (size_t)s->N));
    entries from = in, half = scratch;
    int done = 1, step = 0;
    do {
        const int left = s->N / done, R = left % 2 == 0 ? 2 : left % 3 == 0 ? 3 : left % 5 == 0 ? 5 : 1;
        const bool last = left == R && step > 0;
        half.first = scratch.first + step % 2 * (scratch.planes / 2);
        const entries to = last ? out : half;
        VQ_TRY(vq_run(device, "fft", "fft_plain", g.options, vq_grid2(groups, (size_t)count, g.spread, 1), vq_in(to.view),
                      vq_in(from.view), vq_in(roots), vq_int(s->N), vq_int(s->C), vq_int(R), vq_int(done), FROM_TO(to, from),
                      vq_int(!backward ? 0 : (step ? 0 : 1) | (last ? 2 : 0))));
        from = to;
        done *= R;
        step++;
        if (last)
            return VQDNA_OK;
    } while (true);
}

/* ---- Public -------------------------------------------------------------------------------------------------------------------- */

static bool is_clffts(vq_device *device, const vq_fft_shape *s) {
    if (vq_shape_of(device, "fft").plain && !vq_clfft_chosen(false))
        return false;
    return vq_clfft_chosen(vq_tuned(device, &vq_fft_tunables, PROVIDER, shape_class(s->N)) == CLFFT) &&
           vq_clfft_usable(device, s->N, s->C);
}

size_t vq_fft_scratch(vq_device *device, const vq_fft_shape *shape) {
    if (is_clffts(device, shape)) {
        const size_t bytes = vq_clfft_scratch(device, shape->N, shape->C);
        return bytes > sizeof(float) ? bytes : sizeof(float);
    }
    const passes p = plan(device, shape);
    const size_t entry = 2 * (size_t)shape->N * (size_t)shape->C * sizeof(float);
    const size_t held = p.count == 1 ? 0 : p.count ? (size_t)p.entries : 2 * (size_t)p.entries;
    return held ? held * entry : sizeof(float);
}

vq_status vq_fft(vq_device *device, vq_view out, vq_view in, vq_view scratch, const vq_fft_shape *shape, int sign) {
    if (!is_length(shape->N))
        return vq_fail(VQDNA_ERR_USAGE, "a transform of length %d: it must be a product of powers of 2, 3 and 5, %d at most",
                       shape->N, VQ_FFT_LONGEST);
    if (shape->B == 0 || shape->C == 0)
        return VQDNA_OK;
    if (is_clffts(device, shape))
        return vq_clfft(device, out, in, scratch, shape->B, shape->N, shape->C, sign);
    const passes p = plan(device, shape);
    for (int b = 0; b < shape->B; b += p.entries) {
        const int count = vq_min_int(p.entries, shape->B - b);
        const entries to = {out, shape->B, b}, from = {in, shape->B, b}, middle = {scratch, p.count ? p.entries : 2 * p.entries, 0};
        if (p.count)
            VQ_TRY(transform(device, to, from, middle, shape, &p, count, sign > 0));
        else
            VQ_TRY(plain(device, to, from, middle, shape, count, sign > 0));
    }
    return VQDNA_OK;
}

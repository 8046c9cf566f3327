/* A block, the encoder and the decoder alone: values and gradients against the double-precision reference. */
#include "fixture.h"
#include "nn/model.h"
#include "nn/reference.h"

#include <math.h>

enum { FIRST = 13, SECOND = 1, THIRD = 17, PADDING = 2, ROWS = FIRST + SECOND + THIRD + PADDING, MOST = 24 };
static const double value_tolerance = 1e-5, gradient_tolerance = 1e-5; /* measured: below 2e-6 */

static vq_config config;
static vq_state state;
static vq_row rows[ROWS];
static reference r;
static vq_plan *plan;
static vq_tensor rows_tensor, in, seeds[VQDNA_MAX_LEVELS], a, b, c;

/* Shapes of the parameterized tests. */
static const struct { int dim, stem, blocks, levels; } shapes[] = {{16, 8, 2, 1}, {19, 7, 3, 2}, {24, 33, 3, 3}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void begin(int shape) {
    vqdna_model_options options = {.dim = shapes[shape].dim,
                                   .stem = shapes[shape].stem,
                                   .blocks = shapes[shape].blocks,
                                   .levels = shapes[shape].levels,
                                   .codes = 4};
    ck_ok(vq_config_resolve(&config, &options));
    ck_ok(vq_model_state(&state, &config));
    vq_state_start(&state, 7);
    for (size_t i = 0; i < state.count; i++)
        for (size_t j = 0; strstr(state.tensors[i].name, "norm") && j < state.tensors[i].count; j++)
            state.tensors[i].data[j] += (float)fixture_uniform(i, j, -0.3, 0.3);
    uint8_t bases[ROWS];
    fixture_bases(bases, ROWS, 3, 6);
    vq_rows_piece(rows, bases, FIRST, 0, 1);
    vq_rows_piece(rows + FIRST, bases, SECOND, 0, 1);
    vq_rows_piece(rows + FIRST + SECOND, bases, THIRD, 0, 1);
    vq_rows_padding(rows + ROWS - PADDING, PADDING);
    reference_create(&r, &config, &state, ROWS, rows);
    ck_ok(vq_plan_create(&plan, device, VQ_TRAINING));
    size_t d = (size_t)config.dim;
    vq_plan_tensor(plan, &rows_tensor, VQ_INPUT, VQ_U8, "rows", ROWS, 4);
    vq_plan_tensor(plan, &in, VQ_INPUT, VQ_F32, "in", ROWS, d);
    for (int n = 0; n < config.levels; n++)
        vq_plan_tensor(plan, &seeds[n], VQ_INPUT, VQ_F32, "seed", ROWS, d);
    vq_plan_tensor(plan, &a, VQ_SAVED, VQ_F32, "a", ROWS, d);
    vq_plan_tensor(plan, &b, VQ_SAVED, VQ_F32, "b", ROWS, d);
    vq_plan_tensor(plan, &c, VQ_SAVED, VQ_F32, "c", ROWS, d);
}

/* Binds the plan, uploads rows and the weights that are part of it. */
static void bind(void) {
    ck_ok(vq_plan_bind(plan));
    ck_ok(vq_write(device, rows_tensor.view, 0, rows, sizeof rows));
    const vq_tensor *t;
    for (size_t i = 0; (t = vq_plan_at(plan, i)); i++)
        if (t->role == VQ_PARAM) {
            const vq_state_tensor *s = vq_state_find(&state, t->name);
            ck_assert_msg(s && s->count == t->count, "%s", t->name);
            ck_ok(vq_write(device, t->view, 0, s->data, s->count * sizeof(float)));
        }
}

static void end(void) {
    vq_plan_destroy(plan);
    reference_destroy(&r);
    vq_state_destroy(&state);
}

/* Random numbers on host and device. */
static double *random_numbers(vq_view view, int width, uint64_t which) {
    size_t count = ROWS * (size_t)width;
    double *out = malloc(count * sizeof *out);
    float *floats = malloc(count * sizeof *floats);
    for (size_t i = 0; i < count; i++)
        out[i] = floats[i] = (float)fixture_uniform(which, i, -1, 1);
    ck_ok(vq_write(device, view, 0, floats, count * sizeof *floats));
    free(floats);
    return out;
}

static double *zeros(int width) {
    return calloc(ROWS * (size_t)width, sizeof(double));
}

static void same(const char *what, vq_view got, const double *want, size_t count, double tolerance) {
    float *values = malloc(count * sizeof *values);
    ck_ok(vq_read(device, values, got, 0, count * sizeof *values));
    double off = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        off += pow(values[i] - want[i], 2);
        norm += pow(want[i], 2);
    }
    ck_assert_msg(sqrt(off / norm) < tolerance, "%s is off by %.3g", what, sqrt(off / norm));
    free(values);
}

/* The scalar whose gradient is taken: outputs times seeds. */
typedef double (*scalar_fn)(void *user);

static double difference(scalar_fn fn, void *user, double *value) {
    double at = *value, step = 1e-5, up, down;
    *value = at + step;
    up = fn(user);
    *value = at - step;
    down = fn(user);
    *value = at;
    return (up - down) / (2 * step);
}

static double dot(const double *x, const double *y, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += x[i] * y[i];
    return sum;
}

/* Elements of a gradient, evenly spread, against central differences at `values`. */
static void check_gradient(const char *what, vq_view got, double *values, size_t count, scalar_fn fn, void *user) {
    float *gradient = malloc(count * sizeof *gradient);
    ck_ok(vq_read(device, gradient, got, 0, count * sizeof *gradient));
    double off = 0, norm = 0;
    for (size_t k = 0, samples = count < 12 ? count : 12; k < samples; k++) {
        size_t j = k * count / samples + (size_t)fixture_uniform(9, k, 0, (double)count / (double)samples);
        double want = difference(fn, user, &values[j]);
        off += pow(gradient[j] - want, 2);
        norm += want * want;
    }
    ck_assert_msg(sqrt(off / norm) < gradient_tolerance, "gradient of %s is off by %.3g", what, sqrt(off / norm));
    free(gradient);
}

/* All parameters that are part of the plan. */
static int check_parameters(scalar_fn fn, void *user) {
    int checked = 0;
    for (size_t i = 0; i < state.count; i++) {
        const vq_tensor *t;
        for (size_t k = 0; (t = vq_plan_at(plan, k)); k++)
            if (t->role == VQ_PARAM && strcmp(t->name, state.tensors[i].name) == 0) {
                check_gradient(t->name, t->grad, r.values[i], t->count, fn, user);
                checked++;
            }
    }
    return checked;
}

typedef struct {
    double *x, *out[VQDNA_MAX_LEVELS], *seed[VQDNA_MAX_LEVELS];
} problem;

static void release(problem *p) {
    free(p->x);
    for (int n = 0; n < VQDNA_MAX_LEVELS; n++) {
        free(p->out[n]);
        free(p->seed[n]);
    }
}

/* ---- A block ---- */

static double block_scalar(void *user) {
    problem *p = user;
    reference_block(&r, "enc.1", p->out[0], p->x);
    return dot(p->out[0], p->seed[0], ROWS * config.dim);
}

START_TEST(block) {
    begin(_i);
    vq_convnext n = {0};
    int D = config.dim;
    vq_plan_enter(plan, "enc.1.");
    vq_convnext_plan(&n, plan, device, ROWS, D);
    vq_plan_leave(plan);
    bind();
    problem p = {.x = random_numbers(in.view, D, 20), .out = {zeros(D)}, .seed = {random_numbers(a.view, D, 21)}};
    ck_ok(vq_convnext_forward(&n, device, in.view, rows_tensor.view));
    ck_ok(vq_convnext_backward(&n, device, b.view, a.view, in.view, rows_tensor.view));
    block_scalar(&p);
    same("y", n.y.view, p.out[0], ROWS * (size_t)D, value_tolerance);
    same("dy", a.view, p.seed[0], ROWS * (size_t)D, 1e-12); /* stays */
    check_gradient("x", b.view, p.x, ROWS * (size_t)D, block_scalar, &p);
    ck_assert_int_eq(check_parameters(block_scalar, &p), 8);
    release(&p);
    end();
}
END_TEST

/* ---- The encoder ---- */

static double encoder_scalar(void *user) {
    problem *p = user;
    double sum = 0;
    reference_encode(&r, p->out);
    for (int n = 0; n < config.levels; n++)
        sum += dot(p->out[n], p->seed[n], ROWS * config.dim);
    return sum;
}

static vq_status add_seed(void *user, int level, vq_view d, bool add) {
    (void)user;
    enum { COUNT = ROWS * MOST };
    float now[COUNT] = {0}, seed[COUNT];
    size_t bytes = ROWS * (size_t)config.dim * sizeof(float);
    VQ_TRY(vq_read(device, seed, seeds[level].view, 0, bytes));
    if (add)
        VQ_TRY(vq_read(device, now, d, 0, bytes));
    for (int i = 0; i < ROWS * config.dim; i++)
        now[i] += seed[i];
    return vq_write(device, d, 0, now, bytes);
}

START_TEST(encoder) {
    begin(_i);
    vq_encoder e = {0};
    int D = config.dim;
    vq_encoder_plan(&e, plan, device, &config, ROWS);
    bind();
    problem p = {0};
    for (int n = 0; n < config.levels; n++) {
        p.seed[n] = random_numbers(seeds[n].view, D, 30 + (uint64_t)n);
        p.out[n] = zeros(D);
    }
    ck_ok(vq_encoder_forward(&e, device, rows_tensor.view));
    ck_ok(vq_encoder_backward(&e, device, a.view, b.view, rows_tensor.view, add_seed, NULL));
    encoder_scalar(&p);
    for (int n = 0; n < config.levels; n++)
        same("tap", vq_encoder_tap(&e, n), p.out[n], ROWS * (size_t)D, value_tolerance);
    ck_assert_int_eq(check_parameters(encoder_scalar, &p), 6 + 8 * config.blocks);
    release(&p);
    end();
}
END_TEST

/* ---- The decoder ---- */

static double decoder_scalar(void *user) {
    problem *p = user;
    reference_decode(&r, p->out[0], p->x);
    return dot(p->out[0], p->seed[0], ROWS * 4);
}

START_TEST(decoder) {
    begin(_i);
    vq_decoder n = {0};
    int D = config.dim;
    vq_decoder_plan(&n, plan, device, &config, ROWS);
    vq_tensor dlogits;
    vq_plan_tensor(plan, &dlogits, VQ_INPUT, VQ_F32, "dlogits", ROWS, 4);
    bind();
    problem p = {.x = random_numbers(in.view, D, 40), .out = {zeros(4)}, .seed = {random_numbers(dlogits.view, 4, 41)}};
    vq_view dzhat;
    ck_ok(vq_decoder_forward(&n, device, in.view, rows_tensor.view));
    ck_ok(vq_decoder_backward(&n, device, &dzhat, a.view, b.view, dlogits.view, in.view, rows_tensor.view));
    decoder_scalar(&p);
    same("logits", n.logits.view, p.out[0], ROWS * 4, value_tolerance);
    check_gradient("zhat", dzhat, p.x, ROWS * (size_t)D, decoder_scalar, &p);
    ck_assert_int_eq(check_parameters(decoder_scalar, &p), 6 + 8 * config.blocks);
    release(&p);
    end();
}
END_TEST

/* Without training nothing is kept for backward: the values must not change by it. */
START_TEST(inference) {
    vq_view views[2];
    float values[2][ROWS * MOST];
    for (int training = 0; training < 2; training++) {
        begin(_i);
        vq_plan_destroy(plan);
        ck_ok(vq_plan_create(&plan, device, training ? VQ_TRAINING : VQ_INFERENCE));
        vq_encoder e = {0};
        vq_plan_tensor(plan, &rows_tensor, VQ_INPUT, VQ_U8, "rows", ROWS, 4);
        vq_encoder_plan(&e, plan, device, &config, ROWS);
        bind();
        ck_ok(vq_encoder_forward(&e, device, rows_tensor.view));
        views[training] = vq_encoder_tap(&e, config.levels - 1);
        ck_ok(vq_read(device, values[training], views[training], 0, views[training].bytes));
        ck_assert_uint_eq(views[training].bytes, ROWS * (size_t)config.dim * sizeof(float));
        end();
    }
    ck_assert_mem_eq(values[0], values[1], ROWS * (size_t)shapes[_i].dim * sizeof(float));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("block");
    TCase *t = fixture_case(suite, "block");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, block, 0, SHAPES);
    tcase_add_loop_test(t, encoder, 0, SHAPES);
    tcase_add_loop_test(t, decoder, 0, SHAPES);
    tcase_add_loop_test(t, inference, 0, SHAPES);
    return scratch_run(suite);
}

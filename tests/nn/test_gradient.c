/* The gradient of the whole tokenizer's loss against central differences of its double-precision reference. */
#include "fixture.h"
#include "nn/model.h"
#include "nn/reference.h"

#include <math.h>

typedef struct {
    const char *quantizer;
    int dim, stem, blocks, levels, stride, padding;
    bool quantized;
} setting;

static const setting settings[] = {
    {"vq", 16, 8, 2, 1, 1, 0, true},  {"hrq", 19, 7, 2, 2, 1, 8, true},  {"hrq", 24, 8, 3, 3, 1, 0, true},
    {"hrq", 17, 8, 3, 2, 3, 5, true}, {"hrq", 19, 8, 2, 2, 1, 0, false}, {"vq", 16, 9, 2, 1, 3, 3, false},
};
enum { SETTINGS = sizeof settings / sizeof *settings, FIRST = 13, SECOND = 19, SAMPLES = 10 };

/* Measured: below 1e-6 in every tensor of every setting. */
static const double tolerance = 1e-5;

static void start(vq_state *state) {
    vq_state_start(state, 5);
    for (size_t i = 0; i < state->count; i++) {
        vq_state_tensor *t = &state->tensors[i];
        bool norm = strstr(t->name, "norm") != NULL;
        for (size_t j = 0; j < t->count; j++) /* norms away from 1 and 0, codes anywhere near the taps */
            t->data[j] += (float)(norm ? fixture_uniform(i, j, -0.3, 0.3) : t->role == VQ_PARAM ? 0 : fixture_uniform(i, j, -1, 1));
    }
}

static int make_rows(vq_row *rows, const setting *s) {
    uint8_t bases[FIRST + SECOND];
    fixture_bases(bases, sizeof bases, 1, 7);
    bases[0] = bases[FIRST + SECOND - 1] = 4;
    vq_rows_piece(rows, bases, FIRST, 1, s->stride);
    vq_rows_piece(rows + FIRST, bases + FIRST, SECOND, 0, s->stride);
    vq_rows_padding(rows + FIRST + SECOND, s->padding);
    int known = 0;
    for (size_t i = 0; i < sizeof bases; i++)
        known += bases[i] < 4;
    return known;
}

/* The nearest code in double; a float may fall for another one only if it is as near but for rounding. */
static void check_codes(const reference *r, const straight_through *s, int n) {
    char name[24];
    snprintf(name, sizeof name, "books.%d", n);
    const double *e = reference_values(r, name, "e");
    int D = r->config->dim;
    for (int m = 0; m < r->M; m++) {
        double least = INFINITY, given = 0;
        for (int k = 0; k < r->config->codes[n]; k++) {
            double distance = 0;
            for (int d = 0; d < D; d++)
                distance += pow(s->target[n][m * D + d] - e[k * D + d], 2);
            least = fmin(least, distance);
            given = k == s->codes[n][m] ? distance : given;
        }
        ck_assert_msg(given <= least * (1 + 1e-4) + 1e-6, "row %d level %d: %g, nearest %g", m, n, given, least);
    }
}

static double difference(reference *r, const straight_through *s, double beta, double *value) {
    double at = *value, step = 1e-5, loss[2];
    for (int i = 0; i < 2; i++) {
        *value = at + (i ? step : -step);
        reference_loss l = reference_evaluate(r, s);
        loss[i] = l.cross_entropy + beta * l.commitment;
    }
    *value = at;
    return (loss[1] - loss[0]) / (2 * step);
}

START_TEST(whole_loss) {
    const setting *s = &settings[_i];
    const double beta = 0.5;
    vq_config config;
    vqdna_model_options options = {.quantizer = s->quantizer,
                                   .dim = s->dim,
                                   .stem = s->stem,
                                   .blocks = s->blocks,
                                   .codes = 8,
                                   .levels = s->levels,
                                   .decoder_stride = s->stride};
    ck_ok(vq_config_resolve(&config, &options));
    int M = FIRST + SECOND + s->padding;
    vq_row rows[FIRST + SECOND + 8];
    int known = make_rows(rows, s);
    vq_state state;
    vq_model *model;
    ck_ok(vq_model_state(&state, &config));
    start(&state);
    ck_ok(vq_model_create(&model, device, &config, M, VQ_TRAINING));
    ck_ok(vq_model_put(model, &state));
    ck_ok(vq_model_upload(model, rows));
    ck_ok(vq_model_learn(model, known, (float)beta, s->quantized));

    float metrics[VQ_METRICS];
    int32_t *codes[VQDNA_MAX_LEVELS];
    ck_ok(vq_read(device, metrics, model->metrics.view, 0, sizeof metrics));
    for (int n = 0; n < config.levels; n++) {
        codes[n] = calloc((size_t)M, sizeof(int32_t));
        if (s->quantized)
            ck_ok(vq_read(device, codes[n], model->quantizer.level[n].codes.view, 0, (size_t)M * sizeof(int32_t)));
    }
    reference r;
    straight_through through;
    reference_create(&r, &config, &state, M, rows);
    straight_through_create(&through, &r, (const int32_t *const *)codes);
    for (int n = 0; s->quantized && n < config.levels; n++)
        check_codes(&r, &through, n);
    const straight_through *given = s->quantized ? &through : NULL;
    reference_loss loss = reference_evaluate(&r, given);
    ck_assert_double_eq_tol(metrics[VQ_METRIC_LOSS] / known, loss.cross_entropy, 1e-5 * loss.cross_entropy);
    ck_assert_double_eq_tol(metrics[VQ_METRIC_COMMITMENT], loss.commitment, 1e-5 * loss.commitment + 1e-12);
    ck_assert_double_gt(loss.margin, 1e-5); /* else a float may see another base */
    ck_assert_double_eq(metrics[VQ_METRIC_CORRECT], loss.correct);

    double worst = 0;
    int tensors = 0;
    for (size_t i = 0; i < state.count; i++) {
        const vq_state_tensor *t = &state.tensors[i];
        if (t->role != VQ_PARAM)
            continue;
        const vq_tensor *tensor = vq_plan_find(model->plan, t->name);
        float *gradient = malloc(t->count * sizeof *gradient);
        ck_ok(vq_read(device, gradient, tensor->grad, 0, t->count * sizeof *gradient));
        double off = 0, norm = 0;
        size_t samples = t->count < SAMPLES ? t->count : SAMPLES;
        for (size_t k = 0; k < samples; k++) {
            size_t j = t->count <= SAMPLES ? k : (size_t)fixture_uniform(100 + i, k, 0, (double)t->count);
            double want = difference(&r, given, beta, &r.values[i][j]);
            off += (gradient[j] - want) * (gradient[j] - want);
            norm += want * want;
        }
        double error = sqrt(off / norm);
        ck_assert_msg(error < tolerance, "gradient of %s is off by %.3g", t->name, error);
        worst = fmax(worst, error);
        tensors++;
        free(gradient);
    }
    ck_assert_int_eq(tensors, 12 + 2 * 8 * s->blocks);
    if (getenv("VQDNA_VERBOSE"))
        printf("setting %d: loss %.6f + %.1f x %.6f, gradient off by at most %.2g\n", _i, loss.cross_entropy, beta, loss.commitment,
               worst);

    straight_through_destroy(&through);
    reference_destroy(&r);
    for (int n = 0; n < config.levels; n++)
        free(codes[n]);
    vq_model_destroy(model);
    vq_state_destroy(&state);
}
END_TEST

/* += : a second batch adds to gradients and metrics, it does not replace them. */
START_TEST(accumulates) {
    const setting *s = &settings[1];
    vq_config config;
    vqdna_model_options options = {.dim = s->dim, .stem = s->stem, .blocks = s->blocks, .codes = 8};
    ck_ok(vq_config_resolve(&config, &options));
    vq_row rows[FIRST + SECOND + 8];
    int M = FIRST + SECOND + s->padding, known = make_rows(rows, s);
    vq_state state;
    vq_model *model;
    ck_ok(vq_model_state(&state, &config));
    start(&state);
    ck_ok(vq_model_create(&model, device, &config, M, VQ_TRAINING));
    ck_ok(vq_model_put(model, &state));
    size_t count = vq_plan_regions(model->plan, VQ_ALL).count;
    float *once = malloc(count * sizeof *once), *twice = malloc(count * sizeof *twice), metrics[2][VQ_METRICS];
    for (int i = 0; i < 2; i++) {
        ck_ok(vq_model_upload(model, rows));
        ck_ok(vq_model_learn(model, known, 0.5f, true));
        ck_ok(vq_read(device, i ? twice : once, vq_plan_regions(model->plan, VQ_ALL).grad, 0, count * sizeof *once));
        ck_ok(vq_read(device, metrics[i], model->metrics.view, 0, sizeof metrics[i]));
    }
    double off = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        off += pow(twice[i] - 2 * (double)once[i], 2);
        norm += pow(twice[i], 2);
    }
    ck_assert_double_gt(norm, 0);
    ck_assert_double_lt(sqrt(off / norm), 1e-6);
    for (int i = 0; i < VQ_METRICS; i++)
        ck_assert_double_eq_tol(metrics[1][i], 2 * metrics[0][i], 1e-5 * metrics[1][i]);
    free(once);
    free(twice);
    vq_model_destroy(model);
    vq_state_destroy(&state);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("gradient");
    TCase *c = fixture_case(suite, "gradient");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, whole_loss, 0, SETTINGS);
    tcase_add_test(c, accumulates);
    return scratch_run(suite);
}

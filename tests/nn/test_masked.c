/* Masked pre-training: losses, how many are right, and gradients against the double-precision reference. */
#include "fixture.h"
#include "nn/masked.h"
#include "nn/reference_classifier.h"

#include <math.h>

typedef struct {
    int tables, entries, dim, heads, classes[2];
    bool post_norm, recompute;
    vq_mixer mixers[2];
} setting;

static const setting settings[] = {
    {2, 17, 9, 2, {17, 18}, false, false},
    {1, 65, 0, 1, {64}, true, true},
    {5, 5, 0, 0, {0}, false, true},
    {2, 17, 9, 2, {17, 18}, false, true, {VQ_HYENA, VQ_HYENA}},
};
enum { SETTINGS = sizeof settings / sizeof *settings, B = 2, L = 13, M = B * L, HIDDEN = 7, MOST = 9, W = 20, SAMPLES = 10 };
static const double tolerance = 1e-5, gradient_tolerance = 1e-4; /* measured: below 2e-7 and 3e-6 */

typedef struct {
    vq_masked_config config;
    vq_classifier_config body; /* for the reference */
    vq_masked *model;
    vq_state state;
    classifier_reference r;
    int32_t ids[MOST * M], place[M], mark[M], picked[HIDDEN], back[M], targets[3 * HIDDEN];
} problem;

static void begin(problem *p, const setting *s) {
    *p = (problem){.config = {.heads = s->heads}};
    p->config.body = (vq_body_config){
        .layer = {W, 2, 32, s->post_norm}, .layers = 2, .positions = L, .tables = s->tables, .dim = s->dim, .scale = 0.7};
    for (int t = 0; t < s->tables; t++)
        p->config.body.entries[t] = s->entries + (s->heads ? t : 0);
    memcpy(p->config.classes, s->classes, sizeof s->classes);
    memcpy(p->config.body.mixers, s->mixers, sizeof s->mixers);
    p->body.body = p->config.body;
    for (int m = 0, h = 0; m < M; m++) {
        p->place[m] = m % L;
        const bool hide = m % 4 == 1 && h < HIDDEN;
        p->mark[m] = !hide;
        p->back[m] = hide ? h : HIDDEN;
        if (hide)
            p->picked[h++] = m;
        for (int t = 0; t < s->tables; t++)
            p->ids[t * M + m] = hide ? p->config.body.entries[t]
                                     : (int)fixture_uniform(50 + (uint64_t)t, (uint64_t)m, 0, p->config.body.entries[t]);
    }
    for (int k = 0; k <= s->heads; k++)
        for (int i = 0; i < HIDDEN; i++) /* one of the base's is unknown */
            p->targets[k * HIDDEN + i] = (int)fixture_uniform(60 + (uint64_t)k, (uint64_t)i, 0, k < s->heads ? s->classes[k] : 5);
    ck_ok(vq_masked_state(&p->state, &p->config));
    vq_state_start(&p->state, 3);
    for (size_t i = 0; i < p->state.count; i++)
        for (size_t j = 0; j < p->state.tensors[i].count; j++)
            p->state.tensors[i].data[j] += (float)fixture_uniform(40 + i, j, -0.2, 0.2);
    ck_ok(vq_masked_plan(&p->model, device, &p->config, B, L + 1, HIDDEN + 2, VQ_TRAINING_SORTED,
                         &(vq_body_training){.recompute = s->recompute}));
    ck_ok(vq_plan_bind(p->model->plan));
    ck_ok(vq_state_put(&p->state, device, p->model->plan));
    vq_body_use(&p->model->body, B, L);
    ck_ok(vq_body_upload(&p->model->body, p->ids, p->place, p->mark, NULL));
    ck_ok(vq_masked_upload(p->model, p->picked, p->back, p->targets, HIDDEN));
    classifier_reference_create(&p->r, &p->body, &p->state);
    p->r.B = B;
    p->r.L = L;
    p->r.ids = p->ids;
    p->r.place = p->place;
    p->r.hidden = p->mark;
}

/* Losses and right ones of each head; returns what is minimised, of a scale of 1. */
static double reference(const problem *p, double metrics[3][2]) {
    double *x = classifier_reference_body(&p->r), loss = 0;
    const int heads = p->config.heads;
    for (int k = 0; k <= heads; k++) {
        char name[32];
        snprintf(name, sizeof name, k < heads ? "head.levels.%d." : "head.base.", k);
        const double *weight = classifier_reference_get(&p->r, name, "weight"),
                     *bias = classifier_reference_get(&p->r, name, "bias");
        const int C = k < heads ? p->config.classes[k] : 4;
        metrics[k][0] = metrics[k][1] = 0;
        for (int i = 0; i < HIDDEN; i++) {
            const int target = p->targets[k * HIDDEN + i];
            double z[128], sum = 0;
            int top = 0;
            for (int c = 0; c < C; c++) {
                z[c] = bias[c];
                for (int d = 0; d < W; d++)
                    z[c] += weight[c * W + d] * x[p->picked[i] * W + d];
                sum += exp(z[c]);
                top = z[c] > z[top] ? c : top;
            }
            if (target >= C)
                continue;
            metrics[k][0] += log(sum) - z[target];
            metrics[k][1] += top == target;
        }
        loss += metrics[k][0] / (k < heads ? heads : 1);
    }
    free(x);
    return loss;
}

static double difference(problem *p, double *value) {
    double metrics[3][2];
    const double at = *value, step = 1e-5;
    *value = at + step;
    const double up = reference(p, metrics);
    *value = at - step;
    const double down = reference(p, metrics);
    *value = at;
    return (up - down) / (2 * step);
}

START_TEST(gradient) {
    problem p;
    double want[3][2];
    begin(&p, &settings[_i]);
    reference(&p, want);
    ck_ok(vq_masked_run(p.model, 0, (vq_draws){0}, 0)); /* alone, it adds to the metrics only */
    ck_ok(vq_masked_run(p.model, 0, (vq_draws){0}, 0.5f));
    for (int k = 0; k <= p.config.heads; k++) {
        float got[2];
        ck_ok(vq_read(device, got, p.model->heads[k].metrics.view, 0, sizeof got));
        ck_assert_msg(fabs(got[0] / 2 - want[k][0]) < tolerance * want[k][0], "loss of head %d: %g, want %g", k, got[0] / 2,
                      want[k][0]);
        ck_assert_double_eq(got[1] / 2, want[k][1]);
    }
    for (size_t i = 0; i < p.state.count; i++) {
        const vq_tensor *t = vq_plan_find(p.model->plan, p.state.tensors[i].name);
        if (t->role != VQ_PARAM)
            continue;
        float *got = malloc(t->count * sizeof *got);
        double off = 0, norm = 1e-12;
        ck_ok(vq_read(device, got, t->grad, 0, t->count * sizeof *got));
        for (size_t k = 0, samples = t->count < SAMPLES ? t->count : SAMPLES; k < samples; k++) {
            const size_t j = k * t->count / samples + (size_t)fixture_uniform(9, k, 0, (double)t->count / (double)samples);
            const double exact = difference(&p, &p.r.values[i][j]);
            off += pow(got[j] / 0.5 - exact, 2);
            norm += exact * exact;
        }
        ck_assert_msg(sqrt(off / norm) < gradient_tolerance || sqrt(off) < 1e-7, "gradient of %s is off by %.3g", t->name,
                      sqrt(off / norm));
        free(got);
    }
    classifier_reference_destroy(&p.r);
    vq_masked_destroy(p.model);
    vq_state_destroy(&p.state);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("masked");
    TCase *t = fixture_case(suite, "masked");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, gradient, 0, SETTINGS);
    return scratch_run(suite);
}

/* The models that read tokens: values and gradients of the whole classifier against its double-precision reference. */
#include "fixture.h"
#include "nn/mixers.h"
#include "nn/reference_classifier.h"

#include <math.h>

typedef struct {
    int width, heads, feed, layers, tables, entries, dim, classes;
    bool post_norm, max_pool, linear, padded, hidden, weighed, recompute;
    double dropout;
    vq_mixer mixers[3];
} setting;

static const setting settings[] = {
    {24, 2, 48, 2, 1, 5, 0, 2, .padded = true},
    {20, 4, 40, 3, 2, 9, 7, 5, .padded = true, .hidden = true, .weighed = true, .recompute = true},
    {16, 1, 33, 1, 9, 5, 0, 3, .max_pool = true, .linear = true, .weighed = true},
    {24, 2, 48, 2, 1, 65, 0, 0, .post_norm = true, .padded = true},
    {32, 4, 64, 2, 2, 17, 19, 2, .post_norm = true, .max_pool = true, .hidden = true, .recompute = true, .dropout = 0.2},
    {24, 3, 50, 3, 1, 11, 0, 4, .padded = true, .linear = true, .dropout = 0.3, .recompute = true},
    {20, 3, 40, 2, 1, 5, 0, 3, .padded = true, .dropout = 0.1, .mixers = {VQ_HYENA, VQ_HYENA}},
    {24, 2, 48, 3, 2, 9, 7, 2, .padded = true, .hidden = true, .recompute = true, .mixers = {VQ_HYENA, VQ_HYENA, VQ_ATTENTION}},
    {16, 2, 32, 2, 1, 9, 0, 0, .post_norm = true, .max_pool = true, .recompute = true, .mixers = {VQ_ATTENTION, VQ_HYENA}},
};
enum { SETTINGS = sizeof settings / sizeof *settings, B = 3, L = 11, M = B * L, MOST = 9, SAMPLES = 10 };

/* Measured: values below 1e-6, gradients below 3e-6. */
static const double value_tolerance = 1e-5, gradient_tolerance = 1e-4;

typedef struct {
    const setting *s;
    vq_classifier_config config;
    vq_classifier *model;
    vq_state state;
    classifier_reference r;
    int32_t ids[MOST * M], place[M], hidden[M], classes[B];
    uint8_t there[M];
    float numbers[B], weights[8];
} problem;

static vq_classifier_config config_of(const setting *s) {
    vq_classifier_config c = {.classes = s->classes, .max_pool = s->max_pool, .linear = s->linear};
    c.body = (vq_body_config){.layer = {s->width, s->heads, s->feed, s->post_norm},
                              .layers = s->layers,
                              .positions = 2 * L,
                              .tables = s->tables,
                              .dim = s->dim,
                              .scale = 0.8,
                              .last_scale = s->tables > 1 && !s->dim ? 3 : 0};
    for (int t = 0; t < s->tables; t++)
        c.body.entries[t] = s->entries + t;
    memcpy(c.body.mixers, s->mixers, sizeof s->mixers);
    return c;
}

static int draw(uint64_t which, int i, int below) {
    return (int)fixture_uniform(which, (uint64_t)i, 0, below);
}

static void fill(problem *p) {
    const setting *s = p->s;
    for (int m = 0; m < M; m++) {
        p->there[m] = m % L < L - 3 * (m / L); /* of the first sequence all */
        const bool there = !s->padded || p->there[m];
        for (int t = 0; t < s->tables; t++)
            p->ids[t * M + m] = there ? draw(10 + (uint64_t)t, m, s->entries + t + 1) : s->entries + t;
        p->place[m] = there ? m % L * 2 : 2 * L;
        p->hidden[m] = draw(30, m, 3) > 0;
    }
    for (int b = 0; b < B; b++) {
        p->classes[b] = b == 1 && s->classes > 2 ? s->classes : draw(31, b, s->classes + 1) % (s->classes ? s->classes : 1);
        p->numbers[b] = b == 1 ? NAN : (float)fixture_uniform(32, (uint64_t)b, -1, 1);
    }
    for (int k = 0; k < 8; k++)
        p->weights[k] = (float)fixture_uniform(33, (uint64_t)k, 0.2, 2);
}

static void upload(problem *p) {
    const setting *s = p->s;
    vq_classifier *m = p->model;
    vq_body_use(&m->body, B, L);
    ck_ok(vq_body_upload(&m->body, p->ids, p->place, s->hidden ? p->hidden : NULL, s->padded ? p->there : NULL));
    ck_ok(vq_write(device, m->targets.view, 0, s->classes ? (void *)p->classes : (void *)p->numbers, B * 4));
    if (s->classes)
        ck_ok(vq_write(device, m->weights.view, 0, p->weights, (size_t)s->classes * 4));
}

static void begin(problem *p, const setting *s, bool recompute, bool frozen) {
    const vq_body_training how = {.recompute = recompute, .frozen = frozen};
    *p = (problem){.s = s, .config = config_of(s)};
    fill(p);
    ck_ok(vq_classifier_state(&p->state, &p->config));
    vq_state_start(&p->state, 3);
    for (size_t i = 0; i < p->state.count; i++)
        for (size_t j = 0; j < p->state.tensors[i].count; j++) /* norms and biases away from 1 and 0 */
            p->state.tensors[i].data[j] += (float)fixture_uniform(40 + i, j, -0.2, 0.2);
    ck_ok(vq_classifier_plan(&p->model, device, &p->config, B + 1, L + 2, VQ_TRAINING, &how));
    ck_ok(vq_plan_bind(p->model->plan));
    ck_ok(vq_state_put(&p->state, device, p->model->plan));
    upload(p);
    classifier_reference_create(&p->r, &p->config, &p->state);
    p->r.B = B;
    p->r.L = L;
    p->r.ids = p->ids;
    p->r.place = p->place;
    p->r.hidden = s->hidden ? p->hidden : NULL;
    p->r.there = s->padded ? p->there : NULL;
    p->r.dropout = s->dropout;
    p->r.draws = (vq_draws){.seed = 5, .step = 9, .stream = 300};
    p->r.classes = p->classes;
    p->r.numbers = p->numbers;
    p->r.weights = s->weighed ? p->weights : NULL;
}

static void end(problem *p) {
    classifier_reference_destroy(&p->r);
    vq_classifier_destroy(p->model);
    vq_state_destroy(&p->state);
}

static void learn(problem *p, float scale) {
    vq_regions all = vq_plan_regions(p->model->plan, VQ_ALL);
    ck_ok(vq_zero(device, all.grad));
    ck_ok(vq_zero(device, p->model->metrics.view));
    ck_ok(vq_classifier_learn(p->model, p->s->dropout, p->r.draws, p->s->weighed, scale));
}

static float *read_floats(vq_view view, size_t count) {
    float *out = malloc(count * sizeof *out);
    ck_ok(vq_read(device, out, view, 0, count * sizeof *out));
    return out;
}

static double difference(problem *p, double *value) {
    const double at = *value, step = 1e-5;
    *value = at + step;
    const double up = classifier_reference_loss(&p->r, NULL);
    *value = at - step;
    const double down = classifier_reference_loss(&p->r, NULL);
    *value = at;
    return (up - down) / (2 * step);
}

static void check_gradient(problem *p, const vq_tensor *t, double *values) {
    float *gradient = read_floats(t->grad, t->count);
    double off = 0, norm = 1e-12;
    for (size_t k = 0, samples = t->count < SAMPLES ? t->count : SAMPLES; k < samples; k++) {
        const size_t j = k * t->count / samples + (size_t)fixture_uniform(9, k, 0, (double)t->count / (double)samples);
        const double want = difference(p, &values[j]);
        off += pow(gradient[j] / 0.5 - want, 2);
        norm += want * want;
    }
    ck_assert_msg(sqrt(off / norm) < gradient_tolerance || sqrt(off) < 1e-7, "gradient of %s is off by %.3g", t->name,
                  sqrt(off / norm));
    free(gradient);
}

START_TEST(reference) {
    problem p;
    double want[B * 8], off = 0, norm = 0;
    begin(&p, &settings[_i], settings[_i].recompute, false);
    learn(&p, 0.5f);
    const double loss = classifier_reference_loss(&p.r, want);
    float *logits = read_floats(p.model->logits.view, B * (size_t)p.model->outputs),
          *metrics = read_floats(p.model->metrics.view, 1);
    for (int i = 0; i < B * p.model->outputs; i++) {
        off += pow(logits[i] - want[i], 2);
        norm += want[i] * want[i];
    }
    ck_assert_msg(sqrt(off / norm) < value_tolerance, "logits are off by %.3g", sqrt(off / norm));
    ck_assert_msg(fabs(metrics[0] - loss) < value_tolerance * loss, "loss %g, want %g", metrics[0], loss);
    int checked = 0;
    for (size_t i = 0; i < p.state.count; i++) {
        const vq_tensor *t = vq_plan_find(p.model->plan, p.state.tensors[i].name);
        if (t->role == VQ_PARAM) {
            check_gradient(&p, t, p.r.values[i]);
            checked++;
        }
    }
    ck_assert_int_ge(checked, 12 * settings[_i].layers + 6);
    free(logits);
    free(metrics);
    end(&p);
}
END_TEST

/* Computed again or kept, once or twice: the same bits. */
START_TEST(bits) {
    float *gradient[3];
    size_t count = 0;
    for (int run = 0; run < 3; run++) {
        problem p;
        begin(&p, &settings[_i], run == 1, false);
        if (run == 2)
            learn(&p, 1);
        learn(&p, 0.25f);
        count = vq_plan_regions(p.model->plan, VQ_ALL).count;
        gradient[run] = read_floats(vq_plan_regions(p.model->plan, VQ_ALL).grad, count);
        end(&p);
    }
    ck_assert_mem_eq(gradient[0], gradient[1], count * sizeof(float));
    ck_assert_mem_eq(gradient[0], gradient[2], count * sizeof(float));
    for (int run = 0; run < 3; run++)
        free(gradient[run]);
}
END_TEST

/* A sequence's logits do not depend on its batch: alone, and padded, they are what they were. */
START_TEST(alone) {
    problem p;
    begin(&p, &settings[_i], false, false);
    ck_ok(vq_classifier_forward(p.model, 0, p.r.draws));
    const size_t C = (size_t)p.model->outputs;
    float *all = read_floats(p.model->logits.view, B * C);
    for (int b = 0; b < B; b++) {
        const int length = p.s->padded ? L - 3 * b : L;
        int32_t ids[MOST * L], place[L], hidden[L];
        for (int l = 0; l < length; l++) {
            for (int t = 0; t < p.s->tables; t++)
                ids[t * length + l] = p.ids[t * M + b * L + l];
            place[l] = p.place[b * L + l];
            hidden[l] = p.hidden[b * L + l];
        }
        vq_body_use(&p.model->body, 1, length);
        ck_ok(vq_body_upload(&p.model->body, ids, place, p.s->hidden ? hidden : NULL, NULL));
        ck_ok(vq_classifier_forward(p.model, 0, p.r.draws));
        float *one = read_floats(p.model->logits.view, C);
        for (size_t k = 0; k < C; k++)
            ck_assert_msg(fabsf(one[k] - all[(size_t)b * C + k]) < 1e-5f, "sequence %d: %g alone, %g among others", b, one[k],
                          all[(size_t)b * C + k]);
        free(one);
    }
    free(all);
    end(&p);
}
END_TEST

/* A frozen body: the head's gradient is what it was, and nothing else has one. */
START_TEST(frozen) {
    problem whole, part;
    begin(&whole, &settings[_i], false, false);
    begin(&part, &settings[_i], false, true);
    learn(&whole, 1);
    learn(&part, 1);
    int heads = 0;
    const vq_tensor *t;
    for (size_t i = 0; (t = vq_plan_at(part.model->plan, i)); i++) {
        ck_assert(t->role != VQ_PARAM || !strncmp(t->name, "head.", 5));
        if (t->role != VQ_PARAM)
            continue;
        float *a = read_floats(t->grad, t->count), *b = read_floats(vq_plan_find(whole.model->plan, t->name)->grad, t->count);
        ck_assert_mem_eq(a, b, t->count * sizeof *a);
        free(a);
        free(b);
        heads++;
    }
    ck_assert_int_eq(heads, settings[_i].linear ? 2 : 4);
    end(&whole);
    end(&part);
}
END_TEST

/* Adapters: with B at zero the model is the frozen one; dA and dB are those of W + scale B A by the chain rule, and nothing else has a
 * gradient but the head. */
START_TEST(adapters) {
    static const vq_body_training how = {.adapters = {3, 6, true}};
    problem p;
    begin(&p, &settings[_i], false, false);
    learn(&p, 0.5f);
    vq_classifier *whole = p.model, *m;
    ck_ok(vq_classifier_plan(&m, device, &p.config, B + 1, L + 2, VQ_TRAINING, &how));
    ck_ok(vq_plan_bind(m->plan));
    ck_ok(vq_state_put(&p.state, device, m->plan));
    const size_t C = B * (size_t)m->outputs;
    for (int moved = 0; moved < 2; moved++) {
        for (int i = 0; i < 4 * settings[_i].layers; i++) {
            vq_adapter *a = &m->body.adapters[i];
            float *A = malloc(a->A.count * sizeof *A), *Bs = malloc(a->B.count * sizeof *Bs);
            for (size_t j = 0; j < a->A.count; j++)
                A[j] = (float)fixture_uniform(70 + (uint64_t)i, j, -0.3, 0.3);
            for (size_t j = 0; j < a->B.count; j++)
                Bs[j] = moved ? (float)fixture_uniform(90 + (uint64_t)i, j, -0.3, 0.3) : 0;
            ck_ok(vq_write(device, a->A.view, 0, A, a->A.count * sizeof *A));
            ck_ok(vq_write(device, a->B.view, 0, Bs, a->B.count * sizeof *Bs));
            /* The same by hand in the whole model. */
            vq_state_tensor *W = vq_state_find(&p.state, a->base->name);
            for (int o = 0; o < a->out && moved; o++)
                for (int k = 0; k < a->rank; k++)
                    for (int j = 0; j < a->in; j++)
                        W->data[o * a->in + j] += 2 * Bs[o * a->rank + k] * A[k * a->in + j];
            free(A);
            free(Bs);
        }
        ck_ok(vq_state_put(&p.state, device, whole->plan));
        learn(&p, 0.5f);
        p.model = m;
        upload(&p);
        learn(&p, 0.5f);
        p.model = whole;
        float *got = read_floats(m->logits.view, C), *want = read_floats(whole->logits.view, C);
        for (size_t i = 0; i < C; i++)
            ck_assert_msg(fabsf(got[i] - want[i]) < 2e-5f, "logit %zu is %g, want %g", i, got[i], want[i]);
        free(got);
        free(want);
    }
    int trained = 0;
    const vq_tensor *t;
    for (size_t i = 0; (t = vq_plan_at(m->plan, i)); i++)
        trained += t->role == VQ_PARAM;
    ck_assert_int_eq(trained, 8 * settings[_i].layers + (settings[_i].linear ? 2 : 4));
    for (int i = 0; i < 4 * settings[_i].layers; i++) {
        const vq_adapter *a = &m->body.adapters[i];
        float *dW = read_floats(vq_plan_find(whole->plan, a->base->name)->grad, a->base->count);
        float *dA = read_floats(a->A.grad, a->A.count), *dB = read_floats(a->B.grad, a->B.count);
        float *A = read_floats(a->A.view, a->A.count), *Bs = read_floats(a->B.view, a->B.count);
        double off[2] = {0}, norm[2] = {1e-20, 1e-20};
        for (int k = 0; k < a->rank; k++)
            for (int j = 0; j < a->in; j++) {
                double want = 0;
                for (int o = 0; o < a->out; o++)
                    want += 2 * (double)Bs[o * a->rank + k] * dW[o * a->in + j];
                off[0] += pow(dA[k * a->in + j] - want, 2);
                norm[0] += want * want;
            }
        for (int o = 0; o < a->out; o++)
            for (int k = 0; k < a->rank; k++) {
                double want = 0;
                for (int j = 0; j < a->in; j++)
                    want += 2 * (double)dW[o * a->in + j] * A[k * a->in + j];
                off[1] += pow(dB[o * a->rank + k] - want, 2);
                norm[1] += want * want;
            }
        ck_assert_msg(sqrt(off[0] / norm[0]) < 1e-4 && sqrt(off[1] / norm[1]) < 1e-4, "%s: dA is off by %.3g, dB by %.3g",
                      a->base->name, sqrt(off[0] / norm[0]), sqrt(off[1] / norm[1]));
        float *const lists[] = {dW, dA, dB, A, Bs};
        for (int k = 0; k < 5; k++)
            free(lists[k]);
    }
    vq_classifier_destroy(m);
    end(&p);
}
END_TEST

/* The paper's body has as many parameters as torch.nn.TransformerEncoder of the same shape. */
START_TEST(base) {
    vq_classifier_config c = {.classes = 2};
    c.body = (vq_body_config){.layer = {768, 12, 3072, false}, .layers = 12, .positions = 512, .tables = 1, .entries = {5}};
    vq_state s;
    uint64_t body = 0;
    ck_ok(vq_classifier_state(&s, &c));
    for (size_t i = 0; i < s.count; i++)
        body += strncmp(s.tensors[i].name, "body.", 5) ? 0 : s.tensors[i].count;
    ck_assert_uint_eq(body, 85056000);
    vq_state_destroy(&s);
}
END_TEST

/* Mixers as text: one for all, or a list that is as long as the body is deep. */
START_TEST(mixers) {
    static const struct {
        const char *text, *back;
        int layers;
    } good[] = {{"attention", "attention", 3},
                {"hyena", "hyena", VQ_MAX_LAYERS},
                {"hyena,hyena,attention", "hyena,hyena,attention", 3},
                {"hyena,hyena", "hyena", 2},
                {"attention,hyena", "attention,hyena", 2}};
    static const struct {
        const char *text, *why;
    } bad[] = {{"hyen", "mixer 'hyen' is not known"},
               {"", "mixer '' is not known"},
               {"hyena,", "mixer '' is not known"},
               {"hyena,Attention,hyena", "mixer 'Attention' is not known"},
               {"hyena,hyena", "lists 2 layers and the body has 3"},
               {"hyena,hyena,hyena,hyena", "or layers=4"}};
    char text[VQ_MIXERS_TEXT];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        vq_body_config c = {.layers = good[i].layers};
        ck_ok(vq_mixers_parse(&c, good[i].text));
        vq_mixers_text(text, &c);
        ck_assert_str_eq(text, good[i].back);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        vq_body_config c = {.layers = 3};
        ck_fails(vq_mixers_parse(&c, bad[i].text), VQDNA_ERR_USAGE, bad[i].why);
    }
    vq_body_config all = {.layers = VQ_MAX_LAYERS};
    for (int i = 1; i < VQ_MAX_LAYERS; i++)
        all.mixers[i] = i % 9 ? VQ_ATTENTION : VQ_HYENA;
    vq_mixers_text(text, &all); /* the longest there can be */
    vq_body_config again = {.layers = VQ_MAX_LAYERS};
    ck_ok(vq_mixers_parse(&again, text));
    ck_assert_mem_eq(all.mixers, again.mixers, sizeof all.mixers);
}
END_TEST

START_TEST(impossible) {
    vq_classifier *m;
    vq_classifier_config c = config_of(&settings[0]);
    c.body.layer.heads = 5;
    ck_fails(vq_classifier_plan(&m, device, &c, 1, 1, VQ_INFERENCE, NULL), VQDNA_ERR_USAGE, "width 24 does not go into 5 heads");
    c.body.mixers[0] = c.body.mixers[1] = VQ_HYENA; /* which has no heads */
    ck_ok(vq_classifier_plan(&m, device, &c, 1, 1, VQ_INFERENCE, NULL));
    vq_classifier_destroy(m);
    c.body.mixers[1] = VQ_ATTENTION;
    ck_fails(vq_classifier_plan(&m, device, &c, 1, 1, VQ_INFERENCE, NULL), VQDNA_ERR_USAGE, "width 24 does not go into 5 heads");
    c = config_of(&settings[0]);
    c.body.layers = 0;
    ck_fails(vq_classifier_plan(&m, device, &c, 1, 1, VQ_INFERENCE, NULL), VQDNA_ERR_USAGE, "layers is 0");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("classifier");
    TCase *t = fixture_case(suite, "classifier");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, reference, 0, SETTINGS);
    tcase_add_loop_test(t, bits, 0, SETTINGS);
    tcase_add_loop_test(t, alone, 0, SETTINGS);
    tcase_add_loop_test(t, frozen, 0, SETTINGS);
    tcase_add_loop_test(t, adapters, 0, SETTINGS);
    tcase_add_test(t, base);
    tcase_add_test(t, mixers);
    tcase_add_test(t, impossible);
    return scratch_run(suite);
}

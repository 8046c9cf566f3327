/* Training: the same bits on every run and over a resume, what it reports, and what it refuses. */
#include "fixture.h"
#include "seq/alphabet.h"
#include "train/checkpoint.h"
#include "train/options.h"

#include <check.h>
#include <math.h>

static vq_dataset *make_dataset(const char *name, int contigs, const size_t *lengths, uint64_t seed) {
    char *path = scratch_path(name);
    FILE *file = fopen(path, "w");
    for (int c = 0; c < contigs; c++) {
        uint8_t *bases = malloc(lengths[c]);
        fixture_bases(bases, lengths[c], seed + (uint64_t)c, 40);
        fprintf(file, ">c%d\n", c);
        for (size_t i = 0; i < lengths[c]; i++)
            fputc(vq_letter_of_code(bases[i]), file);
        fputc('\n', file);
        free(bases);
    }
    ck_assert_int_eq(fclose(file), 0);
    vq_dataset *dataset;
    ck_ok(vq_dataset_create(&dataset));
    ck_ok(vq_dataset_add(dataset, path));
    return dataset;
}

static const size_t usual[] = {900, 31, 300};

static vq_config shape(int stride) {
    vq_config config;
    vqdna_model_options options = {.dim = 16, .stem = 9, .blocks = 2, .codes = 8, .decoder_stride = stride};
    ck_ok(vq_config_resolve(&config, &options));
    return config;
}

static vqdna_train_options resolve(const vq_config *config, const vq_dataset *dataset, vqdna_train_options options) {
    vqdna_train_options out;
    options.window = options.window ? options.window : 40;
    options.batch = options.batch ? options.batch : 3;
    ck_ok(vq_train_resolve(&out, &options, config, vq_dataset_describe(dataset).bases));
    return out;
}

static vq_trainer *open_trainer(const vq_config *config, vq_state *state, const vq_dataset *dataset, vqdna_train_options options) {
    options = resolve(config, dataset, options);
    vq_trainer *trainer;
    ck_ok(vq_trainer_create(&trainer, device, config, dataset, &options));
    ck_ok(vq_state_create(state, config));
    vq_state_start(state, 1);
    ck_ok(vq_model_put(trainer->model, state));
    return trainer;
}

static void run(vq_trainer *trainer, int steps) {
    for (int i = 0; i < steps; i++)
        ck_assert_int_eq(vq_trainer_step(trainer), VQDNA_OK);
}

/* All that the next step depends on, as bytes: parameters, moments, codebooks with their averages. */
static void check_same(vq_trainer *a, vq_trainer *b) {
    ck_assert_uint_eq(a->step, b->step);
    ck_assert_uint_eq(a->bases, b->bases);
    ck_assert_int_eq(a->started, b->started);
    const vq_tensor *x;
    for (size_t i = 0; (x = vq_plan_at(a->model->plan, i)); i++) {
        const vq_tensor *y = vq_plan_at(b->model->plan, i);
        if (x->role != VQ_PARAM && x->role != VQ_STATE)
            continue;
        const vq_view of[][2] = {{x->view, y->view}, {x->grad, y->grad}, {x->moment1, y->moment1}, {x->moment2, y->moment2}};
        for (int v = 0; v < (x->role == VQ_PARAM ? 4 : 1); v++) {
            char *p = malloc(x->view.bytes), *q = malloc(x->view.bytes);
            ck_ok(vq_read(device, p, of[v][0], 0, x->view.bytes));
            ck_ok(vq_read(device, q, of[v][1], 0, x->view.bytes));
            ck_assert_msg(memcmp(p, q, x->view.bytes) == 0, "%s (%d) differs", x->name, v);
            free(p);
            free(q);
        }
    }
}

START_TEST(same_seed_same_bits) {
    vq_config config = shape(_i ? 3 : 1);
    vq_dataset *dataset = make_dataset("a.fa", 3, usual, 1);
    vq_state s[3];
    /* Codes fall out of use at once, so that re-seeding takes part. */
    vqdna_train_options options = {.steps = 40, .unquantized = 4, .seed = 5, .use_decay = 0.3, .expire = 0.8};
    int reseeded = 0;
    vq_trainer *a = open_trainer(&config, &s[0], dataset, options), *b = open_trainer(&config, &s[1], dataset, options);
    run(a, 12);
    for (int i = 0; i < 12; i++) { /* reports are only looked at: they change nothing */
        vqdna_report report;
        run(b, 1);
        ck_ok(vq_trainer_report(b, &report));
        reseeded += report.level[0].reseeded;
    }
    ck_assert_int_gt(reseeded, 0);
    check_same(a, b);
    options.seed = 6;
    vq_trainer *c = open_trainer(&config, &s[2], dataset, options);
    run(c, 12);
    ck_ok(vq_model_get(a->model, &s[0]));
    ck_ok(vq_model_get(c->model, &s[2]));
    for (size_t i = 0; i < s[0].count; i++)
        ck_assert_mem_ne(s[0].tensors[i].data, s[2].tensors[i].data, s[0].tensors[i].count * sizeof(float));
    vq_trainer_destroy(a);
    vq_trainer_destroy(b);
    vq_trainer_destroy(c);
    for (int i = 0; i < 3; i++)
        vq_state_destroy(&s[i]);
    vq_dataset_destroy(dataset);
}
END_TEST

/* Stopped before, at and after the codebooks' start. */
START_TEST(resumed_is_uninterrupted) {
    static const int stops[] = {2, 5, 9};
    vq_config config = shape(2), config_back;
    vq_dataset *dataset = make_dataset("a.fa", 3, usual, 1);
    vq_state state, saved, model_only;
    vqdna_train_options options = {.steps = 14, .unquantized = 5, .use_decay = 0.3, .expire = 0.8};
    vq_trainer *a = open_trainer(&config, &state, dataset, options), *b;
    char *folder = scratch_path("run");
    run(a, stops[_i]);
    ck_ok(vq_checkpoint_save(folder, a, &state, "{\"by\": \"test\"}"));
    ck_ok(vq_checkpoint_resume(&b, &config_back, &saved, device, dataset, folder));
    ck_assert_mem_eq(&config, &config_back, sizeof config);
    json_t *given, *back;
    ck_ok(vq_train_to_json(&given, &a->options));
    ck_ok(vq_train_to_json(&back, &b->options));
    ck_assert(json_equal(given, back));
    json_decref(given);
    json_decref(back);
    check_same(a, b);
    uint64_t step;
    ck_ok(vq_checkpoint_load_model(folder, &config_back, &model_only, &step));
    ck_assert_uint_eq(step, (uint64_t)stops[_i]);
    for (size_t i = 0; i < state.count; i++)
        ck_assert_mem_eq(state.tensors[i].data, model_only.tensors[i].data, state.tensors[i].count * sizeof(float));
    run(a, 14 - stops[_i]);
    run(b, 14 - stops[_i]);
    check_same(a, b);
    ck_assert(a->started);
    ck_assert_int_eq(vq_trainer_step(a), VQDNA_END);
    ck_assert_int_eq(vq_trainer_step(b), VQDNA_END);
    check_same(a, b);
    vqdna_report x, y;
    ck_ok(vq_trainer_report(a, &x));
    ck_ok(vq_trainer_report(b, &y));
    ck_assert_uint_eq(x.bases, y.bases);
    ck_assert_uint_eq(x.step, 14);
    ck_assert_double_eq(x.gradient_norm, y.gradient_norm);
    vq_trainer_destroy(a);
    vq_trainer_destroy(b);
    vq_state_destroy(&state);
    vq_state_destroy(&saved);
    vq_state_destroy(&model_only);
    vq_dataset_destroy(dataset);
}
END_TEST

START_TEST(refused) {
    vq_config config = shape(1);
    vq_dataset *dataset = make_dataset("a.fa", 3, usual, 1), *other = make_dataset("b.fa", 3, usual, 2), *empty;
    vq_state state, saved;
    vq_trainer *a = open_trainer(&config, &state, dataset, (vqdna_train_options){.steps = 10}), *b;
    char *folder = scratch_path("refused");
    ck_ok(vq_checkpoint_save(folder, a, &state, NULL));
    ck_fails(vq_checkpoint_resume(&b, &config, &saved, device, other, folder), VQDNA_ERR_INPUT, "trainer.safetensors",
             "other sequences");
    ck_fails(vq_checkpoint_resume(&b, &config, &saved, device, dataset, scratch_path("nowhere")), VQDNA_ERR_INPUT, "nowhere");
    ck_fails(vq_checkpoint_save(folder, a, &state, "no json"), VQDNA_ERR_USAGE, "provenance");
    ck_fails(vq_checkpoint_save(folder, a, &state, "[1]"), VQDNA_ERR_USAGE, "provenance");
    /* A failed save leaves what was there. */
    ck_ok(vq_checkpoint_resume(&b, &config, &saved, device, dataset, folder));
    vq_trainer_destroy(b);
    vq_state_destroy(&saved);
    vq_trainer_destroy(a);
    vq_state_destroy(&state);

    ck_ok(vq_dataset_create(&empty));
    a = open_trainer(&config, &state, empty, (vqdna_train_options){.steps = 10});
    ck_fails(vq_trainer_step(a), VQDNA_ERR_INPUT, "");
    vq_trainer_destroy(a);
    vq_state_destroy(&state);
    vq_dataset_destroy(empty);
    vq_dataset_destroy(dataset);
    vq_dataset_destroy(other);
}
END_TEST

/* What a report says of a run that learns. */
START_TEST(reports) {
    vq_config config = shape(1);
    vq_dataset *dataset = make_dataset("a.fa", 3, usual, 1);
    vq_state state;
    vqdna_train_options options = {.steps = 120, .unquantized = 20, .warmup = 5, .learning_rate = 5e-3};
    vq_trainer *t = open_trainer(&config, &state, dataset, options);
    vqdna_report r, first = {0};
    ck_ok(vq_trainer_report(t, &r)); /* before anything was done */
    ck_assert_uint_eq(r.step, 0);
    ck_assert_double_eq(r.loss, 0);
    for (int i = 0; i < 12; i++) {
        run(t, 10);
        ck_ok(vq_trainer_report(t, &r));
        first = i ? first : r;
        ck_assert_uint_eq(r.step, (uint64_t)(10 * i + 10));
        ck_assert_uint_eq(r.steps, 120);
        ck_assert_double_eq_tol(r.progress, (10 * i + 10) / 120.0, 1e-12);
        ck_assert_double_eq(r.loss, r.cross_entropy + 0.5 * r.commitment);
        ck_assert(r.cross_entropy > 0 && r.cross_entropy < 2);
        ck_assert(r.reconstruction_accuracy >= 0.15 && r.reconstruction_accuracy <= 1);
        ck_assert(isfinite(r.gradient_norm) && r.gradient_norm > 0);
        ck_assert_int_eq(r.quantized, i >= 2);
        ck_assert_uint_eq(r.bases, r.step * 120);
        ck_assert_double_eq_tol(r.decay, 0.9 + 0.09 * r.progress, 1e-12);
        ck_assert_int_eq(r.levels, 2);
        ck_assert(r.seconds > 0 && r.bases_per_second > 0 && r.seconds_left >= 0);
        for (int n = 0; n < 2; n++) {
            ck_assert_int_eq(r.level[n].codes, 16 << n);
            if (i < 2) {
                ck_assert_int_eq(r.level[n].used, 0);
                ck_assert_double_eq(r.commitment, 0);
            } else {
                ck_assert(r.level[n].perplexity >= 1 && r.level[n].perplexity <= r.level[n].used);
                ck_assert_int_ge(r.level[n].reseeded, 0);
                ck_assert_double_gt(r.commitment, 0);
            }
        }
    }
    ck_assert_double_lt(r.learning_rate, 0.06 * 5e-3); /* 5 % of the peak at the end */
    ck_assert_double_lt(r.cross_entropy, 0.7 * first.cross_entropy);
    ck_assert_double_gt(r.reconstruction_accuracy, first.reconstruction_accuracy);
    ck_assert_int_gt(r.level[0].used, 8);
    vq_trainer_destroy(t);
    vq_state_destroy(&state);
    vq_dataset_destroy(dataset);
}
END_TEST

/* Contigs shorter than the window, down to one base. */
START_TEST(short_contigs) {
    vq_config config = shape(_i ? 3 : 1);
    static const size_t lengths[] = {1, 7, 3, 39, 12};
    vq_dataset *dataset = make_dataset("short.fa", 5, lengths, 9);
    vq_state state;
    vq_trainer *t = open_trainer(&config, &state, dataset, (vqdna_train_options){.steps = 20, .unquantized = VQDNA_ZERO});
    run(t, 20);
    vqdna_report r;
    ck_ok(vq_trainer_report(t, &r));
    ck_assert_uint_eq(r.bases, 20 * 120);
    ck_assert(r.quantized && isfinite(r.loss));
    for (int m = 0; m < t->model->M; m++) /* every row holds a base */
        ck_assert(t->rows[m].left <= 38 && t->rows[m].right <= 38 && t->rows[m].left + t->rows[m].right <= 38);
    vq_trainer_destroy(t);
    vq_state_destroy(&state);
    vq_dataset_destroy(dataset);
}
END_TEST

START_TEST(not_finite) {
    vq_config config = shape(1);
    vq_dataset *dataset = make_dataset("a.fa", 3, usual, 1);
    vq_state state;
    vq_trainer *t = open_trainer(&config, &state, dataset, (vqdna_train_options){.steps = 20, .unquantized = VQDNA_ZERO});
    vqdna_report r;
    run(t, 2);
    ck_ok(vq_trainer_report(t, &r));
    float nan = NAN;
    ck_ok(vq_write(device, vq_model_tensor(t->model, "enc.0.up.weight")->view, 8, &nan, sizeof nan));
    run(t, 2);
    ck_fails(vq_trainer_report(t, &r), VQDNA_ERR_NUMERIC, "not finite", "step 4");
    vq_trainer_destroy(t);
    vq_state_destroy(&state);
    vq_dataset_destroy(dataset);
}
END_TEST

START_TEST(by_the_clock) {
    vq_config config = shape(1);
    vq_dataset *dataset = make_dataset("a.fa", 3, usual, 1);
    vq_state state;
    vq_trainer *t = open_trainer(&config, &state, dataset, (vqdna_train_options){.seconds = 0.3, .unquantized = 2});
    vqdna_report r;
    vq_status status;
    double progress = 0;
    while ((status = vq_trainer_step(t)) == VQDNA_OK) {
        ck_ok(vq_trainer_report(t, &r));
        ck_assert(r.progress >= progress && r.progress <= 1 && r.seconds_left <= 0.3);
        ck_assert_uint_eq(r.steps, 0);
        progress = r.progress;
    }
    ck_assert_int_eq(status, VQDNA_END);
    ck_assert_double_ge(t->seconds, 0.3);
    ck_assert_uint_gt(t->step, 2);
    vq_trainer_destroy(t);
    vq_state_destroy(&state);
    vq_dataset_destroy(dataset);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("trainer");
    TCase *t = fixture_case(suite, "trainer");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, same_seed_same_bits, 0, 2);
    tcase_add_loop_test(t, resumed_is_uninterrupted, 0, 3);
    tcase_add_test(t, refused);
    tcase_add_test(t, reports);
    tcase_add_loop_test(t, short_contigs, 0, 2);
    tcase_add_test(t, not_finite);
    tcase_add_test(t, by_the_clock);
    return scratch_run(suite);
}

/* Training: the same bits on every run and over a resume, what it reports, and what it refuses. */
#include "fixture.h"
#include "seq/alphabet.h"
#include "train/checkpoint.h"
#include "train/options.h"
#include "train/tokenizer_task.h"

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
    vq_tokenizer_task *task;
    ck_ok(vq_tokenizer_trainer(&trainer, &task, device, config, dataset, &options, false));
    ck_ok(vq_model_state(state, config));
    vq_state_start(state, 1);
    ck_ok(vq_model_put(task->model, state));
    return trainer;
}

static vq_tokenizer_task *task_of(const vq_trainer *trainer) {
    return trainer->task.self;
}

/* What vqdna_trainer_resume does. */
static vq_status resume(vq_trainer **out, vq_config *config, vq_state *state, const vq_dataset *dataset, const char *folder) {
    vq_checkpoint c;
    vqdna_train_options options;
    vq_tokenizer_task *task;
    vq_trainer *t = NULL;
    vq_status status;
    *state = (vq_state){0};
    VQ_TRY_OR(done, vq_checkpoint_open(&c, folder));
    VQ_TRY_OR(done, vq_checkpoint_expect(&c, VQ_TOKENIZER_KIND, vq_dataset_fingerprint(dataset)));
    VQ_TRY_OR(done, vq_config_from_json(config, c.config, c.path));
    VQ_TRY_OR(done, vq_train_from_json(&options, c.options, c.path));
    VQ_TRY_OR(done, vq_model_state(state, config));
    VQ_TRY_OR(done, vq_tokenizer_trainer(&t, &task, device, config, dataset, &options, false));
    VQ_TRY_OR(done, vq_checkpoint_load(&c, t, state));
    *out = t;
done:
    vq_checkpoint_close(&c);
    return status;
}

static double value(const vqdna_report *report, const char *name) {
    double number = vq_number_value(report->numbers, report->count, name);
    ck_assert_msg(!isnan(number), "no number %s", name);
    return number;
}

static double level(const vqdna_report *report, int n, const char *member) {
    char name[48];
    snprintf(name, sizeof name, "levels.%d.%s", n, member);
    return value(report, name);
}

static void run(vq_trainer *trainer, int steps) {
    for (int i = 0; i < steps; i++)
        ck_assert_int_eq(vq_trainer_step(trainer), VQDNA_OK);
}

/* All that the next step depends on, as bytes: parameters, moments, codebooks with their averages; and with
 * `sums` what the next report does. */
static void check_same(vq_trainer *a, vq_trainer *b, bool sums) {
    ck_assert_uint_eq(a->step, b->step);
    ck_assert_uint_eq(a->bases, b->bases);
    ck_assert_int_eq(task_of(a)->started, task_of(b)->started);
    const vq_tensor *x;
    for (size_t i = 0; (x = vq_plan_at(a->task.plan, i)); i++) {
        const vq_tensor *y = vq_plan_at(b->task.plan, i);
        if (x->role > (sums ? VQ_SUMS : VQ_STATE))
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
        reseeded += (int)value(&report, "levels.0.reseeded");
    }
    ck_assert_int_gt(reseeded, 0);
    check_same(a, b, false);
    options.seed = 6;
    vq_trainer *c = open_trainer(&config, &s[2], dataset, options);
    run(c, 12);
    ck_ok(vq_model_get(task_of(a)->model, &s[0]));
    ck_ok(vq_model_get(task_of(c)->model, &s[2]));
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
    run(a, 1);
    vqdna_report x, y;
    ck_ok(vq_trainer_report(a, &x)); /* the checkpoint is taken between two reports */
    run(a, stops[_i] - 1);
    ck_ok(vq_model_get(task_of(a)->model, &state));
    ck_ok(vq_checkpoint_save(folder, a, &state, "{\"by\": \"test\"}"));
    ck_ok(resume(&b, &config_back, &saved, dataset, folder));
    ck_assert_mem_eq(&config, &config_back, sizeof config);
    json_t *given, *back;
    ck_ok(vq_train_to_json(&given, &task_of(a)->options));
    ck_ok(vq_train_to_json(&back, &task_of(b)->options));
    ck_assert(json_equal(given, back));
    json_decref(given);
    json_decref(back);
    check_same(a, b, true);
    vq_folder saved_model;
    ck_ok(vq_folder_open(&saved_model, folder));
    ck_ok(vq_folder_expect(&saved_model, VQ_TOKENIZER_KIND));
    ck_fails(vq_folder_expect(&saved_model, "vqdna-other"), VQDNA_ERR_INPUT, "vqdna-tokenizer", "vqdna-other");
    ck_ok(vq_model_state(&model_only, &config));
    ck_ok(vq_folder_load(&saved_model, &model_only));
    ck_assert_uint_eq(saved_model.step, (uint64_t)stops[_i]);
    vq_folder_close(&saved_model);
    for (size_t i = 0; i < state.count; i++)
        ck_assert_mem_eq(state.tensors[i].data, model_only.tensors[i].data, state.tensors[i].count * sizeof(float));
    run(a, 14 - stops[_i]);
    run(b, 14 - stops[_i]);
    check_same(a, b, true);
    ck_assert(task_of(a)->started);
    ck_assert_int_eq(vq_trainer_step(a), VQDNA_END);
    ck_assert_int_eq(vq_trainer_step(b), VQDNA_END);
    check_same(a, b, true);
    ck_ok(vq_trainer_report(a, &x));
    ck_ok(vq_trainer_report(b, &y));
    ck_assert_uint_eq(x.step, 14);
    ck_assert_uint_eq(x.count, y.count);
    for (size_t i = 0; i < x.count; i++) { /* sums since the last report, before the stop, among them */
        ck_assert_str_eq(x.numbers[i].name, y.numbers[i].name);
        if (strcmp(x.numbers[i].name, "seconds") != 0 && strcmp(x.numbers[i].name, "bases_per_second") != 0)
            ck_assert_msg(x.numbers[i].value == y.numbers[i].value, "%s", x.numbers[i].name);
    }
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
    ck_fails(resume(&b, &config, &saved, other, folder), VQDNA_ERR_INPUT, "trainer.safetensors", "other sequences");
    ck_fails(resume(&b, &config, &saved, dataset, scratch_path("nowhere")), VQDNA_ERR_INPUT, "nowhere");
    ck_fails(vq_checkpoint_save(folder, a, &state, "no json"), VQDNA_ERR_USAGE, "provenance");
    ck_fails(vq_checkpoint_save(folder, a, &state, "[1]"), VQDNA_ERR_USAGE, "provenance");
    /* A failed save leaves what was there. */
    ck_ok(resume(&b, &config, &saved, dataset, folder));
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
    vqdna_report r;
    double first_cross_entropy = 0, first_reconstruction_accuracy = 0;
    ck_ok(vq_trainer_report(t, &r)); /* before anything was done */
    ck_assert_uint_eq(r.step, 0);
    ck_assert_double_eq(value(&r, "loss"), 0);
    for (int i = 0; i < 12; i++) {
        run(t, 10);
        ck_ok(vq_trainer_report(t, &r));
        if (i == 0) {
            first_cross_entropy = value(&r, "cross_entropy");
            first_reconstruction_accuracy = value(&r, "reconstruction_accuracy");
        }
        ck_assert_uint_eq(r.step, (uint64_t)(10 * i + 10));
        ck_assert_uint_eq(r.steps, 120);
        ck_assert_double_eq_tol(r.progress, (10 * i + 10) / 120.0, 1e-12);
        ck_assert_double_eq(value(&r, "loss"), value(&r, "cross_entropy") + 0.5 * value(&r, "commitment"));
        ck_assert(value(&r, "cross_entropy") > 0 && value(&r, "cross_entropy") < 2);
        ck_assert(value(&r, "reconstruction_accuracy") >= 0.15 && value(&r, "reconstruction_accuracy") <= 1);
        ck_assert(isfinite(value(&r, "gradient_norm")) && value(&r, "gradient_norm") > 0);
        ck_assert_double_eq(value(&r, "quantized"), i >= 2);
        ck_assert_double_eq(value(&r, "bases"), (double)r.step * 120);
        ck_assert_double_eq_tol(value(&r, "decay"), 0.9 + 0.09 * r.progress, 1e-12);
        ck_assert(value(&r, "seconds") > 0 && value(&r, "bases_per_second") > 0 && r.seconds_left >= 0);
        for (int n = 0; n < 2; n++) {
            ck_assert_double_eq(level(&r, n, "codes"), 16 << n);
            if (i < 2) {
                ck_assert_double_eq(level(&r, n, "used"), 0);
                ck_assert_double_eq(value(&r, "commitment"), 0);
            } else {
                ck_assert(level(&r, n, "perplexity") >= 1 && level(&r, n, "perplexity") <= level(&r, n, "used"));
                ck_assert_double_ge(level(&r, n, "reseeded"), 0);
                ck_assert_double_gt(value(&r, "commitment"), 0);
            }
        }
    }
    ck_assert_double_lt(value(&r, "learning_rate"), 0.06 * 5e-3); /* 5 % of the peak at the end */
    ck_assert_double_lt(value(&r, "cross_entropy"), 0.7 * first_cross_entropy);
    ck_assert_double_gt(value(&r, "reconstruction_accuracy"), first_reconstruction_accuracy);
    ck_assert_double_gt(level(&r, 0, "used"), 8);
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
    ck_assert_double_eq(value(&r, "bases"), 20 * 120);
    ck_assert(value(&r, "quantized") && isfinite(value(&r, "loss")));
    for (int m = 0; m < task_of(t)->model->M; m++) /* every row holds a base */
        ck_assert(task_of(t)->rows[m].left <= 38 && task_of(t)->rows[m].right <= 38 &&
                  task_of(t)->rows[m].left + task_of(t)->rows[m].right <= 38);
    vq_trainer_destroy(t);
    vq_state_destroy(&state);
    vq_dataset_destroy(dataset);
}
END_TEST

/* A step in parts is the step: gradients, codebook sums and metrics add up to those of all windows at once. */
START_TEST(micro_batches) {
    vq_config config = shape(1);
    static const size_t lengths[] = {4000};
    vq_dataset *dataset = make_dataset("long.fa", 1, lengths, 4);
    vqdna_train_options options = {.steps = 6, .batch = 6, .unquantized = VQDNA_ZERO, .seed = 3};
    vqdna_report r[2];
    double loss[2];
    float *weights[2];
    size_t count = 0;
    for (int i = 0; i < 2; i++) {
        vq_state state;
        options.micro_batch = i ? 2 : 6;
        vq_trainer *t = open_trainer(&config, &state, dataset, options);
        ck_assert_int_eq(t->task.parts, i ? 3 : 1);
        ck_assert_int_eq(task_of(t)->model->M, i ? 80 : 240);
        run(t, 3);
        ck_ok(vq_trainer_report(t, &r[i]));
        loss[i] = value(&r[i], "loss");
        ck_assert_double_eq(value(&r[i], "bases"), 3 * 240);
        vq_regions regions = vq_plan_regions(t->task.plan, VQ_ALL);
        count = regions.count;
        weights[i] = malloc(count * sizeof(float));
        ck_ok(vq_read(device, weights[i], regions.param, 0, count * sizeof(float)));
        vq_trainer_destroy(t);
        vq_state_destroy(&state);
    }
    double off = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        off += pow(weights[0][i] - weights[1][i], 2);
        norm += pow(weights[0][i], 2);
    }
    ck_assert_double_eq_tol(loss[1], loss[0], 1e-4 * loss[0]);
    ck_assert_double_lt(sqrt(off / norm), 1e-3); /* Adam's first steps magnify rounding where a gradient is near zero */
    free(weights[0]);
    free(weights[1]);
    vq_dataset_destroy(dataset);
}
END_TEST

/* A contig of unknown bases beside one that is known changes nothing at all; unknown bases within move no code. */
START_TEST(unknown_bases) {
    vq_config config = shape(1);
    static const size_t lengths[] = {900};
    vq_dataset *plain = make_dataset("plain.fa", 1, lengths, 6), *gaps;
    char *path = scratch_path("gaps.fa");
    FILE *from = fopen(scratch_path("plain.fa"), "r"), *to = fopen(path, "w");
    for (int c; (c = getc(from)) != EOF;)
        putc(c, to);
    fclose(from);
    fputs(">n\n", to);
    for (int i = 0; i < 5000; i++)
        putc('N', to);
    putc('\n', to);
    fclose(to);
    ck_ok(vq_dataset_create(&gaps));
    ck_ok(vq_dataset_add(gaps, path));
    vq_state a, b;
    vqdna_train_options options = {.steps = 10, .unquantized = VQDNA_ZERO, .use_decay = 0.3, .expire = 0.8};
    vq_trainer *x = open_trainer(&config, &a, plain, options), *y = open_trainer(&config, &b, gaps, options);
    run(x, 5);
    run(y, 5);
    check_same(x, y, true);
    vq_trainer_destroy(x);
    vq_trainer_destroy(y);
    vq_state_destroy(&a);
    vq_state_destroy(&b);
    vq_dataset_destroy(plain);
    vq_dataset_destroy(gaps);

    /* 2 % of the bases are unknown: use counts the others. */
    static const size_t some[] = {900, 31, 300};
    vq_dataset *dataset = make_dataset("some.fa", 3, some, 1);
    x = open_trainer(&config, &a, dataset, options);
    run(x, 5);
    int64_t known = (int64_t)task_of(x)->known_since, used = 0;
    ck_assert_int_lt(known, 600);
    for (int n = 0; n < config.levels; n++) {
        int32_t usage[16];
        const vq_level *l = &task_of(x)->model->quantizer.level[n];
        for (int k = used = 0; k < l->K; k += 16) {
            ck_ok(vq_read(device, usage, l->usage.view, (size_t)k * sizeof *usage, sizeof usage));
            for (int i = 0; i < 16; i++)
                used += usage[i];
        }
        ck_assert_int_eq(used, known);
    }
    vq_trainer_destroy(x);
    vq_state_destroy(&a);
    vq_dataset_destroy(dataset);
}
END_TEST

/* Without gradients weights decay and biases and norms do not; as the default has it, all do. */
START_TEST(decay_of_weights) {
    vq_config config = shape(1);
    vq_dataset *dataset = make_dataset("a.fa", 3, usual, 1);
    vqdna_train_options options = {
        .steps = 10, .unquantized = 10, .learning_rate = 1e-2, .weight_decay = 10, .decay_weights_only = _i};
    vq_state state, after;
    vq_trainer *t = open_trainer(&config, &state, dataset, options);
    run(t, 1);
    ck_ok(vq_model_state(&after, &config));
    ck_ok(vq_model_get(task_of(t)->model, &after));
    for (size_t i = 0; i < state.count; i++) {
        const vq_state_tensor *s = &state.tensors[i];
        if (s->role != VQ_PARAM)
            continue;
        double before = 0, now = 0; /* a step moves each by at most about the rate, 1/10 of the 2e-3 of warm-up's first */
        for (size_t j = 0; j < s->count; j++) {
            before += fabs(s->data[j]);
            now += fabs(after.tensors[i].data[j]);
        }
        bool decays = !_i || strstr(s->name, "norm") == NULL;
        decays = decays && (!_i || strstr(s->name, ".bias") == NULL);
        if (strcmp(s->name, "norm_in.weight") == 0 || strcmp(s->name, "enc.0.norm.weight") == 0)
            ck_assert_msg((now < 0.95 * before) == decays, "%s %g -> %g", s->name, before, now);
        if (strcmp(s->name, "enc.1.up.weight") == 0)
            ck_assert_double_lt(now, 0.95 * before);
    }
    vq_trainer_destroy(t);
    vq_state_destroy(&state);
    vq_state_destroy(&after);
    vq_dataset_destroy(dataset);
}
END_TEST

/* Each gradient and each sum of the codebooks passes through the one place where nodes meet, once a step. */
static vq_status note_bytes(void *user, vq_device *on, vq_view view) {
    size_t *bytes = user;
    ck_assert_ptr_eq(on, device);
    *bytes += view.bytes;
    return VQDNA_OK;
}

START_TEST(nodes) {
    vq_config config = shape(1);
    vq_dataset *dataset = make_dataset("a.fa", 3, usual, 1);
    vq_state state;
    vq_trainer *t = open_trainer(&config, &state, dataset, (vqdna_train_options){.steps = 10, .unquantized = VQDNA_ZERO});
    size_t bytes = 0, sums = 0;
    t->exchange = note_bytes;
    t->exchange_user = &bytes;
    run(t, 2);
    for (int n = 0; n < config.levels; n++)
        sums += (size_t)config.codes[n] * (1 + (size_t)config.dim) * sizeof(float);
    ck_assert_uint_eq(bytes, 2 * (vq_plan_regions(t->task.plan, VQ_ALL).grad.bytes + sums));
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
    ck_ok(vq_write(device, vq_plan_find(t->task.plan, "enc.0.up.weight")->view, 8, &nan, sizeof nan));
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
    tcase_add_test(t, micro_batches);
    tcase_add_test(t, unknown_bases);
    tcase_add_loop_test(t, decay_of_weights, 0, 2);
    tcase_add_test(t, nodes);
    tcase_add_test(t, not_finite);
    tcase_add_test(t, by_the_clock);
    return scratch_run(suite);
}

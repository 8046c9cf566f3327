#include "base/json.h"
#include "scratch.h"
#include "train/options.h"
#include "train/pretrain_options.h"
#include "train/schedule.h"

#include <check.h>
#include <stddef.h>

static vq_config tiny(void) {
    vq_config c;
    ck_ok(vq_config_resolve(&c, NULL));
    return c;
}

static vqdna_train_options resolve(vqdna_train_options options, uint64_t bases) {
    vq_config config = tiny();
    vqdna_train_options out;
    ck_ok(vq_train_resolve(&out, &options, &config, bases));
    return out;
}

static void same(const vqdna_train_options *a, const vqdna_train_options *b) {
    json_t *x, *y;
    ck_ok(vq_train_to_json(&x, a));
    ck_ok(vq_train_to_json(&y, b));
    char *text = json_dumps(x, 0), *wanted = json_dumps(y, 0);
    ck_assert_str_eq(text, wanted);
    free(text);
    free(wanted);
    json_decref(x);
    json_decref(y);
}

/* Every field of both structs can be set by its name; a key that is missing from the table shows here. */
START_TEST(every_key) {
    vqdna_model_options m = {0};
    vqdna_train_options t = {0};
    static const char *const settings[] = {"preset=small",      "quantizer=vq",     "dim=33",
                                           "stem=17",           "blocks=5",         "codes=77",
                                           "levels=1",          "decoder_stride=6", "seed=9007199254740992",
                                           "window=100",        "batch=3",          "steps=12",
                                           "epochs=1.5",        "seconds=60",       "learning_rate=2e-4",
                                           "beta1=0.8",         "beta2=0.99",       "weight_decay=0.1",
                                           "final_rate=0.2",    "warmup=7",         "clip=2",
                                           "commitment=0.25",   "decay_first=0.5",  "decay_last=0.6",
                                           "laplace=1e-4",      "use_decay=0.7",    "expire=0.3",
                                           "unquantized=4",     "kmeans_batches=2", "kmeans_rounds=3",
                                           "forward_only=true", "micro_batch=1",    "decay_weights_only=true"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        ck_ok(vq_option_set(&m, &t, settings[i]));
    ck_assert_str_eq(m.preset, "small");
    ck_assert_str_eq(m.quantizer, "vq");
    const int model[] = {m.dim, m.stem, m.blocks, m.codes, m.levels, m.decoder_stride}, model_want[] = {33, 17, 5, 77, 1, 6};
    ck_assert_mem_eq(model, model_want, sizeof model);
    const vqdna_train_options want = {.seed = 9007199254740992,
                                      .window = 100,
                                      .batch = 3,
                                      .steps = 12,
                                      .epochs = 1.5,
                                      .seconds = 60,
                                      .learning_rate = 2e-4,
                                      .beta1 = 0.8,
                                      .beta2 = 0.99,
                                      .weight_decay = 0.1,
                                      .final_rate = 0.2,
                                      .warmup = 7,
                                      .clip = 2,
                                      .commitment = 0.25,
                                      .decay_first = 0.5,
                                      .decay_last = 0.6,
                                      .laplace = 1e-4,
                                      .use_decay = 0.7,
                                      .expire = 0.3,
                                      .unquantized = 4,
                                      .kmeans_batches = 2,
                                      .kmeans_rounds = 3,
                                      .forward_only = true,
                                      .micro_batch = 1,
                                      .decay_weights_only = true};
    same(&t, &want);
    ck_ok(vq_option_set(&m, &t, "forward_only=false"));
    ck_assert(!t.forward_only);
    ck_ok(vq_option_set(&m, &t, "forward_only=1"));
    ck_assert(t.forward_only);
}
END_TEST

/* Zero is the default in the struct, so a zero that was asked for is kept as VQDNA_ZERO and resolves to 0. */
START_TEST(zeros) {
    static const char *const keys[] = {"weight_decay", "final_rate",  "warmup",        "clip",          "commitment",
                                       "expire",       "unquantized", "kmeans_rounds", "learning_rate", "beta1",
                                       "decay_first",  "laplace",     "use_decay"};
    vqdna_model_options m = {0};
    vqdna_train_options t = {0};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s=0", keys[i]);
        ck_ok(vq_option_set(&m, &t, text));
    }
    ck_assert_double_eq(t.clip, VQDNA_ZERO);
    ck_assert_int_eq(t.warmup, -1);
    t = resolve(t, 1000);
    const double got[] = {t.weight_decay,  t.final_rate,    t.warmup, t.clip,        t.commitment, t.expire,   t.unquantized,
                          t.kmeans_rounds, t.learning_rate, t.beta1,  t.decay_first, t.laplace,    t.use_decay};
    for (size_t i = 0; i < sizeof got / sizeof *got; i++)
        ck_assert_msg(got[i] == 0, "%s is %g", keys[i], got[i]);
}
END_TEST

START_TEST(wrong) {
    static const char *const bad[][3] = {
        {"learning_rat=1", "learning_rat", "'learning_rate'"},
        {"Batch=1", "Batch", "'batch'"},
        {"decoderstride=2", "decoderstride", "'decoder_stride'"},
        {"blokcs=1", "blokcs", "'blocks'"},
        {"batch", "key=value", "batch"},
        {"=3", "key=value", ""},
        {"", "key=value", ""},
        {"batch=", "batch", "number"},
        {"batch=two", "batch", "number"},
        {"batch=2x", "batch", "number"},
        {"batch=1.5", "batch", "whole"},
        {"batch=0", "batch", "between 1"},
        {"batch=-1", "batch", "between"},
        {"batch=nan", "batch", "number"},
        {"clip=inf", "clip", "number"},
        {"clip=1e999", "clip", "number"},
        {"beta1=1", "beta1", "between"},
        {"seed=-1", "seed", "between"},
        {"seed=0", "seed", "between 1"},
        {"seed=9007199254740994", "seed", "between 1 and 9007199254740992"},
        {"steps=0", "steps", "between 1"},
        {"epochs=0", "epochs", "above 0"},
        {"seconds=0", "seconds", "above 0"},
        {"batch= 2", "batch", "number"},
        {"learning_rate=0,001", "learning_rate", "number"},
        {"dim=0", "dim", "between 1"},
        {"dim=-2", "dim", "between"},
        {"dim=1e9", "dim", "between"},
        {"preset=huge", "huge", "tiny, small or base"},
        {"preset=hrq", "hrq", "tiny"},
        {"quantizer=tiny", "tiny", "hrq or vq"},
        {"forward_only=yes", "forward_only", "yes"},
        {"forward_only=2", "forward_only", "true or false"},
        {"window=2000000", "window", "1048576"},
        {"final_rate=1.1", "final_rate", "between 0 and 1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        vqdna_model_options m, m0;
        vqdna_train_options t, t0;
        memset(&m, 0, sizeof m), memset(&m0, 0, sizeof m0), memset(&t, 0, sizeof t), memset(&t0, 0, sizeof t0);
        ck_fails(vq_option_set(&m, &t, bad[i][0]), VQDNA_ERR_USAGE, bad[i][1], bad[i][2]);
        ck_assert_mem_eq(&m, &m0, sizeof m);
        ck_assert_mem_eq(&t, &t0, sizeof t);
    }
    char longer[300];
    memset(longer, 'k', sizeof longer);
    memcpy(longer + 290, "=1", 3);
    vqdna_model_options m = {0};
    vqdna_train_options t = {0};
    ck_fails(vq_option_set(&m, &t, longer), VQDNA_ERR_USAGE, "key=value");
}
END_TEST

START_TEST(defaults) {
    vq_config config = tiny();
    vqdna_train_options t;
    ck_ok(vq_train_resolve(&t, NULL, &config, 1000));
    const vqdna_train_options want = {.seed = 1,
                                      .window = 256,
                                      .batch = 16,
                                      .steps = 1000,
                                      .learning_rate = 1e-3,
                                      .beta1 = 0.9,
                                      .beta2 = 0.95,
                                      .weight_decay = 0.01,
                                      .final_rate = 0.05,
                                      .warmup = 50,
                                      .clip = 1,
                                      .commitment = 0.5,
                                      .decay_first = 0.9,
                                      .decay_last = 0.99,
                                      .laplace = 1e-5,
                                      .use_decay = 0.9,
                                      .expire = 0.1,
                                      .unquantized = 0,
                                      .kmeans_batches = 4,
                                      .kmeans_rounds = 10,
                                      .micro_batch = 16};
    same(&t, &want);
    vqdna_model_options base = {.preset = "base"};
    ck_ok(vq_config_resolve(&config, &base));
    ck_ok(vq_train_resolve(&t, NULL, &config, 1000));
    ck_assert_int_eq(t.window, 512);
}
END_TEST

START_TEST(lengths_of_a_run) {
    ck_assert_uint_eq(resolve((vqdna_train_options){.epochs = 1, .window = 10, .batch = 5}, 1000).steps, 20);
    ck_assert_uint_eq(resolve((vqdna_train_options){.epochs = 1.5, .window = 10, .batch = 5}, 1001).steps, 31);
    ck_assert_uint_eq(resolve((vqdna_train_options){.epochs = 0.001, .window = 10, .batch = 5}, 1000).steps, 1);
    ck_assert_uint_eq(resolve((vqdna_train_options){.seconds = 5}, 1000).steps, 0);
    ck_assert_uint_eq(resolve((vqdna_train_options){.steps = 5}, 1000).steps, 5);
    /* The warm-up fits the run, unless it was asked for. */
    vqdna_train_options t = resolve((vqdna_train_options){.steps = 200}, 1000);
    ck_assert_double_eq(t.unquantized, 0);
    ck_assert_int_eq(t.warmup, 20);
    t = resolve((vqdna_train_options){.steps = 200, .unquantized = 90, .warmup = 70}, 1000);
    ck_assert_double_eq(t.unquantized, 90);
    ck_assert_int_eq(t.warmup, 70);

    vq_config config = tiny();
    const struct {
        vqdna_train_options options;
        const char *part;
    } bad[] = {{{.steps = 5, .epochs = 1}, "one of steps, epochs and seconds"},
               {{.seconds = 5, .epochs = 1}, "one of"},
               {{.window = 1 << 20, .batch = 1000}, "too large"},
               {{.window = -5}, "window"},
               {{.batch = 1 << 20}, "batch"},
               {{.learning_rate = -2}, "learning_rate"},
               {{.kmeans_batches = -1}, "kmeans_batches"},
               {{.seed = UINT64_MAX}, "seed"},
               {{.epochs = VQDNA_ZERO}, "epochs"},
               {{.batch = 6, .micro_batch = 4}, "must divide batch"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_fails(vq_train_resolve(&t, &bad[i].options, &config, 1000), VQDNA_ERR_USAGE, bad[i].part);
}
END_TEST

START_TEST(json) {
    vqdna_train_options t = resolve((vqdna_train_options){.seed = 9007199254740991,
                                                          .epochs = 1.0 / 3,
                                                          .learning_rate = 1.0 / 7,
                                                          .clip = VQDNA_ZERO,
                                                          .forward_only = true},
                                    123456),
                        back;
    json_t *object;
    ck_ok(vq_train_to_json(&object, &t));
    char *text = json_dumps(object, JSON_REAL_PRECISION(17));
    json_decref(object);
    ck_ok(vq_json_parse(&object, text, strlen(text), "t.json"));
    ck_ok(vq_train_from_json(&back, object, "t.json"));
    same(&t, &back);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        json_t *bad = json_copy(object);
        json_object_del(bad, key);
        if (strcmp(key, "micro_batch") != 0 && strcmp(key, "decay_weights_only") != 0) /* checkpoints of 0.1 lack these two */
            ck_fails(vq_train_from_json(&back, bad, "t.json"), VQDNA_ERR_INPUT, "t.json", key);
        else
            ck_ok(vq_train_from_json(&back, bad, "t.json"));
        json_object_set_new(bad, key, json_string("x"));
        ck_fails(vq_train_from_json(&back, bad, "t.json"), VQDNA_ERR_INPUT, "t.json", key);
        json_decref(bad);
    }
    json_decref(object);
    free(text);
}
END_TEST

START_TEST(locale_of_the_program) {
    if (scratch_locale("de_DE")) {
        vqdna_model_options model = {0};
        vqdna_train_options train = {0};
        ck_ok(vq_option_set(&model, &train, "learning_rate=0.001"));
        ck_assert(train.learning_rate == 0.001);
        ck_fails(vq_option_set(&model, &train, "learning_rate=0,001"), VQDNA_ERR_USAGE, "learning_rate", "0,001");
        ck_assert_str_eq(localeconv()->decimal_point, ",");
    }
    setlocale(LC_ALL, "C");
}
END_TEST

/* The table that help and manual are made from says what is done: an option set to what it calls its default is as one not set. */
START_TEST(table) {
    const vqdna_option *o;
    int count = 0;
    vq_config config = tiny();
    vqdna_train_options unset = resolve((vqdna_train_options){0}, 1000);
    for (size_t i = 0; (o = vq_option_at(i)); i++, count++) {
        char text[128];
        ck_assert_msg(o->help[0] && o->fallback[0], "%s", o->key);
        if (o->of_model || strchr(o->fallback, ' ') || strcmp(o->fallback, "none") == 0 || strcmp(o->fallback, "batch") == 0)
            continue;
        snprintf(text, sizeof text, "%s=%s", o->key, o->fallback);
        ck_ok(vq_option_agrees(&config, &unset, text));
        snprintf(text, sizeof text, "%s=%s", o->key, o->most == 0 ? "true" : o->least == 0 ? "0.125" : "17");
        if (strcmp(o->key, "warmup") != 0 && strcmp(o->key, "kmeans_rounds") != 0)
            ck_fails(vq_option_agrees(&config, &unset, text), VQDNA_ERR_USAGE, o->key, o->fallback);
    }
    ck_assert_int_eq(count, 33);
    ck_ok(vq_option_agrees(&config, &unset, "preset=tiny"));
    ck_ok(vq_option_agrees(&config, &unset, "codes=256"));
    ck_fails(vq_option_agrees(&config, &unset, "quantizer=vq"), VQDNA_ERR_USAGE, "hrq");
    ck_fails(vq_option_agrees(&config, &unset, "dim=65"), VQDNA_ERR_USAGE, "dim=64");
}
END_TEST

/* Lengths double at equal shares of the steps; epochs count what is read. */
START_TEST(length_warmup) {
    static const struct {
        int first, full;
        uint64_t step, steps;
        int length;
    } at[] = {{0, 256, 0, 10, 256},  {32, 256, 0, 8, 32},   {32, 256, 1, 8, 32},   {32, 256, 2, 8, 64},
              {32, 256, 7, 8, 256},  {100, 256, 0, 3, 100}, {100, 256, 1, 3, 200}, {100, 256, 2, 3, 256},
              {256, 256, 0, 5, 256}, {512, 256, 0, 5, 256}, {8, 1 << 20, 0, 1, 8}, {8, 1 << 20, 17, 18, 1 << 20}};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        ck_assert_int_eq(vq_schedule_length(at[i].first, at[i].full, at[i].step, at[i].steps), at[i].length);
    ck_assert_double_eq(vq_schedule_mean_length(0, 256), 256);
    ck_assert_double_eq(vq_schedule_mean_length(64, 256), (64 + 128 + 256) / 3.0);
    vqdna_pretrain_options o, whole = {.window = 256, .batch = 2, .epochs = 1}, warm = whole, long_one = whole;
    ck_ok(vq_pretrain_resolve(&o, &whole, 448 * 512));
    ck_assert_uint_eq(o.steps, 448);
    warm.length_warmup = 64;
    ck_ok(vq_pretrain_resolve(&o, &warm, 448 * 512));
    ck_assert_uint_eq(o.steps, 768);
    long_one.length_warmup = 257;
    ck_fails(vq_pretrain_resolve(&o, &long_one, 1000), VQDNA_ERR_USAGE, "length_warmup is 257", "256");
}
END_TEST

/* A program built before a field was added gives a smaller struct: what lies behind it is not read. */
START_TEST(smaller_structs) {
    vq_config config = tiny();
    vqdna_train_options t, old = {.size = offsetof(vqdna_train_options, micro_batch), .batch = 6, .micro_batch = 4};
    vqdna_model_options m = {.size = offsetof(vqdna_model_options, levels), .levels = 7};
    ck_ok(vq_train_resolve(&t, &old, &config, 1000));
    ck_assert_int_eq(t.micro_batch, 6);
    ck_fails(vq_option_set(&m, &old, "micro_batch=2"), VQDNA_ERR_USAGE, "built for", "micro_batch");
    ck_ok(vq_option_set(&m, &old, "batch=2"));
    ck_ok(vq_config_resolve(&config, &m));
    ck_assert_int_eq(config.levels, 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("options");
    TCase *t = tcase_create("options");
    tcase_add_test(t, every_key);
    tcase_add_test(t, zeros);
    tcase_add_test(t, wrong);
    tcase_add_test(t, defaults);
    tcase_add_test(t, lengths_of_a_run);
    tcase_add_test(t, json);
    tcase_add_test(t, locale_of_the_program);
    tcase_add_test(t, table);
    tcase_add_test(t, length_warmup);
    tcase_add_test(t, smaller_structs);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}

/* The library as its users see it: through the public header and the shared object alone. */
#include "api/outside.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* A repeat with changes: something to learn. */
enum { LENGTH = 3000 };
static char sequence[LENGTH + 1];

static vqdna_dataset *make_dataset(void) {
    unsigned state = 1;
    for (int i = 0; i < LENGTH; i++) {
        state = state * 1103515245u + 12345u;
        sequence[i] = "ACGT"[state >> 16 & 3];
    }
    sequence[100] = 'N';
    const char *path = in_folder("in.fa");
    FILE *f = fopen(path, "w");
    fprintf(f, ">one first\n%s\n>two\nACGTNacgtu\n>empty\n", sequence);
    fclose(f);
    vqdna_dataset *d;
    ok(vqdna_dataset_create(&d));
    ok(vqdna_dataset_add(d, path));
    return d;
}

static const vqdna_model_options small = {.dim = 16, .stem = 8, .blocks = 2, .codes = 8};
static const vqdna_train_options brief = {.window = 64, .batch = 4, .steps = 60, .learning_rate = 5e-3};

static vqdna_tokenizer *trained(vqdna_dataset *dataset) {
    vqdna_tokenizer *tokenizer;
    vqdna_trainer *trainer;
    ok(vqdna_tokenizer_create(&tokenizer, context, &small, 1));
    ok(vqdna_trainer_create(&trainer, tokenizer, dataset, &brief));
    vqdna_status status;
    while ((status = vqdna_trainer_step(trainer)) == VQDNA_OK)
        ;
    ck_assert_int_eq(status, VQDNA_END);
    vqdna_trainer_destroy(trainer);
    return tokenizer;
}

START_TEST(texts) {
    ck_assert_str_eq(vqdna_version(), "0.1.0");
    ck_assert_ptr_nonnull(strstr(vqdna_libraries(), "zlib"));
    ck_assert_ptr_null(strchr(vqdna_libraries(), '\n'));
}
END_TEST

/* A NULL where none may be is the caller's mistake: said, not crashed on. */
START_TEST(nulls) {
    vqdna_dataset *d = make_dataset();
    vqdna_tokenizer *t;
    vqdna_trainer *r;
    vqdna_model_info info;
    vqdna_metrics metrics;
    vqdna_report report;
    vqdna_plan_summary summary;
    vqdna_device_info *devices;
    size_t count;
    ok(vqdna_tokenizer_create(&t, context, &small, 1));
    ok(vqdna_trainer_create(&r, t, d, &brief));
    vqdna_model_options m = {0};
    vqdna_train_options o = {0};
    uint16_t codes[2];
    char bases[2];
    const char *paths[] = {NULL};
    vqdna_codes_sink codes_sink = (vqdna_codes_sink)abort;
    vqdna_vectors_sink vectors_sink = (vqdna_vectors_sink)abort;
    vqdna_bases_sink bases_sink = (vqdna_bases_sink)abort;
    vqdna_codes_source source = (vqdna_codes_source)abort;
    const struct {
        vqdna_status status;
        const char *what;
    } calls[] = {
#define CALL(expr, part) {(expr), part}
        CALL(vqdna_devices(NULL, &count, NULL), "out"),
        CALL(vqdna_devices(&devices, NULL, NULL), "count"),
        CALL(vqdna_context_create(NULL, NULL), "out"),
        CALL(vqdna_context_create(&context, &(vqdna_context_options){.threads = -1}), "threads"),
        CALL(vqdna_selftest(NULL, NULL, NULL), "context"),
        CALL(vqdna_dataset_create(NULL), "out"),
        CALL(vqdna_dataset_add(NULL, "x"), "dataset"),
        CALL(vqdna_dataset_add(d, NULL), "path"),
        CALL(vqdna_tokenizer_create(NULL, context, NULL, 1), "out"),
        CALL(vqdna_tokenizer_create(&t, NULL, NULL, 1), "context"),
        CALL(vqdna_tokenizer_open(NULL, context, "x"), "out"),
        CALL(vqdna_tokenizer_open(&t, NULL, "x"), "context"),
        CALL(vqdna_tokenizer_open(&t, context, NULL), "path"),
        CALL(vqdna_tokenizer_save(NULL, "x", NULL), "tokenizer"),
        CALL(vqdna_tokenizer_save(t, NULL, NULL), "path"),
        CALL(vqdna_model_describe(NULL, &info, NULL, NULL), "path"),
        CALL(vqdna_model_describe("x", NULL, NULL, NULL), "out"),
        CALL(vqdna_tokenize(NULL, paths, 1, NULL, codes_sink, NULL, NULL), "tokenizer"),
        CALL(vqdna_tokenize(t, NULL, 1, NULL, codes_sink, NULL, NULL), "paths"),
        CALL(vqdna_tokenize(t, paths, 0, NULL, NULL, NULL, NULL), "sink"),
        CALL(vqdna_codebook_survey(NULL, t, paths, 0, NULL, NULL, NULL), "codebook"),
        CALL(vqdna_codebook_annotate(NULL, t, paths, 0, NULL, "x", NULL, NULL), "codebook"),
        CALL(vqdna_measure(NULL, 1, NULL, NULL), "paths"),
        CALL(vqdna_measure(paths, 0, NULL, NULL), "stats"),
        CALL(vqdna_embed(NULL, paths, 1, NULL, NULL, vectors_sink, NULL, NULL), "tokenizer"),
        CALL(vqdna_embed(t, NULL, 1, NULL, NULL, vectors_sink, NULL, NULL), "paths"),
        CALL(vqdna_embed(t, paths, 0, NULL, NULL, NULL, NULL, NULL), "sink"),
        CALL(vqdna_detokenize(NULL, NULL, source, bases_sink, NULL, NULL), "tokenizer"),
        CALL(vqdna_detokenize(t, NULL, NULL, bases_sink, NULL, NULL), "source"),
        CALL(vqdna_detokenize(t, NULL, source, NULL, NULL, NULL), "sink"),
        CALL(vqdna_encode(NULL, "A", 1, codes), "tokenizer"),
        CALL(vqdna_encode(t, NULL, 1, codes), "bases"),
        CALL(vqdna_encode(t, "A", 1, NULL), "codes"),
        CALL(vqdna_decode(NULL, codes, 1, bases), "tokenizer"),
        CALL(vqdna_decode(t, NULL, 1, bases), "codes"),
        CALL(vqdna_decode(t, codes, 1, NULL), "bases"),
        CALL(vqdna_evaluate(NULL, paths, 1, NULL, &metrics), "tokenizer"),
        CALL(vqdna_evaluate(t, NULL, 1, NULL, &metrics), "paths"),
        CALL(vqdna_evaluate(t, paths, 1, NULL, &metrics), "paths[i]"),
        CALL(vqdna_evaluate(t, paths, 0, NULL, NULL), "out"),
        CALL(vqdna_set_option(NULL, &o, "dim=1"), "model"),
        CALL(vqdna_set_option(&m, NULL, "dim=1"), "train"),
        CALL(vqdna_set_option(&m, &o, NULL), "assignment"),
        CALL(vqdna_trainer_create(NULL, t, d, NULL), "out"),
        CALL(vqdna_trainer_create(&r, NULL, d, NULL), "tokenizer"),
        CALL(vqdna_trainer_create(&r, t, NULL, NULL), "dataset"),
        CALL(vqdna_trainer_create(&r, t, d, NULL), "trainer already"),
        CALL(vqdna_trainer_resume(NULL, &t, context, d, "x"), "out"),
        CALL(vqdna_trainer_resume(&r, NULL, context, d, "x"), "tokenizer"),
        CALL(vqdna_trainer_resume(&r, &t, NULL, d, "x"), "context"),
        CALL(vqdna_trainer_resume(&r, &t, context, NULL, "x"), "dataset"),
        CALL(vqdna_trainer_resume(&r, &t, context, d, NULL), "path"),
        CALL(vqdna_trainer_step(NULL), "trainer"),
        CALL(vqdna_trainer_report(NULL, &report), "trainer"),
        CALL(vqdna_trainer_report(r, NULL), "out"),
        CALL(vqdna_trainer_checkpoint(NULL, "x", NULL), "trainer"),
        CALL(vqdna_trainer_checkpoint(r, NULL, NULL), "path"),
        CALL(vqdna_training_plan(NULL, NULL, NULL, NULL, NULL, &summary), "context"),
        CALL(vqdna_training_plan(context, NULL, NULL, NULL, NULL, NULL), "out"),
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        ck_assert_msg(calls[i].status == VQDNA_ERR_USAGE, "call %zu (%s): %d", i, calls[i].what, (int)calls[i].status);
    fails(vqdna_training_plan(context, NULL, NULL, NULL, NULL, NULL), VQDNA_ERR_USAGE, "vqdna_training_plan: out is NULL");
    vqdna_context_destroy(NULL);
    vqdna_dataset_destroy(NULL);
    vqdna_tokenizer_destroy(NULL);
    vqdna_trainer_destroy(NULL);
    vqdna_devices_free(NULL);
    vqdna_trainer_destroy(r);
    vqdna_tokenizer_destroy(t);
    vqdna_dataset_destroy(d);
}
END_TEST

START_TEST(untrained) {
    vqdna_dataset *d = make_dataset(), *empty;
    vqdna_tokenizer *t, *back;
    vqdna_trainer *r;
    uint16_t codes[8];
    char bases[8];
    vqdna_metrics metrics;
    const char *paths[] = {in_folder("in.fa")};
    ok(vqdna_tokenizer_create(&t, context, &small, 1));
    ok(vqdna_dataset_create(&empty));
    fails(vqdna_trainer_create(&r, t, empty, &brief), VQDNA_ERR_INPUT, "no sequences to train on");
    vqdna_dataset_destroy(empty);
    fails(vqdna_encode(t, "ACGT", 4, codes), VQDNA_ERR_USAGE, "not trained");
    fails(vqdna_decode(t, codes, 4, bases), VQDNA_ERR_USAGE, "not trained");
    fails(vqdna_evaluate(t, paths, 1, NULL, &metrics), VQDNA_ERR_USAGE, "not trained");
    ok(vqdna_tokenizer_save(t, in_folder("untrained"), NULL));
    ok(vqdna_tokenizer_open(&back, context, in_folder("untrained")));
    fails(vqdna_encode(back, "ACGT", 4, codes), VQDNA_ERR_USAGE, "not trained");
    vqdna_tokenizer_destroy(back);
    /* In the unquantized start there are weights, but no codes. */
    ok(vqdna_trainer_create(&r, t, d, &(vqdna_train_options){.window = 32, .batch = 2, .steps = 9, .unquantized = 5}));
    for (int i = 0; i < 5; i++)
        ok(vqdna_trainer_step(r));
    fails(vqdna_encode(t, "ACGT", 4, codes), VQDNA_ERR_USAGE, "no codes yet");
    ok(vqdna_trainer_step(r));
    ok(vqdna_encode(t, "ACGT", 4, codes));
    vqdna_trainer_destroy(r);
    vqdna_tokenizer_destroy(t);
    vqdna_dataset_destroy(d);
}
END_TEST

static vqdna_status count_codes(void *user, const vqdna_codes *run) {
    ck_assert_int_eq(run->levels, 2);
    *(uint64_t *)user += run->count;
    return VQDNA_OK;
}

START_TEST(in_memory) {
    vqdna_dataset *d = make_dataset();
    vqdna_tokenizer *t = trained(d);
    static uint16_t codes[LENGTH * 2], again[LENGTH * 2];
    static char bases[LENGTH];
    ok(vqdna_encode(t, sequence, LENGTH, codes));
    ok(vqdna_decode(t, codes, LENGTH, bases));
    int right = 0, known = 0;
    for (int i = 0; i < LENGTH; i++) {
        ck_assert(codes[2 * i] < 16 && codes[2 * i + 1] < 32);
        ck_assert_ptr_nonnull(memchr("ACGT", bases[i], 4));
        known += sequence[i] != 'N';
        right += bases[i] == sequence[i];
    }
    ck_assert_int_gt(right, known / 2);
    /* Evaluation of the same sequence counts the same. */
    const char *path = in_folder("one.fa");
    FILE *f = fopen(path, "w");
    fprintf(f, ">x\n%s\n", sequence);
    fclose(f);
    vqdna_metrics m;
    ok(vqdna_evaluate(t, &path, 1, &(vqdna_stream_options){.batch = 256}, &m));
    ck_assert_uint_eq(m.correct, (uint64_t)right);
    ck_assert_uint_eq(m.skipped, (uint64_t)(LENGTH - known));
    ok(vqdna_encode(t, sequence, LENGTH, again)); /* other batches in between */
    ck_assert_mem_eq(codes, again, sizeof codes);
    /* Lower case and U mean the same; anything else is refused. */
    uint16_t upper[16], lower[16];
    ok(vqdna_encode(t, "ACGTTNAC", 8, upper));
    ok(vqdna_encode(t, "acguTrac", 8, lower));
    ck_assert_mem_eq(upper, lower, sizeof upper);
    fails(vqdna_encode(t, "AC!T", 4, upper), VQDNA_ERR_INPUT, "base 2");
    ok(vqdna_encode(t, "", 0, upper));
    ok(vqdna_decode(t, upper, 0, bases));
    upper[3] = 32;
    fails(vqdna_decode(t, upper, 2, bases), VQDNA_ERR_INPUT, "code 32 of level 2");
    uint64_t count = 0;
    vqdna_stream_stats stats;
    ok(vqdna_tokenize(t, &(const char *){in_folder("in.fa")}, 1, NULL, count_codes, &count, &stats));
    ck_assert_uint_eq(count, LENGTH + 10);
    ck_assert_uint_eq(stats.records, 3);
    ck_assert_uint_eq(stats.unknown, 2);
    vqdna_tokenizer_destroy(t);
    vqdna_dataset_destroy(d);
}
END_TEST

/* Sums the ends of the slabs, which is what the device would have to give. */
enum { SLABS = 80 };
static void note_end(void *user, const char *name, const char *role, int rank, const size_t *shape, size_t bytes, int slab,
                     size_t offset) {
    (void)name, (void)role, (void)rank, (void)shape;
    size_t *ends = user;
    ck_assert_int_lt(slab, SLABS);
    if (offset + bytes > ends[slab])
        ends[slab] = offset + bytes;
}

/* A plan of any size can be had; the largest batch it names fits, and one window more does not. */
START_TEST(plans) {
    vqdna_model_options m = {.preset = "base"};
    vqdna_train_options o = {.batch = 8, .window = 512};
    vqdna_plan_summary plan, other;
    size_t ends[SLABS] = {0}, sum = 0;
    ok(vqdna_training_plan(context, &m, &o, note_end, ends, &plan));
    for (int i = 0; i < SLABS; i++)
        sum += ends[i];
    ck_assert_uint_le(sum, plan.device_bytes);
    ck_assert_uint_ge(sum + SLABS * 4096, plan.device_bytes); /* but for the last tensor's alignment */
    ck_assert_uint_le(plan.device_bytes, (size_t)900 << 20);
    ck_assert_int_ge(plan.largest_batch, 8);
    o.batch = plan.largest_batch;
    ok(vqdna_training_plan(context, &m, &o, NULL, NULL, &other));
    ck_assert_uint_le(other.device_bytes, other.device_limit);
    o.batch++;
    fails(vqdna_training_plan(context, &m, &o, NULL, NULL, &other), VQDNA_ERR_MEMORY, "use a smaller");
    ck_assert_int_eq(other.largest_batch, plan.largest_batch);
    o.batch = 32000;
    memset(ends, 0, sizeof ends);
    fails(vqdna_training_plan(context, &m, &o, note_end, ends, &other), VQDNA_ERR_MEMORY, "MiB");
    ck_assert_uint_gt(other.device_bytes, other.device_limit);
    ck_assert_uint_gt(ends[0], 0);
    o.batch = 1;
    o.window = 1 << 20;
    m.dim = 4096;
    fails(vqdna_training_plan(context, &m, &o, NULL, NULL, &other), VQDNA_ERR_MEMORY, "use a smaller");
    ck_assert_int_eq(other.largest_batch, 0);
    m.dim = -1;
    fails(vqdna_training_plan(context, &m, &o, NULL, NULL, &other), VQDNA_ERR_USAGE, "dim");
}
END_TEST

/* The loop of a caller: train, look, checkpoint, stop, resume, use while training, save, open. */
static void count_tensor(void *user, const char *name, const char *dtype, int rank, const uint64_t *shape, uint64_t bytes) {
    (void)name, (void)rank, (void)shape, (void)bytes;
    ck_assert_str_eq(dtype, "F32");
    ++*(size_t *)user;
}

START_TEST(whole_life) {
    vqdna_dataset *d = make_dataset();
    vqdna_dataset_info di = vqdna_dataset_describe(d);
    ck_assert_uint_eq(di.files, 1);
    ck_assert_uint_eq(di.contigs, 2);
    ck_assert_uint_eq(di.bases, LENGTH + 10);
    ck_assert_uint_eq(di.unknown, 2);
    fails(vqdna_dataset_add(d, in_folder("absent.fa")), VQDNA_ERR_INPUT, "absent.fa");
    ck_assert_uint_eq(vqdna_dataset_describe(d).bases, di.bases);

    vqdna_model_options m = {0};
    vqdna_train_options o = {0};
    static const char *const settings[] = {"dim=16",    "stem=8",  "blocks=2", "codes=8",
                                           "window=64", "batch=4", "steps=60", "learning_rate=5e-3"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        ok(vqdna_set_option(&m, &o, settings[i]));
    fails(vqdna_set_option(&m, &o, "lerning_rate=1"), VQDNA_ERR_USAGE, "learning_rate");

    vqdna_tokenizer *t, *resumed, *opened;
    vqdna_trainer *r, *s;
    ok(vqdna_tokenizer_create(&t, context, &m, 1));
    ok(vqdna_trainer_create(&r, t, d, &o));
    vqdna_report report;
    const char *run = in_folder("run");
    for (int i = 0; i < 30; i++)
        ok(vqdna_trainer_step(r));
    ok(vqdna_trainer_report(r, &report));
    ck_assert_uint_eq(report.step, 30);
    ok(vqdna_trainer_checkpoint(r, run, "{\"command\": \"test\"}"));
    uint16_t before[40], codes[3][40];
    ok(vqdna_encode(t, "ACGTACGGTTAACCGTTAGC", 20, before)); /* the weights of this moment */
    while (vqdna_trainer_step(r) == VQDNA_OK)
        ;
    ok(vqdna_encode(t, "ACGTACGGTTAACCGTTAGC", 20, codes[0]));
    vqdna_trainer_destroy(r);
    ok(vqdna_encode(t, "ACGTACGGTTAACCGTTAGC", 20, codes[1])); /* outlives its trainer */
    ck_assert_mem_eq(codes[0], codes[1], sizeof codes[0]);
    ck_assert_uint_eq(vqdna_tokenizer_describe(t).step, 60);

    ok(vqdna_trainer_resume(&s, &resumed, context, d, run));
    ok(vqdna_encode(resumed, "ACGTACGGTTAACCGTTAGC", 20, codes[1]));
    ck_assert_mem_eq(before, codes[1], sizeof before);
    while (vqdna_trainer_step(s) == VQDNA_OK)
        ;
    ok(vqdna_trainer_report(s, &report));
    ck_assert_uint_eq(report.step, 60);
    ok(vqdna_encode(resumed, "ACGTACGGTTAACCGTTAGC", 20, codes[1]));
    ck_assert_mem_eq(codes[0], codes[1], sizeof codes[0]);
    vqdna_trainer_destroy(s);

    const char *saved = in_folder("saved");
    ok(vqdna_tokenizer_save(resumed, saved, "{\"a\": 1}"));
    fails(vqdna_tokenizer_save(resumed, saved, "nothing"), VQDNA_ERR_USAGE, "provenance");
    ok(vqdna_tokenizer_open(&opened, context, saved));
    ok(vqdna_encode(opened, "ACGTACGGTTAACCGTTAGC", 20, codes[2]));
    ck_assert_mem_eq(codes[0], codes[2], sizeof codes[0]);
    vqdna_model_info info, same = vqdna_tokenizer_describe(opened);
    size_t tensors = 0;
    ok(vqdna_model_describe(saved, &info, count_tensor, &tensors));
    ck_assert_uint_eq(tensors, 12 + 2 * 2 * 8 + 2 * 4);
    ck_assert_uint_eq(info.step, 60);
    ck_assert_uint_eq(info.parameters, same.parameters);
    ck_assert_int_eq(info.receptive_field, 17);
    ck_assert_int_eq(info.codes[1], 32);
    ck_assert_int_eq(info.taps[0], 1);
    fails(vqdna_tokenizer_open(&t, context, in_folder("nowhere")), VQDNA_ERR_INPUT, "nowhere");

    /* A second training of the same tokenizer goes on from its weights. */
    ok(vqdna_trainer_create(&s, opened, d, &o));
    for (int i = 0; i < 8; i++)
        ok(vqdna_trainer_step(s));
    ok(vqdna_trainer_report(s, &report));
    ck_assert_uint_eq(report.step, 8);
    vqdna_trainer_destroy(s);
    vqdna_tokenizer_destroy(opened);
    vqdna_tokenizer_destroy(resumed);
    vqdna_tokenizer_destroy(t);
    vqdna_dataset_destroy(d);
}
END_TEST

START_TEST(devices) {
    vqdna_device_info *list;
    size_t count, chosen = 0;
    ok(vqdna_devices(&list, &count, NULL));
    for (size_t i = 0; i < count; i++)
        if (list[i].chosen) {
            chosen++;
            ck_assert_str_eq(vqdna_context_device(context)->name, list[i].name);
        }
    ck_assert_uint_eq(chosen, 1);
    vqdna_devices_free(list);
    vqdna_context *other;
    fails(vqdna_context_create(&other, &(vqdna_context_options){.device = "no such device"}), VQDNA_ERR_DEVICE, "no such device");
}
END_TEST

static int heard;
static void hear(void *user, vqdna_message_level level, const char *text) {
    ck_assert_ptr_eq(user, &heard);
    ck_assert(level <= VQDNA_DEBUG && *text);
    heard++;
}

START_TEST(messages) {
    vqdna_set_message_handler(hear, &heard);
    vqdna_context *other;
    ok(vqdna_context_create(&other, NULL));
    vqdna_context_destroy(other);
    ck_assert_int_gt(heard, 0);
    vqdna_set_message_handler(NULL, NULL);
    int before = heard;
    ok(vqdna_context_create(&other, NULL));
    vqdna_context_destroy(other);
    ck_assert_int_eq(heard, before);
}
END_TEST

/* Two tokenizers at once, of one context and of two: codes are those of one alone, and each thread has its own last error. */
enum { TURNS = 150, PIECE = 100 };

typedef struct {
    vqdna_tokenizer *tokenizer;
    uint16_t *codes; /* [TURNS][PIECE][2] */
    const char *mistake;
    int wrong;
} encoder;

static void encode_all(vqdna_tokenizer *tokenizer, uint16_t *codes) {
    for (int i = 0; i < TURNS; i++)
        ok(vqdna_encode(tokenizer, sequence + i * 13, PIECE, codes + (size_t)i * PIECE * 2));
}

static void *encode_beside(void *user) { /* Check's assertions are for the main thread */
    encoder *e = user;
    for (int i = 0; i < TURNS; i++) {
        e->wrong += vqdna_encode(e->tokenizer, sequence + i * 13, PIECE, e->codes + (size_t)i * PIECE * 2) != VQDNA_OK;
        e->wrong += vqdna_encode(e->tokenizer, e->mistake, 3, e->codes) != VQDNA_ERR_INPUT;
        e->wrong += !strstr(vqdna_last_error(), e->mistake[1] == '!' ? "0x21" : "0x3f");
        e->wrong += vqdna_encode(e->tokenizer, sequence, PIECE, e->codes) != VQDNA_OK; /* an earlier answer, overwritten */
    }
    return NULL;
}

START_TEST(threads) {
    static uint16_t want[TURNS * PIECE * 2], got[2][TURNS * PIECE * 2];
    vqdna_dataset *d = make_dataset();
    vqdna_tokenizer *first = trained(d), *second;
    vqdna_context *other = NULL;
    ok(vqdna_tokenizer_save(first, in_folder("threads"), NULL));
    if (_i)
        ok(vqdna_context_create(&other, NULL));
    ok(vqdna_tokenizer_open(&second, other ? other : context, in_folder("threads")));
    encode_all(first, want);
    encoder e[2] = {{first, got[0], "A!C", 0}, {second, got[1], "A?C", 0}};
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, encode_beside, &e[i]), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(e[i].wrong, 0);
        ck_assert_mem_eq(got[i], want, sizeof want);
    }
    vqdna_tokenizer_destroy(first);
    vqdna_tokenizer_destroy(second);
    vqdna_context_destroy(other);
    vqdna_dataset_destroy(d);
}
END_TEST

static long size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

START_TEST(whole_or_not_at_all) {
    const char *one = in_folder("one"), *two = in_folder("two");
    vqdna_output *outputs[2];
    ok(vqdna_output_open(&outputs[0], one));
    ok(vqdna_output_open(&outputs[1], two));
    ck_assert_int_eq(write(vqdna_output_fd(outputs[0]), "1", 1), 1);
    ck_assert_int_eq(write(vqdna_output_fd(outputs[1]), "22", 2), 2);
    ck_assert_int_eq(size_of(one), -1);
    ok(vqdna_outputs_commit(outputs, 2));
    ck_assert(size_of(one) == 1 && size_of(two) == 2);
    ok(vqdna_output_open(&outputs[0], one));
    vqdna_output_discard(outputs[0]);
    ck_assert_int_eq(size_of(one), 1);
    fails(vqdna_output_open(&outputs[0], folder), VQDNA_ERR_OUTPUT, "folder");
}
END_TEST

/* A folder that another process holds is not written to; flock makes this one such another. */
START_TEST(folder_of_another) {
    const char *path = in_folder("held");
    vqdna_tokenizer *t;
    vqdna_lock *lock;
    ok(vqdna_tokenizer_create(&t, context, &small, 1));
    ok(vqdna_tokenizer_save(t, path, NULL));
    ok(vqdna_folder_lock(&lock, path));
    ok(vqdna_tokenizer_save(t, path, NULL));
    fails(vqdna_folder_lock(&lock, path), VQDNA_ERR_OUTPUT, "another training");
    vqdna_folder_unlock(lock);
    int fd = open(path, O_RDONLY);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    fails(vqdna_tokenizer_save(t, path, NULL), VQDNA_ERR_OUTPUT, "another training");
    close(fd);
    ok(vqdna_tokenizer_save(t, path, NULL));
    vqdna_tokenizer_destroy(t);
}
END_TEST

/* A thread of a host program may have a small stack. */
enum { STACK = 128 << 10 };

static void *live(void *user) {
    const vqdna_dataset *d = user;
    vqdna_context *c;
    vqdna_tokenizer *t;
    vqdna_trainer *trainer;
    uint16_t codes[64];
    ok(vqdna_context_create(&c, NULL));
    ok(vqdna_tokenizer_create(&t, c, &small, 1));
    ok(vqdna_trainer_create(&trainer, t, d, &(vqdna_train_options){.window = 64, .batch = 4, .steps = 2}));
    ok(vqdna_trainer_step(trainer));
    ok(vqdna_trainer_checkpoint(trainer, in_folder("stack"), NULL));
    vqdna_trainer_destroy(trainer);
    vqdna_tokenizer_destroy(t);
    ok(vqdna_tokenizer_open(&t, c, in_folder("stack")));
    ok(vqdna_encode(t, sequence, 32, codes));
    fails(vqdna_tokenizer_open(&t, c, in_folder("nowhere")), VQDNA_ERR_INPUT, "nowhere");
    vqdna_tokenizer_destroy(t);
    vqdna_context_destroy(c);
    return NULL;
}

START_TEST(small_stack) {
    vqdna_dataset *d = make_dataset();
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, STACK), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, live, d), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
    vqdna_dataset_destroy(d);
}
END_TEST

int main(void) {
    if (!outside_begin())
        return 1;
    Suite *suite = suite_create("api");
    TCase *t = tcase_create("api");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, texts);
    tcase_add_test(t, nulls);
    tcase_add_test(t, untrained);
    tcase_add_test(t, in_memory);
    tcase_add_test(t, plans);
    tcase_add_test(t, whole_life);
    tcase_add_test(t, whole_or_not_at_all);
    tcase_add_test(t, folder_of_another);
    tcase_add_test(t, devices);
    tcase_add_test(t, messages);
    tcase_add_loop_test(t, threads, 0, 2);
#ifndef __SANITIZE_ADDRESS__ /* its frames are larger */
    tcase_add_test(t, small_stack);
#endif
    suite_add_tcase(suite, t);
    return outside_run(suite);
}

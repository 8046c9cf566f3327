/* Workloads from end to end: a training step, and the codes of a FASTA file, with models whose weights are random. */
#include "base/c_locale.h"
#include "base/file.h"
#include "base/rng.h"
#include "bench/bench.h"
#include "seq/dataset.h"
#include "train/infer.h"
#include "train/options.h"
#include "train/tokenizer_task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- A genome of its own ----------------------------------------------------------------------------------------------------- */

enum { SEED = 1, CONTIGS = 4, LINE = 70 };

/* Base i of the genome, 0 to 3: a pure function, so that any piece can be had without the file. */
static uint8_t base_at(size_t i) {
    return (uint8_t)(vq_rng_u32(SEED, VQ_STREAM_TEST, 0, i) >> 30);
}

/* A file without a name, so that nothing is left of it however the process ends. */
typedef struct genome {
    FILE *file;
    char path[32];
} genome;

/* Writes `bases` as CONTIGS records. */
static vq_status write_genome(genome *g, size_t bases) {
    int fd;
    VQ_TRY(vq_temporary_open(&fd));
    g->file = fdopen(fd, "w");
    if (!g->file) {
        close(fd);
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory for a genome");
    }
    snprintf(g->path, sizeof g->path, "/proc/self/fd/%d", fd);
    size_t length = bases / CONTIGS;
    for (size_t i = 0; i < length * CONTIGS; i++) {
        if (i % length == 0)
            fprintf(g->file, "%s>contig%zu", i ? "\n" : "", i / length + 1);
        if (i % length % LINE == 0)
            putc('\n', g->file);
        putc("ACGT"[base_at(i)], g -> file);
    }
    putc('\n', g->file);
    return fflush(g->file) == 0 && !ferror(g->file)
               ? VQDNA_OK
               : vq_fail_errno(VQDNA_ERR_OUTPUT, "a genome cannot be written (TMPDIR names another folder)");
}

static void remove_genome(genome *g) {
    if (g->file)
        fclose(g->file);
}

/* ---- Work ---------------------------------------------------------------------------------------------------------------------
 * Multiply-adds of a base: 8 D^2 in the two Linear layers of a block and 7 D in its convolution, the joins between stem and blocks,
 * the outermost layers, and K D for each codebook searched. */

static double blocks_work(const vq_config *c) {
    double D = c->dim;
    return c->blocks * (8 * D * D + 7 * D) + D * c->stem;
}

static double search_work(const vq_config *c) {
    double sum = 0;
    for (int i = 0; i < c->levels; i++)
        sum += (double)c->codes[i] * c->dim;
    return sum;
}

/* The stem of a one-hot row is five additions a channel. */
static double encode_flops(const vq_config *c) {
    return 2 * (blocks_work(c) + search_work(c)) + 5.0 * c->stem;
}

/* Backward is two products for each of forward's. */
static double train_flops(const vq_config *c) {
    double both = 2 * 2 * blocks_work(c) + 5.0 * c->stem + 2.0 * 4 * c->stem;
    return 3 * both + 2 * search_work(c);
}

/* Random weights and codes, each code with its expected use behind it: k-means would cost more than all that is timed. */
static vq_status random_state(vq_state *state, const vq_config *config) {
    VQ_TRY(vq_model_state(state, config));
    vq_state_start(state, SEED);
    for (int level = 0; level < config->levels; level++) {
        char name[48];
        vq_state_tensor *averages[4];
        for (int i = 0; i < 4; i++) {
            snprintf(name, sizeof name, "books.%d.%c", level, "esnf"[i]);
            averages[i] = vq_state_find(state, name);
        }
        for (size_t j = 0; j < averages[0]->count; j++)
            averages[0]->data[j] = averages[1]->data[j] =
                vq_rng_unitf(vq_rng_u32(SEED, VQ_STREAM_TEST, (uint64_t)level + 1, j)) - 0.5f;
        for (size_t j = 0; j < averages[2]->count; j++)
            averages[2]->data[j] = averages[3]->data[j] = 1;
    }
    return VQDNA_OK;
}

/* ---- Training step ----------------------------------------------------------------------------------------------------------- */

enum { CHECKED_STEPS = 2, GENOME_BASES = 200000 };

static double loss_of(const vqdna_report *report) {
    return vq_number_value(report->numbers, report->count, "loss");
}

static vq_status step(void *self) {
    return vq_trainer_step(self);
}

/* A trainer on its way: CHECKED_STEPS behind it, and their mean loss. */
static vq_status start_training(vq_trainer **out, double *loss, vq_bench *b, const vq_config *config, const vq_dataset *dataset,
                                const vqdna_train_options *options) {
    vq_trainer *t = NULL;
    vq_tokenizer_task *task;
    vq_state state = {0};
    vqdna_report report;
    vq_status status;
    VQ_TRY_OR(done, random_state(&state, config));
    VQ_TRY_OR(done, vq_tokenizer_trainer(&t, &task, b->device, config, dataset, options, true));
    VQ_TRY_OR(done, vq_model_put(task->model, &state));
    for (int i = 0; i < CHECKED_STEPS; i++) {
        VQ_TRY_OR(done, vq_bench_poll(b));
        VQ_TRY_OR(done, vq_trainer_step(t));
    }
    VQ_TRY_OR(done, vq_trainer_report(t, &report));
    *loss = loss_of(&report);
    *out = t;
    t = NULL;
done:
    vq_trainer_destroy(t);
    vq_state_destroy(&state);
    return status;
}

static vq_status measure_training(vq_bench *b, const vq_config *config, const vq_dataset *dataset,
                                  const vqdna_train_options *options) {
    vq_trainer *t = NULL;
    vqdna_report report;
    double first, again;
    vq_status status = VQDNA_OK;
    VQ_TRY_OR(done, start_training(&t, &first, b, config, dataset, options));
    vq_trainer_destroy(t);
    t = NULL;
    VQ_TRY_OR(done, start_training(&t, &again, b, config, dataset, options));
    if (first != again) {
        status =
            vq_fail(VQDNA_ERR_DEVICE, "two runs of %d steps from one seed end at loss %.9g and %.9g", CHECKED_STEPS, first, again);
        goto done;
    }
    b->result.bases = (double)options->window * options->batch;
    b->result.flops = train_flops(config) * b->result.bases;
    VQ_TRY_OR(done, vq_bench_measure(b, step, t, 1));
    VQ_TRY_OR(done, vq_trainer_report(t, &report)); /* fails if the loss is not finite */
    if (!(loss_of(&report) < first)) {
        status = vq_fail(VQDNA_ERR_DEVICE, "the loss rose from %g to %g over %llu steps", first, loss_of(&report),
                         (unsigned long long)report.step);
        goto done;
    }
    {
        VQ_C_LOCALE;
        snprintf(b->verified, sizeof b->verified, "%d steps from one seed agree bit for bit; the loss falls from %.3f to %.3f",
                 CHECKED_STEPS, first, loss_of(&report));
    }
done:
    vq_trainer_destroy(t);
    return status;
}

static vq_status train_step(vq_bench *b, const vq_dataset *dataset, const char *preset) {
    vq_config config;
    vqdna_train_options options = {.seed = SEED, .steps = 1000000, .unquantized = VQDNA_ZERO, .kmeans_batches = 1};
    VQ_TRY(vq_config_resolve(&config, &(vqdna_model_options){.preset = preset}));
    VQ_TRY(vq_train_resolve(&options, &options, &config, vq_dataset_describe(dataset).bases));
    char shape[64];
    snprintf(shape, sizeof shape, "%s %dx%d", config.quantizer, options.batch, options.window);
    vq_bench_begin(b, preset, shape);
    return vq_bench_give(b, measure_training(b, &config, dataset, &options));
}

vq_status vq_bench_train_step(vq_bench *b) {
    static const char *const presets[] = {"tiny", "small", "base"};
    genome g = {0};
    vq_dataset *dataset = NULL;
    vq_status status;
    VQ_TRY_OR(done, write_genome(&g, GENOME_BASES));
    VQ_TRY_OR(done, vq_dataset_create(&dataset));
    VQ_TRY_OR(done, vq_dataset_add(dataset, g.path));
    for (size_t i = 0; i < (b->options.quick ? 2u : 3u); i++)
        VQ_TRY_OR(done, train_step(b, dataset, presets[i]));
done:
    vq_dataset_destroy(dataset);
    remove_genome(&g);
    return status;
}

/* ---- Tokenize ---------------------------------------------------------------------------------------------------------------- */

typedef struct tokens {
    vq_model *model;
    const char *path;
    size_t bases, length; /* of the genome and of a contig */
    uint16_t *codes;      /* [bases][levels] */
    size_t contigs;       /* ended so far */
} tokens;

static vqdna_status keep_codes(void *user, const vqdna_codes *run) {
    tokens *t = user;
    size_t levels = (size_t)run->levels;
    if (t->contigs * t->length + run->start + run->count > t->bases)
        return vq_fail(VQDNA_ERR_DEVICE, "more codes than bases");
    memcpy(t->codes + (t->contigs * t->length + run->start) * levels, run->codes, run->count * levels * sizeof *t->codes);
    t->contigs += run->last;
    return VQDNA_OK;
}

static vq_status tokenize(void *self) {
    tokens *t = self;
    t->contigs = 0;
    return vq_tokenize(t->model, &(const char *){t->path}, 1, NULL, keep_codes, t, NULL);
}

/* Pieces cut from the inside of a contig must get the codes they got in the file, up to the halo at their ends. */
static vq_status check_tokens(vq_bench *b, const tokens *t) {
    enum { PIECES = 5, PIECE = 1500 };
    const vq_config *c = &t->model->config;
    size_t levels = (size_t)c->levels, halo = (size_t)vq_config_encoder_halo(c), piece = PIECE < t->length ? PIECE : t->length;
    uint8_t *bases;
    uint16_t *codes = NULL;
    VQ_TRY(vq_alloc(&bases, piece, 1));
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&codes, piece * levels, sizeof *codes));
    for (size_t p = 0; p < PIECES && status >= 0; p++) {
        size_t first = p % CONTIGS * t->length + (t->length - piece) * p / PIECES;
        for (size_t i = 0; i < piece; i++)
            bases[i] = base_at(first + i);
        VQ_TRY_OR(done, vq_encode(t->model, 1, bases, &piece, &codes, NULL));
        if (memcmp(codes + halo * levels, t->codes + (first + halo) * levels, (piece - 2 * halo) * levels * sizeof *codes) != 0)
            status = vq_fail(VQDNA_ERR_DEVICE, "bases %zu to %zu get other codes alone than in their contig", first, first + piece);
    }
    snprintf(b->verified, sizeof b->verified, "%d pieces of %zu bases get the same codes alone, bit for bit", PIECES, piece);
done:
    free(codes);
    free(bases);
    return status;
}

static vq_status random_model(vq_model **out, vq_device *device, const vq_config *config) {
    vq_state state;
    VQ_TRY(random_state(&state, config));
    int least = vq_infer_least_rows(config), rows = vq_infer_usual_rows(device);
    vq_model *model = NULL;
    vq_status status = vq_model_create(&model, device, config, rows > least ? rows : least, VQ_INFERENCE);
    if (status >= 0)
        status = vq_model_put(model, &state);
    vq_state_destroy(&state);
    if (status < 0)
        vq_model_destroy(model);
    else
        *out = model;
    return status;
}

static vq_status measure_tokens(vq_bench *b, const vq_config *config, size_t bases) {
    tokens t = {.bases = bases, .length = bases / CONTIGS};
    genome g = {0};
    vq_status status;
    VQ_TRY_OR(done, write_genome(&g, bases));
    t.path = g.path;
    VQ_TRY_OR(done, vq_alloc(&t.codes, bases * (size_t)config->levels, sizeof *t.codes));
    VQ_TRY_OR(done, random_model(&t.model, b->device, config));
    VQ_TRY_OR(done, tokenize(&t));
    VQ_TRY_OR(done, check_tokens(b, &t));
    b->result.bases = (double)bases;
    b->result.flops = encode_flops(config) * (double)bases;
    status = vq_bench_measure(b, tokenize, &t, 1);
done:
    vq_model_destroy(t.model);
    free(t.codes);
    remove_genome(&g);
    return status;
}

vq_status vq_bench_tokenize(vq_bench *b) {
    static const struct {
        const char *preset, *shape;
        size_t bases;
        bool long_only;
    } shapes[] = {
        {"tiny", "hrq 200 kb", 200000, false},
        {"tiny", "hrq 2 Mb", 2000000, true},
        {"base", "hrq 8 kb", 8000, false},
        {"base", "hrq 60 kb", 60000, true},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (shapes[i].long_only && b->options.quick)
            continue;
        vq_config config;
        VQ_TRY(vq_config_resolve(&config, &(vqdna_model_options){.preset = shapes[i].preset}));
        vq_bench_begin(b, shapes[i].preset, shapes[i].shape);
        VQ_TRY(vq_bench_give(b, measure_tokens(b, &config, shapes[i].bases)));
    }
    return VQDNA_OK;
}

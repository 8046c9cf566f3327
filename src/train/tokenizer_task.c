#include "train/tokenizer_task.h"

#include "base/integer.h"
#include "base/json.h"
#include "base/rng.h"
#include "ops/kmeans.h"
#include "train/largest_batch.h"
#include "train/metrics.h"
#include "train/options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Memory ------------------------------------------------------------------------------------------------------------------ */

static int rows_of_part(const vqdna_train_options *o) {
    return o->window * o->micro_batch;
}

/* Memory of the codebooks' start, from the encoder's outputs for some batches. */
static vq_status plan_start(vq_plan **out, vq_codebook_origin *origin, const vq_model *model, const vqdna_train_options *o) {
    int64_t count = (int64_t)o->window * o->batch * o->kmeans_batches;
    if (count > INT32_MAX)
        return vq_fail(VQDNA_ERR_USAGE, "the codebooks would start from %lld bases, at most %d can be: use fewer kmeans_batches",
                       (long long)count, INT32_MAX);
    VQ_TRY(vq_plan_create(out, model->device, VQ_INFERENCE));
    vq_quantizer_start_plan(&model->quantizer, origin, *out, model->device, (int)count);
    return VQDNA_OK;
}

static vq_status plan_model(vq_model **out, vq_device *device, const vq_config *config, const vqdna_train_options *o) {
    return vq_model_plan(out, device, config, rows_of_part(o), o->decay_weights_only ? VQ_TRAINING_SORTED : VQ_TRAINING);
}

vq_status vq_tokenizer_memory_plan(vq_tokenizer_memory *m, vq_device *device, const vq_config *config,
                                   const vqdna_train_options *options) {
    *m = (vq_tokenizer_memory){NULL};
    VQ_TRY(plan_model(&m->model, device, config, options));
    return plan_start(&m->start, &m->origin, m->model, options);
}

void vq_tokenizer_memory_destroy(vq_tokenizer_memory *m) {
    vq_plan_destroy(m->start);
    vq_model_destroy(m->model);
}

size_t vq_tokenizer_memory_bytes(const vq_tokenizer_memory *m) {
    return vq_plan_bytes(m->model->plan) + vq_plan_bytes(m->start);
}

vq_status vq_tokenizer_memory_fits(const vq_tokenizer_memory *m) {
    VQ_TRY(vq_plan_fits(m->model->plan, 0));
    return vq_plan_fits(m->start, vq_plan_bytes(m->model->plan));
}

typedef struct trial {
    vq_device *device;
    const vq_config *config;
    vqdna_train_options options;
} trial;

static vq_status fits(void *user, int batch) {
    trial *t = user;
    vq_tokenizer_memory memory;
    t->options.batch = t->options.micro_batch = batch;
    vq_status status = vq_tokenizer_memory_plan(&memory, t->device, t->config, &t->options);
    if (status >= 0)
        status = vq_tokenizer_memory_fits(&memory);
    vq_tokenizer_memory_destroy(&memory);
    return status;
}

vq_status vq_tokenizer_memory_largest_batch(int *out, vq_device *device, const vq_config *config,
                                            const vqdna_train_options *options) {
    trial t = {device, config, *options};
    return vq_largest_batch(out, vq_min_int(VQ_MAX_BATCH, VQ_MAX_STEP_BASES / options->window), fits, &t);
}

/* ---- Examples ---------------------------------------------------------------------------------------------------------------- */

/* Fills a step with windows one after another. Contigs shorter than the window leave room, so more of them follow and the last of a
 * part is cut: no row is padding. */
static vq_status sample(vq_tokenizer_task *t, uint64_t step) {
    const vqdna_train_options *o = &t->options;
    int M = t->model->M, at = 0, stride = t->model->config.decoder_stride;
    t->known = 0;
    for (uint32_t i = 0; at < t->parts * M; i++) {
        int count;
        VQ_TRY(vq_dataset_window(t->dataset, o->seed, step, i, o->window, !o->forward_only, t->window, &count));
        count = vq_min_int(count, M - at % M);
        vq_rows_piece(t->rows + at, t->window, count, vq_rng_u32(o->seed, VQ_STREAM_PHASE, step, i) % (uint32_t)stride, stride);
        for (int j = 0; j < count; j++)
            t->known += t->window[j] < VQ_UNKNOWN_BASE;
        at += count;
    }
    return VQDNA_OK;
}

static vq_status upload(vq_tokenizer_task *t, int part) {
    return vq_model_upload(t->model, t->rows + (size_t)part * (size_t)t->model->M);
}

/* The rows of a part that hold a known base, into t->indices; returns how many. */
static int known_rows(vq_tokenizer_task *t, int part) {
    const vq_row *rows = t->rows + (size_t)part * (size_t)t->model->M;
    int count = 0;
    for (int m = 0; m < t->model->M; m++)
        if (rows[m].base < VQ_UNKNOWN_BASE)
            t->indices[count++] = m;
    return count;
}

/* ---- The codebooks' start ---------------------------------------------------------------------------------------------------- */

/* The batches a codebook starts from come from steps no training reaches. */
static uint64_t start_step(int batch) {
    return ((uint64_t)1 << 62) + (uint64_t)batch;
}

/* Vectors of the known bases of some batches; *count of them. */
static vq_status gather(vq_tokenizer_task *t, vq_codebook_origin *origin, int level, int *count) {
    vq_model *m = t->model;
    vq_view taps[VQDNA_MAX_LEVELS], target;
    vq_model_taps(m, taps);
    *count = 0;
    for (int b = 0; b < t->options.kmeans_batches; b++) {
        VQ_TRY(sample(t, start_step(b)));
        for (int part = 0; part < t->parts; part++) {
            VQ_TRY(upload(t, part));
            VQ_TRY(vq_encoder_forward(&m->encoder, m->device, m->rows.view));
            VQ_TRY(vq_quantizer_target(&m->quantizer, m->device, &target, taps, m->rows.view, level));
            int known = known_rows(t, part);
            VQ_TRY(vq_upload(m->device, origin->order.view, t->indices, (size_t)known * sizeof *t->indices));
            VQ_TRY(vq_kmeans_gather(m->device, origin->vectors.view, *count, target, origin->order.view, known, m->config.dim));
            *count += known;
        }
    }
    return VQDNA_OK;
}

static vq_status start_level(vq_tokenizer_task *t, vq_codebook_origin *origin, int level) {
    vq_model *m = t->model;
    int K = m->config.codes[level], count;
    float *uniforms;
    VQ_TRY(gather(t, origin, level, &count));
    if (!count)
        return vq_fail(VQDNA_ERR_INPUT, "the codebooks cannot start: the windows drawn for it hold no A, C, G or T");
    VQ_TRY(vq_alloc(&uniforms, (size_t)K, sizeof *uniforms));
    for (int k = 0; k < K; k++)
        uniforms[k] = vq_rng_unitf(vq_rng_u32(t->options.seed, VQ_STREAM_KMEANS, (uint64_t)level, (uint64_t)k));
    vq_status status = vq_quantizer_start(&m->quantizer, m->device, origin, level, count, uniforms, t->options.kmeans_rounds);
    free(uniforms);
    return status;
}

/* k-means++ and Lloyd on the encoder's outputs, level by level, since a level quantizes what those before it left. Its memory is let
 * go when it is done. */
static vq_status start_codebooks(vq_tokenizer_task *t) {
    vq_codebook_origin origin;
    vq_plan *plan = NULL;
    vq_status status = plan_start(&plan, &origin, t->model, &t->options);
    if (status >= 0)
        status = vq_plan_bind(plan);
    if (status == VQDNA_ERR_MEMORY)
        status = vq_fail(VQDNA_ERR_MEMORY,
                         "%s has too little memory for the codebooks' start (%.1f MiB): use fewer kmeans_batches "
                         "than %d, or a smaller batch",
                         t->model->device->info.name, (double)vq_plan_bytes(plan) / 1048576, t->options.kmeans_batches);
    for (int level = 0; level < t->model->config.levels && status >= 0; level++)
        status = start_level(t, &origin, level);
    if (status >= 0)
        status = vq_device_finish(t->model->device); /* before its memory goes */
    vq_plan_destroy(plan);
    t->started = status >= 0;
    return status;
}

/* ---- A step ------------------------------------------------------------------------------------------------------------------ */

static bool is_quantized(const vq_tokenizer_task *t, uint64_t step) {
    return (double)step >= t->options.unquantized;
}

static vq_status begin(void *self, uint64_t step, uint64_t *bases) {
    vq_tokenizer_task *t = self;
    if (is_quantized(t, step) && !t->started)
        VQ_TRY(start_codebooks(t));
    VQ_TRY(sample(t, step));
    t->known_since += (uint64_t)t->known;
    *bases = (uint64_t)t->parts * (uint64_t)t->model->M;
    return VQDNA_OK;
}

static vq_status learn(void *self, int part) {
    vq_tokenizer_task *t = self;
    vq_model *m = t->model;
    vq_view taps[VQDNA_MAX_LEVELS];
    VQ_TRY(upload(t, part));
    VQ_TRY(vq_model_learn(m, t->known, (float)t->options.commitment, t->started));
    if (!t->started)
        return VQDNA_OK;
    vq_model_taps(m, taps);
    return vq_quantizer_sums(&m->quantizer, m->device, taps, m->rows.view, part > 0);
}

static vq_view sums(void *self, int i) {
    const vq_quantizer *q = &((vq_tokenizer_task *)self)->model->quantizer;
    if (i >= 2 * q->config->levels)
        return VQ_NO_VIEW;
    return i % 2 ? q->level[i / 2].sums.view : q->level[i / 2].counts.view;
}

/* A code out of use starts over from a row of the last part that holds a known base. */
static vq_status upload_seeds(vq_tokenizer_task *t, uint64_t step) {
    vq_model *m = t->model;
    int known = known_rows(t, t->parts - 1);
    int32_t *seeds = t->indices + m->M;
    for (int i = 0; i < m->config.levels; i++) {
        vq_level *l = &m->quantizer.level[i];
        for (int k = 0; k < l->K; k++) {
            uint32_t drawn = vq_rng_u32(t->options.seed, VQ_STREAM_RESEED, step, ((uint64_t)i << 32) + (uint64_t)k);
            seeds[k] = known ? t->indices[drawn % (uint32_t)known] : (int32_t)(drawn % (uint32_t)m->M);
        }
        VQ_TRY(vq_upload(m->device, l->rows.view, seeds, (size_t)l->K * sizeof *seeds));
    }
    return VQDNA_OK;
}

static double decay(const vq_tokenizer_task *t, double progress) {
    return t->options.decay_first + (t->options.decay_last - t->options.decay_first) * progress;
}

static vq_status update(void *self, uint64_t step, double progress) {
    vq_tokenizer_task *t = self;
    const vqdna_train_options *o = &t->options;
    vq_view taps[VQDNA_MAX_LEVELS];
    if (!t->started || !t->known)
        return VQDNA_OK;
    vq_model_taps(t->model, taps);
    VQ_TRY(upload_seeds(t, step));
    return vq_quantizer_update(&t->model->quantizer, t->model->device, taps, t->known,
                               (vq_codebook_rates){decay(t, progress), o->use_decay, o->expire, o->laplace});
}

/* ---- Report ------------------------------------------------------------------------------------------------------------------ */

static vq_status report_level(vq_tokenizer_task *t, vq_report *out, int i) {
    vq_device *device = t->model->device;
    vq_level *l = &t->model->quantizer.level[i];
    int32_t *usage, reseeded;
    uint64_t *counts = NULL;
    int used;
    double perplexity;
    VQ_TRY(vq_alloc(&usage, (size_t)l->K, sizeof *usage));
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&counts, (size_t)l->K, sizeof *counts));
    VQ_TRY_OR(done, vq_read(device, usage, l->usage.view, 0, (size_t)l->K * sizeof *usage));
    VQ_TRY_OR(done, vq_read(device, &reseeded, l->reseeded.view, 0, sizeof reseeded));
    for (int k = 0; k < l->K; k++)
        counts[k] = (uint64_t)(uint32_t)usage[k];
    vq_code_use(counts, l->K, &used, &perplexity);
    const char *curve = vq_report_text(out, "level %d", i + 1);
#define NAME(what) vq_report_text(out, "levels.%d." what, i)
#define LABEL(what) vq_report_text(out, "level %d " what, i + 1)
    vq_report_add(out, (vqdna_number){NAME("codes"), l->K, VQDNA_COUNT});
    vq_report_add(out, (vqdna_number){NAME("used"), used, VQDNA_COUNT, .of = l->K, .label = LABEL("codes used"),
                                      .unit = "of the codebook (%)", .brief = "codes", .panel = "Codes in use", .curve = curve});
    vq_report_add(out, (vqdna_number){NAME("reseeded"), reseeded, VQDNA_COUNT});
    vq_report_add(out, (vqdna_number){NAME("perplexity"), perplexity, VQDNA_REAL, .of = l->K, .label = LABEL("perplexity"),
                                      .unit = "of the codebook's size", .brief = "ppl", .panel = "Perplexity", .curve = curve});
#undef NAME
#undef LABEL
done:
    free(usage);
    free(counts);
    return status;
}

static vq_status report(void *self, vq_report *out, const vq_standing *at, bool ends) {
    vq_tokenizer_task *t = self;
    float sums[VQ_METRICS];
    VQ_TRY(vq_read(t->model->device, sums, t->model->metrics.view, 0, sizeof sums));
    double known = t->known_since ? (double)t->known_since : 1;
    double entropy = sums[VQ_METRIC_LOSS] / known;
    double commitment = at->steps_since ? sums[VQ_METRIC_COMMITMENT] / (double)at->steps_since : 0;
    vq_report_begin(out, at);
    vq_report_add(out, (vqdna_number){"loss", entropy + t->options.commitment * commitment, VQDNA_REAL, .label = "loss",
                                      .unit = "nats a base", .brief = "loss", .panel = "Loss", .curve = "loss"});
    vq_report_add(out, (vqdna_number){"cross_entropy", entropy, VQDNA_REAL, .unit = "nats a base", .panel = "Loss",
                                      .curve = "cross-entropy"});
    vq_report_add(out, (vqdna_number){"commitment", commitment, VQDNA_REAL});
    vq_report_add(out, (vqdna_number){"reconstruction_accuracy", sums[VQ_METRIC_CORRECT] / known, VQDNA_SHARE,
                                      .label = "reconstruction", .unit = "bases rebuilt (%)", .brief = "rebuilt",
                                      .panel = "Reconstruction", .curve = "reconstruction"});
    vq_report_add(out, (vqdna_number){"quantized", t->started, VQDNA_FLAG});
    for (int i = 0; i < t->model->config.levels; i++)
        VQ_TRY(report_level(t, out, i));
    vq_report_optimizer(out, at);
    vq_report_add(out, (vqdna_number){"decay", decay(t, at->progress), VQDNA_REAL});
    vq_report_end(out, at);
    if (ends)
        t->known_since = 0;
    return VQDNA_OK;
}

/* ---- Checkpoint -------------------------------------------------------------------------------------------------------------- */

static vq_status to_json(const void *self, json_t *run) {
    const vq_tokenizer_task *t = self;
    json_t *model = NULL, *options = NULL;
    char fingerprint[24];
    vqdna_dataset_info d = vq_dataset_describe(t->dataset);
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, vq_dataset_fingerprint(t->dataset));
    VQ_TRY(vq_config_to_json(&model, &t->model->config));
    json_object_set_new(run, "model", model);
    VQ_TRY(vq_train_to_json(&options, &t->options));
    json_object_set_new(run, "options", options);
    json_object_set_new(run, "dataset",
                        json_pack("{s:I, s:I, s:I, s:I, s:s}", "files", (json_int_t)d.files, "contigs", (json_int_t)d.contigs,
                                  "bases", (json_int_t)d.bases, "unknown", (json_int_t)d.unknown, "fingerprint", fingerprint));
    json_object_set_new(run, "started", json_boolean(t->started));
    json_object_set_new(run, "known_since_report", json_integer((json_int_t)t->known_since));
    return VQDNA_OK;
}

static vq_status from_json(void *self, const json_t *run, const char *path) {
    vq_tokenizer_task *t = self;
    int64_t known = 0; /* a checkpoint of 0.1 was written at a report */
    VQ_TRY(vq_json_boolean(&t->started, run, "started", path));
    if (json_object_get(run, "known_since_report"))
        VQ_TRY(vq_json_integer(&known, run, "known_since_report", 0, INT64_MAX, path));
    t->known_since = (uint64_t)known;
    return vq_quantizer_pack(&t->model->quantizer, t->model->device);
}

/* ---- Life -------------------------------------------------------------------------------------------------------------------- */

static void destroy(void *self) {
    vq_tokenizer_task *t = self;
    vq_model_destroy(t->model);
    free(t->rows);
    free(t->window);
    free(t->indices);
    free(t);
}

static vq_status open_task(vq_tokenizer_task *t, vq_device *device, const vq_config *config) {
    const vqdna_train_options *o = &t->options;
    int widest = 1;
    for (int i = 0; i < config->levels; i++)
        widest = vq_max_int(widest, config->codes[i]);
    VQ_TRY(plan_model(&t->model, device, config, o));
    VQ_TRY(vq_plan_bind(t->model->plan));
    size_t M = (size_t)t->model->M;
    VQ_TRY(vq_alloc(&t->rows, M * (size_t)t->parts, sizeof *t->rows));
    VQ_TRY(vq_alloc(&t->window, (size_t)o->window, 1));
    return vq_alloc(&t->indices, M + (size_t)widest, sizeof *t->indices);
}

vq_status vq_tokenizer_trainer(vq_trainer **out, vq_tokenizer_task **self, vq_device *device, const vq_config *config,
                               const vq_dataset *dataset, const vqdna_train_options *o, bool started) {
    vq_tokenizer_task *t;
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    t->dataset = dataset;
    t->options = *o;
    t->parts = o->batch / o->micro_batch;
    t->started = started;
    vq_status status = open_task(t, device, config);
    if (status < 0) {
        destroy(t);
        return status;
    }
    *self = t;
    const vq_task task = {.kind = VQ_TOKENIZER_KIND,
                          .self = t,
                          .device = device,
                          .plan = t->model->plan,
                          .parts = t->parts,
                          .begin = begin,
                          .learn = learn,
                          .sums = sums,
                          .update = update,
                          .report = report,
                          .to_json = to_json,
                          .from_json = from_json,
                          .destroy = destroy};
    const vq_schedule schedule = {o->steps, o->seconds, o->warmup, o->learning_rate, o->final_rate};
    const vq_optimizer_rates rates = {o->beta1, o->beta2, o->weight_decay, o->clip};
    return vq_trainer_create(out, task, schedule, rates);
}

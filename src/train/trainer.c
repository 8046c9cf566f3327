#include "train/trainer.h"

#include "base/rng.h"
#include "ops/adamw.h"
#include "train/metrics.h"
#include "train/options.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

vq_status vq_trainer_plan(vq_model **out, vq_device *device, const vq_config *config, const vqdna_train_options *options) {
    int M = options->window * options->batch;
    int64_t start_rows = (int64_t)M * options->kmeans_batches;
    if (start_rows > INT32_MAX)
        return vq_fail(VQDNA_ERR_USAGE, "the codebooks would start from %lld bases, at most %d can be: use fewer kmeans_batches",
                       (long long)start_rows, INT32_MAX);
    return vq_model_plan(out, device, config, (vq_model_shape){M, true, (int)start_rows});
}

/* Memory grows with the batch, so the largest that fits is found by halving. */
vq_status vq_trainer_largest_batch(int *out, vq_device *device, const vq_config *config, const vqdna_train_options *options) {
    vqdna_train_options o = *options;
    int fits = 0, too_large = VQ_MAX_BATCH + 1;
    if (too_large > VQ_MAX_STEP_BASES / o.window)
        too_large = VQ_MAX_STEP_BASES / o.window + 1;
    while (too_large - fits > 1) {
        vq_model *model = NULL;
        o.batch = fits + (too_large - fits) / 2;
        vq_status status = vq_trainer_plan(&model, device, config, &o);
        if (status >= 0)
            status = vq_plan_fits(model->plan);
        vq_model_destroy(model);
        if (status == VQDNA_OK)
            fits = o.batch;
        else if (status == VQDNA_ERR_MEMORY || status == VQDNA_ERR_USAGE)
            too_large = o.batch;
        else
            return status;
    }
    *out = fits;
    return VQDNA_OK;
}

static vq_status open_trainer(vq_trainer *t, vq_device *device, const vq_config *config) {
    const vqdna_train_options *o = &t->options;
    int widest = 1;
    for (int i = 0; i < config->levels; i++)
        widest = config->codes[i] > widest ? config->codes[i] : widest;
    VQ_TRY(vq_trainer_plan(&t->model, device, config, o));
    VQ_TRY(vq_plan_bind(t->model->plan));
    size_t M = (size_t)t->model->M, count = vq_plan_regions(t->model->plan).count;
    VQ_TRY(vq_view_create(device, &t->norm_sq, sizeof(float)));
    VQ_TRY(vq_view_create(device, &t->norm_work, vq_adamw_scratch(device, count)));
    VQ_TRY(vq_alloc(&t->rows, M, sizeof *t->rows));
    VQ_TRY(vq_alloc(&t->window, (size_t)o->window, 1));
    VQ_TRY(vq_alloc(&t->seeds, (size_t)widest, sizeof *t->seeds));
    t->clock = now();
    return VQDNA_OK;
}

vq_status vq_trainer_create(vq_trainer **out, vq_device *device, const vq_config *config, const vq_dataset *dataset,
                            const vqdna_train_options *options) {
    vq_trainer *t;
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    t->dataset = dataset;
    t->options = *options;
    vq_status status = open_trainer(t, device, config);
    if (status < 0)
        vq_trainer_destroy(t);
    else
        *out = t;
    return status;
}

void vq_trainer_destroy(vq_trainer *t) {
    if (!t)
        return;
    vq_view_destroy(&t->norm_sq);
    vq_view_destroy(&t->norm_work);
    vq_model_destroy(t->model);
    free(t->rows);
    free(t->window);
    free(t->seeds);
    free(t);
}

/* ---- Schedules --------------------------------------------------------------------------------------------------------------- */

static void tick(vq_trainer *t) {
    double at = now();
    t->seconds += at - t->clock;
    t->clock = at;
}

double vq_trainer_progress(const vq_trainer *t) {
    double p = t->options.seconds > 0 ? t->seconds / t->options.seconds : (double)t->step / (double)t->options.steps;
    return p < 1 ? p : 1;
}

/* Linear warm-up, then half a cosine down to final_rate of the peak. */
static double learning_rate(const vq_trainer *t) {
    const vqdna_train_options *o = &t->options;
    double warm = t->step < (uint64_t)o->warmup ? (double)(t->step + 1) / o->warmup : 1;
    double cosine = 0.5 * (1 + cos(M_PI * vq_trainer_progress(t)));
    return o->learning_rate * warm * (o->final_rate + (1 - o->final_rate) * cosine);
}

static double decay(const vq_trainer *t) {
    return t->options.decay_first + (t->options.decay_last - t->options.decay_first) * vq_trainer_progress(t);
}

static bool is_over(const vq_trainer *t) {
    return t->options.seconds > 0 ? t->seconds >= t->options.seconds : t->step >= t->options.steps;
}

/* ---- A step ------------------------------------------------------------------------------------------------------------------ */

/* Fills a batch with windows one after another. Contigs shorter than the window leave room, so more of them follow and the last is
 * cut: no row is padding. *known: rows with a known base. */
static vq_status sample(vq_trainer *t, uint64_t step, int *known) {
    const vqdna_train_options *o = &t->options;
    int M = t->model->M, at = 0, stride = t->model->config.decoder_stride;
    *known = 0;
    for (uint32_t i = 0; at < M; i++) {
        int count;
        VQ_TRY(vq_dataset_window(t->dataset, o->seed, step, i, o->window, !o->forward_only, t->window, &count));
        count = count < M - at ? count : M - at;
        vq_rows_piece(t->rows + at, t->window, count, vq_rng_u32(o->seed, VQ_STREAM_PHASE, step, i) % (uint32_t)stride, stride);
        for (int j = 0; j < count; j++)
            *known += t->window[j] < VQ_UNKNOWN_BASE;
        at += count;
    }
    return vq_model_upload(t->model, t->rows);
}

/* The batches a codebook starts from come from steps no training reaches. */
static uint64_t start_step(int batch) {
    return ((uint64_t)1 << 62) + (uint64_t)batch;
}

/* k-means++ and Lloyd on the encoder's outputs, level by level, since a level quantizes what those before it left. */
static vq_status start_codebooks(vq_trainer *t) {
    vq_model *m = t->model;
    vq_view taps[VQDNA_MAX_LEVELS];
    vq_model_taps(m, taps);
    for (int level = 0; level < m->config.levels; level++) {
        for (int b = 0; b < t->options.kmeans_batches; b++) {
            int known;
            VQ_TRY(sample(t, start_step(b), &known));
            VQ_TRY(vq_encoder_forward(&m->encoder, m->device, m->rows.view));
            VQ_TRY(vq_quantizer_gather(&m->quantizer, m->device, taps, m->rows.view, level, b));
        }
        int K = m->config.codes[level];
        float *uniforms;
        VQ_TRY(vq_alloc(&uniforms, (size_t)K, sizeof *uniforms));
        for (int k = 0; k < K; k++)
            uniforms[k] = vq_rng_unitf(vq_rng_u32(t->options.seed, VQ_STREAM_KMEANS, (uint64_t)level, (uint64_t)k));
        vq_status status = vq_quantizer_start(&m->quantizer, m->device, level, m->M * t->options.kmeans_batches, uniforms,
                                              t->options.kmeans_rounds);
        free(uniforms);
        VQ_TRY(status);
    }
    t->started = true;
    return VQDNA_OK;
}

static vq_status upload_seeds(vq_trainer *t) {
    vq_model *m = t->model;
    for (int i = 0; i < m->config.levels; i++) {
        vq_level *l = &m->quantizer.level[i];
        for (int k = 0; k < l->K; k++)
            t->seeds[k] = (int32_t)(vq_rng_u32(t->options.seed, VQ_STREAM_RESEED, t->step, ((uint64_t)i << 32) + (uint64_t)k) %
                                    (uint32_t)m->M);
        VQ_TRY(vq_upload(m->device, l->rows.view, t->seeds, (size_t)l->K * sizeof *t->seeds));
    }
    return VQDNA_OK;
}

static vq_status optimize(vq_trainer *t) {
    const vqdna_train_options *o = &t->options;
    vq_regions r = vq_plan_regions(t->model->plan);
    VQ_TRY(vq_adamw_norm(t->model->device, t->norm_sq, r.grad, t->norm_work, r.count));
    vq_adamw_rates rates = {learning_rate(t), o->beta1, o->beta2, 1e-8, o->weight_decay, o->clip, t->step + 1};
    return vq_adamw_step(t->model->device, r.param, r.moment1, r.moment2, r.grad, t->norm_sq, r.count, rates);
}

vq_status vq_trainer_step(vq_trainer *t) {
    const vqdna_train_options *o = &t->options;
    vq_model *m = t->model;
    int known;
    tick(t);
    if (is_over(t))
        return VQDNA_END;
    bool quantized = (double)t->step >= o->unquantized;
    if (quantized && !t->started)
        VQ_TRY(start_codebooks(t));
    VQ_TRY(sample(t, t->step, &known));
    VQ_TRY(vq_model_learn(m, known, (float)o->commitment, quantized));
    VQ_TRY(optimize(t));
    if (quantized) {
        vq_view taps[VQDNA_MAX_LEVELS];
        vq_model_taps(m, taps);
        VQ_TRY(upload_seeds(t));
        VQ_TRY(vq_quantizer_update(&m->quantizer, m->device, taps,
                                   (vq_codebook_rates){decay(t), o->use_decay, o->expire, o->laplace}));
    }
    t->step++;
    t->bases += (uint64_t)m->M;
    t->report_known += (uint64_t)known;
    return VQDNA_OK;
}

/* ---- Report ------------------------------------------------------------------------------------------------------------------ */

static vq_status report_level(vq_trainer *t, vqdna_report *out, int i) {
    vq_model *m = t->model;
    vq_level *l = &m->quantizer.level[i];
    int32_t *usage, reseeded;
    VQ_TRY(vq_alloc(&usage, (size_t)l->K, sizeof *usage));
    vq_status status;
    VQ_TRY_OR(done, vq_read(m->device, usage, l->usage.view, 0, (size_t)l->K * sizeof *usage));
    VQ_TRY_OR(done, vq_read(m->device, &reseeded, l->reseeded.view, 0, sizeof reseeded));
    VQ_TRY_OR(done, vq_zero(m->device, l->usage.view));
    VQ_TRY_OR(done, vq_zero(m->device, l->reseeded.view));
    uint64_t *counts;
    VQ_TRY_OR(done, vq_alloc(&counts, (size_t)l->K, sizeof *counts));
    for (int k = 0; k < l->K; k++)
        counts[k] = (uint64_t)(uint32_t)usage[k];
    out->level[i].codes = l->K;
    out->level[i].reseeded = reseeded;
    vq_code_use(counts, l->K, &out->level[i].used, &out->level[i].perplexity);
    free(counts);
done:
    free(usage);
    return status;
}

vq_status vq_trainer_report(vq_trainer *t, vqdna_report *out) {
    vq_model *m = t->model;
    float sums[VQ_METRICS], norm_sq;
    uint64_t steps = t->step - t->report_step, bases = t->bases - t->report_bases;
    VQ_TRY(vq_read(m->device, sums, m->metrics.view, 0, sizeof sums));
    VQ_TRY(vq_read(m->device, &norm_sq, t->norm_sq, 0, sizeof norm_sq));
    VQ_TRY(vq_zero(m->device, m->metrics.view));
    tick(t);
    vqdna_report r = {.step = t->step, .steps = t->options.seconds > 0 ? 0 : t->options.steps, .progress = vq_trainer_progress(t)};
    double known = t->report_known ? (double)t->report_known : 1;
    r.cross_entropy = sums[VQ_METRIC_LOSS] / known;
    r.reconstruction_accuracy = sums[VQ_METRIC_CORRECT] / known;
    r.commitment = steps ? sums[VQ_METRIC_COMMITMENT] / (double)steps : 0;
    r.loss = r.cross_entropy + t->options.commitment * r.commitment;
    r.gradient_norm = steps ? sqrt(norm_sq) : 0;
    r.learning_rate = learning_rate(t);
    r.decay = decay(t);
    r.quantized = t->started;
    r.levels = m->config.levels;
    for (int i = 0; i < r.levels; i++)
        VQ_TRY(report_level(t, &r, i));
    r.bases = t->bases;
    r.seconds = t->seconds;
    double elapsed = t->seconds - t->report_seconds;
    r.bases_per_second = elapsed > 0 ? (double)bases / elapsed : 0;
    r.seconds_left = t->options.seconds > 0 ? fmax(0, t->options.seconds - t->seconds)
                     : steps                ? (double)(t->options.steps - t->step) * elapsed / (double)steps
                                            : 0;
    t->report_step = t->step;
    t->report_bases = t->bases;
    t->report_seconds = t->seconds;
    t->report_known = 0;
    *out = r;
    if (steps && !isfinite(r.loss + r.gradient_norm))
        return vq_fail(VQDNA_ERR_NUMERIC,
                       "the loss is not finite after step %llu: train with a lower learning_rate, or from the last checkpoint",
                       (unsigned long long)t->step);
    return VQDNA_OK;
}

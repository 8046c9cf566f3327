#include "report/benchmark_results.h"
#include "cli/cli_session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST = 16 << 20 };

/* ---- Figures ----------------------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of ascending values, between neighbours where it falls between two. */
static double quantile(const double *values, size_t count, double share) {
    double at = share * (double)(count - 1);
    size_t low = (size_t)at;
    return low + 1 < count ? values[low] + (at - (double)low) * (values[low + 1] - values[low]) : values[count - 1];
}

static double per_second(double work, double seconds, double unit) {
    return work > 0 ? work / seconds / unit : NAN;
}

static bool is_peak(const vq_benchmark *row, const char *operation) {
    return !strcmp(row->workload, "peak") && !strcmp(row->operation, operation);
}

/* The best sample counts: nothing makes arithmetic or memory faster than they are. */
static void learn_peak(vq_benchmarks *all, const vq_benchmark *row) {
    if (is_peak(row, "fma"))
        all->peak_gflops = fmax(all->peak_gflops, per_second(row->flops, row->least, 1e9));
    if (is_peak(row, "copy") || is_peak(row, "triad"))
        all->peak_gbs = fmax(all->peak_gbs, per_second(row->bytes, row->least, 1e9));
}

static void work_out(vq_benchmarks *all, vq_benchmark *row) {
    row->median = row->p90 = row->least = row->spread = row->gflops = row->gbs = row->bases_per_second = row->percent_of_peak = NAN;
    if (!row->samples)
        return;
    qsort(row->seconds, row->samples, sizeof *row->seconds, by_value);
    row->median = quantile(row->seconds, row->samples, 0.5);
    row->p90 = quantile(row->seconds, row->samples, 0.9);
    row->least = row->seconds[0];
    row->spread = (quantile(row->seconds, row->samples, 0.75) - quantile(row->seconds, row->samples, 0.25)) / row->median;
    row->gflops = per_second(row->flops, row->median, 1e9);
    row->gbs = per_second(row->bytes, row->median, 1e9);
    row->bases_per_second = per_second(row->bases, row->median, 1);
    learn_peak(all, row);
    if (!strcmp(row->workload, "peak"))
        return;
    double arithmetic = row->gflops / all->peak_gflops, memory = row->gbs / all->peak_gbs;
    row->memory_bound = memory > arithmetic || isnan(arithmetic);
    row->percent_of_peak = 100 * fmax(arithmetic, memory); /* fmax passes over a NAN */
}

static void append(vq_benchmarks *all, vq_benchmark row) {
    if (!all->count)
        all->peak_gflops = all->peak_gbs = NAN;
    all->rows = vq_need(all->rows, (all->count + 1) * sizeof *all->rows);
    all->rows[all->count++] = row;
    work_out(all, &all->rows[all->count - 1]);
}

const vq_benchmark *vq_benchmarks_add(vq_benchmarks *all, const vqdna_bench_result *r) {
    vq_benchmark row = {.workload = vq_need_text(r->workload),
                        .operation = vq_need_text(r->operation),
                        .shape = vq_need_text(r->shape),
                        .message = vq_need_text(r->message),
                        .verified = vq_need_text(r->verified),
                        .detail = vq_need_text(r->detail),
                        .version = r->version,
                        .runs = r->runs,
                        .status = r->status,
                        .flops = r->flops,
                        .bytes = r->bytes,
                        .bases = r->bases,
                        .samples = r->samples};
    row.seconds = vq_need(NULL, r->samples * sizeof *row.seconds);
    if (r->samples)
        memcpy(row.seconds, r->seconds, r->samples * sizeof *row.seconds);
    append(all, row);
    return &all->rows[all->count - 1];
}

void vq_benchmarks_free(vq_benchmarks *all) {
    for (size_t i = 0; i < all->count; i++) {
        vq_benchmark *row = &all->rows[i];
        char *texts[] = {row->workload, row->operation, row->shape, row->message, row->verified, row->detail};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            free(texts[t]);
        free(row->seconds);
    }
    free(all->rows);
    *all = (vq_benchmarks){0};
}

const vq_benchmark *vq_benchmarks_peak(const vq_benchmarks *all, const char *operation) {
    for (size_t i = 0; i < all->count; i++)
        if (is_peak(&all->rows[i], operation) && all->rows[i].samples)
            return &all->rows[i];
    return NULL;
}

const char *vq_time_text(char text[16], double seconds) {
    double unit = seconds < 1e-3 ? 1e-6 : seconds < 1 ? 1e-3 : 1, value = seconds / unit;
    if (!isfinite(seconds))
        return strcpy(text, "-");
    snprintf(text, 16, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, unit == 1 ? "s" : unit == 1e-3 ? "ms" : "us");
    return text;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------------- */

static json_t *row_json(const vq_benchmark *row) {
    json_t *object = json_object(), *seconds = json_array();
    json_object_set_new(object, "workload", cli_json_text(row->workload));
    json_object_set_new(object, "version", json_integer(row->version));
    json_object_set_new(object, "operation", cli_json_text(row->operation));
    json_object_set_new(object, "shape", cli_json_text(row->shape));
    const char *state = row->status == VQDNA_OK ? "measured" : row->status == VQDNA_END ? "skipped" : "failed";
    json_object_set_new(object, "state", json_string(state));
    json_object_set_new(object, "message", cli_json_text(row->message));
    json_object_set_new(object, "verified", row->verified[0] ? cli_json_text(row->verified) : json_null());
    json_object_set_new(object, "detail", cli_json_text(row->detail));
    json_object_set_new(object, "median_s", cli_json_number(row->median));
    json_object_set_new(object, "p90_s", cli_json_number(row->p90));
    json_object_set_new(object, "min_s", cli_json_number(row->least));
    json_object_set_new(object, "spread", cli_json_number(row->spread));
    json_object_set_new(object, "repeats", json_integer((json_int_t)row->samples));
    json_object_set_new(object, "runs_per_repeat", json_integer(row->runs));
    json_object_set_new(object, "flops", cli_json_number(row->flops));
    json_object_set_new(object, "bytes", cli_json_number(row->bytes));
    json_object_set_new(object, "bases", cli_json_number(row->bases));
    json_object_set_new(object, "gflops", cli_json_number(row->gflops));
    json_object_set_new(object, "gbs", cli_json_number(row->gbs));
    json_object_set_new(object, "bases_per_second", cli_json_number(row->bases_per_second));
    json_object_set_new(object, "percent_of_peak", cli_json_number(row->percent_of_peak));
    json_object_set_new(object, "bound",
                        isnan(row->percent_of_peak) ? json_null() : json_string(row->memory_bound ? "memory" : "arithmetic"));
    for (size_t i = 0; i < row->samples; i++)
        json_array_append_new(seconds, cli_json_number(row->seconds[i]));
    json_object_set_new(object, "seconds", seconds);
    return object;
}

static json_t *peak_json(const vq_benchmarks *all) {
    json_t *object = json_object();
    const vq_benchmark *launch = vq_benchmarks_peak(all, "launch"), *finish = vq_benchmarks_peak(all, "finish"),
                       *up = vq_benchmarks_peak(all, "upload"), *down = vq_benchmarks_peak(all, "download");
    json_object_set_new(object, "fma_gflops", cli_json_number(all->peak_gflops));
    json_object_set_new(object, "bandwidth_gbs", cli_json_number(all->peak_gbs));
    json_object_set_new(object, "launch_s", cli_json_number(launch ? launch->median : NAN));
    json_object_set_new(object, "finish_s", cli_json_number(finish ? finish->median : NAN));
    json_object_set_new(object, "upload_gbs", cli_json_number(up ? up->gbs : NAN));
    json_object_set_new(object, "download_gbs", cli_json_number(down ? down->gbs : NAN));
    return object;
}

json_t *vq_benchmarks_json(const vq_benchmarks *all, json_t *environment) {
    json_t *object = json_object(), *results = json_array();
    for (size_t i = 0; i < all->count; i++)
        json_array_append_new(results, row_json(&all->rows[i]));
    json_object_set_new(object, "schema_version", json_integer(VQ_BENCHMARK_SCHEMA));
    json_object_set_new(object, "environment", environment);
    json_object_set_new(object, "peak", peak_json(all));
    json_object_set_new(object, "results", results);
    return object;
}

/* What comparing needs; false if the object is not of this schema. */
static bool read_row(vq_benchmarks *all, const json_t *object) {
    const char *workload = json_string_value(json_object_get(object, "workload")),
               *operation = json_string_value(json_object_get(object, "operation")),
               *shape = json_string_value(json_object_get(object, "shape"));
    const json_t *version = json_object_get(object, "version"), *seconds = json_object_get(object, "seconds");
    if (!workload || !operation || !shape || !json_is_integer(version) || !json_is_array(seconds))
        return false;
    size_t samples = json_array_size(seconds);
    double *values = vq_need(NULL, samples * sizeof *values);
    bool good = true;
    for (size_t i = 0; i < samples; i++) {
        values[i] = json_number_value(json_array_get(seconds, i));
        good = good && values[i] > 0;
    }
    vqdna_bench_result r = {.workload = workload,
                            .operation = operation,
                            .shape = shape,
                            .message = "",
                            .verified = "",
                            .detail = "",
                            .version = (int)json_integer_value(version),
                            .seconds = values,
                            .samples = samples,
                            .status = samples ? VQDNA_OK : VQDNA_END,
                            .flops = json_number_value(json_object_get(object, "flops")),
                            .bytes = json_number_value(json_object_get(object, "bytes"))};
    if (good)
        vq_benchmarks_add(all, &r);
    free(values);
    return good;
}

int vq_benchmarks_read(vq_benchmarks *all, json_t **environment, vq_cli *cli, const char *path) {
    json_error_t error;
    *all = (vq_benchmarks){0};
    *environment = NULL;
    struct stat found;
    if (stat(path, &found) == 0 && found.st_size > LARGEST)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s is larger than any results of `vqdna bench --json`", path);
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!root && error.line > 0)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s, line %d: %s", path, error.line, error.text);
    if (!root)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot read %s: %s", path, error.text);
    const json_t *schema = json_object_get(root, "schema_version"), *results = json_object_get(root, "results");
    int code = VQ_GO_ON;
    if (!json_is_integer(schema) || !json_is_array(results))
        code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s is not from `vqdna bench --json`", path);
    else if (json_integer_value(schema) != VQ_BENCHMARK_SCHEMA)
        code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s has schema_version %lld, this vqdna reads %d", path,
                           (long long)json_integer_value(schema), VQ_BENCHMARK_SCHEMA);
    for (size_t i = 0; code == VQ_GO_ON && i < json_array_size(results); i++)
        if (!read_row(all, json_array_get(results, i)))
            code = vq_cli_fail(cli, VQ_EXIT_INPUT, "%s: result %zu lacks its name or its samples", path, i + 1);
    if (code == VQ_GO_ON)
        *environment = json_incref(json_object_get(root, "environment"));
    else
        vq_benchmarks_free(all);
    json_decref(root);
    return code;
}

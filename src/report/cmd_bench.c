/* vqdna bench: how fast the device runs what this program is made of, and how near to the device's limits. */
#include "cli/cli_options.h"
#include "cli/cli_output.h"
#include "cli/cli_session.h"
#include "report/benchmark_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The table for people ---------------------------------------------------------------------------------------------------- */

static const char *figure(char text[16], double value) {
    if (isfinite(value))
        snprintf(text, 16, "%.*f", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value);
    else
        strcpy(text, "-");
    return text;
}

static void print_head(const vqdna_device_info *device) {
    printf("%s, %u compute units, %s kernels, driver %s\n%-30s %-26s %10s %10s %7s %9s %8s %8s %10s\n", device->name,
           device->compute_units, device->family, device->driver, "workload", "shape", "median", "p90", "spread", "GFLOP/s", "GB/s",
           "of peak", "bases/s");
}

static void print_row(const vq_benchmark *row) {
    char name[64], median[16], p90[16], gflops[16], gbs[16], percent[16] = "-", rate[16] = "-";
    bool both = strcmp(row->workload, row->operation) != 0;
    snprintf(name, sizeof name, "%s%s%s", row->workload, both ? " " : "", both ? row->operation : "");
    if (row->status != VQDNA_OK) {
        printf("%-30s %-26s %s: %s\n", name, row->shape, row->status == VQDNA_END ? "skipped" : "FAILED", row->message);
        return;
    }
    if (isfinite(row->percent_of_peak))
        snprintf(percent, sizeof percent, "%.0f %% %c", row->percent_of_peak, row->memory_bound ? 'm' : 'a');
    if (isfinite(row->bases_per_second))
        vq_short_number(rate, row->bases_per_second);
    printf("%-30s %-26s %10s %10s %5.1f %% %9s %8s %8s %10s%s%s\n", name, row->shape, vq_time_text(median, row->median),
           vq_time_text(p90, row->p90), 100 * row->spread, figure(gflops, row->gflops), figure(gbs, row->gbs), percent, rate,
           row->detail[0] ? "  " : "", row->detail);
}

static void print_foot(const vq_benchmarks *all) {
    if (isfinite(all->peak_gflops) && isfinite(all->peak_gbs))
        printf("Peaks: %.1f GFLOP/s, %.1f GB/s (best samples). Of peak: a, arithmetic; m, memory (above 100 %%: out of caches).\n",
               all->peak_gflops, all->peak_gbs);
}

/* ---- Running ----------------------------------------------------------------------------------------------------------------- */

typedef struct bench {
    vq_cli *cli;
    vq_benchmarks all;
    int failed;
} bench;

static void take(void *user, const vqdna_bench_result *result) {
    bench *b = user;
    const vq_benchmark *row = vq_benchmarks_add(&b->all, result);
    b->failed += row->status < 0;
    vq_cli_progress_clear(b->cli);
    if (!b->cli->json)
        print_row(row);
    if (b->cli->verbose && row->verified[0])
        vq_cli_note(b->cli, "%s %s: %s", row->operation, row->shape, row->verified);
    if (b->cli->json && row->status < 0)
        vq_cli_warn(b->cli, "%s %s: %s", row->operation, row->shape, row->message);
    fflush(stdout);
}

/* All of them without names; else those named, behind peak. */
static bool is_wanted(const char *workload, const vq_list *named) {
    bool wanted = !named->count || !strcmp(workload, "peak");
    for (size_t i = 0; i < named->count && !wanted; i++)
        wanted = !strcmp(named->items[i], workload);
    return wanted;
}

static int check_names(vq_cli *cli, const vq_list *named) {
    enum { MOST = 32 };
    const char *names[MOST];
    size_t count = 0;
    while (count < MOST && (names[count] = vqdna_bench_workload(count, NULL)))
        count++;
    for (size_t i = 0; i < named->count; i++) {
        bool known = false;
        for (size_t n = 0; n < count && !known; n++)
            known = !strcmp(named->items[i], names[n]);
        const char *nearest = vqdna_nearest(named->items[i], names, count);
        if (!known && nearest)
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "there is no workload '%s'; did you mean '%s'?", named->items[i], nearest);
        if (!known)
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "there is no workload '%s'; --help lists them", named->items[i]);
    }
    return VQ_GO_ON;
}

static void warn_of_load(vq_cli *cli) {
    double load;
    if (getloadavg(&load, 1) == 1 && load > 0.5)
        vq_cli_warn(cli, "the machine is busy (load %.1f): the figures will be low and will scatter", load);
}

static int measure(bench *b, vqdna_context *context, const vq_list *named, bool quick) {
    vqdna_bench_options options = {.quick = quick};
    const char *name, *summary;
    if (!b->cli->json)
        print_head(vqdna_context_device(context));
    for (size_t i = 0; (name = vqdna_bench_workload(i, &summary)); i++) {
        if (!is_wanted(name, named))
            continue;
        vq_cli_progress(b->cli, b->cli->terminal, "%s: %s", name, summary);
        int failed = b->failed;
        vqdna_status status = vqdna_bench_run(context, name, &options, take, b);
        if (status < 0 && b->failed == failed) /* it says what no row says */
            return vq_cli_failed(b->cli, status);
    }
    vq_cli_progress_clear(b->cli);
    if (!b->cli->json)
        print_foot(&b->all);
    return VQ_GO_ON;
}

/* Where results go: opened before the long wait, so that a mistyped name costs none. */
typedef struct outputs {
    vq_output json, svg;
    bool wants_json, wants_svg;
} outputs;

static void abandon(outputs *out) {
    if (out->wants_json)
        vq_output_abandon(&out->json);
    if (out->wants_svg)
        vq_output_abandon(&out->svg);
    out->wants_json = out->wants_svg = false;
}

static int open_outputs(outputs *out, vq_cli *cli, const char *path, const char *svg) {
    int code = VQ_GO_ON;
    *out = (outputs){0};
    if (path || cli->json) {
        code = vq_output_open(&out->json, cli, path, VQ_KIND_BENCHMARK);
        out->wants_json = code == VQ_GO_ON;
    }
    if (svg && code == VQ_GO_ON) {
        code = vq_output_open(&out->svg, cli, svg, VQ_KIND_SVG);
        out->wants_svg = code == VQ_GO_ON;
    }
    if (code != VQ_GO_ON)
        abandon(out);
    return code;
}

static int write_text(vq_output *out, vq_cli *cli, char *owned) {
    vq_output_write(out, owned, strlen(owned));
    free(owned);
    return vq_output_commit(out, NULL, cli);
}

static int write_results(outputs *out, bench *b, json_t *environment, const char *device) {
    int code = VQ_GO_ON;
    json_t *results = vq_benchmarks_json(&b->all, environment);
    if (out->wants_json) {
        char *text = vq_json_print(results, true);
        code = write_text(&out->json, b->cli, vq_join("%s\n", text));
        free(text);
        out->wants_json = false;
    }
    if (out->wants_svg && code == VQ_GO_ON) {
        code = write_text(&out->svg, b->cli, vq_roofline(&b->all, device));
        out->wants_svg = false;
    }
    json_decref(results);
    return code;
}

static int run_on(vq_cli *cli, vqdna_context *context, const vq_list *named, outputs *out, bool quick) {
    const vqdna_device_info *device = vqdna_context_device(context);
    bench b = {.cli = cli};
    json_t *environment = vq_benchmark_environment(cli, context, quick);
    warn_of_load(cli);
    int code = measure(&b, context, named, quick);
    vq_benchmark_environment_end(environment);
    if (code == VQ_GO_ON)
        code = write_results(out, &b, environment, device->name);
    else
        json_decref(environment);
    if (code == VQ_GO_ON && b.failed)
        code = vq_cli_fail(cli, VQ_EXIT_DEVICE, "%d result%s failed on %s", b.failed, b.failed == 1 ? "" : "s", device->name);
    vq_benchmarks_free(&b.all);
    return code == VQ_GO_ON ? VQ_EXIT_OK : code;
}

static int run_bench(vq_cli *cli, const vq_list *named, const char *path, const char *svg, bool quick) {
    outputs out;
    int code = check_names(cli, named);
    if (code != VQ_GO_ON)
        return code;
    vq_session session;
    code = vq_session_open(&session, cli, NULL);
    if (code == VQ_GO_ON)
        code = open_outputs(&out, cli, path, svg);
    if (code == VQ_GO_ON) {
        code = run_on(cli, session.context, named, &out, quick);
        abandon(&out);
    }
    vq_session_close(&session);
    return code;
}

static int run(vq_cli *cli, int argc, char **argv) {
    bool quick = false, compare = false;
    double threshold = 5;
    const char *path = NULL, *svg = NULL;
    const vq_option options[] = {
        {"quick", 0, NULL, VQ_FLAG, &quick, "fewer shapes and samples: under a minute on two cores"},
        {"json", 0, NULL, VQ_FLAG, &cli->json, "print JSON instead of the table"},
        {"output", 'o', "FILE", VQ_TEXT, &path, "write the JSON to FILE"},
        {"svg", 0, "FILE", VQ_TEXT, &svg, "draw the results under the device's peaks (a roofline)"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else"},
        {"compare", 0, NULL, VQ_FLAG, &compare, "compare two JSON files instead: OLD.json NEW.json"},
        {"threshold", 0, "PCT", VQ_NUMBER, &threshold, "slower by more than this fails a comparison (default: 5)"},
        {0},
    };
    vq_list inputs;
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &inputs);
    if (code != VQ_GO_ON)
        return code;
    cli->json |= path && !strcmp(path, "-"); /* not both on standard output */
    if (path && svg && !strcmp(path, svg))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "-o and --svg name one file: one would replace the other");
    if (!compare)
        return run_bench(cli, &inputs, path, svg, quick);
    if (inputs.count != 2)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--compare takes two files: OLD.json NEW.json");
    if (path || svg || cli->json || quick)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--compare measures nothing: of the other options only --threshold goes with it");
    return vq_benchmarks_compare(cli, inputs.items[0], inputs.items[1], threshold);
}

const vq_command vq_cmd_bench = {
    .name = "bench",
    .summary = "how fast the device is, and how near to its limits",
    .synopsis =
        "[--quick] [--json] [-o FILE] [--svg FILE] [WORKLOAD...]\n       vqdna bench --compare [--threshold PCT] OLD.json NEW.json",
    .notes =
        "Workloads: peak (always measured: the device's limits), gemm, assign, codebook, attention, fft, longconv, conv,\n"
        "layernorm, train-step, tokenize; all by default. Each answer is checked before it is timed (-v says how). A comparison\n"
        "ends with 1 if a result is slower by more than the threshold and a rank test tells it from chance (p < 0.01).",
    .run = run,
};

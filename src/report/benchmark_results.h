/* The results of `vqdna bench`: their figures, their JSON, the comparison of two sets and the roofline. */
#ifndef VQ_REPORT_BENCHMARK_RESULTS_H
#define VQ_REPORT_BENCHMARK_RESULTS_H

#include "cli/cli.h"

#include <jansson.h>

enum { VQ_BENCHMARK_SCHEMA = 1 };

/* A vqdna_bench_result, kept, with the figures that follow from it. Strings are owned; a figure that does not apply is NAN. */
typedef struct vq_benchmark {
    char *workload, *operation, *shape, *message, *verified, *detail;
    int version, runs;
    vqdna_status status;
    double flops, bytes, bases;
    double *seconds; /* [samples], ascending */
    size_t samples;

    double median, p90, least, spread; /* seconds; spread: half of the samples lie within it, over the median */
    double gflops, gbs, bases_per_second;
    double percent_of_peak;
    bool memory_bound; /* the peak meant is that of memory */
} vq_benchmark;

typedef struct vq_benchmarks {
    vq_benchmark *rows;
    size_t count;
    double peak_gflops, peak_gbs; /* the best sample of workload peak; NAN before it ran */
} vq_benchmarks;

/* Keeps a result and works out its figures, with the peaks as far as they are known. Returns the row. */
const vq_benchmark *vq_benchmarks_add(vq_benchmarks *all, const vqdna_bench_result *result);
void vq_benchmarks_free(vq_benchmarks *all);

/* The row of workload peak for an operation ("launch"), or NULL. */
const vq_benchmark *vq_benchmarks_peak(const vq_benchmarks *all, const char *operation);

/* {schema_version, environment, peak, results}; environment is taken over. */
json_t *vq_benchmarks_json(const vq_benchmarks *all, json_t *environment);

/* Reads what vq_benchmarks_json made. *environment is to be released. VQ_GO_ON, or an exit code after a sentence. */
int vq_benchmarks_read(vq_benchmarks *all, json_t **environment, vq_cli *cli, const char *path);

/* Device, driver, host, clocks, load, tuning and versions, as of now. */
json_t *vq_benchmark_environment(const vq_cli *cli, const vqdna_context *context, bool quick);

/* The load of the machine at the end, into an environment made at the start. */
void vq_benchmark_environment_end(json_t *environment);

/* Prints how the results of file `after` differ from those of `before`. VQ_EXIT_OK, or 1 if something is slower by more than
 * `threshold` percent and a rank test tells it from chance. */
int vq_benchmarks_compare(vq_cli *cli, const char *before, const char *after, double threshold);

/* Two-sided p of the Mann-Whitney U test: the chance that samples of one source are ordered as unevenly as these. Exact for few
 * samples without ties, else the normal approximation corrected for ties and continuity. */
double vq_rank_test(const double *a, size_t na, const double *b, size_t nb);

/* A picture of all results under the measured peaks, to be freed. */
char *vq_roofline(const vq_benchmarks *all, const char *device);

/* A time with a unit, "12.3 ms", into `text`, which it returns. */
const char *vq_time_text(char text[16], double seconds);

#endif

/* What fine-tuning came to, seed by seed and in all: metrics.json, and a table for people. */
#ifndef VQ_CLI_FINETUNE_RESULTS_H
#define VQ_CLI_FINETUNE_RESULTS_H

#include "cli/cli_session.h"

/* The result of a seed as metrics.json has it: scores on dev and test with their intervals over rows, confusion on test. test: NULL
 * without. */
json_t *vq_finetune_seed(uint64_t seed, uint64_t steps, double seconds, const vqdna_judgement *dev, const vqdna_judgement *test);

/* All of it: {dev, test: {mcc, f1_macro, accuracy or r, rmse: {mean, sd, low, high}}, collapsed, seeds: [...]}. Takes over `seeds`, an
 * array of the results. low to high: the interval over rows, the mean of the seeds'. */
json_t *vq_finetune_results(const vqdna_predictor_info *info, json_t *seeds);

/* The same on standard output, a row a set. */
void vq_finetune_print(const json_t *results);

/* The number of a result's part: ("dev", "mcc"); NaN if there is none. */
double vq_finetune_score(const json_t *seed, const char *set, const char *score);

#endif

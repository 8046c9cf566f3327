/* How a map agrees with labels. */
#ifndef VQ_REPORT_MAP_SCORES_H
#define VQ_REPORT_MAP_SCORES_H

#include "report/map_files.h"

/* Names of the scores in metrics.json, shares before counts. */
enum { VQ_MAP_SHARES = 8, VQ_MAP_SCORES = 11 };
extern const char *const vq_map_scores[VQ_MAP_SCORES];

/* Adds to `result` the scores of each column of labels, and of pairs of labels "A,B" in each that has both. VQ_GO_ON, or an exit code after a
 * sentence. */
int vq_map_judge(const vq_mapped *mapped, const vq_list *pairs, json_t *result);

/* A table of the metrics of several features. */
void vq_map_print(const json_t *results);

#endif

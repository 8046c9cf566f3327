/* What is special about codes and words on real sequences: windows of them beside the same windows shuffled (dinucleotides kept) and their
 * reverse complements. Windows are the unit of every test, so that what overlaps or clusters is not counted as evidence twice. */
#ifndef VQ_JUDGE_SURVEY_H
#define VQ_JUDGE_SURVEY_H

#include "nn/model.h"

typedef struct vq_survey vq_survey;

/* words [count] in IUPAC's letters, borrowed; VQDNA_ERR_USAGE for another letter. */
vq_status vq_survey_create(vq_survey **out, const vq_config *config, const char *const *words, size_t count);
void vq_survey_destroy(vq_survey *survey);

/* Takes about options->bases of the files' `total`, evenly spread, in windows of 2,000, or of a record's mean where that is less. */
vq_status vq_survey_files(vq_survey *survey, vq_model *model, const char *const *paths, size_t count,
                          const vqdna_stream_options *stream, uint64_t total, uint64_t records,
                          const vqdna_survey_options *options);

/* As vqdna_codebook_survey. */
void vq_survey_report(vq_survey *survey, vqdna_survey *out);

/* How often a code is met on either strand, as a share of all bases: what is expected where nothing is special. */
double vq_survey_share(const vq_survey *survey, int level, int code);

#endif

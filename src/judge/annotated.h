/* What codes do at and within annotated features. */
#ifndef VQ_JUDGE_ANNOTATED_H
#define VQ_JUDGE_ANNOTATED_H

#include "judge/survey.h"

/* As vqdna_codebook_annotate; *findings is yours to free, the kinds it names live as long as *names, which is too. */
vq_status vq_annotated_files(vq_model *model, const vq_survey *survey, const char *const *paths, size_t count,
                             const vqdna_stream_options *stream, const char *annotation, vqdna_finding **findings, size_t *found,
                             char ***names);
void vq_annotated_free_names(char **names);

#endif

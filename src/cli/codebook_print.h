/* What the command codebook prints. */
#ifndef VQ_CLI_CODEBOOK_PRINT_H
#define VQ_CLI_CODEBOOK_PRINT_H

#include "cli/cli.h"
#include "cli/cli_session.h"

/* What there is to print; NULL or 0: it was not asked for. */
typedef struct vq_codebook_result {
    const vqdna_codebook *codebook;
    vqdna_codebook_report report;
    const vqdna_codebook_report *untrained;
    const vqdna_survey *survey; /* of vq_known_words */
    bool annotated;
    const vqdna_finding *findings;
    size_t found;
} vq_codebook_result;

void vq_codebook_print_list(const vq_codebook_result *result);
void vq_codebook_print_text(const vq_codebook_result *result);
/* The object that is printed, without provenance; yours. */
json_t *vq_codebook_json(const vq_codebook_result *result);
void vq_codebook_print_json(vq_cli *cli, const vq_session *session, const vq_codebook_result *result);

#endif

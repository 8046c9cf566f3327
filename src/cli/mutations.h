/* What each base does to a prediction: a table, and a picture of one sequence. */
#ifndef VQ_CLI_MUTATIONS_H
#define VQ_CLI_MUTATIONS_H

#include "cli/cli_output.h"

/* The lines above the rows, and the rows of a sequence. */
void vq_mutations_header(vq_output *out, const char *provenance);
void vq_mutations_rows(vq_output *out, const vqdna_mutations *mutations);

/* A logo as SVG, to be freed: each base as tall as what the three others take away on average; below the line if they add. label: what the
 * probability is of, or NULL. */
char *vq_mutations_svg(const vqdna_mutations *mutations, const char *label);

#endif

/* Pictures of what `codebook --json` says, as SVG to be freed. What the object lacks is left out; one of another kind gives NULL. */
#ifndef VQ_CLI_CODEBOOK_PICTURES_H
#define VQ_CLI_CODEBOOK_PICTURES_H

#include <jansson.h>

/* The information table as a heat map: levels, jointly and the untrained ones by offsets. */
char *vq_information_svg(const json_t *codebook);

/* Logos of the codes of a level, counted from 0, that are met most: a letter is as high as its share of the bits at its offset (Schneider
 * and Stephens 1990). */
char *vq_logos_svg(const json_t *codebook, size_t level, size_t most);

#endif

/* Pictures of what `codebook --json` says, as SVG to be freed. What the object lacks is left out; one of another kind gives NULL. */
#ifndef VQ_CLI_CODEBOOK_PICTURES_H
#define VQ_CLI_CODEBOOK_PICTURES_H

#include <vqdna.h>

#include <jansson.h>

/* A row of the information table: bits at each offset of a level, jointly, or of the untrained tokenizer. */
typedef struct vq_strip {
    char name[32];
    const json_t *bits;
} vq_strip;

typedef struct vq_strips {
    vq_strip strip[2 * VQDNA_MAX_LEVELS + 2];
    size_t count;
    size_t first, last; /* places in the arrays that have something to show, count 0 without one */
    int first_offset;   /* from a code's own base, of place 0 */
} vq_strips;

vq_strips vq_information_strips(const json_t *codebook);
double vq_strip_bits(const vq_strip *strip, size_t place);

/* White at 0 bits to blue at 2, as #rrggbb; true where letters on it must be white. */
bool vq_information_colour(char colour[8], double bits);

/* Fills in which codes of a level's list are met most, the first most, and returns how many there are; `most` at most. */
size_t vq_codes_met_most(const json_t *list, size_t *codes, size_t most);

/* The information table as a heat map: levels, jointly and the untrained ones by offsets. */
char *vq_information_svg(const json_t *codebook);

/* Logos of the codes of a level, counted from 0, that are met most: a letter is as high as its share of the bits at its offset (Schneider
 * and Stephens 1990). */
char *vq_logos_svg(const json_t *codebook, size_t level, size_t most);

#endif

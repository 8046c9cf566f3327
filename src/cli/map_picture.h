/* A map as a picture: a point a record, coloured and shaped by label. */
#ifndef VQ_CLI_MAP_PICTURE_H
#define VQ_CLI_MAP_PICTURE_H

#include "cli/map_labels.h"

/* xy [rows][2]; the text is to be freed. names: what a point shows under the pointer, NULL: nothing, for a smaller file. */
char *vq_map_svg(const char *title, const float *xy, size_t rows, const vq_label_column *column, const char *const *names);

#endif

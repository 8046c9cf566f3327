/* A small line chart as SVG: panels with axes, ticks, grid, lines and a legend, in a fixed layout of two columns. */
#ifndef VQ_CLI_SVG_H
#define VQ_CLI_SVG_H

#include <stdbool.h>
#include <stddef.h>

typedef struct vq_line {
    const char *name;    /* in the legend; a panel of one line has none */
    const double *x, *y; /* [count]; a y that is not finite leaves a gap */
    size_t count;
} vq_line;

typedef struct vq_panel {
    const char *title, *x_label, *y_label;
    double y_low, y_high; /* both 0: from the data */
    bool logarithmic;     /* y axis, over whole decades of the data */
    int lines;
    const vq_line *line;
} vq_panel;

/* The whole picture, to be freed. */
char *vq_svg(const char *title, const vq_panel *panels, int count);

#endif

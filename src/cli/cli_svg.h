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

/* A picture being written; the text is to be freed. */
typedef struct vq_picture {
    char *text;
    size_t used, size;
} vq_picture;

/* Background and font of a picture of this size; vq_picture_put(p, "</svg>\n") ends it. */
void vq_picture_begin(vq_picture *p, int wide, int tall);
void vq_picture_put(vq_picture *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text with what is markup in it escaped; the second within an element of its own. */
void vq_picture_escaped(vq_picture *p, const char *text);
void vq_picture_text(vq_picture *p, double x, double y, const char *attributes, const char *text);

/* The letter of a base (0 to 3) of a logo, so wide and so tall, standing on `bottom`; none if it could not be seen. */
void vq_picture_letter(vq_picture *p, int base, double x, double bottom, int wide, double tall);

/* Colour `index` of a palette that can be told apart with impaired colour vision too. */
const char *vq_picture_colour(int index);

/* The whole picture, to be freed. */
char *vq_svg(const char *title, const vq_panel *panels, int count);

#endif

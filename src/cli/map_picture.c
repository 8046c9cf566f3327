#include "cli/map_picture.h"

#include "cli/cli_svg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 640, MARGIN = 24, HEAD = 48, KEY = 230, COLOURS = 7, SHAPES = 3, SHOWN = COLOURS * SHAPES, ROW = 20 };

/* Colour of what follows: colours change first, so that neighbours in the key differ in it, and shapes tell those apart that share one. */
static void begin_label(vq_picture *p, int label) {
    vq_picture_put(p, "<g fill=\"%s\" fill-opacity=\"0.7\">\n",
                   label < 0 || label >= SHOWN ? "#bbbbbb" : vq_picture_colour(label % COLOURS));
}

static void end_label(vq_picture *p) {
    vq_picture_put(p, "</g>\n");
}

static void put_point(vq_picture *p, double x, double y, double r, int label, const char *name) {
    const int shape = label < 0 || label >= SHOWN ? 0 : label / COLOURS;
    if (shape == 0)
        vq_picture_put(p, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"", x, y, r);
    else if (shape == 1)
        vq_picture_put(p, "<path d=\"M%.1f %.1fh%.1fv%.1fh%.1fz\"", x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r, -1.8 * r);
    else
        vq_picture_put(p, "<path d=\"M%.1f %.1fl%.1f %.1fh%.1fz\"", x, y - 1.2 * r, 1.1 * r, 2 * r, -2.2 * r);
    if (!name) {
        vq_picture_put(p, "/>\n");
        return;
    }
    vq_picture_put(p, "><title>");
    vq_picture_escaped(p, name);
    vq_picture_put(p, "</title></%s>\n", shape ? "path" : "circle");
}

static void put_key(vq_picture *p, const vq_label_column *c, size_t rows) {
    const double x = SIDE + 2 * MARGIN;
    double y = HEAD + MARGIN;
    size_t known = 0, others = 0;
    char text[160];
    vq_picture_text(p, x, y, "font-weight=\"600\"", c->name);
    for (int i = 0; i < c->count; i++) {
        known += c->sizes[i];
        others += i >= SHOWN ? c->sizes[i] : 0;
        if (i >= SHOWN)
            continue;
        y += ROW;
        begin_label(p, i);
        put_point(p, x + 6, y - 4, 5, i, NULL);
        end_label(p);
        snprintf(text, sizeof text, "%.24s (%zu)", c->labels[i], c->sizes[i]);
        vq_picture_text(p, x + 18, y, "", text);
    }
    if (others + rows - known == 0)
        return;
    begin_label(p, -1);
    put_point(p, x + 6, y + ROW - 4, 5, -1, NULL);
    end_label(p);
    if (others)
        snprintf(text, sizeof text, "%d others, or none (%zu)", c->count - SHOWN, others + rows - known);
    else
        snprintf(text, sizeof text, "no label (%zu)", rows - known);
    vq_picture_text(p, x + 18, y + ROW, "", text);
}

/* The middle of a label's records, by each coordinate, for its name. */
static int by_value(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float middle(float *values, size_t count) {
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

char *vq_map_svg(const char *title, const float *xy, size_t rows, const vq_label_column *c, const char *const *names) {
    vq_picture p = {0};
    float low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY}, *work[2];
    for (size_t i = 0; i < 2 * rows; i++) {
        low[i % 2] = fminf(low[i % 2], xy[i]);
        high[i % 2] = fmaxf(high[i % 2], xy[i]);
    }
    const float span = fmaxf(fmaxf(high[0] - low[0], high[1] - low[1]), 1e-30f);
    const double scale = SIDE / span, r = rows > 5000 ? 1.6 : rows > 1000 ? 2.2 : 3.2;
    const double left = MARGIN + (SIDE - scale * (high[0] - low[0])) / 2,
                 top = HEAD + MARGIN + (SIDE - scale * (high[1] - low[1])) / 2;
    vq_picture_begin(&p, SIDE + 2 * MARGIN + KEY, SIDE + HEAD + 2 * MARGIN);
    vq_picture_text(&p, MARGIN, 32, "font-size=\"17\" font-weight=\"600\"", title);
    for (int label = -1; label < SHOWN && label < c->count; label++) { /* those without a colour lie below, rare ones on top */
        begin_label(&p, label);
        for (size_t i = 0; i < rows; i++)
            if ((c->of[i] < 0 || c->of[i] >= SHOWN ? -1 : c->of[i]) == label)
                put_point(&p, left + scale * (xy[2 * i] - low[0]), top + scale * (high[1] - xy[2 * i + 1]), r, c->of[i],
                          names ? names[i] : NULL);
        end_label(&p);
    }
    for (int k = 0; k < 2; k++)
        work[k] = malloc(rows * sizeof *work[k] + 1);
    for (int label = 0; label < c->count && label < SHOWN && work[0] && work[1]; label++) {
        size_t count = 0;
        for (size_t i = 0; i < rows; i++)
            if (c->of[i] == label) {
                work[0][count] = xy[2 * i];
                work[1][count++] = xy[2 * i + 1];
            }
        vq_picture_text(&p, left + scale * (middle(work[0], count) - low[0]), top + scale * (high[1] - middle(work[1], count)) - 8,
                        "text-anchor=\"middle\" font-weight=\"600\" stroke=\"#fff\" stroke-width=\"3\" paint-order=\"stroke\"",
                        c->labels[label]);
    }
    for (int k = 0; k < 2; k++)
        free(work[k]);
    put_key(&p, c, rows);
    vq_picture_put(&p, "</svg>\n");
    return p.text;
}

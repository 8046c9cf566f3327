#include "cli/cli_svg.h"
#include "cli/cli.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 460, HEIGHT = 300, LEFT = 66, RIGHT = 24, TOP = 40, BOTTOM = 52, HEAD = 44, TICKS = 5 };

/* Told apart with impaired colour vision too (Okabe and Ito's palette). */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999"};

void vq_picture_letter(vq_picture *p, int base, double x, double bottom, int wide, double tall) {
    static const char *const of_bases[] = {"#009e73", "#0072b2", "#e69f00", "#d55e00"};
    if (tall < 0.5)
        return;
    vq_picture_put(p,
                   "<text transform=\"translate(%.1f %.2f) scale(1 %.3f)\" font-size=\"20\" font-weight=\"700\" textLength=\"%d\" "
                   "lengthAdjust=\"spacingAndGlyphs\" fill=\"%s\">%c</text>\n",
                   x, bottom, tall / 14.4, wide, of_bases[base], "ACGT"[base]);
}

const char *vq_picture_colour(int index) {
    return colours[index % (int)(sizeof colours / sizeof *colours)];
}

void vq_picture_put(vq_picture *p, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t length = (size_t)vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (p->size - p->used <= length) {
        p->size = 2 * (p->used + length + 1);
        p->text = vq_need(p->text, p->size);
    }
    va_start(arguments, format);
    vsnprintf(p->text + p->used, length + 1, format, arguments);
    va_end(arguments);
    p->used += length;
}

void vq_picture_escaped(vq_picture *p, const char *text) {
    for (; *text; text++)
        vq_picture_put(p, *text == '<' || *text == '>' || *text == '&' ? "&#%d;" : "%c", *text);
}

void vq_picture_text(vq_picture *p, double x, double y, const char *attributes, const char *text) {
    vq_picture_put(p, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
    vq_picture_escaped(p, text);
    vq_picture_put(p, "</text>\n");
}

void vq_picture_begin(vq_picture *p, int wide, int tall) {
    vq_picture_put(p,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                   "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#222\">\n"
                   "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
                   wide, tall, wide, tall, wide, tall);
}

/* An axis: the range of the data widened to whole steps of 1, 2 or 5 times a power of ten. A logarithmic one counts in decades. */
typedef struct axis {
    double low, high, step;
    bool logarithmic;
} axis;

static axis axis_make(double low, double high) {
    if (!(low <= high))
        low = 0, high = 1;
    if (low == high) {
        double half = fmax(fabs(low) * 0.05, 1e-3);
        low -= half, high += half;
    }
    double raw = (high - low) / TICKS, power = pow(10, floor(log10(raw))), lead = raw / power;
    double step = power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
    return (axis){floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, step, false};
}

static axis axis_decades(double low, double high) {
    if (!(low <= high))
        low = high = 1;
    double first = floor(log10(low) + 1e-9), last = ceil(log10(high) - 1e-9);
    last = fmax(last, first + 1);
    return (axis){first, last, ceil((last - first) / TICKS), true};
}

static double share(const axis *a, double value) {
    value = a->logarithmic ? log10(value) : value;
    return (value - a->low) / (a->high - a->low);
}

static void tick_text(char text[24], const axis *a, double value) {
    if (a->logarithmic) {
        if (value < 0.01 || value >= 1e4)
            snprintf(text, 24, "1e%d", (int)lround(log10(value)));
        else
            snprintf(text, 24, "%g", value);
        return;
    }
    int digits = (int)fmax(0, ceil(-log10(a->step) - 1e-9));
    snprintf(text, 24, "%.*f", digits < 9 ? digits : 9, fabs(value) < a->step / 1e6 ? 0 : value);
}

static void put_line(vq_picture *p, const vq_line *line, const char *colour, const axis *ax, const axis *ay, double left,
                     double top) {
    double wide = WIDTH - LEFT - RIGHT, tall = HEIGHT - TOP - BOTTOM;
    bool down = false;
    size_t drawn = 0;
    double x = 0, y = 0;
    vq_picture_put(p, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linejoin=\"round\" d=\"", colour);
    for (size_t i = 0; i < line->count; i++) {
        bool seen = isfinite(line->x[i]) && isfinite(share(ay, line->y[i]));
        if (seen) {
            x = left + share(ax, line->x[i]) * wide;
            y = top + (1 - fmin(fmax(share(ay, line->y[i]), 0), 1)) * tall;
            vq_picture_put(p, "%c%.1f %.1f", down ? 'L' : 'M', x, y);
            drawn++;
        }
        down = seen;
    }
    vq_picture_put(p, "\"/>\n");
    if (drawn == 1) /* a path of one point shows nothing */
        vq_picture_put(p, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y, colour);
}

static void put_panel(vq_picture *p, const vq_panel *panel, double x, double y) {
    double left = x + LEFT, top = y + TOP, wide = WIDTH - LEFT - RIGHT, tall = HEIGHT - TOP - BOTTOM;
    double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
    for (int n = 0; n < panel->lines; n++)
        for (size_t i = 0; i < panel->line[n].count; i++) {
            if (!isfinite(panel->line[n].y[i]) || (panel->logarithmic && panel->line[n].y[i] <= 0))
                continue;
            x_low = fmin(x_low, panel->line[n].x[i]), x_high = fmax(x_high, panel->line[n].x[i]);
            y_low = fmin(y_low, panel->line[n].y[i]), y_high = fmax(y_high, panel->line[n].y[i]);
        }
    bool fixed = panel->y_low != panel->y_high;
    axis ax = axis_make(fmin(0, x_low), x_high),
         ay = panel->logarithmic ? axis_decades(y_low, y_high)
                                 : axis_make(fixed ? panel->y_low : fmin(0, y_low), fixed ? panel->y_high : y_high);
    ax.high = fmax(x_high, ax.low + ax.step); /* no empty strip at the right of the last point */

    vq_picture_text(p, left, y + TOP - 14, "font-size=\"14\" font-weight=\"600\"", panel->title);
    char text[24];
    for (double tick = ay.low; tick < ay.high + ay.step / 2; tick += ay.step) {
        double value = ay.logarithmic ? pow(10, tick) : tick;
        double at = top + (1 - share(&ay, value)) * tall;
        vq_picture_put(p, "<path stroke=\"#e3e6ea\" d=\"M%.1f %.1fh%.1f\"/>\n", left, at, wide);
        tick_text(text, &ay, value);
        vq_picture_text(p, left - 8, at + 4, "text-anchor=\"end\"", text);
    }
    for (double value = ax.low; value <= ax.high * (1 + 1e-9); value += ax.step) {
        double at = left + share(&ax, value) * wide;
        vq_picture_put(p, "<path stroke=\"#8a919b\" d=\"M%.1f %.1fv5\"/>\n", at, top + tall);
        tick_text(text, &ax, value);
        vq_picture_text(p, at, top + tall + 19, "text-anchor=\"middle\"", text);
    }
    vq_picture_put(p, "<path fill=\"none\" stroke=\"#8a919b\" d=\"M%.1f %.1fv%.1fh%.1f\"/>\n", left, top, tall, wide);
    vq_picture_text(p, left + wide / 2, top + tall + 38, "text-anchor=\"middle\" fill=\"#555\"", panel->x_label);
    vq_picture_put(p, "<g transform=\"rotate(-90 %.1f %.1f)\">", x + 16, top + tall / 2);
    vq_picture_text(p, x + 16, top + tall / 2, "text-anchor=\"middle\" fill=\"#555\"", panel->y_label);
    vq_picture_put(p, "</g>\n");

    double legend = left + wide;
    for (int n = panel->lines - 1; n >= 0; n--) {
        const char *colour = vq_picture_colour(n);
        put_line(p, &panel->line[n], colour, &ax, &ay, left, top);
        if (panel->lines < 2)
            continue;
        /* From right to left, above the plot; 6.2 is the mean width of a letter at this size. */
        legend -= 6.2 * (double)strlen(panel->line[n].name);
        vq_picture_text(p, legend, y + TOP - 14, "", panel->line[n].name);
        vq_picture_put(p, "<path stroke=\"%s\" stroke-width=\"3\" d=\"M%.1f %.1fh16\"/>\n", colour, legend - 22, y + TOP - 18);
        legend -= 36;
    }
}

char *vq_svg(const char *title, const vq_panel *panels, int count) {
    vq_picture p = {0};
    int wide = 2 * WIDTH, tall = HEAD + (count + 1) / 2 * HEIGHT;
    vq_picture_begin(&p, wide, tall);
    vq_picture_text(&p, LEFT, 32, "font-size=\"17\" font-weight=\"600\"", title);
    for (int i = 0; i < count; i++)
        put_panel(&p, &panels[i], i % 2 * WIDTH, HEAD + i / 2 * HEIGHT);
    vq_picture_put(&p, "</svg>\n");
    return p.text;
}

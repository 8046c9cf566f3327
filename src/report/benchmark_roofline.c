/* The roofline (Williams, Waterman and Patterson 2009): rate of arithmetic over arithmetic intensity, both logarithmic, under the
 * lines that memory and arithmetic draw. Dots are numbered, the numbers explained beside the plot. */
#include "cli/cli_svg.h"
#include "report/benchmark_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT = 64, TOP = 62, WIDE = 680, SHORTEST = 470, BOTTOM = 60, LEGEND = 24, LEGEND_WIDE = 400, ROW = 15, MOST = 256 };

/* Decades of an axis, and where it lies in the picture. */
typedef struct scale {
    double first, last, from, to;
} scale;

static double place(const scale *s, double value) {
    return s->from + (log10(value) - s->first) / (s->last - s->first) * (s->to - s->from);
}

typedef struct box {
    double x0, y0, x1, y1;
} box;

static double overlap(const box *a, const box *b) {
    double wide = fmin(a->x1, b->x1) - fmax(a->x0, b->x0), tall = fmin(a->y1, b->y1) - fmax(a->y0, b->y0);
    return wide > 0 && tall > 0 ? wide * tall : 0;
}

typedef struct dot {
    double x, y;
    int number, colour;
    const vq_benchmark *row;
} dot;

typedef struct roofline {
    vq_picture picture;
    scale x, y;
    int tall; /* of the plot */
    dot dots[MOST];
    int count;
    box taken[2 * MOST + 2]; /* by dots, numbers and the flat roof */
    int boxes;
} roofline;

static const double radius = 4;

static void put_axes(roofline *r) {
    vq_picture *p = &r->picture;
    char text[24];
    for (double d = r->x.first; d <= r->x.last; d++) {
        double at = place(&r->x, pow(10, d));
        vq_picture_put(p, "<path stroke=\"#e3e6ea\" d=\"M%.1f %dv%d\"/>\n", at, TOP, r->tall);
        snprintf(text, sizeof text, "%g", pow(10, d));
        vq_picture_text(p, at, TOP + r->tall + 18, "text-anchor=\"middle\"", text);
    }
    for (double d = r->y.first; d <= r->y.last; d++) {
        double at = place(&r->y, pow(10, d));
        vq_picture_put(p, "<path stroke=\"#e3e6ea\" d=\"M%d %.1fh%d\"/>\n", LEFT, at, WIDE);
        snprintf(text, sizeof text, "%g", pow(10, d));
        vq_picture_text(p, LEFT - 8, at + 4, "text-anchor=\"end\"", text);
    }
    vq_picture_put(p, "<path fill=\"none\" stroke=\"#8a919b\" d=\"M%d %dv%dh%d\"/>\n", LEFT, TOP, r->tall, WIDE);
    vq_picture_text(p, LEFT + WIDE / 2.0, TOP + r->tall + 40, "text-anchor=\"middle\" fill=\"#555\"",
                    "arithmetic intensity, operations a byte that must be moved");
    vq_picture_put(p, "<g transform=\"rotate(-90 18 %d)\">", TOP + r->tall / 2);
    vq_picture_text(p, 18, TOP + r->tall / 2.0, "text-anchor=\"middle\" fill=\"#555\"", "GFLOP/s");
    vq_picture_put(p, "</g>\n");
}

static void put_roofs(roofline *r, double gflops, double gbs) {
    vq_picture *p = &r->picture;
    double ridge = gflops / gbs, bottom = pow(10, r->y.first), left = pow(10, r->x.first);
    double start = fmax(left, bottom / gbs), x0 = place(&r->x, start), y0 = place(&r->y, start * gbs), x1 = place(&r->x, ridge),
           y1 = place(&r->y, gflops);
    vq_picture_put(
        p, "<path fill=\"none\" stroke=\"#222\" stroke-width=\"2\" stroke-linejoin=\"round\" d=\"M%.1f %.1fL%.1f %.1fH%d\"/>\n", x0,
        y0, x1, y1, LEFT + WIDE);
    char text[64];
    snprintf(text, sizeof text, "%.4g GFLOP/s", gflops);
    vq_picture_text(p, LEFT + WIDE - 6, y1 - 7, "text-anchor=\"end\" font-weight=\"600\"", text);
    r->taken[r->boxes++] = (box){x1, y1 - 2, LEFT + WIDE, y1 + 2};
    r->taken[r->boxes++] = (box){LEFT + WIDE - 110, y1 - 18, LEFT + WIDE, y1 - 2};

    /* Along the slope, on the side and at the place farthest from all dots. */
    double turn = atan2(y1 - y0, x1 - x0), most = -1, x = x0, y = y0;
    for (int i = 0; i < 16; i++) {
        double share = 0.1 + 0.1 * (i % 8), side = i < 8 ? -10 : 18, nearest = INFINITY;
        double at_x = x0 + share * (x1 - x0) - sin(turn) * side, at_y = y0 + share * (y1 - y0) + cos(turn) * side;
        for (int d = 0; d < r->count; d++)
            nearest = fmin(nearest, hypot(r->dots[d].x - at_x, r->dots[d].y - at_y));
        if (nearest > most) {
            most = nearest;
            x = at_x;
            y = at_y;
        }
    }
    snprintf(text, sizeof text, "%.3g GB/s", gbs);
    vq_picture_put(p, "<g transform=\"rotate(%.2f %.1f %.1f)\">", turn * 180 / acos(-1), x, y);
    vq_picture_text(p, x, y, "text-anchor=\"middle\" font-weight=\"600\"", text);
    vq_picture_put(p, "</g>\n");
}

/* The number goes where it covers least, the nearest places first. */
static void put_number(roofline *r, const dot *d) {
    char text[8];
    int length = snprintf(text, sizeof text, "%d", d->number);
    double wide = 6.2 * length, tall = 9, least = INFINITY;
    box best = {0};
    for (int ring = 0; ring < 6; ring++)
        for (int way = 0; way < 12; way++) {
            double angle = way * acos(-1) / 6, far = radius + 2 + 7 * ring;
            double x = d->x - (d->row->bytes > 0 ? 0 : 5) + cos(angle) * (far + wide / 2), y = d->y - sin(angle) * (far + tall / 2);
            box b = {x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2};
            double cost = 0.5 * ring;
            for (int i = 0; i < r->boxes; i++)
                cost += overlap(&b, &r->taken[i]);
            if (b.x0 < LEFT + 2 || b.x1 > LEFT + WIDE - 2 || b.y1 > TOP + r->tall - 2 || b.y0 < TOP)
                cost += 1000;
            if (cost < least) {
                least = cost;
                best = b;
            }
        }
    r->taken[r->boxes++] = best;
    double x = (best.x0 + best.x1) / 2, y = (best.y0 + best.y1) / 2;
    if (hypot(x - d->x, y - d->y) > radius + 14)
        vq_picture_put(&r->picture, "<path stroke=\"#aaa\" stroke-width=\"0.7\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", d->x, d->y, x, y);
    vq_picture_text(&r->picture, x, best.y1 - 0.5, "text-anchor=\"middle\" font-size=\"11\"", text);
}

static void put_dots(roofline *r) {
    for (int i = 0; i < r->count; i++) {
        const dot *d = &r->dots[i];
        const char *colour = vq_picture_colour(d->colour);
        if (d->row->bytes > 0)
            vq_picture_put(&r->picture, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%g\" fill=\"%s\" stroke=\"#fff\"/>\n", d->x, d->y,
                           radius, colour);
        else /* no bytes are counted: at the edge, by its rate alone */
            vq_picture_put(&r->picture, "<path fill=\"%s\" stroke=\"#fff\" d=\"M%.1f %.1fl-9 -5v10z\"/>\n", colour, d->x, d->y);
        r->taken[r->boxes++] = (box){d->x - (d->row->bytes > 0 ? radius : 10), d->y - radius, d->x + radius, d->y + radius};
    }
    for (int i = 0; i < r->count; i++)
        put_number(r, &r->dots[i]);
}

static void put_legend(roofline *r) {
    vq_picture *p = &r->picture;
    double x = LEFT + WIDE + LEGEND, y = TOP;
    char text[128];
    vq_picture_text(p, x + LEGEND_WIDE - 70, y, "text-anchor=\"end\" font-size=\"11\" fill=\"#555\"", "GFLOP/s");
    vq_picture_text(p, x + LEGEND_WIDE - 14, y, "text-anchor=\"end\" font-size=\"11\" fill=\"#555\"", "of peak");
    for (int i = 0; i < r->count; i++) {
        const dot *d = &r->dots[i];
        y += ROW;
        snprintf(text, sizeof text, "%d", d->number);
        vq_picture_text(p, x + 14, y, "text-anchor=\"end\" font-size=\"11\"", text);
        vq_picture_put(p, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%g\" fill=\"%s\"/>\n", x + 24, y - 4, radius,
                       vq_picture_colour(d->colour));
        bool both = !strstr(d->row->operation, d->row->workload) && strcmp(d->row->workload, "conv") != 0 &&
                    strcmp(d->row->workload, "codebook") != 0;
        snprintf(text, sizeof text, "%s%s%s %s", both ? d->row->workload : "", both ? " " : "", d->row->operation, d->row->shape);
        vq_picture_text(p, x + 34, y, "font-size=\"11\"", text);
        snprintf(text, sizeof text, "%.3g", d->row->gflops);
        vq_picture_text(p, x + LEGEND_WIDE - 70, y, "text-anchor=\"end\" font-size=\"11\"", text);
        snprintf(text, sizeof text, "%.0f %%", d->row->percent_of_peak);
        vq_picture_text(p, x + LEGEND_WIDE - 14, y, "text-anchor=\"end\" font-size=\"11\"", text);
    }
    vq_picture_text(p, x + 34, y + ROW + 4, "font-size=\"11\" fill=\"#555\"", "Triangles at the edge: no bytes are counted.");
}

/* Numbers the rows, gives each workload a colour, and finds the decades they span. */
static void collect(roofline *r, const vq_benchmarks *all) {
    double x_low = INFINITY, x_high = all->peak_gflops / all->peak_gbs, y_low = all->peak_gflops, y_high = all->peak_gflops;
    const char *workload = "";
    int colour = -1;
    for (size_t i = 0; i < all->count && r->count < MOST; i++) {
        const vq_benchmark *row = &all->rows[i];
        if (!strcmp(row->workload, "peak") || !isfinite(row->gflops))
            continue;
        colour += strcmp(row->workload, workload) != 0;
        workload = row->workload;
        r->dots[r->count] = (dot){.number = r->count + 1, .colour = colour, .row = row};
        r->count++;
        y_low = fmin(y_low, row->gflops), y_high = fmax(y_high, row->gflops);
        if (row->bytes > 0)
            x_low = fmin(x_low, row->flops / row->bytes), x_high = fmax(x_high, row->flops / row->bytes);
    }
    r->tall = r->count * ROW > SHORTEST ? r->count * ROW : SHORTEST; /* as the legend */
    x_low = fmin(x_low, all->peak_gflops / all->peak_gbs / 10);      /* the slope is always seen */
    r->x = (scale){floor(log10(x_low * 0.8)), ceil(log10(x_high * 1.5)), LEFT, LEFT + WIDE};
    r->y = (scale){floor(log10(y_low * 0.8)), ceil(log10(y_high * 1.2)), TOP + r->tall, TOP};
    for (int i = 0; i < r->count; i++) {
        dot *d = &r->dots[i];
        d->x = d->row->bytes > 0 ? place(&r->x, d->row->flops / d->row->bytes) : LEFT + WIDE;
        d->y = place(&r->y, d->row->gflops);
    }
}

char *vq_roofline(const vq_benchmarks *all, const char *device) {
    roofline *r = vq_need(NULL, sizeof *r);
    memset(r, 0, sizeof *r);
    r->tall = SHORTEST;
    bool known = isfinite(all->peak_gflops) && isfinite(all->peak_gbs);
    if (known)
        collect(r, all);
    char title[160];
    snprintf(title, sizeof title, "vqdna on %s", device);
    vq_picture_begin(&r->picture, LEFT + WIDE + LEGEND + LEGEND_WIDE, TOP + r->tall + BOTTOM);
    vq_picture_text(&r->picture, LEFT, 32, "font-size=\"17\" font-weight=\"600\"", title);
    if (known) {
        put_axes(r);
        put_roofs(r, all->peak_gflops, all->peak_gbs);
        put_dots(r);
        put_legend(r);
    }
    vq_picture_put(&r->picture, "</svg>\n");
    char *text = r->picture.text;
    free(r);
    return text;
}

#include "cli/mutations.h"

#include "cli/cli_svg.h"

#include <math.h>
#include <stdio.h>

enum { LETTER = 11, HIGH = 46, LINE = 100, LEFT = 52, TOP = 40, TALL = 2 * HIGH + 26 };

void vq_mutations_header(vq_output *out, const char *provenance) {
    vq_output_print(out, "#vqdna mutations 1\n");
    if (provenance)
        vq_output_print(out, "#provenance %s\n", provenance);
    vq_output_print(out, "#contig\tposition\tbase\tA\tC\tG\tT\n");
}

void vq_mutations_rows(vq_output *out, const vqdna_mutations *m) {
    for (size_t i = 0; i < m->count; i++)
        vq_output_print(out, "%s\t%llu\t%c\t%.6g\t%.6g\t%.6g\t%.6g\n", m->contig, (unsigned long long)(m->start + i),
                        "ACGTN"[m->bases[i]], m -> effects[i][0], m -> effects[i][1], m -> effects[i][2], m -> effects[i][3]);
}

/* What the base is worth: the mean of what the others take away. */
static double worth(const vqdna_mutations *m, size_t i) {
    const float *e = m->effects[i];
    return -((double)e[0] + e[1] + e[2] + e[3]) / 3;
}

char *vq_mutations_svg(const vqdna_mutations *m, const char *label) {
    const size_t lines = (m->count + LINE - 1) / LINE;
    vq_picture p = {0};
    double most = 1e-9;
    char title[160], text[32];
    for (size_t i = 0; i < m->count; i++)
        most = fmax(most, fabs(worth(m, i)));
    if (label)
        snprintf(title, sizeof title, "%.60s: %.30s, probability %.3f; the tallest letter is worth %.3f of it", m->contig, label,
                 m->value, most);
    else
        snprintf(title, sizeof title, "%.60s: %.4g; the tallest letter is worth %.4g of it", m->contig, m->value, most);
    vq_picture_begin(&p, LEFT + LETTER * LINE + 16, TOP + TALL * (int)lines);
    vq_picture_text(&p, 8, 20, "font-weight=\"600\" font-size=\"13\"", title);
    for (size_t l = 0; l < lines; l++) {
        const double middle = TOP + TALL * (double)l + HIGH;
        const size_t first = l * LINE, end = first + LINE < m->count ? first + LINE : m->count;
        snprintf(text, sizeof text, "%llu", (unsigned long long)(m->start + first));
        vq_picture_text(&p, LEFT - 8, middle + 4, "text-anchor=\"end\" font-size=\"10\" fill=\"#666\"", text);
        vq_picture_put(&p, "<path stroke=\"#bbb\" d=\"M%d %.1fh%zu\"/>\n", LEFT, middle, LETTER * (end - first));
        for (size_t i = first; i < end; i++) {
            const double w = worth(m, i), tall = HIGH * fabs(w) / most;
            if (m->bases[i] < 4)
                vq_picture_letter(&p, m->bases[i], LEFT + LETTER * (double)(i - first), w >= 0 ? middle : middle + tall, LETTER - 1,
                                  tall);
        }
    }
    vq_picture_put(&p, "</svg>\n");
    return p.text;
}

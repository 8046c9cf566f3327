#include "report/page_codebook.h"

#include "cli/codebook_pictures.h"
#include "report/page_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOGOS = 24, FINDINGS = 40 };

static void put_picture(vq_page *p, char *svg, const char *alt) {
    if (svg)
        vq_page_image(p, "image/svg+xml", svg, strlen(svg), alt);
    free(svg);
}

/* ---- What a code tells of the bases around it -------------------------------------------------------------------------------- */

/* A table and not a picture: its numbers can be searched, copied and read aloud. */
static void put_information(vq_page *p, const json_t *codebook) {
    vq_strips all = vq_information_strips(codebook);
    char colour[8];
    if (!all.count) {
        vq_page_put(p, "<p>Nothing: no offset has 0.01 bits.</p>\n");
        return;
    }
    vq_page_put(p, "<p>Bits told of the base at an offset from the code's own:");
    for (int i = 0; i <= 4; i++) {
        bool dark = vq_information_colour(colour, i / 2.0);
        vq_page_put(p, " <span class=\"key\" style=\"background:%s;color:%s\">%.1f</span>", colour, dark ? "#fff" : "#222",
                    i / 2.0);
    }
    vq_page_put(p, " (2: all there is to know). Offsets that are left out have less than 0.01.</p>\n"
                   "<div class=\"wide\"><table class=\"heat\">\n<thead><tr><td></td>");
    for (size_t o = all.first; o <= all.last; o++)
        vq_page_put(p, "<th scope=\"col\">%+d</th>", all.first_offset + (int)o);
    vq_page_put(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < all.count; i++) {
        vq_page_put(p, "<tr><th scope=\"row\">%s</th>", all.strip[i].name);
        for (size_t o = all.first; o <= all.last; o++) {
            double bits = vq_strip_bits(&all.strip[i], o);
            bool dark = vq_information_colour(colour, bits);
            vq_page_put(p, "<td style=\"background:%s;color:%s\">%.2f</td>", colour, dark ? "#fff" : "#222", bits);
        }
        vq_page_put(p, "</tr>\n");
    }
    vq_page_table_end(p);
}

/* ---- Motifs ------------------------------------------------------------------------------------------------------------------ */

/* In words what the logos show. */
static void put_motifs(vq_page *p, const json_t *codebook, const json_t *list) {
    static const char *const columns[] = {"code", "count", "share", "bits", "GC", "from", "consensus", NULL};
    size_t codes[LOGOS], shown = vq_codes_met_most(list, codes, LOGOS);
    double bases = json_number_value(json_object_get(codebook, "bases")) - json_number_value(json_object_get(codebook, "unknown"));
    if (!shown)
        return;
    vq_page_put(p, "<details><summary>The same as a table</summary>\n");
    vq_page_table(p, columns);
    for (size_t i = 0; i < shown; i++) {
        const json_t *code = json_array_get(list, codes[i]);
        vq_page_put(p, "<tr><th scope=\"row\">%zu</th>", codes[i]);
        vq_page_cell(p, code, "count", "%.0f", 1);
        vq_page_cell(p, code, "count", "%.3f %%", bases > 0 ? 100 / bases : NAN);
        vq_page_cell(p, code, "bits", "%.2f", 1);
        vq_page_cell(p, code, "gc", "%.3f", 1);
        vq_page_cell(p, code, "at", "%+.0f", 1);
        vq_page_text_cell(p, json_string_value(json_object_get(code, "consensus")));
        vq_page_put(p, "</tr>\n");
    }
    vq_page_table_end(p);
    vq_page_put(p, "</details>\n");
}

/* ---- Words and findings ------------------------------------------------------------------------------------------------------ */

static void put_words(vq_page *p, const json_t *survey) {
    static const char *const columns[] = {"word",         "what it is",        "count", "ratio to shuffled",
                                          "p, corrected", "most its own code", NULL};
    size_t i, special = 0;
    const json_t *w;
    vq_page_put(p, "<h3>Known words</h3>\n");
    vq_page_table(p, columns);
    json_array_foreach(json_object_get(survey, "words"), i, w) {
        const json_t *chance = json_object_get(w, "p"), *code = json_object_get(w, "code");
        if (!json_is_number(chance) || json_number_value(chance) >= 0.01)
            continue;
        special++;
        vq_page_put(p, "<tr>");
        vq_page_text_cell(p, json_string_value(json_object_get(w, "word")));
        vq_page_text_cell(p, json_string_value(json_object_get(w, "name")));
        vq_page_cell(p, w, "count", "%.0f", 1);
        vq_page_cell(p, w, "enrichment", "%.2f", 1);
        vq_page_cell(p, w, "p", "%.2g", 1);
        vq_page_put(p, "<td>");
        if (code) {
            vq_page_number(p, code, "level", "%.0f:", 1);
            vq_page_number(p, code, "code", "%.0f", 1);
        }
        vq_page_put(p, "</td></tr>\n");
    }
    vq_page_table_end(p);
    vq_page_put(p, "<p>%zu of %zu words differ from the shuffled sequences at p below 0.01.</p>\n", special,
                json_array_size(json_object_get(survey, "words")));
}

static void put_findings(vq_page *p, const json_t *findings) {
    static const char *const columns[] = {"feature", "place", "offset", "code", "count", "ratio", "p, corrected", NULL};
    size_t i;
    const json_t *f;
    vq_page_put(p, "<h3>In the annotation</h3>\n<p>%zu findings", json_array_size(findings));
    vq_page_put(p, json_array_size(findings) > FINDINGS ? "; the first %d:</p>\n" : ".</p>\n", FINDINGS);
    vq_page_table(p, columns);
    json_array_foreach(findings, i, f) {
        if (i == FINDINGS)
            break;
        vq_page_put(p, "<tr>");
        vq_page_text_cell(p, json_string_value(json_object_get(f, "feature")));
        vq_page_text_cell(p, json_string_value(json_object_get(f, "place")));
        vq_page_cell(p, f, "offset", "%+.0f", 1);
        vq_page_put(p, "<td>");
        vq_page_number(p, f, "level", "%.0f:", 1);
        vq_page_number(p, f, "code", "%.0f", 1);
        vq_page_put(p, "</td>");
        vq_page_cell(p, f, "count", "%.0f", 1);
        vq_page_cell(p, f, "enrichment", "%.2f", 1);
        vq_page_cell(p, f, "p", "%.2g", 1);
        vq_page_put(p, "</tr>\n");
    }
    vq_page_table_end(p);
}

/* ---- The section ------------------------------------------------------------------------------------------------------------- */

static void put_use(vq_page *p, const json_t *codebook, const char *name) {
    size_t n;
    const json_t *level;
    json_array_foreach(json_object_get(codebook, "levels"), n, level) {
        vq_page_put(p, "<tr><th scope=\"row\">%s %zu</th>", name, n + 1);
        vq_page_cell(p, level, "codes", "%.0f", 1);
        vq_page_cell(p, level, "used", "%.0f", 1);
        vq_page_cell(p, level, "dead", "%.0f", 1);
        vq_page_cell(p, level, "perplexity", "%.1f", 1);
        vq_page_cell(p, level, "bits_a_base", "%.2f", 1);
        vq_page_cell(p, level, "bits_shared_with_level_1", "%.2f", 1);
        vq_page_put(p, "</tr>\n");
    }
}

void vq_page_codebook(vq_page *p, const char *path, const json_t *codebook) {
    static const char *const columns[] = {"",  "codes", "used", "never used", "perplexity", "bits a base", "shared with level 1",
                                          NULL};
    size_t n;
    const json_t *levels = json_object_get(codebook, "levels");
    vq_page_put(p, "<section>\n<h2>The codes</h2>\n<p><code>");
    vq_page_text(p, "%s", path);
    vq_page_put(p, "</code>: ");
    vq_page_number(p, codebook, "bases", "%.0f", 1);
    vq_page_put(p, " bases.</p>\n");
    vq_page_table(p, columns);
    put_use(p, codebook, "level");
    put_use(p, json_object_get(codebook, "untrained"), "untrained");
    vq_page_table_end(p);
    vq_page_put(p, "<h3>What a code tells of the bases around it</h3>\n");
    put_information(p, codebook);
    vq_page_put(p, "<h3>Motifs</h3>\n");
    for (n = 0; n < json_array_size(levels); n++) {
        char alt[80];
        snprintf(alt, sizeof alt, "Sequence logos of the codes of level %zu that are met most", n + 1);
        put_picture(p, vq_logos_svg(codebook, n, LOGOS), alt);
        put_motifs(p, codebook, json_object_get(json_array_get(levels, n), "list"));
    }
    if (json_is_object(json_object_get(codebook, "survey")))
        put_words(p, json_object_get(codebook, "survey"));
    if (json_is_array(json_object_get(codebook, "findings")))
        put_findings(p, json_object_get(codebook, "findings"));
    vq_page_put(p, "</section>\n");
}

#include "cli/codebook_pictures.h"

#include "cli/cli.h"
#include "cli/cli_svg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The information table --------------------------------------------------------------------------------------------------- */

enum { CELL = 34, ROW = 26, NAMES = 124, TOP = 44, MOST_OFFSETS = 64 };

bool vq_information_colour(char colour[8], double bits) {
    double share = fmin(fmax(bits / 2, 0), 1);
    snprintf(colour, 8, "#%02x%02x%02x", (int)(255 - 255 * share), (int)(255 - 141 * share), (int)(255 - 77 * share));
    return bits > 1.1;
}

static double bits_at(const json_t *array, size_t i) {
    const json_t *value = json_array_get(array, i);
    return json_is_number(value) ? json_number_value(value) : 0;
}

double vq_strip_bits(const vq_strip *strip, size_t place) {
    return fmax(bits_at(strip->bits, place), 0);
}

/* A file may say anything; what is added to it must stay an int. */
static int first_offset(const json_t *codebook) {
    json_int_t first = json_integer_value(json_object_get(codebook, "first_offset"));
    return first < -100000 || first > 100000 ? 0 : (int)first;
}

static void add_strips(vq_strips *all, const json_t *of, const char *level_name, const char *joint_name) {
    size_t n;
    const json_t *level;
    json_array_foreach(json_object_get(of, "levels"), n, level) {
        if (n == VQDNA_MAX_LEVELS || !json_is_array(json_object_get(level, "information")))
            break;
        vq_strip *strip = &all->strip[all->count++];
        snprintf(strip->name, sizeof strip->name, "%s %zu", level_name, n + 1);
        strip->bits = json_object_get(level, "information");
    }
    if (json_is_array(json_object_get(of, "joint_information"))) {
        vq_strip *strip = &all->strip[all->count++];
        snprintf(strip->name, sizeof strip->name, "%s", joint_name);
        strip->bits = json_object_get(of, "joint_information");
    }
}

vq_strips vq_information_strips(const json_t *codebook) {
    vq_strips all = {.first_offset = first_offset(codebook)};
    add_strips(&all, codebook, "level", "jointly");
    if (all.count)
        add_strips(&all, json_object_get(codebook, "untrained"), "untrained", "untrained, jointly");
    size_t offsets = all.count ? json_array_size(all.strip[0].bits) : 0;
    all.first = offsets;
    for (size_t i = 0; i < all.count; i++)
        for (size_t o = 0; o < offsets; o++)
            if (vq_strip_bits(&all.strip[i], o) >= 0.01) {
                all.first = o < all.first ? o : all.first;
                all.last = o > all.last ? o : all.last;
            }
    if (all.first > all.last || all.first == offsets || all.last - all.first >= MOST_OFFSETS)
        all.count = 0;
    return all;
}

char *vq_information_svg(const json_t *codebook) {
    vq_strips all = vq_information_strips(codebook);
    size_t count = all.count, first = all.first, last = all.last;
    if (!count)
        return NULL;
    vq_picture p = {0};
    vq_picture_begin(&p, NAMES + CELL * (int)(last - first + 1) + 12, TOP + ROW * (int)count + 12);
    vq_picture_text(&p, 4, 16, "font-weight=\"600\"", "Bits told of the base at an offset (2: all)");
    for (size_t o = first; o <= last; o++) {
        char text[16];
        snprintf(text, sizeof text, "%+d", all.first_offset + (int)o);
        vq_picture_text(&p, NAMES + CELL * ((double)(o - first) + 0.5), TOP - 8, "text-anchor=\"middle\" font-size=\"11\"", text);
    }
    for (size_t i = 0; i < count; i++) {
        vq_picture_text(&p, NAMES - 8, TOP + ROW * ((double)i + 0.68), "text-anchor=\"end\"", all.strip[i].name);
        for (size_t o = first; o <= last; o++) {
            double bits = vq_strip_bits(&all.strip[i], o);
            char colour[8], text[16];
            bool dark = vq_information_colour(colour, bits);
            snprintf(text, sizeof text, "%.2f", bits);
            vq_picture_put(&p, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" stroke=\"#fff\"/>\n",
                           NAMES + CELL * (int)(o - first), TOP + ROW * (int)i, CELL, ROW, colour);
            vq_picture_text(
                &p, NAMES + CELL * ((double)(o - first) + 0.5), TOP + ROW * ((double)i + 0.66),
                dark ? "text-anchor=\"middle\" font-size=\"11\" fill=\"#fff\"" : "text-anchor=\"middle\" font-size=\"11\"", text);
        }
    }
    vq_picture_put(&p, "</svg>\n");
    return p.text;
}

/* ---- Logos ------------------------------------------------------------------------------------------------------------------- */

enum { LETTER = 16, HIGH = 48, LOGO_WIDE = 190, LOGO_TALL = 92, COLUMNS = 4, MOST_LETTERS = 11 };
static const double least_bits = 0.05;

/* Bits at an offset and the shares of its bases; 0 bits where nothing is known. */
static double column_of(const json_t *row, double shares[4]) {
    double total = 0, bits = 2;
    shares[0] = shares[1] = shares[2] = shares[3] = 0;
    for (size_t b = 0; b < 4; b++)
        total += fmax(0, bits_at(row, b));
    for (size_t b = 0; b < 4 && total > 0 && isfinite(total); b++) {
        shares[b] = fmax(0, bits_at(row, b)) / total;
        bits += shares[b] > 0 ? shares[b] * log2(shares[b]) : 0;
    }
    return total > 0 && isfinite(total) ? fmax(0, bits - 3 / (2 * M_LN2 * total)) : 0;
}

static void put_logo(vq_picture *p, double x, double y, const json_t *code, size_t number, int start) {
    const json_t *motif = json_object_get(code, "motif");
    size_t offsets = json_array_size(motif), first = 0, most = offsets < MOST_LETTERS ? offsets : MOST_LETTERS;
    double shares[4], best = -1;
    for (size_t from = 0; from + most <= offsets; from++) { /* where most bits are */
        double bits = 0;
        for (size_t o = from; o < from + most; o++)
            bits += column_of(json_array_get(motif, o), shares);
        first = bits > best ? from : first;
        best = fmax(best, bits);
    }
    size_t end = first + most;
    while (first < end && column_of(json_array_get(motif, first), shares) < least_bits)
        first++;
    while (first < end && column_of(json_array_get(motif, end - 1), shares) < least_bits)
        end--;
    char text[96];
    snprintf(text, sizeof text, "%zu", number);
    vq_picture_text(p, x, y + 14, "font-weight=\"600\"", text);
    snprintf(text, sizeof text, "%lld x", (long long)json_integer_value(json_object_get(code, "count")));
    vq_picture_text(p, x + LOGO_WIDE - 14, y + 14, "text-anchor=\"end\" font-size=\"10\" fill=\"#666\"", text);
    for (size_t o = first; o < end; o++) {
        double bits = column_of(json_array_get(motif, o), shares), bottom = y + 22 + HIGH;
        bool given[4] = {false};
        for (int i = 0; i < 4; i++) { /* the least frequent lowest */
            int least = -1;
            for (int b = 0; b < 4; b++)
                if (!given[b] && (least < 0 || shares[b] < shares[least]))
                    least = b;
            given[least] = true;
            double tall = HIGH * shares[least] * bits / 2;
            vq_picture_letter(p, least, x + LETTER * (double)(o - first), bottom, LETTER - 1, tall);
            bottom -= tall;
        }
        if (start + (int)o == 0)
            vq_picture_put(p, "<path stroke=\"#222\" d=\"M%.1f %.1fh%d\"/>\n", x + LETTER * (double)(o - first), y + 24.0 + HIGH,
                           LETTER - 1);
    }
}

typedef struct {
    double count;
    size_t code;
} met;

static int by_count(const void *a, const void *b) {
    const met *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : x->code < y->code ? -1 : x->code > y->code;
}

size_t vq_codes_met_most(const json_t *list, size_t *codes, size_t most) {
    size_t count = json_array_size(list), shown = count < most ? count : most;
    met *order = vq_need(NULL, (count + 1) * sizeof *order);
    for (size_t k = 0; k < count; k++)
        order[k] = (met){json_number_value(json_object_get(json_array_get(list, k), "count")), k};
    qsort(order, count, sizeof *order, by_count);
    while (shown && !(order[shown - 1].count > 0))
        shown--;
    for (size_t i = 0; i < shown; i++)
        codes[i] = order[i].code;
    free(order);
    return shown;
}

char *vq_logos_svg(const json_t *codebook, size_t level, size_t most) {
    const json_t *of = json_array_get(json_object_get(codebook, "levels"), level), *list = json_object_get(of, "list");
    size_t *codes = vq_need(NULL, (most + 1) * sizeof *codes), shown = vq_codes_met_most(list, codes, most);
    size_t rows = (shown + COLUMNS - 1) / COLUMNS;
    vq_picture p = {0};
    char title[80];
    snprintf(title, sizeof title, "Level %zu: the %zu codes met most (own base underlined)", level + 1, shown);
    vq_picture_begin(&p, LOGO_WIDE * COLUMNS + 12, 30 + LOGO_TALL * (int)rows);
    vq_picture_text(&p, 8, 18, "font-weight=\"600\" font-size=\"13\"", title);
    for (size_t i = 0; i < shown; i++)
        put_logo(&p, 8 + LOGO_WIDE * (double)(i % COLUMNS), 26 + LOGO_TALL * (double)(i / COLUMNS), json_array_get(list, codes[i]),
                 codes[i], first_offset(codebook));
    vq_picture_put(&p, "</svg>\n");
    free(codes);
    return shown ? p.text : (free(p.text), NULL);
}

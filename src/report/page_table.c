#include "report/page_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const json_t *vq_member(const json_t *of, const char *names) {
    char name[40];
    while (of && *names) {
        size_t length = strcspn(names, ".");
        snprintf(name, sizeof name, "%.*s", (int)length, names);
        of = json_object_get(of, name);
        names += length + (names[length] == '.');
    }
    return of;
}

void vq_page_number(vq_page *p, const json_t *of, const char *names, const char *format, double factor) {
    const json_t *value = vq_member(of, names);
    char text[64] = "\xE2\x80\x93"; /* a dash */
    if (json_is_number(value) && isfinite(factor * json_number_value(value)))
        snprintf(text, sizeof text, format, factor * json_number_value(value));
    vq_page_text(p, "%s", text);
}

void vq_page_cell(vq_page *p, const json_t *of, const char *names, const char *format, double factor) {
    vq_page_put(p, "<td>");
    vq_page_number(p, of, names, format, factor);
    vq_page_put(p, "</td>");
}

void vq_page_text_cell(vq_page *p, const char *text) {
    vq_page_put(p, "<td>");
    vq_page_text(p, "%s", text ? text : "");
    vq_page_put(p, "</td>");
}

void vq_page_table(vq_page *p, const char *const *names) {
    vq_page_put(p, "<div class=\"wide\"><table>\n<thead><tr>");
    for (; *names; names++)
        vq_page_put(p, "<th scope=\"col\">%s</th>", *names);
    vq_page_put(p, "</tr></thead>\n<tbody>\n");
}

void vq_page_table_end(vq_page *p) {
    vq_page_put(p, "</tbody></table></div>\n");
}

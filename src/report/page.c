#include "report/page.h"

#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:60rem;margin:0 auto;padding:1rem}"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;border-bottom:1px solid #ccc;margin-top:2rem}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}th,td{padding:.25rem "
    ".6rem;text-align:left;vertical-align:top;"
    "border-bottom:1px solid #e3e6ea}thead th{white-space:nowrap}td{font-variant-numeric:tabular-nums}tbody "
    "th{font-weight:600}code,pre{font-size:.85rem;"
    "overflow-wrap:anywhere;white-space:pre-wrap}.wide "
    "img{display:block;width:100%;min-width:44rem;max-width:60rem;background:#fff}"
    ".heat th,.heat td{padding:.2rem .22rem;text-align:right;white-space:nowrap;border:0;font-size:.72rem}.key{padding:0 .3rem}"
    ".facts td{overflow-wrap:anywhere}.wide+.wide{margin-top:1rem}.bar{vertical-align:middle;color:#0072b2}"
    ".one{white-space:nowrap}h1,h2,h3,p{overflow-wrap:anywhere}summary{cursor:pointer}"
    "@media print{body{max-width:none;padding:0;font-size:11pt}.wide{overflow:visible}.wide img{min-width:0}.heat th,.heat "
    "td{padding:.1rem;font-size:6pt}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}h2,h3{break-after:avoid}img,tr{page-break-inside:avoid;break-"
    "inside:avoid}}"
    "@media(prefers-color-scheme:dark){:root{color-scheme:dark}body{color:#ddd;background:#16181b}.bar{color:#56b4e9}th,td{border-"
    "color:#333}h2{border-color:#555}}";

static void append(vq_page *p, const char *text, size_t length) {
    if (p->size - p->used <= length) {
        p->size = 2 * (p->used + length + 1);
        p->text = vq_need(p->text, p->size);
    }
    memcpy(p->text + p->used, text, length);
    p->used += length;
    p->text[p->used] = '\0';
}

static char *formatted(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    size_t length = (size_t)vsnprintf(NULL, 0, format, again) + 1;
    va_end(again);
    char *text = vq_need(NULL, length);
    vsnprintf(text, length, format, arguments);
    return text;
}

void vq_page_put(vq_page *p, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = formatted(format, arguments);
    va_end(arguments);
    append(p, text, strlen(text));
    free(text);
}

/* Bytes of the UTF-8 character at `text`, 0 for what is none: overlong forms, surrogates and what is beyond U+10FFFF too. */
static size_t character(const unsigned char *text) {
    size_t more = *text < 0x80                    ? 0
                  : *text >= 0xC2 && *text < 0xE0 ? 1
                  : (*text & 0xF0) == 0xE0        ? 2
                  : *text >= 0xF0 && *text < 0xF5 ? 3
                                                  : 9;
    for (size_t i = 1; more < 9 && i <= more; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    bool none = more == 9 || (*text == 0xE0 && text[1] < 0xA0) || (*text == 0xED && text[1] > 0x9F) ||
                (*text == 0xF0 && text[1] < 0x90) || (*text == 0xF4 && text[1] > 0x8F);
    return none ? 0 : more + 1;
}

static void escape(vq_page *p, const char *text) {
    for (const char *c = text; *c;) {
        size_t bytes = character((const unsigned char *)c);
        bool plain = bytes && !strchr("<>&\"'", *c) && ((unsigned char)*c >= 32 || *c == '\n' || *c == '\t');
        char number[8];
        if (plain)
            append(p, c, bytes);
        else
            append(p, number, (size_t)snprintf(number, sizeof number, "&#%d;", bytes && strchr("<>&\"'", *c) ? *c : '?'));
        c += bytes ? bytes : 1;
    }
}

void vq_page_text(vq_page *p, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = formatted(format, arguments);
    va_end(arguments);
    escape(p, text);
    free(text);
}

void vq_page_row(vq_page *p, const char *heading, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = formatted(format, arguments);
    va_end(arguments);
    append(p, "<tr><th scope=\"row\">", 20);
    escape(p, heading);
    append(p, "</th><td>", 9);
    escape(p, text);
    append(p, "</td></tr>\n", 11);
    free(text);
}

void vq_page_image(vq_page *p, const char *type, const void *data, size_t bytes, const char *alt) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *from = data;
    vq_page_put(p, "<div class=\"wide\"><img alt=\"");
    escape(p, alt);
    vq_page_put(p, "\" src=\"data:%s;base64,", type);
    for (size_t i = 0; i < bytes; i += 3) {
        unsigned value =
            (unsigned)from[i] << 16 | (i + 1 < bytes ? (unsigned)from[i + 1] << 8 : 0) | (i + 2 < bytes ? from[i + 2] : 0);
        char four[4] = {letters[value >> 18], letters[value >> 12 & 63], i + 1 < bytes ? letters[value >> 6 & 63] : '=',
                        i + 2 < bytes ? letters[value & 63] : '='};
        append(p, four, 4);
    }
    vq_page_put(p, "\"></div>\n");
}

void vq_page_begin(vq_page *p, const char *title) {
    vq_page_put(
        p,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"generator\" content=\"vqdna "
        "report\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    vq_page_text(p, "%s", title);
    vq_page_put(p, "</title>\n<style>%s</style>\n</head>\n<body>\n<h1>", style);
    vq_page_text(p, "%s", title);
    vq_page_put(p, "</h1>\n");
}

void vq_page_end(vq_page *p) {
    vq_page_put(p, "</body>\n</html>\n");
}

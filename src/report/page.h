/* A page of HTML in the making: one file that asks for nothing else. */
#ifndef VQ_REPORT_PAGE_H
#define VQ_REPORT_PAGE_H

#include <stddef.h>

/* A zeroed page is empty; the text is to be freed. */
typedef struct vq_page {
    char *text;
    size_t used, size;
} vq_page;

/* From <!DOCTYPE> to the first heading. */
void vq_page_begin(vq_page *page, const char *title);
void vq_page_end(vq_page *page);

/* Markup as it is: nothing that comes from a file. */
void vq_page_put(vq_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text of whatever kind, escaped; what is not UTF-8 becomes '?'. */
void vq_page_text(vq_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes as an image; `alt` is escaped. */
void vq_page_image(vq_page *page, const char *type, const void *data, size_t bytes, const char *alt);

/* A row of a table: a heading in its first cell, text in the second. */
void vq_page_row(vq_page *page, const char *heading, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

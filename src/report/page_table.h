/* Tables of what JSON says. A value that is missing or of another type is a dash, or nothing as text. */
#ifndef VQ_REPORT_PAGE_TABLE_H
#define VQ_REPORT_PAGE_TABLE_H

#include "report/page.h"

#include <jansson.h>

/* A member of a member, "test.mcc.mean"; NULL if there is none. */
const json_t *vq_member(const json_t *of, const char *names);

/* The table's head, ended by NULL, up to its first row; a wide one scrolls in a box of its own. */
void vq_page_table(vq_page *page, const char *const *columns);
void vq_page_table_end(vq_page *page);

/* A member times `factor`, with `format` for a double; and the same in a cell of its own. */
void vq_page_number(vq_page *page, const json_t *of, const char *names, const char *format, double factor);
void vq_page_cell(vq_page *page, const json_t *of, const char *names, const char *format, double factor);
void vq_page_text_cell(vq_page *page, const char *text);

#endif

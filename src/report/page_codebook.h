/* The section on the codes: what `codebook --json` printed. */
#ifndef VQ_REPORT_PAGE_CODEBOOK_H
#define VQ_REPORT_PAGE_CODEBOOK_H

#include "report/page.h"

#include <jansson.h>

void vq_page_codebook(vq_page *page, const char *path, const json_t *codebook);

#endif

/* What a map's folder shows: the picture, and the page of pictures and scores. */
#ifndef VQ_REPORT_MAP_PAGE_H
#define VQ_REPORT_MAP_PAGE_H

#include "report/map_files.h"

/* VQ_GO_ON, or an exit code after a sentence. */
int vq_map_write_pictures(const vq_mapped *mapped);

#endif

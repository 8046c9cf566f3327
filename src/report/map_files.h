/* What a map's folder holds: tables. */
#ifndef VQ_REPORT_MAP_FILES_H
#define VQ_REPORT_MAP_FILES_H

#include "cli/cli_session.h"
#include "cli/map_labels.h"

/* The map of one feature, and where it goes. */
typedef struct vq_mapped {
    vq_cli *cli;
    const vq_session *session;
    const char *feature, *folder;
    vqdna_map *map;
    vqdna_map_info info;
    const float *components, *xy; /* components: NULL where there are none */
    const int *cluster;
    int clusters;
    const vq_map_labels *labels;
    const json_t *result; /* its metrics */
} vq_mapped;

enum { VQ_MAP_NEIGHBOURS = 10 };

/* Whether all that will be written may be, before hours of work. As those below VQ_GO_ON, or an exit code after a sentence. */
int vq_map_check_files(vq_cli *cli, const char *folder);
int vq_map_write_points(const vq_mapped *mapped);
int vq_map_write_neighbours(const vq_mapped *mapped);
int vq_map_write_coordinates(const vq_mapped *mapped);
int vq_map_write_metrics(vq_cli *cli, const char *folder, const char *text);

#endif

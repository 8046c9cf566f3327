#include "report/map_files.h"
#include "cli/cli_npy.h"
#include "cli/cli_output.h"

#include <stdlib.h>

/* Whether all that will be written may be, before hours of work. */
int vq_map_check_files(vq_cli *cli, const char *folder) {
    static const struct {
        const char *name;
        vq_kind kind;
    } files[] = {{"embedding.npy", VQ_KIND_VECTORS},
                 {"embedding.npy.tsv", VQ_KIND_ROWS},
                 {"neighbours.tsv", VQ_KIND_NEIGHBOURS},
                 {"map.tsv", VQ_KIND_MAP},
                 {"map.svg", VQ_KIND_SVG},
                 {"map.html", VQ_KIND_REPORT},
                 {"metrics.json", VQ_KIND_MAP_METRICS}};
    int code = VQ_GO_ON;
    for (size_t i = 0; i < sizeof files / sizeof *files && code == VQ_GO_ON; i++) {
        char *path = vq_join("%s/%s", folder, files[i].name);
        code = vq_output_check(cli, path, files[i].kind);
        free(path);
    }
    return code;
}

/* Opens a table with its first lines. */
static int open_table(const vq_mapped *m, vq_output *out, const char *name, vq_kind kind, const char *head) {
    char *path = vq_join("%s/%s", m->folder, name), *provenance = vq_provenance_text(m->cli, m->session);
    int code = vq_output_open(out, m->cli, path, kind);
    if (code == VQ_GO_ON) {
        vq_output_print(out, "%s\n", head);
        if (provenance)
            vq_output_print(out, "#provenance %s\n", provenance);
    }
    free(path);
    free(provenance);
    return code;
}

int vq_map_write_points(const vq_mapped *m) {
    vq_output out = {.fd = -1}, names = {.fd = -1};
    char header[VQ_NPY_HEADER], *path = vq_join("%s/%s", m->folder, "embedding.npy");
    int code = m->info.points ? vq_output_open(&out, m->cli, path, VQ_KIND_VECTORS) : VQ_EXIT_OK;
    if (code == VQ_GO_ON)
        code = open_table(m, &names, "embedding.npy.tsv", VQ_KIND_ROWS, "#vqdna vectors 1");
    if (code == VQ_GO_ON) {
        vq_npy_header(header, "f4", m->info.rows, m->info.width);
        vq_output_write(&out, header, sizeof header);
        vq_output_write(&out, m->info.points, m->info.rows * (size_t)m->info.width * sizeof *m->info.points);
        vq_output_print(&names, "#contig\trow\n");
        for (size_t i = 0; i < m->info.rows; i++)
            vq_output_print(&names, "%s\t%zu\n", m->info.names[i], i);
        code = vq_output_commit(&out, &names, m->cli);
    }
    vq_output_abandon(&out);
    vq_output_abandon(&names);
    free(path);
    return code == VQ_EXIT_OK ? VQ_GO_ON : code;
}

int vq_map_write_neighbours(const vq_mapped *m) {
    vq_output out = {.fd = -1};
    const int32_t *index;
    const float *distance;
    int k = VQ_MAP_NEIGHBOURS;
    vqdna_status status = vqdna_map_neighbours(m->map, &k, &index, &distance);
    if (status < 0)
        return vq_cli_failed(m->cli, status);
    int code = open_table(m, &out, "neighbours.tsv", VQ_KIND_NEIGHBOURS, "#vqdna neighbours 1");
    if (code != VQ_GO_ON)
        return code;
    vq_output_print(&out, "#contig\trank\tneighbour\tdistance\n");
    for (size_t i = 0; i < m->info.rows; i++)
        for (int j = 0; j < k && j < VQ_MAP_NEIGHBOURS; j++)
            vq_output_print(&out, "%s\t%d\t%s\t%.7g\n", m->info.names[i], j + 1, m->info.names[index[i * (size_t)k + (size_t)j]],
                            (double)distance[i * (size_t)k + (size_t)j]);
    return vq_output_commit(&out, NULL, m->cli);
}

int vq_map_write_coordinates(const vq_mapped *m) {
    vq_output out = {.fd = -1};
    int code = open_table(m, &out, "map.tsv", VQ_KIND_MAP, "#vqdna map 1");
    if (code != VQ_GO_ON)
        return code;
    vq_output_print(&out, "#contig\tx\ty%s\tcluster", m->components ? "\tcomponent1\tcomponent2" : "");
    for (size_t c = 0; c < m->labels->count; c++)
        vq_output_print(&out, "\t%s", m->labels->columns[c].name);
    vq_output_print(&out, "\n");
    for (size_t i = 0; i < m->info.rows; i++) {
        vq_output_print(&out, "%s\t%.6g\t%.6g", m->info.names[i], (double)m->xy[2 * i], (double)m->xy[2 * i + 1]);
        if (m->components)
            vq_output_print(&out, "\t%.6g\t%.6g", (double)m->components[2 * i], (double)m->components[2 * i + 1]);
        vq_output_print(&out, "\t%d", m->cluster[i]);
        for (size_t c = 0; c < m->labels->count; c++)
            vq_output_print(&out, "\t%s",
                            m->labels->columns[c].of[i] < 0 ? "" : m->labels->columns[c].labels[m->labels->columns[c].of[i]]);
        vq_output_print(&out, "\n");
    }
    return vq_output_commit(&out, NULL, m->cli);
}

int vq_map_write_metrics(vq_cli *cli, const char *folder, const char *text) {
    char *path = vq_join("%s/metrics.json", folder);
    const int code = vq_output_file(cli, path, VQ_KIND_MAP_METRICS, text);
    free(path);
    return code;
}

#include "report/map_page.h"
#include "cli/cli_output.h"
#include "cli/map_picture.h"
#include "report/map_scores.h"
#include "report/page.h"
#include "report/page_table.h"

#include <stdlib.h>

/* A column whose labels are the clusters. */
static void colour_by_cluster(vq_label_column *c, const vq_mapped *m) {
    const int count = m->clusters;
    *c = (vq_label_column){.name = vq_need_text("cluster"), .count = count, .of = vq_need(NULL, m->info.rows * sizeof(int))};
    c->labels = vq_need(NULL, (size_t)count * sizeof *c->labels + 1);
    c->sizes = vq_need(NULL, (size_t)count * sizeof *c->sizes + 1);
    for (int k = 0; k < count; k++) {
        c->labels[k] = vq_join("%d", k);
        c->sizes[k] = 0;
    }
    for (size_t i = 0; i < m->info.rows; i++) {
        c->of[i] = m->cluster[i];
        if (m->cluster[i] >= 0)
            c->sizes[m->cluster[i]]++;
    }
}

static void put_scores(vq_page *page, const json_t *result) {
    static const char *const heads[] = {
        "labels",        "10 nearest alike",         "silhouette",    "V-measure", "homogeneity", "completeness",
        "adjusted Rand", "variation of information", "in no cluster", NULL};
    const char *column;
    json_t *of;
    vq_page_put(page, "<section>\n<h2>Agreement with labels</h2>\n");
    vq_page_table(page, heads);
    json_object_foreach(json_object_get(result, "columns"), column, of) {
        vq_page_put(page, "<tr><th>");
        vq_page_text(page, "%s", column);
        vq_page_put(page, "</th>");
        for (int k = 0; k < VQ_MAP_SHARES; k++) {
            const json_t *n = json_object_get(of, vq_map_scores[k]);
            vq_page_put(page, json_is_number(n) ? "<td>%.3f</td>" : "<td></td>", json_number_value(n));
        }
        vq_page_put(page, "</tr>\n");
    }
    vq_page_table_end(page);
    vq_page_put(page, "</section>\n");
}

int vq_map_write_pictures(const vq_mapped *m) {
    vq_label_column by_cluster = {0};
    if (!m->labels->count)
        colour_by_cluster(&by_cluster, m);
    const vq_label_column *all = m->labels->count ? m->labels->columns : &by_cluster;
    const size_t count = m->labels->count ? m->labels->count : 1;
    char *title = vq_join("%zu records by %s", m->info.rows, m->feature);
    char *svg = vq_map_svg(title, m->xy, m->info.rows, &all[0], NULL), *path = vq_join("%s/%s", m->folder, "map.svg");
    int code = vq_output_file(m->cli, path, VQ_KIND_SVG, svg);
    vq_page page = {0};
    free(svg);
    free(path);
    vq_page_begin(&page, title);
    vq_page_put(&page,
                "<p>Each point is a record; its name shows under the pointer. Near ones are alike, distances between groups mean "
                "little.</p>\n");
    for (size_t c = 0; c < count; c++) {
        svg = vq_map_svg(all[c].name, m->xy, m->info.rows, &all[c], m->info.names);
        vq_page_put(&page, "<section class=\"wide\">\n%s</section>\n", svg);
        free(svg);
    }
    if (m->labels->count)
        put_scores(&page, m->result);
    vq_page_end(&page);
    path = vq_join("%s/%s", m->folder, "map.html");
    if (code == VQ_GO_ON)
        code = vq_output_file(m->cli, path, VQ_KIND_REPORT, page.text);
    free(path);
    free(page.text);
    free(title);
    vq_label_column_free(&by_cluster);
    return code;
}

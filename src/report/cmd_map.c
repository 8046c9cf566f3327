/* vqdna map: records against each other, by codes or by rivals of them: neighbours, a picture, clusters, and how they agree with labels. */
#include "cli/cli_npy.h"
#include "cli/cli_output.h"
#include "cli/cli_sequences.h"
#include "cli/cli_session.h"
#include "cli/map_picture.h"
#include "report/page.h"
#include "report/page_table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NEIGHBOURS = 10 };

typedef struct mapping {
    vq_cli *cli;
    const char *model, *folder, *table;
    vq_list features, columns, pairs;
    uint64_t iterations, least;
    double perplexity;
    bool resume, made; /* made: the folder is new */
    vq_sequences in;
    vq_session session;

    vqdna_map *map;
    vqdna_map_info info;
    vq_map_labels labels;
    vq_label_column by_cluster; /* what a picture is coloured by without labels */
    const float *xy;
    const int *cluster;
    json_t *results; /* of the features that are done */
} mapping;

/* ---- Files ------------------------------------------------------------------------------------------------------------------- */

static char *path_in(const char *folder, const char *name) {
    return vq_join("%s/%s", folder, name);
}

static int make_folder(vq_cli *cli, const char *path, bool *made) {
    struct stat found;
    *made = mkdir(path, 0777) == 0;
    if (!*made && errno != EEXIST)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot make the folder %s: %s", path, strerror(errno));
    if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode))
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s is not a folder; a map needs one", path);
    return VQ_GO_ON;
}

/* Whether all that will be written may be, before hours of work. */
static int check_files(vq_cli *cli, const char *folder) {
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
        char *path = path_in(folder, files[i].name);
        code = vq_output_check(cli, path, files[i].kind);
        free(path);
    }
    return code;
}

/* Opens a table with its first lines. */
static int open_table(mapping *m, vq_output *out, const char *folder, const char *name, vq_kind kind, const char *head) {
    char *path = path_in(folder, name), *provenance = vq_provenance_text(m->cli, &m->session);
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

static int write_points(mapping *m, const char *folder) {
    vq_output out = {.fd = -1}, names = {.fd = -1};
    char header[VQ_NPY_HEADER], *path = path_in(folder, "embedding.npy");
    int code = m->info.points ? vq_output_open(&out, m->cli, path, VQ_KIND_VECTORS) : VQ_EXIT_OK;
    if (code == VQ_GO_ON)
        code = open_table(m, &names, folder, "embedding.npy.tsv", VQ_KIND_ROWS, "#vqdna vectors 1");
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

static int write_neighbours(mapping *m, const char *folder) {
    vq_output out = {.fd = -1};
    const int32_t *index;
    const float *distance;
    int k = NEIGHBOURS;
    vqdna_status status = vqdna_map_neighbours(m->map, &k, &index, &distance);
    if (status < 0)
        return vq_cli_failed(m->cli, status);
    int code = open_table(m, &out, folder, "neighbours.tsv", VQ_KIND_NEIGHBOURS, "#vqdna neighbours 1");
    if (code != VQ_GO_ON)
        return code;
    vq_output_print(&out, "#contig\trank\tneighbour\tdistance\n");
    for (size_t i = 0; i < m->info.rows; i++)
        for (int j = 0; j < k && j < NEIGHBOURS; j++)
            vq_output_print(&out, "%s\t%d\t%s\t%.7g\n", m->info.names[i], j + 1, m->info.names[index[i * (size_t)k + (size_t)j]],
                            (double)distance[i * (size_t)k + (size_t)j]);
    return vq_output_commit(&out, NULL, m->cli);
}

static int write_coordinates(mapping *m, const char *folder, const float *components) {
    vq_output out = {.fd = -1};
    int code = open_table(m, &out, folder, "map.tsv", VQ_KIND_MAP, "#vqdna map 1");
    if (code != VQ_GO_ON)
        return code;
    vq_output_print(&out, "#contig\tx\ty%s\tcluster", components ? "\tcomponent1\tcomponent2" : "");
    for (size_t c = 0; c < m->labels.count; c++)
        vq_output_print(&out, "\t%s", m->labels.columns[c].name);
    vq_output_print(&out, "\n");
    for (size_t i = 0; i < m->info.rows; i++) {
        vq_output_print(&out, "%s\t%.6g\t%.6g", m->info.names[i], (double)m->xy[2 * i], (double)m->xy[2 * i + 1]);
        if (components)
            vq_output_print(&out, "\t%.6g\t%.6g", (double)components[2 * i], (double)components[2 * i + 1]);
        vq_output_print(&out, "\t%d", m->cluster[i]);
        for (size_t c = 0; c < m->labels.count; c++)
            vq_output_print(&out, "\t%s",
                            m->labels.columns[c].of[i] < 0 ? "" : m->labels.columns[c].labels[m->labels.columns[c].of[i]]);
        vq_output_print(&out, "\n");
    }
    return vq_output_commit(&out, NULL, m->cli);
}

/* ---- Pictures ---------------------------------------------------------------------------------------------------------------- */

/* A column whose labels are the clusters. */
static void colour_by_cluster(mapping *m, int count) {
    vq_label_column *c = &m->by_cluster;
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

static const char *const scores[] = {"purity",    "silhouette", "v_measure", "homogeneity", "completeness", "adjusted_rand",
                                     "variation", "noise",      "clusters",  "labels",      "rows"};
enum { SCORES = sizeof scores / sizeof *scores, SHOWN = 8 };

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
        for (int k = 0; k < SHOWN; k++) {
            const json_t *n = json_object_get(of, scores[k]);
            vq_page_put(page, json_is_number(n) ? "<td>%.3f</td>" : "<td></td>", json_number_value(n));
        }
        vq_page_put(page, "</tr>\n");
    }
    vq_page_table_end(page);
    vq_page_put(page, "</section>\n");
}

static int write_pictures(mapping *m, const char *folder, const char *feature, const json_t *result) {
    const vq_label_column *all = m->labels.count ? m->labels.columns : &m->by_cluster;
    const size_t count = m->labels.count ? m->labels.count : 1;
    char *title = vq_join("%zu records by %s", m->info.rows, feature);
    char *svg = vq_map_svg(title, m->xy, m->info.rows, &all[0], NULL), *path = path_in(folder, "map.svg");
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
    if (m->labels.count)
        put_scores(&page, result);
    vq_page_end(&page);
    path = path_in(folder, "map.html");
    if (code == VQ_GO_ON)
        code = vq_output_file(m->cli, path, VQ_KIND_REPORT, page.text);
    free(path);
    free(page.text);
    free(title);
    return code;
}

/* ---- Scores ------------------------------------------------------------------------------------------------------------------ */

static int add_pairs(mapping *m, const vq_label_column *c, json_t *to) {
    for (size_t i = 0; i < m->pairs.count; i++) {
        const char *text = m->pairs.items[i], *comma = strchr(text, ',');
        const int a = vq_label_find(c, text, (size_t)(comma - text)), b = vq_label_find(c, comma + 1, strlen(comma + 1));
        double silhouette, auroc;
        if (a < 0 || b < 0)
            continue;
        vqdna_status status = vqdna_map_pair(m->map, c->of, a, b, &silhouette, &auroc);
        if (status < 0)
            return vq_cli_failed(m->cli, status);
        json_object_set_new(to, text,
                            json_pack("{soso}", "silhouette", cli_json_number(silhouette), "auroc", cli_json_number(auroc)));
    }
    return VQ_GO_ON;
}

static int judge(mapping *m, json_t *result) {
    json_t *columns = json_object();
    int code = VQ_GO_ON;
    for (size_t c = 0; c < m->labels.count && code == VQ_GO_ON; c++) {
        const vq_label_column *column = &m->labels.columns[c];
        vqdna_map_judgement j;
        vqdna_status status = vqdna_map_judge(m->map, column->of, &j);
        if (status < 0) {
            code = vq_cli_failed(m->cli, status);
            break;
        }
        const double values[SCORES] = {j.purity,    j.silhouette, j.v_measure, j.homogeneity, j.completeness, j.adjusted_rand,
                                       j.variation, j.noise,      j.clusters,  j.labels,      (double)j.rows};
        json_t *of = json_object(), *pairs = json_object();
        for (int k = 0; k < SCORES; k++)
            json_object_set_new(of, scores[k], k < SHOWN ? cli_json_number(values[k]) : json_integer((json_int_t)values[k]));
        code = add_pairs(m, column, pairs);
        if (json_object_size(pairs))
            json_object_set(of, "pairs", pairs);
        json_decref(pairs);
        json_object_set_new(columns, column->name, of);
    }
    json_object_set_new(result, "columns", columns);
    return code;
}

static void print_results(const mapping *m) {
    size_t i;
    json_t *result, *of, *pair;
    const char *column, *name;
    bool head = false;
    json_array_foreach(m->results, i, result) {
        json_object_foreach(json_object_get(result, "columns"), column, of) {
            if (!head)
                printf("%-24s %-16s %8s %8s %8s %8s %10s %8s %8s\n", "features", "labels", "purity", "silhou.", "V", "Rand",
                       "variation", "clusters", "noise");
            head = true;
            printf("%-24s %-16s", json_string_value(json_object_get(result, "features")), column);
            static const char *const shown[] = {"purity",    "silhouette", "v_measure", "adjusted_rand",
                                                "variation", "clusters",   "noise"};
            for (int k = 0; k < 7; k++) {
                const json_t *n = json_object_get(of, shown[k]);
                if (!json_is_number(n))
                    printf(" %*s", k == 4 ? 10 : 8, "-");
                else
                    printf(" %*.*f", k == 4 ? 10 : 8, json_is_integer(n) ? 0 : 3, json_number_value(n));
            }
            printf("\n");
            json_object_foreach(json_object_get(of, "pairs"), name, pair)
                printf("  %-39s silhouette %.3f, area under the ROC curve %.4f\n", name,
                       json_number_value(json_object_get(pair, "silhouette")), json_number_value(json_object_get(pair, "auroc")));
        }
    }
}

/* ---- A feature --------------------------------------------------------------------------------------------------------------- */

static void show_layout(void *user, double share) {
    vq_cli_progress(user, false, "placing the records: %.0f %%", 100 * share);
}

static int read_labels(mapping *m) {
    if (!m->table || m->labels.count)
        return VQ_GO_ON;
    int code = vq_map_labels_read(&m->labels, m->cli, m->table, &m->columns, m->info.names, m->info.rows);
    if (code != VQ_GO_ON)
        return code;
    if (m->labels.labelled < m->info.rows)
        vq_cli_warn(m->cli, "%zu of %zu records have no line in %s: they are shown and count in no score",
                    m->info.rows - m->labels.labelled, m->info.rows, m->table);
    if (m->labels.strangers)
        vq_cli_note(m->cli, "%zu lines of %s are of no record", m->labels.strangers, m->table);
    return VQ_GO_ON;
}

static int make_map(mapping *m, const char *feature, const char *folder) {
    const vqdna_stream_options stream = {.size = sizeof stream,
                                         .input = &m->in.input,
                                         .interrupted = vq_signals_caught,
                                         .progress = vq_cli_stream_progress,
                                         .user = m->cli};
    const vqdna_map_options options = {
        .size = sizeof options, .features = feature, .seed = m->cli->seed, .threads = (int)m->cli->threads};
    const vqdna_layout_options layout = {.size = sizeof layout,
                                         .perplexity = m->perplexity,
                                         .iterations = (int)m->iterations,
                                         .interrupted = vq_signals_caught,
                                         .progress = show_layout,
                                         .user = m->cli};
    vqdna_stream_stats stats;
    const float *components;
    double share[2] = {0};
    int clusters;
    const double began = cli_clock();
    char *before = vq_join("%s: ", feature);
    vqdna_status status = vqdna_map_create(&m->map, m->session.tokenizer, (const char *const *)m->in.paths->items,
                                           m->in.paths->count, &stream, &options, &stats);
    vq_cli_progress_clear(m->cli);
    if (status >= 0) {
        vq_cli_stream_note(m->cli, before, &stats);
        m->info = vqdna_map_describe(m->map);
    }
    free(before);
    int code = status < 0 ? vq_cli_failed(m->cli, status) : read_labels(m);
    if (code == VQ_GO_ON && m->labels.count && m->labels.rows != m->info.rows)
        code =
            vq_cli_fail(m->cli, VQ_EXIT_INPUT, "the input has %zu records now, and had %zu before", m->info.rows, m->labels.rows);
    if (code == VQ_GO_ON)
        code = write_points(m, folder);
    if (code != VQ_GO_ON)
        return code;
    status = vqdna_map_components(m->map, &components, share);
    if (status >= 0)
        status = vqdna_map_layout(m->map, &layout, &m->xy);
    if (status >= 0)
        status = vqdna_map_clusters(m->map, (int)m->least, &m->cluster, &clusters);
    vq_cli_progress_clear(m->cli);
    if (status < 0)
        return vq_cli_failed(m->cli, status);
    code = write_neighbours(m, folder); /* of those that the layout found */
    if (code != VQ_GO_ON)
        return code;
    if (!m->labels.count)
        colour_by_cluster(m, clusters);
    json_t *result =
        json_pack("{sssIsisoso}", "features", feature, "records", (json_int_t)m->info.rows, "width", m->info.width, "variance",
                  components ? json_pack("[ff]", share[0], share[1]) : json_null(), "clusters", json_integer(clusters));
    code = judge(m, result);
    json_object_set_new(result, "seconds", cli_json_number(cli_clock() - began));
    json_t *provenance = vq_provenance(m->cli, &m->session);
    if (provenance)
        json_object_set_new(result, "provenance", provenance);
    if (code == VQ_GO_ON)
        code = write_coordinates(m, folder, components);
    if (code == VQ_GO_ON)
        code = write_pictures(m, folder, feature, result);
    char *json = vq_json_print(result, true), *text = vq_join("%s\n", json), *path = path_in(folder, "metrics.json");
    if (code == VQ_GO_ON) /* last: it says that the rest is there */
        code = vq_output_file(m->cli, path, VQ_KIND_MAP_METRICS, text);
    free(json);
    free(text);
    free(path);
    json_array_append_new(m->results, result);
    return code;
}

static int map_feature(mapping *m, const char *feature, bool alone) {
    char *name = vq_need_text(feature);
    for (char *c = name; *c; c++)
        *c = *c == ':' || *c == '=' || *c == '/' ? '_' : *c;
    char *folder = alone ? vq_need_text(m->folder) : path_in(m->folder, name), *path = path_in(folder, "metrics.json");
    json_t *done = m->resume ? json_load_file(path, 0, NULL) : NULL;
    bool made = false;
    int code = VQ_GO_ON;
    if (done) {
        vq_cli_note(m->cli, "%s: done before, in %s", feature, folder);
        json_array_append_new(m->results, done);
    } else {
        code = make_folder(m->cli, folder, &made);
        if (code == VQ_GO_ON)
            code = check_files(m->cli, folder);
        if (code == VQ_GO_ON)
            code = make_map(m, feature, folder);
        if (code != VQ_GO_ON && made)
            rmdir(folder);
        vqdna_map_destroy(m->map);
        vq_label_column_free(&m->by_cluster);
        m->map = NULL;
    }
    free(name);
    free(folder);
    free(path);
    return code;
}

/* ---- The command ------------------------------------------------------------------------------------------------------------- */

static int check(mapping *m) {
    if (!m->folder)
        return vq_cli_fail(m->cli, VQ_EXIT_USAGE, "where should the map go? name a folder with -o");
    if (m->columns.count && !m->table)
        return vq_cli_fail(m->cli, VQ_EXIT_USAGE, "--label names a column of --labels: give that too");
    if (m->pairs.count && !m->table)
        return vq_cli_fail(m->cli, VQ_EXIT_USAGE, "--pair compares two labels of --labels: give that too");
    for (size_t i = 0; i < m->pairs.count; i++)
        if (!strchr(m->pairs.items[i], ','))
            return vq_cli_fail(m->cli, VQ_EXIT_USAGE, "--pair takes two labels with a comma between them, not '%s'",
                               m->pairs.items[i]);
    if (m->iterations > 1000000 || m->least > 1000000)
        return vq_cli_fail(m->cli, VQ_EXIT_USAGE, "--iterations and --min-cluster take at most 1000000");
    if (!m->features.count)
        vq_list_append(&m->features, vq_need_text(m->model ? "codes" : "kmer:6"));
    if (m->table)
        vq_output_protect(m->cli, m->table);
    return VQ_GO_ON;
}

/* Codes and vectors need a device; words do not, and are had without one. */
static int open_session(mapping *m) {
    bool any = false;
    for (size_t i = 0; i < m->features.count; i++) {
        bool needs;
        vqdna_status status = vqdna_map_needs_tokenizer(&needs, m->features.items[i]);
        if (status < 0)
            return vq_cli_failed(m->cli, status);
        any |= needs;
    }
    return any ? vq_session_open(&m->session, m->cli, m->model) : VQ_GO_ON;
}

static int map(mapping *m, vq_list *inputs) {
    int code = check(m);
    m->cli->model = m->model;
    m->cli->seed = m->cli->seed_given ? m->cli->seed : 1;
    if (code == VQ_GO_ON)
        code = vq_sequences_take(&m->in, m->cli, inputs);
    if (code == VQ_GO_ON)
        code = open_session(m);
    if (code == VQ_GO_ON)
        code = make_folder(m->cli, m->folder, &m->made);
    for (size_t i = 0; i < m->features.count && code == VQ_GO_ON; i++)
        code = map_feature(m, m->features.items[i], m->features.count == 1);
    if (code != VQ_GO_ON)
        return code;
    char *json = vq_json_print(m->results, true), *text = vq_join("{\"maps\": %s}\n", json),
         *path = path_in(m->folder, "metrics.json");
    if (m->features.count > 1)
        code = vq_output_file(m->cli, path, VQ_KIND_MAP_METRICS, text);
    if (code == VQ_GO_ON && m->cli->json)
        puts(json);
    else if (code == VQ_GO_ON)
        print_results(m);
    free(json);
    free(text);
    free(path);
    return code == VQ_GO_ON ? VQ_EXIT_OK : code;
}

static int run(vq_cli *cli, int argc, char **argv) {
    mapping m = {.cli = cli, .results = json_array()};
    const vq_option options[] = {
        {"model", 'm', "MODEL", VQ_TEXT, &m.model, "the tokenizer's folder, for features of codes or vectors"},
        {"output", 'o', "DIR", VQ_TEXT, &m.folder, "the folder to write; made if missing"},
        {"labels", 0, "TABLE", VQ_TEXT, &m.table, "a line of column names, then the record's name and its labels,\nsplit by tabs"},
        {"label", 0, "COLUMN", VQ_LIST, &m.columns, "only this column of it; may be repeated"},
        {"features", 0, "F", VQ_LIST, &m.features,
         "codes, embedding:mean, encoder:mean (or max), :level=N, random,\nrandom:F, kmer:K, mash, hamming; may be repeated "
         "(default:\ncodes, or "
         "kmer:6 without -m)"},
        {"pair", 0, "A,B", VQ_LIST, &m.pairs, "say how well these two labels are told apart; may be repeated"},
        {"perplexity", 0, "P", VQ_NUMBER, &m.perplexity, "of t-SNE (default: 30)"},
        {"iterations", 0, "N", VQ_COUNT, &m.iterations, "of t-SNE (default: 1000)"},
        {"min-cluster", 0, "N", VQ_COUNT, &m.least, "records of the smallest cluster (default: 10)"},
        {"resume", 0, NULL, VQ_FLAG, &m.resume, "take features whose metrics.json is in DIR as done"},
        {"force", 0, NULL, VQ_FLAG, &cli->force, "replace a file that holds something else"},
        VQ_SEQUENCE_OPTIONS(m.in),
        {"json", 0, NULL, VQ_FLAG, &cli->json, "print the metrics"},
        {"no-provenance", 0, NULL, VQ_FLAG, &cli->no_provenance, "leave out who made the output and how"},
        {0},
    };
    vq_list inputs;
    int code = vq_options_parse(cli, options, argc, argv, 0, -1, &inputs);
    if (code == VQ_GO_ON)
        code = map(&m, &inputs);
    if (code != VQ_EXIT_OK && m.made)
        rmdir(m.folder); /* which keeps it if anything is in it */
    vq_map_labels_free(&m.labels);
    vq_sequences_free(&m.in);
    vq_session_close(&m.session);
    vq_list_free(&m.features);
    vq_list_free(&m.columns);
    vq_list_free(&m.pairs);
    json_decref(m.results);
    return code;
}

const vq_command vq_cmd_map = {
    .name = "map",
    .summary = "records against each other: neighbours, a picture, clusters, labels",
    .synopsis = "[-m MODEL] [--labels TABLE] [--features F]... -o DIR FASTA|-...",
    .notes = "DIR receives embedding.npy, neighbours.tsv, map.tsv, map.svg, map.html and metrics.json; of several features each in "
             "a folder\n"
             "of its own. Example: vqdna map -m model --labels lineages.tsv --features codes --features mash -o map genomes.fa.gz",
    .run = run,
};

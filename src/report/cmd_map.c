/* vqdna map: records against each other, by codes or by rivals of them: neighbours, a picture, clusters, and how they agree with labels. */
#include "cli/cli_output.h"
#include "cli/cli_sequences.h"
#include "cli/cli_session.h"
#include "report/map_files.h"
#include "report/map_page.h"
#include "report/map_scores.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A feature that was asked for. */
typedef struct task {
    const char *feature;
    char *folder;
    bool made; /* the folder is new */
    vqdna_map_source source;
    json_t *result; /* NULL: not done yet */
} task;

typedef struct mapping {
    vq_cli *cli;
    const char *model, *folder, *table;
    vq_list features, columns, pairs;
    uint64_t iterations, least, window, step;
    double perplexity;
    bool resume, made; /* made: the folder is new */
    vq_sequences in;
    vq_session session;
    vqdna_predictor *body;
    task *tasks; /* [features.count] */
    vq_map_labels labels;
} mapping;

/* ---- A feature --------------------------------------------------------------------------------------------------------------- */

static void show_layout(void *user, double share) {
    vq_cli_progress(user, false, "placing the records: %.0f %%", 100 * share);
}

/* Names of records as the table of labels has them; a window's is its contig's. */
static char **label_names(const mapping *m, const vqdna_map_info *info) {
    char **names = vq_need(NULL, info->rows * sizeof *names);
    for (size_t i = 0; i < info->rows; i++) {
        const char *colon = m->window ? strrchr(info->names[i], ':') : NULL;
        names[i] = colon ? vq_join("%.*s", (int)(colon - info->names[i]), info->names[i]) : vq_need_text(info->names[i]);
    }
    return names;
}

static int read_labels(mapping *m, const vqdna_map_info *info) {
    if (m->labels.count && m->labels.rows != info->rows)
        return vq_cli_fail(m->cli, VQ_EXIT_INPUT, "the input has %zu records now, and had %zu before", info->rows, m->labels.rows);
    if (!m->table || m->labels.count)
        return VQ_GO_ON;
    char **names = label_names(m, info);
    int code = vq_map_labels_read(&m->labels, m->cli, m->table, &m->columns, (const char *const *)names, info->rows);
    for (size_t i = 0; i < info->rows; i++)
        free(names[i]);
    free(names);
    if (code != VQ_GO_ON)
        return code;
    if (m->labels.labelled < info->rows)
        vq_cli_warn(m->cli, "%zu of %zu records have no line in %s: they are shown and count in no score",
                    info->rows - m->labels.labelled, info->rows, m->table);
    if (m->labels.strangers)
        vq_cli_note(m->cli, "%zu lines of %s are of no record", m->labels.strangers, m->table);
    return VQ_GO_ON;
}

/* Components, layout and clusters. */
static int place(mapping *m, vq_mapped *to, double share[2]) {
    const vqdna_layout_options layout = {.size = sizeof layout,
                                         .perplexity = m->perplexity,
                                         .iterations = (int)m->iterations,
                                         .progress = show_layout,
                                         .user = m->cli};
    vqdna_status status = vqdna_map_components(to->map, &to->components, share);
    if (status >= 0)
        status = vqdna_map_layout(to->map, &layout, &to->xy);
    if (status >= 0)
        status = vqdna_map_clusters(to->map, (int)m->least, &to->cluster, &to->clusters);
    vq_cli_progress_clear(m->cli);
    return status < 0 ? vq_cli_failed(m->cli, status) : VQ_GO_ON;
}

/* Judges a map and writes its folder. */
static int finish(mapping *m, task *t, vqdna_map *map, double pass_seconds) {
    const double began = cli_clock();
    double share[2] = {0};
    vq_mapped of = {.cli = m->cli,
                    .session = &m->session,
                    .feature = t->feature,
                    .folder = t->folder,
                    .map = map,
                    .info = vqdna_map_describe(map),
                    .labels = &m->labels};
    int code = read_labels(m, &of.info);
    if (code == VQ_GO_ON)
        code = vq_map_write_points(&of);
    if (code == VQ_GO_ON)
        code = place(m, &of, share);
    if (code == VQ_GO_ON)
        code = vq_map_write_neighbours(&of); /* of those that the layout found */
    if (code != VQ_GO_ON)
        return code;
    json_t *result =
        json_pack("{sssIsisoso}", "features", t->feature, "records", (json_int_t)of.info.rows, "width", of.info.width, "variance",
                  of.components ? json_pack("[ff]", share[0], share[1]) : json_null(), "clusters", json_integer(of.clusters));
    code = vq_map_judge(&of, &m->pairs, result);
    json_object_set_new(result, "pass_seconds", cli_json_number(pass_seconds));
    json_object_set_new(result, "seconds", cli_json_number(cli_clock() - began));
    json_t *provenance = vq_provenance(m->cli, &m->session);
    if (provenance)
        json_object_set_new(result, "provenance", provenance);
    of.result = result;
    if (code == VQ_GO_ON)
        code = vq_map_write_coordinates(&of);
    if (code == VQ_GO_ON)
        code = vq_map_write_pictures(&of);
    char *json = vq_json_print(result, true), *text = vq_join("%s\n", json);
    if (code == VQ_GO_ON) /* last: it says that the rest is there */
        code = vq_map_write_metrics(m->cli, t->folder, text);
    free(json);
    free(text);
    if (code == VQ_GO_ON)
        t->result = result;
    else
        json_decref(result);
    return code;
}

/* ---- Features that share a pass ---------------------------------------------------------------------------------------------- */

static int run_pass(mapping *m, task **tasks, size_t count) {
    const vqdna_stream_options stream = {.size = sizeof stream,
                                         .input = &m->in.input,
                                         .interrupted = vq_signals_caught,
                                         .progress = vq_cli_stream_progress,
                                         .user = m->cli};
    const vqdna_map_options options = {
        .size = sizeof options, .seed = m->cli->seed, .threads = (int)m->cli->threads, .interrupted = vq_signals_caught};
    const char **features = vq_need(NULL, count * sizeof *features);
    vqdna_map **maps = vq_need(NULL, count * sizeof *maps);
    vqdna_stream_stats stats;
    for (size_t i = 0; i < count; i++)
        features[i] = tasks[i]->feature;
    const double began = cli_clock();
    vqdna_status status = vqdna_map_create(maps, features, count, m->session.tokenizer, m->body,
                                           (const char *const *)m->in.paths->items, m->in.paths->count, &stream, &options, &stats);
    vq_cli_progress_clear(m->cli);
    int code = status < 0 ? vq_cli_failed(m->cli, status) : VQ_GO_ON;
    if (status >= 0) {
        char *before = vq_join(count > 1 ? "%s and %zu more: " : "%s: ", features[0], count - 1);
        vq_cli_stream_note(m->cli, before, &stats);
        free(before);
    }
    const double seconds = cli_clock() - began;
    for (size_t i = 0; i < count && status >= 0; i++) {
        if (code == VQ_GO_ON)
            code = finish(m, tasks[i], maps[i], seconds);
        vqdna_map_destroy(maps[i]);
    }
    free(features);
    free(maps);
    return code;
}

/* The tasks that are left, those of one model together; bases are read again for each of their features, which costs little. */
static int run_tasks(mapping *m) {
    const size_t all = m->features.count;
    task **group = vq_need(NULL, all * sizeof *group);
    int code = VQ_GO_ON;
    for (size_t i = 0; i < all && code == VQ_GO_ON; i++) {
        const vqdna_map_source source = m->tasks[i].source;
        size_t count = 0;
        for (size_t j = i; j < all && !m->tasks[i].result; j++)
            if (j == i || (source != VQDNA_MAP_BASES && m->tasks[j].source == source && !m->tasks[j].result))
                group[count++] = &m->tasks[j];
        if (count)
            code = run_pass(m, group, count);
    }
    free(group);
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
    if (m->window > SIZE_MAX / 2 || m->step > SIZE_MAX / 2)
        return vq_cli_fail(m->cli, VQ_EXIT_USAGE, "--window and --step are too large");
    if (m->step && !m->window)
        return vq_cli_fail(m->cli, VQ_EXIT_USAGE, "--step is from a --window to the next: give that too");
    if (m->step > m->window)
        return vq_cli_fail(m->cli, VQ_EXIT_USAGE, "--step %llu leaves bases between windows of %llu out",
                           (unsigned long long)m->step, (unsigned long long)m->window);
    if (!m->features.count)
        vq_list_append(&m->features, vq_need_text(m->model ? "codes" : "kmer:6"));
    if (m->table)
        vq_output_protect(m->cli, m->table);
    return VQ_GO_ON;
}

/* Codes and states need a device; words do not, and are had without one. */
static int open_session(mapping *m) {
    char kind[24] = "";
    bool any = false;
    for (size_t i = 0; i < m->features.count; i++)
        any |= m->tasks[i].source != VQDNA_MAP_BASES;
    if (!any)
        return VQ_GO_ON;
    vqdna_status status = m->model ? vqdna_model_kind(m->model, kind) : VQDNA_OK;
    if (status < 0)
        return vq_cli_failed(m->cli, status);
    return *kind && strcmp(kind, "vqdna-tokenizer") != 0 ? vq_session_open_predictor(&m->session, m->cli, m->model, NULL, &m->body)
                                                         : vq_session_open(&m->session, m->cli, m->model);
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

static int list_tasks(mapping *m) {
    m->tasks = vq_need(NULL, m->features.count * sizeof *m->tasks);
    memset(m->tasks, 0, m->features.count * sizeof *m->tasks);
    for (size_t i = 0; i < m->features.count; i++) {
        task *t = &m->tasks[i];
        t->feature = m->features.items[i];
        vqdna_status status = vqdna_map_source_of(&t->source, t->feature);
        if (status < 0)
            return vq_cli_failed(m->cli, status);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(m->tasks[j].feature, t->feature))
                return vq_cli_fail(m->cli, VQ_EXIT_USAGE, "--features names %s twice", t->feature);
        char *name = vq_need_text(t->feature);
        for (char *c = name; *c; c++)
            *c = *c == ':' || *c == '=' || *c == '/' ? '_' : *c;
        t->folder = m->features.count == 1 ? vq_need_text(m->folder) : vq_join("%s/%s", m->folder, name);
        free(name);
    }
    return VQ_GO_ON;
}

/* Makes the folders, and takes from them what is done. */
static int open_folders(mapping *m) {
    int code = make_folder(m->cli, m->folder, &m->made);
    for (size_t i = 0; i < m->features.count && code == VQ_GO_ON; i++) {
        task *t = &m->tasks[i];
        char *path = vq_join("%s/metrics.json", t->folder);
        t->result = m->resume ? json_load_file(path, 0, NULL) : NULL;
        free(path);
        if (t->result) {
            vq_cli_note(m->cli, "%s: done before, in %s", t->feature, t->folder);
            continue;
        }
        if (m->features.count > 1)
            code = make_folder(m->cli, t->folder, &t->made);
        if (code == VQ_GO_ON)
            code = vq_map_check_files(m->cli, t->folder);
    }
    return code;
}

/* Those that are new and empty: rmdir keeps a folder that anything is in. */
static void remove_folders(const mapping *m) {
    for (size_t i = 0; m->tasks && i < m->features.count; i++)
        if (m->tasks[i].made)
            rmdir(m->tasks[i].folder);
    if (m->made)
        rmdir(m->folder);
}

static int report(const mapping *m) {
    json_t *results = json_array();
    for (size_t i = 0; i < m->features.count; i++)
        json_array_append(results, m->tasks[i].result);
    char *json = vq_json_print(results, true), *text = vq_join("{\"maps\": %s}\n", json);
    int code = m->features.count > 1 ? vq_map_write_metrics(m->cli, m->folder, text) : VQ_GO_ON;
    if (code == VQ_GO_ON && m->cli->json)
        puts(json);
    else if (code == VQ_GO_ON)
        vq_map_print(results);
    free(json);
    free(text);
    json_decref(results);
    return code == VQ_GO_ON ? VQ_EXIT_OK : code;
}

static int map(mapping *m, vq_list *inputs) {
    int code = check(m);
    m->cli->model = m->model;
    m->cli->seed = m->cli->seed_given ? m->cli->seed : 1;
    if (code == VQ_GO_ON)
        code = vq_sequences_take(&m->in, m->cli, inputs);
    m->in.input.window = (size_t)m->window;
    m->in.input.step = (size_t)m->step;
    if (code == VQ_GO_ON)
        code = list_tasks(m);
    if (code == VQ_GO_ON)
        code = open_session(m);
    if (code == VQ_GO_ON)
        code = open_folders(m);
    if (code == VQ_GO_ON)
        code = run_tasks(m);
    return code == VQ_GO_ON ? report(m) : code;
}

static int run(vq_cli *cli, int argc, char **argv) {
    mapping m = {.cli = cli};
    const vq_option options[] = {
        {"model", 'm', "MODEL", VQ_TEXT, &m.model,
         "the model's folder: a tokenizer, for features of codes or vectors,\nor what pretrain or finetune made, for those of its "
         "body"},
        {"output", 'o', "DIR", VQ_TEXT, &m.folder, "the folder to write; made if missing"},
        {"labels", 0, "TABLE", VQ_TEXT, &m.table, "a line of column names, then the record's name and its labels,\nsplit by tabs"},
        {"label", 0, "COLUMN", VQ_LIST, &m.columns, "only this column of it; may be repeated"},
        {"features", 0, "F", VQ_LIST, &m.features,
         "codes, embedding:mean, encoder:mean (or max), :level=N, random,\nrandom:F, body:mean, kmer:K, mash, hamming; may be "
         "repeated\n(default: codes, or kmer:6 without -m)"},
        {"pair", 0, "A,B", VQ_LIST, &m.pairs, "say how well these two labels are told apart; may be repeated"},
        {"window", 0, "N", VQ_COUNT, &m.window, "each window of N bases is a record of its own, with its contig's labels"},
        {"step", 0, "N", VQ_COUNT, &m.step, "from a window to the next (default: the window)"},
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
    if (code != VQ_EXIT_OK)
        remove_folders(&m);
    for (size_t i = 0; m.tasks && i < m.features.count; i++) {
        free(m.tasks[i].folder);
        json_decref(m.tasks[i].result);
    }
    free(m.tasks);
    vq_map_labels_free(&m.labels);
    vq_sequences_free(&m.in);
    vqdna_predictor_destroy(m.body);
    vq_session_close(&m.session);
    vq_list_free(&m.features);
    vq_list_free(&m.columns);
    vq_list_free(&m.pairs);
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

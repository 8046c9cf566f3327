#include "report/map_scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const vq_map_scores[VQ_MAP_SCORES] = {"purity",       "silhouette",    "v_measure", "homogeneity",
                                                  "completeness", "adjusted_rand", "variation", "noise",
                                                  "clusters",     "labels",        "rows"};

/* Labellings that are judged together, as going over all distances takes the time: the columns, then a pair in a column. */
typedef struct labelling {
    const int *labels;
    int *own;         /* of a pair: labels 0 and 1 alone */
    const char *pair; /* NULL: a column */
    size_t column;
} labelling;

static size_t list_labellings(labelling *all, const vq_mapped *m, const vq_list *pairs) {
    size_t count = 0;
    for (size_t c = 0; c < m->labels->count; c++)
        all[count++] = (labelling){.labels = m->labels->columns[c].of, .column = c};
    for (size_t c = 0; c < m->labels->count; c++)
        for (size_t i = 0; i < pairs->count; i++) {
            const vq_label_column *column = &m->labels->columns[c];
            const char *text = pairs->items[i], *comma = strchr(text, ',');
            const int a = vq_label_find(column, text, (size_t)(comma - text)),
                      b = vq_label_find(column, comma + 1, strlen(comma + 1));
            if (a < 0 || b < 0)
                continue;
            int *own = vq_need(NULL, m->info.rows * sizeof *own);
            for (size_t r = 0; r < m->info.rows; r++)
                own[r] = column->of[r] == a ? 0 : column->of[r] == b ? 1 : -1;
            all[count++] = (labelling){own, own, text, c};
        }
    return count;
}

static json_t *column_scores(const vqdna_map_judgement *j) {
    const double values[VQ_MAP_SCORES] = {j->purity,       j->silhouette,    j->v_measure,   j->homogeneity,
                                          j->completeness, j->adjusted_rand, j->variation,   j->noise,
                                          j->clusters,     j->labels,        (double)j->rows};
    json_t *of = json_object();
    for (int k = 0; k < VQ_MAP_SCORES; k++)
        json_object_set_new(of, vq_map_scores[k],
                            k < VQ_MAP_SHARES ? cli_json_number(values[k]) : json_integer((json_int_t)values[k]));
    return of;
}

static void put_pair(json_t *columns, const char *column, const char *pair, const vqdna_map_judgement *j) {
    json_t *of = json_object_get(columns, column), *pairs = json_object_get(of, "pairs");
    if (!pairs) {
        pairs = json_object();
        json_object_set_new(of, "pairs", pairs);
    }
    json_object_set_new(pairs, pair,
                        json_pack("{soso}", "silhouette", cli_json_number(isnan(j->auroc) ? NAN : j->silhouette), "auroc",
                                  cli_json_number(j->auroc)));
}

int vq_map_judge(const vq_mapped *m, const vq_list *pairs, json_t *result) {
    const size_t most = m->labels->count * (1 + pairs->count);
    labelling *all = vq_need(NULL, most * sizeof *all + 1);
    const size_t count = list_labellings(all, m, pairs);
    const int **labels = vq_need(NULL, count * sizeof *labels + 1);
    vqdna_map_judgement *judgements = vq_need(NULL, count * sizeof *judgements + 1);
    json_t *columns = json_object();
    for (size_t i = 0; i < count; i++)
        labels[i] = all[i].labels;
    vqdna_status status = count ? vqdna_map_judge(m->map, labels, count, judgements) : VQDNA_OK;
    for (size_t i = 0; i < count && status >= 0; i++) {
        const char *name = m->labels->columns[all[i].column].name;
        if (all[i].pair)
            put_pair(columns, name, all[i].pair, &judgements[i]);
        else
            json_object_set_new(columns, name, column_scores(&judgements[i]));
    }
    json_object_set_new(result, "columns", columns);
    for (size_t i = 0; i < count; i++)
        free(all[i].own);
    free(all);
    free(labels);
    free(judgements);
    return status < 0 ? vq_cli_failed(m->cli, status) : VQ_GO_ON;
}

void vq_map_print(const json_t *results) {
    size_t i;
    json_t *result, *of, *pair;
    const char *column, *name;
    bool head = false;
    json_array_foreach(results, i, result) {
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

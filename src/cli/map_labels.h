/* Labels of records from a table: tab-separated, a line of column names, the record's name first. */
#ifndef VQ_CLI_MAP_LABELS_H
#define VQ_CLI_MAP_LABELS_H

#include "cli/cli.h"

#include <stddef.h>

typedef struct vq_label_column {
    char *name;
    char **labels; /* [count], the most frequent first */
    size_t *sizes; /* [count]: records with it */
    int count;
    int *of; /* [rows]: the label of each record, -1 without */
} vq_label_column;

typedef struct vq_map_labels {
    size_t rows, labelled, strangers; /* records; with a line in the table; lines without a record */
    vq_label_column *columns;
    size_t count;
} vq_map_labels;

/* Reads the columns asked for (none: all but the first) for the records of these names. An empty cell is no label. Refused are a column
 * that there is not, a record that stands twice with other labels, and a table none of whose names is a record's. */
int vq_map_labels_read(vq_map_labels *out, vq_cli *cli, const char *path, const vq_list *columns, const char *const *names,
                       size_t rows);
void vq_map_labels_free(vq_map_labels *labels);
void vq_label_column_free(vq_label_column *column);

/* The label of a name, -1 if there is none. */
int vq_label_find(const vq_label_column *column, const char *label, size_t length);

#endif

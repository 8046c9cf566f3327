/* Options of a struct as a table: one list of keys for --set, --help, stored runs, checks and defaults. A field of 0 is the default; a
 * zero that was asked for is stored as VQDNA_ZERO until the options are resolved. */
#ifndef VQ_TRAIN_OPTION_TABLE_H
#define VQ_TRAIN_OPTION_TABLE_H

#include "base/status.h"

#include <jansson.h>

typedef enum vq_option_kind { VQ_OPTION_INTEGER, VQ_OPTION_COUNT, VQ_OPTION_REAL, VQ_OPTION_FLAG, VQ_OPTION_TEXT } vq_option_kind;

typedef struct vq_option_row {
    vqdna_option shown;
    vq_option_kind kind; /* of the field: int, uint64_t, double, bool, const char * */
    size_t offset;
    double fallback;          /* of the resolved value; 0 with a least above it: may stay unset */
    const char *const *names; /* the values of a TEXT, ended by NULL; NULL: any, borrowed from who set it */
} vq_option_row;

typedef struct vq_option_table {
    const vq_option_row *rows;
    int count;
} vq_option_table;

/* The options of several tables, one after another; NULL past the end. */
const vqdna_option *vq_option_at_of(const vq_option_table *const *tables, int count, size_t index);

/* "key=value" in one of the tables, and where the value begins; VQDNA_ERR_USAGE names the nearest key. */
vq_status vq_option_find(const vq_option_row **out, const char **value, const vq_option_table *tables, int count,
                         const char *assignment);

/* Sets the field, of an options struct that begins with its size. */
vq_status vq_option_put(const vq_option_row *row, void *options, const char *value);

/* Whether "value" is what the run goes by: a number, or for a TEXT `name`. */
vq_status vq_option_same(const vq_option_row *row, double number, const char *name, const char *value);

/* The number of a field, not of a TEXT. */
double vq_option_number(const vq_option_row *row, const void *options);

/* Defaults filled in and ranges checked, in place. */
vq_status vq_options_resolve(const vq_option_table *table, void *options);

/* Resolved options as a JSON object, and back; TEXT fields are left out. later: the offset from which on keys may lack in older files,
 * which then have their fallback. */
vq_status vq_options_to_json(json_t **out, const vq_option_table *table, const void *options);
vq_status vq_options_from_json(const vq_option_table *table, void *out, const json_t *json, const char *path, size_t later);

#endif

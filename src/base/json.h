/* JSON through jansson, where a helper saves lines. Duplicate keys are always rejected. Failures to read are VQDNA_ERR_INPUT and
 * name file and key. */
#ifndef VQ_BASE_JSON_H
#define VQ_BASE_JSON_H

#include "base/file.h"

#include <jansson.h>

/* Reads an object from a file; json_decref(*out). A syntax error names the line. Text that is far larger than any of ours (more than
 * 4 MiB, 131,072 values or 32 levels of nesting) is refused before it is parsed. */
vq_status vq_json_load(json_t **out, const char *path);

/* The same from memory; `path` only for the sentence. */
vq_status vq_json_parse(json_t **out, const char *text, size_t bytes, const char *path);

/* Writes `json` indented and with a final newline to an open output, or to the file `path` atomically. */
vq_status vq_json_write(vq_outfile *out, const json_t *json);
vq_status vq_json_save(const json_t *json, const char *path);

/* `json` on one line in *out (free it), its numbers to the last bit. */
vq_status vq_json_line(char **out, const json_t *json);

/* Required members of `object`, which came from `path`: missing, of the wrong type or outside [min, max] fails. A number may be
 * an integer; strings are borrowed from `object`. Test json_object_get first where a key is optional. */
vq_status vq_json_integer(int64_t *out, const json_t *object, const char *key, int64_t min, int64_t max, const char *path);
vq_status vq_json_number(double *out, const json_t *object, const char *key, double min, double max, const char *path);
vq_status vq_json_text(const char **out, const json_t *object, const char *key, const char *path);
vq_status vq_json_boolean(bool *out, const json_t *object, const char *key, const char *path);
vq_status vq_json_member(json_t **out, const json_t *object, const char *key, json_type type, const char *path); /* borrowed */

#endif

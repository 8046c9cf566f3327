#include "train/checkpoint.h"

#include "base/integer.h"
#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1 };

typedef struct {
    char *config, *model, *trainer, *trainer_json;
} paths;

static void free_paths(paths *p) {
    free(p->config);
    free(p->model);
    free(p->trainer);
    free(p->trainer_json);
}

static vq_status make_paths(paths *p, const char *folder) {
    *p = (paths){0};
    vq_status status;
    VQ_TRY_OR(failed, vq_path_join(&p->config, folder, "config.json"));
    VQ_TRY_OR(failed, vq_path_join(&p->model, folder, "model.safetensors"));
    VQ_TRY_OR(failed, vq_path_join(&p->trainer, folder, "trainer.safetensors"));
    VQ_TRY_OR(failed, vq_path_join(&p->trainer_json, folder, "trainer.json"));
    return VQDNA_OK;
failed:
    free_paths(p);
    return status;
}

/* ---- Writing models ---------------------------------------------------------------------------------------------------------- */

static vq_status write_model(vq_outfile *out, const vq_state *state) {
    vq_tensor_entry *entries;
    VQ_TRY(vq_alloc(&entries, state->count, sizeof *entries));
    for (size_t i = 0; i < state->count; i++) {
        const vq_state_tensor *t = &state->tensors[i];
        entries[i] = (vq_tensor_entry){.name = t->name, .dtype = "F32", .rank = t->rank, .data = t->data};
        memcpy(entries[i].shape, t->shape, sizeof t->shape);
    }
    json_t *metadata = json_pack("{s:s, s:s}", "format", "pt", "writer", "vqdna " VQDNA_VERSION);
    vq_status status =
        metadata ? vq_safetensors_write(out, entries, state->count, metadata) : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
    json_decref(metadata);
    free(entries);
    return status;
}

/* *out is the caller's even if this fails. */
static vq_status config_json(json_t **out, const json_t *config, uint64_t step, const char *provenance) {
    *out = json_copy((json_t *)config);
    json_object_set_new(*out, "version", json_integer(VERSION));
    json_object_set_new(*out, "step", json_integer((json_int_t)step));
    if (!provenance)
        return VQDNA_OK;
    json_t *p;
    if (vq_json_parse(&p, provenance, strlen(provenance), "provenance") < 0)
        return vq_fail(VQDNA_ERR_USAGE, "the provenance given is not a JSON object");
    json_object_set_new(*out, "provenance", p);
    return VQDNA_OK;
}

/* Every file is finished on the disk before the first is renamed. */
static vq_status publish(vq_outfile *files, int count) {
    vq_status status = VQDNA_OK;
    for (int i = 0; i < count && status >= 0; i++)
        status = vq_outfile_finish(&files[i]);
    for (int i = 0; i < count && status >= 0; i++)
        status = vq_outfile_publish(&files[i]);
    return status;
}

static void discard(vq_outfile *files, int count) {
    for (int i = 0; i < count; i++)
        vq_outfile_discard(&files[i]);
}

vq_status vq_folder_save(const char *folder, const json_t *config, const vq_state *state, uint64_t step, const char *provenance) {
    paths p;
    json_t *json = NULL;
    vq_outfile files[2] = {{0}};
    VQ_TRY(vq_mkdir(folder));
    VQ_TRY(make_paths(&p, folder));
    vq_status status;
    VQ_TRY_OR(done, config_json(&json, config, step, provenance));
    VQ_TRY_OR(done, vq_outfile_open(&files[0], p.model));
    VQ_TRY_OR(done, write_model(&files[0], state));
    VQ_TRY_OR(done, vq_outfile_open(&files[1], p.config));
    VQ_TRY_OR(done, vq_json_write(&files[1], json));
    VQ_TRY_OR(done, publish(files, 2));
done:
    discard(files, 2);
    json_decref(json);
    free_paths(&p);
    return status;
}

/* ---- Reading models ---------------------------------------------------------------------------------------------------------- */

static vq_status read_config(vq_folder *f) {
    int64_t n;
    const char *kind;
    if (access(f->path, F_OK) != 0 && errno == ENOENT)
        return VQDNA_OK;
    VQ_TRY(vq_json_load(&f->config, f->path));
    VQ_TRY(vq_json_integer(&n, f->config, "version", 1, VERSION, f->path));
    VQ_TRY(vq_json_integer(&n, f->config, "step", 0, INT64_MAX, f->path));
    f->step = (uint64_t)n;
    VQ_TRY(vq_json_text(&kind, f->config, "model", f->path));
    snprintf(f->kind, sizeof f->kind, "%s", kind);
    return VQDNA_OK;
}

vq_status vq_folder_open(vq_folder *out, const char *folder) {
    paths p;
    *out = (vq_folder){0};
    VQ_TRY(make_paths(&p, folder));
    out->path = p.config;
    p.config = NULL;
    vq_status status = vq_safetensors_open(&out->file, p.model);
    free_paths(&p);
    return status < 0 ? status : read_config(out);
}

void vq_folder_close(vq_folder *f) {
    vq_safetensors_close(f->file);
    json_decref(f->config);
    free(f->path);
    *f = (vq_folder){0};
}

static vq_status expect(const char *found, const char *kind, const char *path) {
    if (strcmp(found, kind) == 0)
        return VQDNA_OK;
    return vq_fail(VQDNA_ERR_INPUT,
                   "%s: the model is a '%s', this needs a '%s': name another, or a newer vqdna if it knows that kind", path, found,
                   kind);
}

vq_status vq_folder_expect(const vq_folder *f, const char *kind) {
    return f->config ? expect(f->kind, kind, f->path) : VQDNA_OK;
}

static vq_status load_state(vq_state *state, const vq_safetensors *file) {
    for (size_t i = 0; i < state->count; i++) {
        vq_state_tensor *t = &state->tensors[i];
        VQ_TRY(vq_safetensors_load(file, t->name, "F32", t->rank, t->shape, t->data));
    }
    return VQDNA_OK;
}

vq_status vq_folder_load(const vq_folder *f, vq_state *state) {
    return load_state(state, f->file);
}

vq_status vq_folder_check(const vq_folder *f, const vq_state *state) {
    for (size_t i = 0; i < state->count; i++) {
        const vq_tensor_info *info;
        const vq_state_tensor *t = &state->tensors[i];
        VQ_TRY(vq_safetensors_find(&info, f->file, t->name, "F32", t->rank, t->shape));
    }
    return VQDNA_OK;
}

/* ---- What a checkpoint keeps ------------------------------------------------------------------------------------------------- */

/* A piece of device memory under its name in trainer.safetensors. */
typedef struct {
    vq_device *device;
    const vq_tensor *tensor;
    vq_view view;
    float *host; /* of weights that are kept on the host: in place of the view */
    char name[VQ_TENSOR_NAME + 16];
    bool optional;      /* checkpoints of 0.1 have no sums */
    const char *folder; /* where it is written: of a model's tensor, which must be finite */
} kept;

enum { KEPT_OF_TENSOR = 5 };

/* Weights with their moments and averages, state, sums, and the best weights: in order of declaration. */
static size_t list_kept(kept *out, const vq_trainer *t, const char *folder) {
    static const char *const names[] = {"%s", "moment1.%s", "moment2.%s", "average.%s"};
    const vq_tensor *tensor;
    size_t count = 0;
    for (size_t i = 0; (tensor = vq_plan_at(t->task.plan, i)); i++) {
        const vq_view views[] = {tensor->view, tensor->moment1, tensor->moment2, tensor->average};
        const bool sums = tensor->role == VQ_SUMS;
        if (tensor->tied || tensor->role > VQ_SUMS)
            continue;
        for (int v = 0; v < (int)(sizeof views / sizeof *views) && views[v].mem; v++) {
            kept *k = &out[count++];
            *k = (kept){t->task.device, tensor, views[v], NULL, "", sums, v || sums ? NULL : folder};
            snprintf(k->name, sizeof k->name, sums ? "sums.%s" : names[v], tensor->name);
        }
        const vq_state_tensor *best = t->task.best ? vq_state_find(t->task.best, tensor->name) : NULL;
        if (best) {
            kept *k = &out[count++];
            *k = (kept){t->task.device, tensor, VQ_NO_VIEW, best->data, "", false, NULL};
            snprintf(k->name, sizeof k->name, "best.%s", tensor->name);
        }
    }
    return count;
}

static vq_status make_kept(kept **out, size_t *count, const vq_trainer *t, const char *folder) {
    size_t tensors = 0;
    while (vq_plan_at(t->task.plan, tensors))
        tensors++;
    VQ_TRY(vq_alloc(out, KEPT_OF_TENSOR * tensors, sizeof **out));
    *count = list_kept(*out, t, folder);
    return VQDNA_OK;
}

static const char *dtype_name(const vq_tensor *t) {
    return t->dtype == VQ_F32 ? "F32" : "I32";
}

/* A run that went wrong must not replace the checkpoint it could be mended from. */
static vq_status fill(void *user, uint64_t offset, void *out, size_t bytes) {
    const kept *k = user;
    const float *values = out;
    if (k->host)
        memcpy(out, (const char *)k->host + offset, bytes);
    else
        VQ_TRY(vq_read(k->device, out, k->view, offset, bytes));
    for (size_t i = 0; k->folder && k->tensor->dtype == VQ_F32 && i < bytes / sizeof *values; i++)
        if (!isfinite(values[i]))
            return vq_fail(VQDNA_ERR_NUMERIC, "%s: tensor %s is not finite: the checkpoint before it is kept", k->folder,
                           k->tensor->name);
    return VQDNA_OK;
}

/* ---- Writing checkpoints ----------------------------------------------------------------------------------------------------- */

static vq_status run_json(json_t **out, const vq_trainer *t) {
    *out = json_pack("{s:i, s:I, s:I, s:I, s:f, s:{s:I, s:I, s:f}}", "version", VERSION, "step", (json_int_t)t->step, "before",
                     (json_int_t)t->before, "bases", (json_int_t)t->bases, "seconds", t->seconds, "report", "step",
                     (json_int_t)t->last.step, "bases", (json_int_t)t->last.bases, "seconds", t->last.seconds);
    return *out ? t->task.to_json(t->task.self, *out) : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
}

static vq_status write_trainer(vq_outfile *out, const vq_trainer *t, const json_t *run, const char *folder) {
    kept *all;
    size_t count;
    vq_tensor_entry *entries = NULL;
    char *text = NULL;
    json_t *metadata = NULL;
    VQ_TRY(make_kept(&all, &count, t, folder));
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&entries, count, sizeof *entries));
    for (size_t i = 0; i < count; i++) {
        const vq_tensor *tensor = all[i].tensor;
        entries[i] = (vq_tensor_entry){
            .name = all[i].name, .dtype = dtype_name(tensor), .rank = tensor->rank, .fill = fill, .user = &all[i]};
        for (int d = 0; d < tensor->rank; d++)
            entries[i].shape[d] = tensor->shape[d];
    }
    VQ_TRY_OR(done, vq_json_line(&text, run));
    metadata = json_pack("{s:s}", "trainer", text);
    status = metadata ? vq_safetensors_write(out, entries, count, metadata) : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
done:
    json_decref(metadata);
    free(text);
    free(entries);
    free(all);
    return status;
}

vq_status vq_checkpoint_save(const char *folder, vq_trainer *t, const vq_state *model, const char *provenance) {
    paths p;
    json_t *config = NULL, *run = NULL;
    vq_outfile files[4] = {{0}};
    VQ_TRY(vq_mkdir(folder));
    VQ_TRY(make_paths(&p, folder));
    vq_status status;
    VQ_TRY_OR(done, run_json(&run, t));
    VQ_TRY_OR(done, config_json(&config, json_object_get(run, "model"), t->before + t->step, provenance));
    VQ_TRY_OR(done, vq_outfile_open(&files[0], p.trainer));
    VQ_TRY_OR(done, write_trainer(&files[0], t, run, folder));
    VQ_TRY_OR(done, vq_outfile_open(&files[1], p.model));
    VQ_TRY_OR(done, write_model(&files[1], model));
    VQ_TRY_OR(done, vq_outfile_open(&files[2], p.config));
    VQ_TRY_OR(done, vq_json_write(&files[2], config));
    VQ_TRY_OR(done, vq_outfile_open(&files[3], p.trainer_json));
    VQ_TRY_OR(done, vq_json_write(&files[3], run));
    VQ_TRY_OR(done, publish(files, 4));
done:
    discard(files, 4);
    json_decref(config);
    json_decref(run);
    free_paths(&p);
    return status;
}

/* ---- Reading checkpoints ----------------------------------------------------------------------------------------------------- */

static vq_status parse_run(vq_checkpoint *c) {
    const char *text = vq_safetensors_metadata(c->file, "trainer");
    json_t *member;
    int64_t version;
    if (!text)
        return vq_fail(VQDNA_ERR_INPUT, "%s: no trainer metadata: not a checkpoint of vqdna", c->path);
    VQ_TRY(vq_json_parse(&c->run, text, strlen(text), c->path));
    VQ_TRY(vq_json_integer(&version, c->run, "version", 1, VERSION, c->path));
    VQ_TRY(vq_json_member(&member, c->run, "model", JSON_OBJECT, c->path));
    c->config = member;
    VQ_TRY(vq_json_text(&c->kind, c->config, "model", c->path));
    VQ_TRY(vq_json_member(&member, c->run, "options", JSON_OBJECT, c->path));
    c->options = member;
    return VQDNA_OK;
}

vq_status vq_checkpoint_open(vq_checkpoint *out, const char *folder) {
    *out = (vq_checkpoint){0};
    VQ_TRY(vq_path_join(&out->path, folder, "trainer.safetensors"));
    VQ_TRY(vq_safetensors_open(&out->file, out->path));
    return parse_run(out);
}

void vq_checkpoint_close(vq_checkpoint *c) {
    json_decref(c->run);
    vq_safetensors_close(c->file);
    free(c->path);
    *c = (vq_checkpoint){0};
}

vq_status vq_checkpoint_expect(const vq_checkpoint *c, const char *kind, uint64_t fingerprint) {
    json_t *dataset;
    const char *stored;
    char given[24];
    VQ_TRY(expect(c->kind, kind, c->path));
    VQ_TRY(vq_json_member(&dataset, c->run, "dataset", JSON_OBJECT, c->path));
    VQ_TRY(vq_json_text(&stored, dataset, "fingerprint", c->path));
    snprintf(given, sizeof given, "%016" PRIx64, fingerprint);
    if (strcmp(given, stored) != 0)
        return vq_fail(VQDNA_ERR_INPUT, "%s: the run was trained on other sequences: give the same files in the same order",
                       c->path);
    return VQDNA_OK;
}

static vq_status load_kept(const vq_safetensors *file, const kept *k) {
    uint64_t shape[4];
    const vq_tensor *t = k->tensor;
    void *values;
    if (k->optional && !vq_safetensors_has(file, k->name))
        return VQDNA_OK;
    for (int d = 0; d < t->rank; d++)
        shape[d] = t->shape[d];
    VQ_TRY(vq_alloc(&values, t->count, sizeof(float)));
    vq_status status = vq_safetensors_load(file, k->name, dtype_name(t), t->rank, shape, values);
    if (status >= 0 && k->host)
        memcpy(k->host, values, t->count * sizeof(float));
    else if (status >= 0)
        status = vq_write(k->device, k->view, 0, values, t->count * sizeof(float));
    free(values);
    return status;
}

static vq_status place(const vq_checkpoint *c, vq_trainer *t) {
    int64_t n;
    json_t *report = json_object_get(c->run, "report");
    VQ_TRY(vq_json_integer(&n, c->run, "step", 0, INT64_MAX, c->path));
    t->step = t->last.step = (uint64_t)n;
    VQ_TRY(vq_json_integer(&n, c->run, "bases", 0, INT64_MAX, c->path));
    t->bases = t->last.bases = (uint64_t)n;
    VQ_TRY(vq_json_number(&t->seconds, c->run, "seconds", 0, 1e15, c->path));
    t->last.seconds = t->seconds;
    if (!report) /* one of 0.1, taken at a report */
        return VQDNA_OK;
    VQ_TRY(vq_json_integer(&n, c->run, "before", 0, INT64_MAX, c->path));
    t->before = (uint64_t)n;
    VQ_TRY(vq_json_integer(&n, report, "step", 0, (int64_t)t->step, c->path));
    t->last.step = (uint64_t)n;
    VQ_TRY(vq_json_integer(&n, report, "bases", 0, (int64_t)t->bases, c->path));
    t->last.bases = (uint64_t)n;
    return vq_json_number(&t->last.seconds, report, "seconds", 0, 1e15, c->path);
}

vq_status vq_checkpoint_load(const vq_checkpoint *c, vq_trainer *t, vq_state *state) {
    kept *all;
    size_t count;
    VQ_TRY(place(c, t));
    VQ_TRY(load_state(state, c->file));
    VQ_TRY(vq_state_put(state, t->task.device, t->task.plan)); /* frozen ones, too */
    VQ_TRY(make_kept(&all, &count, t, NULL));
    vq_status status = VQDNA_OK;
    for (size_t i = 0; i < count && status >= 0; i++)
        status = load_kept(c->file, &all[i]);
    free(all);
    return status < 0 ? status : t->task.from_json(t->task.self, c->run, c->path);
}

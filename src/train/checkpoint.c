#include "train/checkpoint.h"

#include "base/json.h"
#include "base/safetensors.h"
#include "train/options.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_VERSION = 1 };

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

/* ---- Writing ----------------------------------------------------------------------------------------------------------------- */

static vq_tensor_entry entry_of(const vq_state_tensor *t) {
    vq_tensor_entry e = {.name = t->name, .dtype = "F32", .rank = t->rank, .data = t->data};
    for (int i = 0; i < t->rank; i++)
        e.shape[i] = t->shape[i];
    return e;
}

static vq_status write_model(vq_outfile *out, const vq_state *state) {
    vq_tensor_entry *entries;
    VQ_TRY(vq_alloc(&entries, state->count, sizeof *entries));
    for (size_t i = 0; i < state->count; i++)
        entries[i] = entry_of(&state->tensors[i]);
    json_t *metadata = json_pack("{s:s, s:s}", "format", "pt", "writer", "vqdna " VQDNA_VERSION);
    vq_status status =
        metadata ? vq_safetensors_write(out, entries, state->count, metadata) : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
    json_decref(metadata);
    free(entries);
    return status;
}

/* *out is the caller's even if this fails. */
static vq_status config_json(json_t **out, const vq_config *config, uint64_t step, const char *provenance) {
    VQ_TRY(vq_config_to_json(out, config));
    json_object_set_new(*out, "version", json_integer(CONFIG_VERSION));
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

vq_status vq_checkpoint_save_model(const char *folder, const vq_config *config, const vq_state *state, uint64_t step,
                                   const char *provenance) {
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

/* A moment of the optimizer, read from the device piece by piece. */
typedef struct {
    vq_device *device;
    vq_view view;
    char name[64];
} moment;

static vq_status fill_moment(void *user, uint64_t offset, void *out, size_t bytes) {
    const moment *m = user;
    return vq_read(m->device, out, m->view, offset, bytes);
}

static vq_status trainer_json(json_t **out, const vq_trainer *t) {
    json_t *model = NULL, *options = NULL;
    char fingerprint[24];
    vqdna_dataset_info d = vq_dataset_describe(t->dataset);
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, vq_dataset_fingerprint(t->dataset));
    VQ_TRY(vq_config_to_json(&model, &t->model->config));
    vq_status status = vq_train_to_json(&options, &t->options);
    if (status < 0) {
        json_decref(model);
        return status;
    }
    *out = json_pack("{s:i, s:I, s:I, s:f, s:b, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:s}}", "version", CONFIG_VERSION, "step",
                     (json_int_t)t->step, "bases", (json_int_t)t->bases, "seconds", t->seconds, "started", t->started, "model",
                     model, "options", options, "dataset", "files", (json_int_t)d.files, "contigs", (json_int_t)d.contigs, "bases",
                     (json_int_t)d.bases, "unknown", (json_int_t)d.unknown, "fingerprint", fingerprint);
    return *out ? VQDNA_OK : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
}

static vq_status write_trainer(vq_outfile *out, const vq_trainer *t, const vq_state *state, const json_t *json) {
    size_t count = 0;
    vq_tensor_entry *entries = NULL;
    moment *moments = NULL;
    char *text = NULL;
    json_t *metadata = NULL;
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&entries, 3 * state->count, sizeof *entries));
    VQ_TRY_OR(done, vq_alloc(&moments, 2 * state->count, sizeof *moments));
    for (size_t i = 0; i < state->count; i++) {
        const vq_state_tensor *s = &state->tensors[i];
        entries[count++] = entry_of(s);
        const vq_tensor *tensor = vq_model_tensor(t->model, s->name);
        for (int j = 0; s->weight && j < 2; j++) {
            moment *m = &moments[2 * i + (size_t)j];
            *m = (moment){t->model->device, j ? tensor->moment2 : tensor->moment1, ""};
            snprintf(m->name, sizeof m->name, "moment%d.%s", j + 1, s->name);
            entries[count] = entry_of(s);
            entries[count].name = m->name;
            entries[count].data = NULL;
            entries[count].fill = fill_moment;
            entries[count++].user = m;
        }
    }
    VQ_TRY_OR(done, vq_json_line(&text, json));
    metadata = json_pack("{s:s}", "trainer", text);
    status = metadata ? vq_safetensors_write(out, entries, count, metadata) : vq_fail(VQDNA_ERR_MEMORY, "out of memory");
done:
    json_decref(metadata);
    free(text);
    free(moments);
    free(entries);
    return status;
}

/* A run that went wrong must not replace the checkpoint it could be mended from. */
static vq_status all_finite(const vq_state *state, const char *folder) {
    for (size_t i = 0; i < state->count; i++)
        for (size_t j = 0; j < state->tensors[i].count; j++)
            if (!isfinite(state->tensors[i].data[j]))
                return vq_fail(VQDNA_ERR_NUMERIC, "%s: tensor %s is not finite: the checkpoint before it is kept", folder,
                               state->tensors[i].name);
    return VQDNA_OK;
}

vq_status vq_checkpoint_save(const char *folder, vq_trainer *t, vq_state *state, const char *provenance) {
    paths p;
    json_t *config = NULL, *trainer = NULL;
    vq_outfile files[4] = {{0}};
    VQ_TRY(vq_mkdir(folder));
    VQ_TRY(make_paths(&p, folder));
    vq_status status;
    VQ_TRY_OR(done, vq_model_get(t->model, state));
    VQ_TRY_OR(done, all_finite(state, folder));
    VQ_TRY_OR(done, config_json(&config, &t->model->config, t->step, provenance));
    VQ_TRY_OR(done, trainer_json(&trainer, t));
    VQ_TRY_OR(done, vq_outfile_open(&files[0], p.trainer));
    VQ_TRY_OR(done, write_trainer(&files[0], t, state, trainer));
    VQ_TRY_OR(done, vq_outfile_open(&files[1], p.model));
    VQ_TRY_OR(done, write_model(&files[1], state));
    VQ_TRY_OR(done, vq_outfile_open(&files[2], p.config));
    VQ_TRY_OR(done, vq_json_write(&files[2], config));
    VQ_TRY_OR(done, vq_outfile_open(&files[3], p.trainer_json));
    VQ_TRY_OR(done, vq_json_write(&files[3], trainer));
    VQ_TRY_OR(done, publish(files, 4));
done:
    discard(files, 4);
    json_decref(config);
    json_decref(trainer);
    free_paths(&p);
    return status;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------------------- */

/* A model.safetensors alone, as PyTorch leaves it, says its shape by its tensors; what they do not say is as usual. */
static vq_status config_of_tensors(vq_config *config, const vq_safetensors *file, const char *path) {
    vqdna_model_options o = {.preset = "tiny"};
    for (size_t i = 0; i < vq_safetensors_count(file); i++) {
        const vq_tensor_info *t = vq_safetensors_at(file, i);
        int number;
        if (t->rank == 2 && strcmp(t->name, "join.weight") == 0 && t->shape[0] <= INT_MAX && t->shape[1] <= INT_MAX) {
            o.dim = (int)t->shape[0];
            o.stem = (int)t->shape[1];
        } else if (sscanf(t->name, "enc.%d.", &number) == 1 && number >= o.blocks && number < VQ_MAX_BLOCKS) {
            o.blocks = number + 1;
        } else if (sscanf(t->name, "books.%d.", &number) == 1 && number >= o.levels && number < VQDNA_MAX_LEVELS) {
            o.levels = number + 1;
        }
        if (t->rank == 2 && strcmp(t->name, "books.0.e") == 0 && t->shape[0] <= INT_MAX)
            o.codes = (int)t->shape[0];
    }
    if (!o.dim || !o.stem || !o.blocks || !o.levels || !o.codes)
        return vq_fail(VQDNA_ERR_INPUT, "%s: config.json is missing, and the tensors of %s are not those of a tokenizer", path,
                       "model.safetensors");
    o.quantizer = o.levels > 1 ? "hrq" : "vq";
    if (o.levels > 1)
        o.codes = o.codes > 1 ? o.codes / 2 : 1;
    return vq_config_resolve(config, &o);
}

static vq_status load_config(vq_config *config, uint64_t *step, const char *path, const vq_safetensors *file) {
    json_t *json;
    int64_t n;
    *step = 0;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return config_of_tensors(config, file, path);
    VQ_TRY(vq_json_load(&json, path));
    vq_status status;
    VQ_TRY_OR(done, vq_json_integer(&n, json, "version", 1, CONFIG_VERSION, path));
    VQ_TRY_OR(done, vq_config_from_json(config, json, path));
    VQ_TRY_OR(done, vq_json_integer(&n, json, "step", 0, INT64_MAX, path));
    *step = (uint64_t)n;
done:
    json_decref(json);
    return status;
}

static vq_status load_state(vq_state *state, const vq_safetensors *file) {
    for (size_t i = 0; i < state->count; i++) {
        vq_state_tensor *t = &state->tensors[i];
        VQ_TRY(vq_safetensors_load(file, t->name, "F32", t->rank, t->shape, t->data));
    }
    return VQDNA_OK;
}

vq_status vq_checkpoint_load_model(const char *folder, vq_config *config, vq_state *state, uint64_t *step) {
    paths p;
    vq_safetensors *file = NULL;
    *state = (vq_state){0};
    VQ_TRY(make_paths(&p, folder));
    vq_status status;
    VQ_TRY_OR(done, vq_safetensors_open(&file, p.model));
    VQ_TRY_OR(done, load_config(config, step, p.config, file));
    VQ_TRY_OR(done, vq_state_create(state, config));
    VQ_TRY_OR(done, load_state(state, file));
done:
    if (status < 0)
        vq_state_destroy(state);
    vq_safetensors_close(file);
    free_paths(&p);
    return status;
}

vq_status vq_checkpoint_describe(const char *folder, vq_config *config, uint64_t *step, vqdna_tensor_fn fn, void *user) {
    paths p;
    vq_safetensors *file = NULL;
    vq_state state = {0};
    VQ_TRY(make_paths(&p, folder));
    vq_status status;
    VQ_TRY_OR(done, vq_safetensors_open(&file, p.model));
    VQ_TRY_OR(done, load_config(config, step, p.config, file));
    VQ_TRY_OR(done, vq_state_create(&state, config));
    for (size_t i = 0; i < state.count; i++) {
        const vq_tensor_info *info;
        VQ_TRY_OR(done,
                  vq_safetensors_find(&info, file, state.tensors[i].name, "F32", state.tensors[i].rank, state.tensors[i].shape));
    }
    for (size_t i = 0; fn && i < vq_safetensors_count(file); i++) {
        const vq_tensor_info *t = vq_safetensors_at(file, i);
        fn(user, t->name, t->dtype, t->rank, t->shape, t->bytes);
    }
done:
    vq_state_destroy(&state);
    vq_safetensors_close(file);
    free_paths(&p);
    return status;
}

/* What trainer.safetensors says of its run. */
typedef struct {
    vq_config config;
    vqdna_train_options options;
    int64_t step, bases;
    double seconds;
    bool started;
    char fingerprint[24];
} run;

static vq_status parse_run(run *r, const vq_safetensors *file, const char *path) {
    const char *text = vq_safetensors_metadata(file, "trainer"), *fingerprint;
    json_t *json, *member;
    int64_t version;
    if (!text)
        return vq_fail(VQDNA_ERR_INPUT, "%s: no trainer metadata: not a checkpoint of vqdna", path);
    VQ_TRY(vq_json_parse(&json, text, strlen(text), path));
    vq_status status;
    VQ_TRY_OR(done, vq_json_integer(&version, json, "version", 1, CONFIG_VERSION, path));
    VQ_TRY_OR(done, vq_json_integer(&r->step, json, "step", 0, INT64_MAX, path));
    VQ_TRY_OR(done, vq_json_integer(&r->bases, json, "bases", 0, INT64_MAX, path));
    VQ_TRY_OR(done, vq_json_number(&r->seconds, json, "seconds", 0, 1e15, path));
    VQ_TRY_OR(done, vq_json_boolean(&r->started, json, "started", path));
    VQ_TRY_OR(done, vq_json_member(&member, json, "model", JSON_OBJECT, path));
    VQ_TRY_OR(done, vq_config_from_json(&r->config, member, path));
    VQ_TRY_OR(done, vq_json_member(&member, json, "options", JSON_OBJECT, path));
    VQ_TRY_OR(done, vq_train_from_json(&r->options, member, path));
    VQ_TRY_OR(done, vq_json_member(&member, json, "dataset", JSON_OBJECT, path));
    VQ_TRY_OR(done, vq_json_text(&fingerprint, member, "fingerprint", path));
    snprintf(r->fingerprint, sizeof r->fingerprint, "%s", fingerprint);
done:
    json_decref(json);
    return status;
}

static vq_status load_moments(vq_trainer *t, const vq_state *state, const vq_safetensors *file) {
    for (size_t i = 0; i < state->count; i++) {
        const vq_state_tensor *s = &state->tensors[i];
        const vq_tensor *tensor = vq_model_tensor(t->model, s->name);
        for (int j = 0; s->weight && j < 2; j++) {
            char name[64];
            float *values;
            snprintf(name, sizeof name, "moment%d.%s", j + 1, s->name);
            VQ_TRY(vq_alloc(&values, s->count, sizeof *values));
            vq_status status = vq_safetensors_load(file, name, "F32", s->rank, s->shape, values);
            if (status >= 0)
                status = vq_write(t->model->device, j ? tensor->moment2 : tensor->moment1, 0, values, s->count * sizeof *values);
            free(values);
            VQ_TRY(status);
        }
    }
    return VQDNA_OK;
}

vq_status vq_checkpoint_resume(vq_trainer **out, vq_config *config, vq_state *state, vq_device *device, const vq_dataset *dataset,
                               const char *folder) {
    paths p;
    run r;
    vq_safetensors *file = NULL;
    vq_trainer *t = NULL;
    char fingerprint[24];
    *state = (vq_state){0};
    VQ_TRY(make_paths(&p, folder));
    vq_status status;
    VQ_TRY_OR(done, vq_safetensors_open(&file, p.trainer));
    VQ_TRY_OR(done, parse_run(&r, file, p.trainer));
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, vq_dataset_fingerprint(dataset));
    if (strcmp(fingerprint, r.fingerprint) != 0) {
        status = vq_fail(VQDNA_ERR_INPUT, "%s: the run was trained on other sequences: give the same files in the same order",
                         p.trainer);
        goto done;
    }
    VQ_TRY_OR(done, vq_state_create(state, &r.config));
    VQ_TRY_OR(done, load_state(state, file));
    VQ_TRY_OR(done, vq_trainer_create(&t, device, &r.config, dataset, &r.options));
    VQ_TRY_OR(done, vq_model_put(t->model, state));
    VQ_TRY_OR(done, load_moments(t, state, file));
    t->step = t->report_step = (uint64_t)r.step;
    t->bases = t->report_bases = (uint64_t)r.bases;
    t->seconds = t->report_seconds = r.seconds;
    t->started = r.started;
    *config = r.config;
    *out = t;
    t = NULL;
done:
    if (status < 0)
        vq_state_destroy(state);
    vq_trainer_destroy(t);
    vq_safetensors_close(file);
    free_paths(&p);
    return status;
}

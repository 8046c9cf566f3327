#include "train/adapter_file.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char kind[] = "vqdna-adapter";

/* ---- Writing ----------------------------------------------------------------------------------------------------------------- */

static vq_status write_tensors(vq_outfile *out, const vq_state *all, const json_t *metadata) {
    vq_tensor_entry *entries;
    size_t count = 0;
    VQ_TRY(vq_alloc(&entries, all->count, sizeof *entries));
    for (size_t i = 0; i < all->count; i++) {
        const vq_state_tensor *t = &all->tensors[i];
        if (t->role != VQ_PARAM)
            continue;
        vq_tensor_entry *e = &entries[count++];
        *e = (vq_tensor_entry){.name = t->name, .dtype = "F32", .rank = t->rank, .data = t->data};
        memcpy(e->shape, t->shape, sizeof t->shape);
    }
    vq_status status = vq_safetensors_write(out, entries, count, metadata);
    free(entries);
    return status;
}

static vq_status make_metadata(json_t **out, const vq_classify_task *t, uint64_t step, const char *provenance) {
    json_t *config;
    char rank[16], alpha[32], at[24];
    VQ_TRY(vq_predictor_to_json(&config, t->predictor));
    char *text = json_dumps(config, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(config);
    snprintf(rank, sizeof rank, "%d", t->options.lora);
    snprintf(alpha, sizeof alpha, "%.9g", t->options.lora_alpha);
    snprintf(at, sizeof at, "%" PRIu64, step);
    *out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "format", "pt", "kind", kind, "base", t->predictor->base,
                     "config", text ? text : "", "rank", rank, "alpha", alpha, "feed", t->options.lora_feed ? "true" : "false",
                     "step", at, "writer", "vqdna " VQDNA_VERSION);
    free(text);
    if (!*out || !text)
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory");
    if (provenance)
        json_object_set_new(*out, "provenance", json_string(provenance));
    return VQDNA_OK;
}

vq_status vq_adapter_file_save(const char *path, const vq_classify_task *t, uint64_t step, const char *provenance) {
    vq_state last = {0};
    json_t *metadata = NULL;
    vq_outfile out = {0};
    vq_status status;
    if (!t->found) {
        VQ_TRY(vq_state_create(&last, t->model->plan));
        VQ_TRY_OR(done, vq_state_get(&last, t->model->device, t->model->plan));
    }
    VQ_TRY_OR(done, make_metadata(&metadata, t, step, provenance));
    VQ_TRY_OR(done, vq_outfile_open(&out, path));
    VQ_TRY_OR(done, write_tensors(&out, t->found ? t->best : &last, metadata));
    VQ_TRY_OR(done, vq_outfile_finish(&out));
    VQ_TRY_OR(done, vq_outfile_publish(&out));
done:
    vq_outfile_discard(&out);
    json_decref(metadata);
    vq_state_destroy(&last);
    return status;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------------------- */

void vq_adapter_file_close(vq_adapter_file *f) {
    vq_safetensors_close(f->file);
    json_decref(f->config);
    free(f->path);
    *f = (vq_adapter_file){0};
}

vq_status vq_adapter_file_open(vq_adapter_file *out, const char *path) {
    *out = (vq_adapter_file){0};
    VQ_TRY(vq_alloc(&out->path, strlen(path) + 1, 1));
    strcpy(out->path, path);
    VQ_TRY(vq_safetensors_open(&out->file, path));
    static const char *const keys[] = {"kind", "base", "config", "rank", "alpha", "feed", "step"};
    enum { KIND, BASE, CONFIG, RANK, ALPHA, FEED, STEP, KEYS };
    const char *values[KEYS];
    for (int i = 0; i < KEYS; i++) {
        values[i] = vq_safetensors_metadata(out->file, keys[i]);
        if (!values[i] || (i == KIND && strcmp(values[i], kind) != 0))
            return vq_fail(VQDNA_ERR_INPUT, "%s is no adapter that vqdna finetune wrote", path);
    }
    snprintf(out->base, sizeof out->base, "%s", values[BASE]);
    VQ_TRY(vq_json_parse(&out->config, values[CONFIG], strlen(values[CONFIG]), path));
    out->step = strtoull(values[STEP], NULL, 10);
    out->how = (vq_adapter_options){atoi(values[RANK]), atof(values[ALPHA]), !strcmp(values[FEED], "true")};
    if (out->how.rank < 1 || !(out->how.alpha > 0))
        return vq_fail(VQDNA_ERR_INPUT, "%s: rank %s and alpha %s are none of an adapter", path, values[RANK], values[ALPHA]);
    return VQDNA_OK;
}

vq_status vq_adapter_file_load(const vq_adapter_file *f, const vq_predictor *card, vq_state *state) {
    const vq_body_training how = {.adapters = f->how};
    vq_classifier *list;
    vq_state all = {0};
    vq_status status;
    VQ_TRY(vq_classifier_plan(&list, NULL, &card->config, 1, 1, VQ_TRAINING_SORTED, &how));
    VQ_TRY_OR(done, vq_state_create(&all, list->plan));
    for (size_t i = 0; i < all.count; i++) {
        vq_state_tensor *t = &all.tensors[i];
        const vq_state_tensor *own = vq_state_find(state, t->name);
        if (t->role == VQ_PARAM)
            VQ_TRY_OR(done, vq_safetensors_load(f->file, t->name, "F32", t->rank, t->shape, t->data));
        else if (own)
            memcpy(t->data, own->data, t->count * sizeof *t->data);
    }
    vq_classifier_merge(state, list, &all);
done:
    vq_state_destroy(&all);
    vq_classifier_destroy(list);
    return status;
}

#include "api/handles.h"

#include "base/file.h"
#include "base/integer.h"
#include "base/lock.h"
#include "train/adapter_file.h"
#include "train/checkpoint.h"
#include "train/predict.h"
#include "train/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Mean and deviation of a regression's labels. */
static void standardize(vq_predictor *card, const vq_labelled *set) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < set->rows; i++)
        sum += set->value[i];
    card->mean = sum / (double)set->rows;
    for (size_t i = 0; i < set->rows; i++)
        squares += pow(set->value[i] - card->mean, 2);
    card->deviation = squares > 0 ? sqrt(squares / (double)set->rows) : 1;
}

vq_status vq_predictor_state(vq_state *out, const vq_predictor *card) {
    const vq_masked_config masked = vq_predictor_masked(card);
    return card->pretrain ? vq_masked_state(out, &masked) : vq_classifier_state(out, &card->config);
}

/* What the file `path` says already. */
static vq_status read_reference(vqdna_predictor *p, const char *path, bool both_strands) {
    vq_labelled set;
    uint8_t *silent;
    VQ_TRY(vq_labelled_read_sequences(&set, path));
    vq_status status =
        vq_reference_pairs(&silent, &p->card.vocabulary, &set, p->tokenizer ? p->tokenizer->model : NULL, both_strands, path);
    vq_labelled_free(&set);
    VQ_TRY(status);
    vq_predictor_take_reference(&p->card, silent);
    return VQDNA_OK;
}

/* train: NULL for one that is pre-trained. */
static vq_status create(vqdna_predictor *p, const vqdna_examples *train, size_t longest, const vqdna_predictor_options *options,
                        uint64_t seed) {
    const vq_config *config = p->tokenizer ? &p->tokenizer->config : NULL;
    const vq_state *state = p->tokenizer ? &p->tokenizer->state : NULL;
    if (p->tokenizer) {
        VQ_TRY(vq_tokenizer_refresh(p->tokenizer));
        VQ_TRY(vq_tokenizer_prepare(p->tokenizer, NULL));
    }
    if (train)
        longest = vq_max(longest, vqdna_examples_describe(train).longest);
    VQ_TRY(vq_predictor_resolve(&p->card, options, config, state, longest, train && !train->set.value ? &train->labels : NULL));
    p->card.pretrain = !train;
    if (!train && p->card.vocabulary.pairs)
        return vq_fail(VQDNA_ERR_USAGE, "pre-training hides codes, and pairs would tell them: leave :pairs=%d for finetune --init",
                       p->card.vocabulary.pairs);
    if (!train && p->card.vocabulary.kind == VQ_OF_IDS)
        return vq_fail(VQDNA_ERR_USAGE,
                       "pre-training hides bases before they become tokens, and ids are tokens already: finetune reads them");
    vqdna_predictor_options o = {0};
    vq_take_options(&o, sizeof o, options, sizeof o);
    if (o.reference)
        VQ_TRY(read_reference(p, o.reference, o.reference_strands));
    if (train && train->set.value)
        standardize(&p->card, &train->set);
    VQ_TRY(vq_predictor_state(&p->state, &p->card));
    vq_state_start(&p->state, seed);
    return vq_predictor_take_vectors(&p->state, &p->card, state, seed);
}

static vq_status make(vqdna_predictor **out, vqdna_context *context, vqdna_tokenizer *tokenizer, const vqdna_examples *train,
                      size_t longest, const vqdna_predictor_options *options, uint64_t seed) {
    vqdna_predictor *p;
    VQ_TRY(vq_alloc(&p, 1, sizeof *p));
    p->device = context->device;
    p->tokenizer = tokenizer;
    vq_status status = create(p, train, longest, options, seed);
    if (status < 0)
        vqdna_predictor_destroy(p);
    else
        *out = p;
    return status;
}

vqdna_status vqdna_predictor_create(vqdna_predictor **out, vqdna_context *context, vqdna_tokenizer *tokenizer,
                                    const vqdna_examples *train, size_t longest, const vqdna_predictor_options *options,
                                    uint64_t seed) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(context);
    VQ_REQUIRE(train);
    VQ_HOLD(context->device);
    return make(out, context, tokenizer, train, longest, options, seed);
}

vqdna_status vqdna_pretrained_create(vqdna_predictor **out, vqdna_context *context, vqdna_tokenizer *tokenizer, size_t longest,
                                     const vqdna_predictor_options *options, uint64_t seed) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(context);
    VQ_HOLD(context->device);
    return make(out, context, tokenizer, NULL, longest, options, seed);
}

/* The body's weights of one state in another, and the first so many of its tables; the others are had otherwise. */
static vq_status take_body(vq_state *to, const vq_state *from, int tables) {
    for (size_t i = 0; i < to->count; i++) {
        if (!vq_predictor_is_body(to->tensors[i].name) ||
            (!strncmp(to->tensors[i].name, "input.", 6) && atoi(to->tensors[i].name + 6) >= tables))
            continue;
        const vq_state_tensor *t = vq_state_find(from, to->tensors[i].name);
        if (!t || t->count != to->tensors[i].count)
            return vq_fail(VQDNA_ERR_INPUT, "the model has no tensor %s of this shape", to->tensors[i].name);
        memcpy(to->tensors[i].data, t->data, t->count * sizeof *t->data);
    }
    return VQDNA_OK;
}

/* The same of models, the tables as each reads them. */
static vq_status begin_with(vqdna_predictor *p, const vqdna_predictor *base) {
    const bool joined = base->card.vocabulary.dim && !p->card.vocabulary.dim;
    VQ_TRY(take_body(&p->state, &base->state, joined ? 0 : base->card.vocabulary.tables));
    return joined ? vq_predictor_join_vectors(&p->state, &p->card, &base->state, &base->card) : VQDNA_OK;
}

/* What a model that is begun with a body reads: what the body does, its frozen vectors tuned and pairs beside them if that is asked for. */
static vq_status read_as(vq_vocabulary *out, const vqdna_predictor *old, const char *vocabulary) {
    const vq_vocabulary *is = &old->card.vocabulary;
    *out = *is;
    if (!vocabulary)
        return VQDNA_OK;
    VQ_TRY(vq_vocabulary_parse(out, vocabulary, old->tokenizer ? &old->tokenizer->config : NULL));
    const bool tuned = is->dim && out->vectors == VQ_TUNED, same = out->kind == is->kind && out->vectors == is->vectors;
    if (!strcmp(out->name, is->name) || (is->levels && (tuned || same) && out->stride == is->stride && !is->pairs))
        return VQDNA_OK;
    return vq_fail(VQDNA_ERR_USAGE, "the body reads %s, not %s: leave the vocabulary out%s", is->name, out->name,
                   is->dim                    ? ", or give codes:tuned with its stride, and :pairs=D if you like"
                   : is->levels && !is->pairs ? ", or give it with :pairs=D"
                                              : "");
}

vqdna_status vqdna_predictor_from(vqdna_predictor **out, vqdna_context *context, const char *path, const vqdna_examples *train,
                                  size_t longest, const vqdna_predictor_options *options, uint64_t seed) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(context);
    VQ_REQUIRE(path);
    VQ_REQUIRE(train);
    VQ_HOLD(context->device);
    vqdna_predictor *old, *p = NULL;
    vq_vocabulary vocabulary;
    vqdna_predictor_options o = {0}, given = {0};
    vq_take_options(&given, sizeof given, options, sizeof given);
    VQ_TRY(vqdna_predictor_open(&old, context, path));
    const vq_body_config *b = &old->card.config.body;
    vq_status status = read_as(&vocabulary, old, given.vocabulary);
    if (status < 0) {
        vqdna_predictor_destroy(old);
        return status;
    }
    o.size = sizeof o;
    o.pool = given.pool;
    o.head = given.head;
    o.reference = given.reference;
    o.reference_strands = given.reference_strands;
    o.preset = old->card.preset;
    o.vocabulary = vocabulary.name;
    o.width = b->layer.width;
    o.layers = b->layers;
    o.heads = b->layer.heads;
    o.feed = b->layer.feed;
    o.positions = b->positions;
    o.post_norm = b->layer.post_norm;
    o.mixer = old->card.mixer;
    status = make(&p, context, old->tokenizer, train, longest, &o, seed);
    if (status >= 0) {
        if (vocabulary.dim == old->card.vocabulary.dim)
            p->card.config.body.scale = b->scale;
        p->owns = old->owns;
        old->owns = false;
        vq_predictor_body_hash(p->card.base, &old->state);
        if (!o.reference) {
            vq_predictor_take_reference(&p->card, old->card.silent);
            old->card.silent = NULL;
        }
        status = begin_with(p, old);
    }
    vqdna_predictor_destroy(old);
    if (status < 0)
        vqdna_predictor_destroy(p);
    else
        *out = p;
    return status;
}

/* Card, state and tokenizer of a folder's or a checkpoint's config. */
vq_status vq_predictor_take(vqdna_predictor *p, const json_t *config, const char *file, const char *folder) {
    const char *vocabulary = json_string_value(json_object_get(config, "vocabulary"));
    char hash[17];
    if (vocabulary && vq_vocabulary_is_codes(vocabulary)) {
        char *path;
        VQ_TRY(vq_path_join(&path, folder, "tokenizer"));
        vq_status status = vq_tokenizer_open(&p->tokenizer, p->device, path);
        free(path);
        VQ_TRY(status);
        p->owns = true;
    }
    VQ_TRY(vq_predictor_from_json(&p->card, config, p->tokenizer ? &p->tokenizer->config : NULL, file));
    if (p->tokenizer) {
        vq_predictor_hash(hash, &p->tokenizer->state);
        if (strcmp(hash, p->card.tokenizer) != 0)
            return vq_fail(VQDNA_ERR_INPUT, "%s/tokenizer is not the tokenizer whose codes the model was trained on", folder);
    }
    return vq_predictor_state(&p->state, &p->card);
}

static vq_status open_predictor(vqdna_predictor *p, const vq_folder *folder, const char *path) {
    static const char *const kinds[] = {VQ_CLASSIFY_KIND, VQ_REGRESS_KIND, VQ_PRETRAIN_KIND};
    bool known = false;
    for (int i = 0; i < 3 && folder->config; i++)
        known |= !strcmp(folder->kind, kinds[i]);
    if (!known)
        return vq_folder_expect(folder, VQ_CLASSIFY_KIND);
    VQ_TRY(vq_predictor_take(p, folder->config, folder->path, path));
    VQ_TRY(vq_folder_load(folder, &p->state));
    for (size_t i = 0; i < p->state.count; i++)
        for (size_t j = 0; j < p->state.tensors[i].count; j++)
            if (!isfinite(p->state.tensors[i].data[j]))
                return vq_fail(VQDNA_ERR_INPUT, "%s: tensor %s is not finite", path, p->state.tensors[i].name);
    p->step = folder->step;
    return VQDNA_OK;
}

vqdna_status vqdna_predictor_open(vqdna_predictor **out, vqdna_context *context, const char *path) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(path);
    vqdna_predictor *p;
    vq_folder folder;
    VQ_TRY(vq_alloc(&p, 1, sizeof *p));
    p->device = context ? context->device : NULL;
    vq_status status = vq_folder_open(&folder, path);
    if (status >= 0)
        status = open_predictor(p, &folder, path);
    vq_folder_close(&folder);
    if (status < 0)
        vqdna_predictor_destroy(p);
    else
        *out = p;
    return status;
}

/* The model of an adapter on a base, whose tokenizer it takes over. */
static vq_status adapt(vqdna_predictor *p, vqdna_predictor *base, const char *path, const vq_adapter_file *adapter) {
    char hash[17];
    p->device = base->device;
    p->tokenizer = base->tokenizer;
    VQ_TRY(vq_predictor_from_json(&p->card, adapter->config, p->tokenizer ? &p->tokenizer->config : NULL, adapter->path));
    vq_predictor_body_hash(hash, &base->state);
    if (strcmp(hash, adapter->base) != 0 || strcmp(p->card.tokenizer, base->card.tokenizer) != 0)
        return vq_fail(VQDNA_ERR_INPUT, "%s is the adapter of another base model than %s", adapter->path, path);
    VQ_TRY(vq_predictor_state(&p->state, &p->card));
    VQ_TRY(begin_with(p, base));
    VQ_TRY(vq_adapter_file_load(adapter, &p->card, &p->state));
    p->step = adapter->step;
    p->owns = base->owns;
    base->owns = false;
    return VQDNA_OK;
}

vqdna_status vqdna_predictor_open_adapter(vqdna_predictor **out, vqdna_context *context, const char *base, const char *adapter) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(base);
    VQ_REQUIRE(adapter);
    vqdna_predictor *old = NULL, *p = NULL;
    vq_adapter_file file;
    vq_status status;
    VQ_TRY_OR(done, vq_adapter_file_open(&file, adapter));
    VQ_TRY_OR(done, vqdna_predictor_open(&old, context, base));
    VQ_TRY_OR(done, vq_alloc(&p, 1, sizeof *p));
    VQ_TRY_OR(done, adapt(p, old, base, &file));
done:
    vq_adapter_file_close(&file);
    vqdna_predictor_destroy(old);
    if (status < 0)
        vqdna_predictor_destroy(p);
    else
        *out = p;
    return status;
}

void vqdna_predictor_destroy(vqdna_predictor *p) {
    if (!p)
        return;
    if (p->owns)
        vqdna_tokenizer_destroy(p->tokenizer);
    vq_predictor_free(&p->card);
    vq_state_destroy(&p->state);
    free(p->judged.truth);
    free(p->judged.predicted);
    free(p->judged.outputs);
    free(p);
}

vqdna_predictor_info vqdna_predictor_describe(const vqdna_predictor *p) {
    const vq_body_config *b = &p->card.config.body;
    vqdna_predictor_info info = {.width = b->layer.width,
                                 .layers = b->layers,
                                 .heads = b->layer.heads,
                                 .positions = b->positions,
                                 .mixer = p->card.mixer,
                                 .classes = p->card.config.classes,
                                 .labels = (const char *const *)p->card.labels.name,
                                 .parameters = vq_state_parameters(&p->state),
                                 .step = p->trainer ? p->trainer->trainer->before + p->trainer->trainer->step : p->step};
    snprintf(info.kind, sizeof info.kind, "%s", vq_predictor_kind(&p->card));
    snprintf(info.preset, sizeof info.preset, "%s", p->card.preset);
    snprintf(info.vocabulary, sizeof info.vocabulary, "%s", p->card.vocabulary.name);
    for (int i = 0; p->card.silent && i < VQ_PAIR_ENTRIES; i++)
        info.reference_pairs += p->card.silent[i];
    const vq_tensor *t;
    for (size_t i = 0; p->trainer && (t = vq_plan_at(p->trainer->trainer->task.plan, i)); i++)
        info.trained += t->role == VQ_PARAM && !t->tied ? t->count : 0;
    info.trained = p->trainer ? info.trained : info.parameters;
    return info;
}

/* ---- In use ------------------------------------------------------------------------------------------------------------------- */

vq_status vq_predictor_refresh(vqdna_predictor *p) {
    if (!p->trainer)
        return VQDNA_OK;
    p->step = p->trainer->trainer->before + p->trainer->trainer->step;
    if (p->trainer->pretrain)
        return vq_state_get(&p->state, p->device, p->trainer->trainer->task.plan);
    return vq_classify_kept(&p->state, p->trainer->finetune);
}

vq_status vq_predictor_load_body(vq_classifier **out, vqdna_predictor *p) {
    vq_classifier_config config = p->card.config;
    vq_state state = {0};
    vq_status status;
    config.classes = 0;
    config.linear = true;
    *out = NULL;
    VQ_TRY(vq_predictor_refresh(p));
    if (p->tokenizer)
        VQ_TRY(vq_tokenizer_prepare(p->tokenizer, NULL));
    const size_t tokens = vq_vocabulary_tokens(&p->card.vocabulary, (size_t)config.body.positions, 0);
    VQ_TRY_OR(done, vq_classifier_state(&state, &config));
    VQ_TRY_OR(done, take_body(&state, &p->state, VQ_MAX_TABLES));
    VQ_TRY_OR(done, vq_classifier_plan(out, p->device, &config, vq_predict_at_once(tokens), (int)tokens, VQ_INFERENCE, NULL));
    VQ_TRY_OR(done, vq_plan_bind((*out)->plan));
    status = vq_state_put(&state, p->device, (*out)->plan);
done:
    vq_state_destroy(&state);
    return status;
}

/* Tokens of a set, one view of it. */
vq_status vq_predictor_view(vq_examples *out, vqdna_predictor *p, const vqdna_examples *examples, bool reverse) {
    const size_t longest = vqdna_examples_describe(examples).longest;
    if (longest > (size_t)p->card.config.body.positions)
        return vq_fail(VQDNA_ERR_INPUT,
                       "a sequence has %zu bases, and the model reads %d at most: cut it, or train one with positions=%zu", longest,
                       p->card.config.body.positions, longest);
    if (p->tokenizer)
        VQ_TRY(vq_tokenizer_prepare(p->tokenizer, NULL));
    return vq_examples_create(out, &p->card.vocabulary, &examples->set, p->tokenizer ? p->tokenizer->model : NULL, reverse);
}

vq_status vq_predictor_has_labels(const vqdna_predictor *p, const vqdna_examples *e) {
    if (p->card.pretrain)
        return vq_fail(VQDNA_ERR_USAGE, "the model is pre-trained and tells no labels yet: fine-tune one from it");
    bool same = p->card.labels.count == e->labels.count;
    if (!p->card.config.classes != (e->set.value != NULL))
        return vq_fail(VQDNA_ERR_USAGE, "the labels are %s, and the model is %s", e->set.value ? "numbers" : "names of classes",
                       p->card.config.classes ? "a classifier" : "a regression");
    for (int i = 0; same && i < e->labels.count; i++)
        same = !strcmp(p->card.labels.name[i], e->labels.name[i]);
    return same ? VQDNA_OK : vq_fail(VQDNA_ERR_INPUT, "the labels of the sequences are not those of the model");
}

/* ---- Folders ------------------------------------------------------------------------------------------------------------------ */

static vq_status save_tokenizer(const vqdna_predictor *p, const char *path, const char *provenance) {
    char *folder;
    if (!p->tokenizer)
        return VQDNA_OK;
    VQ_TRY(vq_path_join(&folder, path, "tokenizer"));
    vq_status status = vqdna_tokenizer_save(p->tokenizer, folder, provenance);
    free(folder);
    return status;
}

vq_status vq_predictor_checkpoint(vqdna_trainer *t, const char *path, const char *provenance) {
    VQ_TRY(save_tokenizer(t->predictor, path, provenance));
    VQ_TRY(vq_predictor_refresh(t->predictor));
    return vq_checkpoint_save(path, t->trainer, &t->predictor->state, provenance);
}

vqdna_status vqdna_predictor_save_adapter(vqdna_predictor *p, const char *path, const char *provenance) {
    VQ_REQUIRE(p);
    VQ_REQUIRE(path);
    VQ_HOLD(p->device);
    if (!p->trainer || !p->trainer->finetune || !p->trainer->finetune->options.lora)
        return vq_fail(VQDNA_ERR_USAGE, "the predictor has no trainer of adapters");
    if (!p->card.base[0])
        return vq_fail(VQDNA_ERR_USAGE, "the adapters stand on a random body that is in no folder: save the whole model");
    return vq_adapter_file_save(path, p->trainer->finetune, p->trainer->trainer->before + p->trainer->trainer->step, provenance);
}

vqdna_status vqdna_predictor_save(vqdna_predictor *p, const char *path, const char *provenance) {
    VQ_REQUIRE(p);
    VQ_REQUIRE(path);
    VQ_HOLD(p->device);
    vq_lock *lock;
    json_t *config;
    VQ_TRY(vq_predictor_refresh(p));
    VQ_TRY(vq_mkdir(path));
    VQ_TRY(vq_folder_lock(&lock, path, true));
    vq_status status = save_tokenizer(p, path, provenance);
    if (status >= 0)
        status = vq_predictor_to_json(&config, &p->card);
    if (status >= 0) {
        status = vq_folder_save(path, config, &p->state, p->step, provenance);
        json_decref(config);
    }
    vq_folder_unlock(lock);
    return status;
}

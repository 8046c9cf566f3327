#include "api/handles.h"

#include "judge/annotated.h"
#include "judge/census.h"

#include <stdlib.h>
#include <string.h>

struct vqdna_codebook {
    vq_census *census;
    vq_survey *survey; /* NULL before the first */
    vqdna_finding *findings;
    char **kinds; /* that they name */
    vq_config config;
};

vqdna_status vqdna_codebook_create(vqdna_codebook **out, const vqdna_tokenizer *tokenizer) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(tokenizer);
    vqdna_codebook *b;
    VQ_TRY(vq_alloc(&b, 1, sizeof *b));
    b->config = tokenizer->config;
    vq_status status = vq_census_create(&b->census, b->config.levels, b->config.codes, vq_config_encoder_halo(&b->config));
    if (status < 0)
        free(b);
    else
        *out = b;
    return status;
}

static void forget_findings(vqdna_codebook *b) {
    free(b->findings);
    vq_annotated_free_names(b->kinds);
    b->findings = NULL;
    b->kinds = NULL;
}

void vqdna_codebook_destroy(vqdna_codebook *b) {
    if (!b)
        return;
    vq_census_destroy(b->census);
    vq_survey_destroy(b->survey);
    forget_findings(b);
    free(b);
}

vqdna_status vqdna_codebook_add(void *codebook, const vqdna_codes *run) {
    VQ_REQUIRE(codebook);
    VQ_REQUIRE(run);
    const vqdna_codebook *b = codebook;
    if (run->levels != b->config.levels || (run->count && !run->bases))
        return vq_fail(VQDNA_ERR_USAGE, "a codebook of %d levels takes codes of as many, with their bases", b->config.levels);
    return vq_census_add(b->census, run);
}

vqdna_status vqdna_codebook_read(vqdna_codebook *codebook, vqdna_codebook_report *out) {
    VQ_REQUIRE(codebook);
    VQ_REQUIRE(out);
    VQ_TRY(vq_census_report(codebook->census, out));
    return out->bases ? VQDNA_OK
                      : vq_fail(VQDNA_ERR_INPUT, "none of the %llu bases is A, C, G or T: nothing can be said of the codes",
                                (unsigned long long)out->unknown);
}

const uint64_t *vqdna_codebook_motif(const vqdna_codebook *b, int level, int code) {
    if (!b || level < 0 || level >= b->config.levels || code < 0 || code >= b->config.codes[level])
        return NULL;
    return vq_census_motif(b->census, level, code);
}

static vq_status prepare(const vqdna_codebook *b, vqdna_tokenizer *t, const vqdna_stream_options *options,
                         vqdna_stream_options *own) {
    *own = (vqdna_stream_options){0};
    vq_take_options(own, sizeof *own, options, sizeof *own);
    if (t->config.levels != b->config.levels || memcmp(t->config.codes, b->config.codes, sizeof t->config.codes))
        return vq_fail(VQDNA_ERR_USAGE, "the codebook is of a tokenizer of another shape");
    return vq_tokenizer_prepare(t, own);
}

vqdna_status vqdna_codebook_survey(vqdna_codebook *codebook, vqdna_tokenizer *tokenizer, const char *const *paths, size_t count,
                                   const vqdna_stream_options *options, const vqdna_survey_options *survey, vqdna_survey *out) {
    VQ_REQUIRE(codebook);
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE_EACH(paths, count);
    VQ_REQUIRE(out);
    VQ_HOLD(tokenizer->device);
    vqdna_stream_options own;
    vqdna_survey_options how = {0};
    vqdna_codebook_report met;
    vq_survey *made;
    vq_take_options(&how, sizeof how, survey, sizeof how);
    how.bases = how.bases ? how.bases : 2000000;
    how.seed = how.seed ? how.seed : 1;
    VQ_TRY(vq_census_report(codebook->census, &met));
    VQ_TRY(prepare(codebook, tokenizer, options, &own));
    VQ_TRY(vq_survey_create(&made, &codebook->config, how.words, how.word_count));
    vq_status status = vq_survey_files(made, tokenizer->model, paths, count, &own, met.bases + met.unknown, met.records, &how);
    if (status < 0) {
        vq_survey_destroy(made);
        return status;
    }
    vq_survey_destroy(codebook->survey);
    codebook->survey = made;
    vq_survey_report(made, out);
    return VQDNA_OK;
}

vqdna_status vqdna_codebook_annotate(vqdna_codebook *codebook, vqdna_tokenizer *tokenizer, const char *const *paths, size_t count,
                                     const vqdna_stream_options *options, const char *annotation, const vqdna_finding **findings,
                                     size_t *found) {
    VQ_REQUIRE(codebook);
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE_EACH(paths, count);
    VQ_REQUIRE(annotation);
    VQ_REQUIRE(findings);
    VQ_REQUIRE(found);
    if (!codebook->survey)
        return vq_fail(VQDNA_ERR_USAGE, "an annotation is judged after a survey, which tells what is expected");
    VQ_HOLD(tokenizer->device);
    vqdna_stream_options own;
    VQ_TRY(prepare(codebook, tokenizer, options, &own));
    forget_findings(codebook);
    VQ_TRY(vq_annotated_files(tokenizer->model, codebook->survey, paths, count, &own, annotation, &codebook->findings, found,
                              &codebook->kinds));
    *findings = codebook->findings;
    return VQDNA_OK;
}

static vq_status take_weights(vqdna_tokenizer *t) {
    VQ_HOLD(t->device);
    return vq_tokenizer_refresh(t);
}

/* One step that moves no weight starts the codebooks and moves them once. */
vqdna_status vqdna_tokenizer_untrained(vqdna_tokenizer **out, const vqdna_tokenizer *like, const vqdna_dataset *dataset,
                                       uint64_t seed) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(like);
    VQ_REQUIRE(dataset);
    vqdna_train_options options = {.size = sizeof options, .seed = seed, .steps = 1, .learning_rate = 1e-30};
    vqdna_trainer *trainer = NULL;
    vqdna_tokenizer *t;
    VQ_TRY(vq_alloc(&t, 1, sizeof *t));
    t->device = like->device;
    t->config = like->config;
    vq_status status;
    VQ_TRY_OR(done, vq_model_state(&t->state, &t->config));
    vq_state_start(&t->state, seed);
    VQ_TRY_OR(done, vqdna_trainer_create(&trainer, t, dataset, &options));
    VQ_TRY_OR(done, vqdna_trainer_step(trainer));
    VQ_TRY_OR(done, take_weights(t));
done:
    vqdna_trainer_destroy(trainer);
    if (status < 0)
        vqdna_tokenizer_destroy(t);
    else
        *out = t;
    return status;
}

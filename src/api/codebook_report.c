#include "api/handles.h"

#include "judge/census.h"

#include <stdlib.h>

struct vqdna_codebook {
    vq_census *census;
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

void vqdna_codebook_destroy(vqdna_codebook *b) {
    if (!b)
        return;
    vq_census_destroy(b->census);
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
    return out->bases ? VQDNA_OK : vq_fail(VQDNA_ERR_INPUT, "none of the %llu bases is A, C, G or T: nothing can be said of the codes",
                                           (unsigned long long)out->unknown);
}

const uint64_t *vqdna_codebook_motif(const vqdna_codebook *b, int level, int code) {
    if (!b || level < 0 || level >= b->config.levels || code < 0 || code >= b->config.codes[level])
        return NULL;
    return vq_census_motif(b->census, level, code);
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

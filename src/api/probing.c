#include "api/handles.h"

#include "judge/probe.h"
#include "train/infer.h"

#include <stdlib.h>

struct vqdna_probe_result {
    vq_probe *probe;
};

/* The tokenizer in question, and the untrained one of its shape. */
typedef struct encoders {
    vqdna_tokenizer *of[VQ_TOKENIZERS];
} encoders;

/* The vector that the decoder sees: the mean over levels of the codes'. */
static void mean_vectors(float *out, const vqdna_tokenizer *t, const uint16_t *codes, size_t count) {
    static const char *const names[] = {"books.0.e", "books.1.e", "books.2.e", "books.3.e",
                                        "books.4.e", "books.5.e", "books.6.e", "books.7.e"};
    _Static_assert(sizeof names / sizeof *names >= VQDNA_MAX_LEVELS, "a name a level");
    size_t N = (size_t)t->config.levels, D = (size_t)t->config.dim;
    for (size_t n = 0; n < N; n++) {
        const float *e = vq_state_find(&t->state, names[n])->data;
        for (size_t i = 0; i < count; i++)
            for (size_t d = 0; d < D; d++)
                out[i * D + d] = (n ? out[i * D + d] : 0) + e[codes[i * N + n] * D + d] / (float)N;
    }
}

static vq_status encode(void *user, int tokenizer, size_t sequences, const uint8_t *bases, const size_t *counts,
                        uint16_t *const *codes, float *const *embedding, float *const *taps) {
    vqdna_tokenizer *t = ((encoders *)user)->of[tokenizer];
    VQ_HOLD(t->device);
    VQ_TRY(vq_tokenizer_prepare(t, NULL));
    VQ_TRY(vq_encode(t->model, sequences, bases, counts, codes, taps));
    for (size_t i = 0; i < sequences && embedding; i++)
        mean_vectors(embedding[i], t, codes[i], counts[i]);
    return VQDNA_OK;
}

static vq_status untrained(void *user, uint64_t seed, size_t sequences, const uint8_t *bases, const size_t *counts) {
    encoders *e = user;
    vqdna_dataset *dataset;
    vqdna_tokenizer_destroy(e->of[VQ_UNTRAINED]);
    e->of[VQ_UNTRAINED] = NULL;
    VQ_TRY(vq_dataset_create(&dataset));
    vq_status status = vq_dataset_add_sequences(dataset, sequences, bases, counts);
    if (status == VQDNA_OK)
        status = vqdna_tokenizer_untrained(&e->of[VQ_UNTRAINED], e->of[VQ_TRAINED], dataset, seed);
    vqdna_dataset_destroy(dataset);
    return status;
}

vqdna_status vqdna_probe(vqdna_probe_result **out, vqdna_tokenizer *tokenizer, const char *train, const char *dev, const char *test,
                         const vqdna_probe_options *options) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(train);
    VQ_REQUIRE(test);
    vqdna_probe_options own = {0};
    vq_take_options(&own, sizeof own, options, sizeof own);
    own.features = own.features ? own.features : tokenizer ? "codes" : "kmer:6";
    own.seed = own.seed ? own.seed : 1;
    own.seeds = own.seeds ? own.seeds : 1;
    own.resamples = own.resamples ? own.resamples : 1000;
    if (own.seeds < 0 || own.resamples < 0 || !(own.C >= 0))
        return vq_fail(VQDNA_ERR_USAGE, "seeds, resamples and C of a probe are not negative");
    encoders e = {{tokenizer}};
    vq_probe_encoder encoder = {.encode = encode, .untrained = untrained, .user = &e};
    if (tokenizer)
        encoder.shape = (vq_features_model){tokenizer->config.levels, tokenizer->config.dim};
    vqdna_probe_result *result;
    VQ_TRY(vq_alloc(&result, 1, sizeof *result));
    vq_status status = vq_probe_run(&result->probe, tokenizer ? &encoder : NULL, train, dev, test, &own);
    vqdna_tokenizer_destroy(e.of[VQ_UNTRAINED]);
    if (status < 0)
        free(result);
    else
        *out = result;
    return status;
}

const vqdna_probe_report *vqdna_probe_read(const vqdna_probe_result *result) {
    return &result->probe->report;
}

void vqdna_probe_destroy(vqdna_probe_result *result) {
    if (!result)
        return;
    vq_probe_destroy(result->probe);
    free(result);
}

vqdna_status vqdna_scores_compare(vqdna_difference *out, const int *truth, const int *a, const int *b, size_t rows, int classes,
                                  int resamples, uint64_t seed) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(truth);
    VQ_REQUIRE(a);
    VQ_REQUIRE(b);
    if (!rows || classes < 2 || resamples < 0)
        return vq_fail(VQDNA_ERR_USAGE, "a comparison needs rows, two classes or more, and resamples that are not negative");
    for (size_t i = 0; i < rows; i++)
        if (truth[i] < 0 || truth[i] >= classes || a[i] < 0 || a[i] >= classes || b[i] < 0 || b[i] >= classes)
            return vq_fail(VQDNA_ERR_USAGE, "row %zu has a class outside 0 to %d", i, classes - 1);
    vq_difference d;
    VQ_TRY(vq_scores_compare(&d, truth, a, b, rows, classes, resamples ? resamples : 1000, seed));
    *out = (vqdna_difference){d.mcc, d.interval.low, d.interval.high, d.p};
    return VQDNA_OK;
}

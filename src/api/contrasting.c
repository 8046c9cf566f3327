#include "api/handles.h"

#include "judge/contrast.h"
#include "train/infer.h"

#include <stdlib.h>

struct vqdna_contrast {
    vq_contrast *contrast;
    vqdna_contrast_report report;
};

static vq_status read_group(vqdna_contrast *c, int group, vqdna_tokenizer *t, const char *const *paths, size_t count,
                            const vqdna_stream_options *stream) {
    vq_contrast_group(c->contrast, group);
    return vq_tokenize(t->model, paths, count, stream, vq_contrast_add, c->contrast, NULL);
}

vqdna_status vqdna_contrast_create(vqdna_contrast **out, vqdna_tokenizer *tokenizer, const char *const *a, size_t a_count,
                                   const char *const *b, size_t b_count, const vqdna_stream_options *stream,
                                   const vqdna_contrast_options *options) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(tokenizer);
    VQ_REQUIRE_EACH(a, a_count);
    VQ_REQUIRE_EACH(b, b_count);
    VQ_HOLD(tokenizer->device);
    vqdna_contrast_options o = {0};
    vqdna_contrast *c;
    vq_take_options(&o, sizeof o, options, sizeof o);
    o.least = o.least > 0 ? o.least : 0.5;
    o.alpha = o.alpha > 0 ? o.alpha : 0.01;
    o.gap = o.gap ? o.gap : (uint64_t)vq_config_encoder_halo(&tokenizer->config) - 1;
    if (!(o.least <= 1) || !(o.alpha <= 1))
        return vq_fail(VQDNA_ERR_USAGE, "least and alpha are above 0 and at most 1");
    VQ_TRY(vq_alloc(&c, 1, sizeof *c));
    vqdna_contrast_report *r = &c->report;
    vq_status status;
    VQ_TRY_OR(failed, vq_contrast_create(&c->contrast));
    VQ_TRY_OR(failed, vq_tokenizer_prepare(tokenizer, stream));
    VQ_TRY_OR(failed, read_group(c, 0, tokenizer, a, a_count, stream));
    VQ_TRY_OR(failed, read_group(c, 1, tokenizer, b, b_count, stream));
    VQ_TRY_OR(failed, vq_contrast_end(c->contrast, o.least, o.alpha));
    r->length = vq_contrast_length(c->contrast);
    for (int g = 0; g < 2; g++)
        r->records[g] = vq_contrast_records(c->contrast, g);
    r->rows = vq_contrast_rows(c->contrast, &r->row_count);
    r->calls = vq_contrast_calls(c->contrast, o.gap, &r->call_count);
    if (!r->calls)
        VQ_TRY_OR(failed, VQDNA_ERR_MEMORY);
    *out = c;
    return VQDNA_OK;
failed:
    vqdna_contrast_destroy(c);
    return status;
}

void vqdna_contrast_destroy(vqdna_contrast *c) {
    if (!c)
        return;
    vq_contrast_destroy(c->contrast);
    free(c);
}

vqdna_contrast_report vqdna_contrast_read(const vqdna_contrast *c) {
    return c->report;
}

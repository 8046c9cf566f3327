#include "api/handles.h"

#include "base/integer.h"

#include <stdlib.h>

vqdna_status vqdna_examples_read(vqdna_examples **out, const char *path, const vqdna_examples_options *options,
                                 const vqdna_examples *like) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(path);
    vqdna_examples_options o = {0};
    vq_take_options(&o, sizeof o, options, sizeof o);
    vqdna_examples *e;
    VQ_TRY(vq_alloc(&e, 1, sizeof *e));
    vq_labels borrowed = like ? like->labels : (vq_labels){0};
    vq_status status;
    if (o.regression || (like && like->set.value))
        VQ_TRY_OR(failed, vq_labelled_read_numbers(&e->set, path, o.sequence, o.label));
    else if (like)
        VQ_TRY_OR(failed, vq_labelled_read(&e->set, &borrowed, path, o.sequence, o.label));
    else
        VQ_TRY_OR(failed, vq_labelled_read(&e->set, &e->labels, path, o.sequence, o.label));
    if (like)
        VQ_TRY_OR(failed, vq_labels_copy(&e->labels, &like->labels));
    if (o.rows)
        VQ_TRY_OR(failed, vq_labelled_keep(&e->set, o.rows, o.seed ? o.seed : 1));
    *out = e;
    return VQDNA_OK;
failed:
    vqdna_examples_destroy(e);
    return status;
}

vqdna_status vqdna_examples_split(vqdna_examples *examples, vqdna_examples **held, int share, uint64_t seed) {
    VQ_REQUIRE(examples);
    VQ_REQUIRE(held);
    if (share < 2)
        return vq_fail(VQDNA_ERR_USAGE, "one row in %d cannot be held out: give 2 or more", share);
    vqdna_examples *h;
    VQ_TRY(vq_alloc(&h, 1, sizeof *h));
    vq_status status = vq_labels_copy(&h->labels, &examples->labels);
    if (status >= 0)
        status = vq_labelled_split(&examples->set, &h->set, share, seed);
    if (status < 0)
        vqdna_examples_destroy(h);
    else
        *held = h;
    return status;
}

vqdna_examples_info vqdna_examples_describe(const vqdna_examples *e) {
    vqdna_examples_info info = {.rows = e->set.rows, .bases = e->set.start[e->set.rows], .classes = e->labels.count};
    for (size_t i = 0; i < e->set.rows; i++)
        info.longest = vq_max(info.longest, e->set.start[i + 1] - e->set.start[i]);
    info.labels = (const char *const *)e->labels.name;
    return info;
}

void vqdna_examples_destroy(vqdna_examples *e) {
    if (!e)
        return;
    vq_labelled_free(&e->set);
    vq_labels_free(&e->labels);
    free(e);
}

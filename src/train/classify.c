#include "train/classify.h"

#include "base/integer.h"

#include <math.h>
#include <stdlib.h>

/* Adds the softmax of z [C] times share. */
static void add_softmax(float *to, const float *z, int C, double share) {
    double top = z[0], sum = 0;
    for (int k = 1; k < C; k++)
        top = fmax(top, z[k]);
    for (int k = 0; k < C; k++)
        sum += exp(z[k] - top);
    for (int k = 0; k < C; k++)
        to[k] += (float)(share * exp(z[k] - top) / sum);
}

/* Outputs of one view at one phase, added with its share; as many sequences at once as fit. */
static vq_status add_view(float *outputs, vq_classifier *m, const vq_examples *e, int phase, double share, vq_token_batch *batch,
                          size_t *rows, float *logits) {
    const int C = m->outputs, most = m->body.planned_B;
    for (size_t at = 0; at < e->set->rows;) {
        const int B = (int)vq_min((size_t)most, e->set->rows - at);
        for (int b = 0; b < B; b++)
            rows[b] = at + (size_t)b;
        vq_examples_batch(e, batch, rows, B, phase, m->config.body.positions, NULL);
        vq_body_use(&m->body, B, batch->L);
        VQ_TRY(vq_body_upload(&m->body, batch->ids, batch->place, NULL, batch->padded ? batch->there : NULL));
        VQ_TRY(vq_classifier_forward(m, 0, (vq_draws){0}));
        VQ_TRY(vq_read(m->device, logits, m->logits.view, 0, (size_t)B * (size_t)C * sizeof *logits));
        for (int b = 0; b < B; b++) {
            float *to = outputs + (at + (size_t)b) * (size_t)C;
            if (m->config.classes)
                add_softmax(to, logits + b * C, C, share);
            else
                *to += (float)(share * logits[b]);
        }
        at += (size_t)B;
    }
    return VQDNA_OK;
}

vq_status vq_classify(float *outputs, vq_classifier *m, const vq_examples *views, int count, int phases, vq_token_batch *batch) {
    size_t *rows;
    float *logits = NULL;
    vq_status status;
    VQ_TRY(vq_alloc(&rows, (size_t)m->body.planned_B, sizeof *rows));
    VQ_TRY_OR(done, vq_alloc(&logits, (size_t)m->body.planned_B * (size_t)m->outputs, sizeof *logits));
    for (size_t i = 0, n = views->set->rows * (size_t)m->outputs; i < n; i++)
        outputs[i] = 0;
    for (int v = 0; v < count; v++)
        for (int phase = 0; phase < phases; phase++)
            VQ_TRY_OR(done, add_view(outputs, m, &views[v], phase, 1.0 / (count * phases), batch, rows, logits));
done:
    free(rows);
    free(logits);
    return status;
}

void vq_classify_best(int *classes, const float *outputs, size_t rows, int count) {
    for (size_t i = 0; i < rows; i++, outputs += count) {
        classes[i] = 0;
        for (int k = 1; k < count; k++)
            classes[i] = outputs[k] > outputs[classes[i]] ? k : classes[i];
    }
}

double vq_correlation(const float *a, const float *b, size_t count) {
    double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < count; i++) {
        mean_a += a[i] / (double)count;
        mean_b += b[i] / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        const double x = a[i] - mean_a, y = b[i] - mean_b;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

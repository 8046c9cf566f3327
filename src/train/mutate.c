#include "train/mutate.h"

#include "base/integer.h"

#include <stdlib.h>
#include <string.h>

enum { BASES = 4 };

/* Outputs of `rows` copies of a sequence, already changed, side by side. */
static vq_status predict(float *outputs, vq_classifier *model, const vq_predictor *predictor, vq_model *tokenizer, uint8_t *copies,
                         size_t rows, size_t count, const vqdna_predict_options *o, vq_token_batch *batch) {
    vq_examples views[2] = {{0}};
    vq_labelled set = {.rows = rows, .bases = copies};
    const int strands = o->both_strands ? 2 : 1;
    VQ_TRY(vq_alloc(&set.start, rows + 1, sizeof *set.start));
    for (size_t i = 0; i <= rows; i++)
        set.start[i] = i * count;
    vq_status status = VQDNA_OK;
    for (int i = 0; i < strands && status >= 0; i++)
        status = vq_examples_create(&views[i], &predictor->vocabulary, &set, tokenizer, i == 1);
    if (status >= 0)
        status = vq_classify(outputs, model, views, strands, o->phases, batch);
    vq_examples_destroy(&views[0]);
    vq_examples_destroy(&views[1]);
    free(set.start);
    return status;
}

static double value_of(const vq_classifier *m, const vq_predictor *p, const float *outputs, int class) {
    return m->config.classes ? outputs[class] : outputs[0] * p->deviation + p->mean;
}

/* The i-th change: the base in place i / 3 by one of the three others. */
static bool change(uint8_t *copy, const uint8_t *bases, size_t i, size_t *place, int *base) {
    *place = i / (BASES - 1);
    const uint8_t own = bases[*place];
    *base = (int)(i % (BASES - 1));
    *base += own < BASES && *base >= own;
    copy[*place] = own < BASES ? (uint8_t)*base : own;
    return own < BASES;
}

vq_status vq_mutate(float (*effects)[4], double *value, int *class, vq_classifier *model, const vq_predictor *predictor,
                    vq_model *tokenizer, const uint8_t *bases, size_t count, const vqdna_predict_options *o, vq_token_batch *batch,
                    float *outputs) {
    const size_t at_once = (size_t)model->body.planned_B, changes = count * (BASES - 1), C = (size_t)model->outputs;
    uint8_t *copies;
    VQ_TRY(vq_alloc(&copies, at_once * count, 1));
    memcpy(copies, bases, count);
    vq_status status = predict(outputs, model, predictor, tokenizer, copies, 1, count, o, batch);
    *class = -1;
    if (status >= 0 && model->config.classes)
        vq_classify_best(class, outputs, 1, model->outputs);
    *value = status >= 0 ? value_of(model, predictor, outputs, *class) : 0;
    memset(effects, 0, count * sizeof *effects);
    for (size_t first = 0; first < changes && status >= 0; first += at_once) {
        const size_t rows = vq_min(at_once, changes - first);
        size_t place;
        int base;
        for (size_t r = 0; r < rows; r++) {
            memcpy(copies + r * count, bases, count);
            change(copies + r * count, bases, first + r, &place, &base);
        }
        status = predict(outputs, model, predictor, tokenizer, copies, rows, count, o, batch);
        for (size_t r = 0; r < rows && status >= 0; r++)
            if (change(copies, bases, first + r, &place, &base))
                effects[place][base] = (float)(value_of(model, predictor, outputs + r * C, *class) - *value);
    }
    free(copies);
    return status;
}

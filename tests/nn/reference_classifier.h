/* The classifier in double precision on the host, written from its formulas (nn/layer.h, body.h, classifier.h) as plainly as possible:
 * what device and gradients are tested against. */
#ifndef VQ_TESTS_REFERENCE_CLASSIFIER_H
#define VQ_TESTS_REFERENCE_CLASSIFIER_H

#include "nn/classifier.h"

typedef struct classifier_reference {
    const vq_classifier_config *config;
    const vq_state *state; /* names and shapes */
    double **values;       /* of each tensor of the state: to be moved for central differences */
    int B, L;
    const int32_t *ids, *place, *hidden; /* as for vq_body_upload */
    const uint8_t *there;
    double dropout;
    vq_draws draws;
    const int32_t *classes; /* [B] targets; or of a regression */
    const float *numbers;
    const float *weights; /* of the classes, or NULL */
} classifier_reference;

void classifier_reference_create(classifier_reference *r, const vq_classifier_config *config, const vq_state *state);
void classifier_reference_destroy(classifier_reference *r);

/* The value of a tensor of the state by its name. */
const double *classifier_reference_get(const classifier_reference *r, const char *prefix, const char *name);

/* The body's output [B L][width]; *x is to be freed. Of the config the body counts. */
double *classifier_reference_body(const classifier_reference *r);

/* The sum of losses; logits [B][outputs] unless NULL. */
double classifier_reference_loss(const classifier_reference *r, double *logits);

#endif

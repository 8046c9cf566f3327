/* The network in double precision on the host, written from its formulas (nn/convnext.h, encoder.h, decoder.h, model.h,
 * ops/quantize.h), as plainly as possible: what device and gradients are tested against. */
#ifndef VQ_TESTS_REFERENCE_H
#define VQ_TESTS_REFERENCE_H

#include "nn/config.h"
#include "nn/state.h"
#include "ops/rows.h"

typedef struct reference {
    const vq_config *config;
    const vq_state *state; /* names and shapes */
    double **values;       /* of each tensor of the state: to be moved for central differences */
    int M;
    const vq_row *rows; /* [M] */
} reference;

void reference_create(reference *r, const vq_config *config, const vq_state *state, int M, const vq_row *rows);
void reference_destroy(reference *r);

/* The values of the tensor PREFIX.NAME. */
double *reference_values(const reference *r, const char *prefix, const char *name);

/* A block by its name ("enc.0"): y from x, both [M][dim]. */
void reference_block(const reference *r, const char *name, double *y, const double *x);

/* taps[level] [M][dim] of each level. */
void reference_encode(const reference *r, double *const *taps);

/* logits [M][4] from zhat [M][dim]. */
void reference_decode(const reference *r, double *logits, const double *zhat);

/* The straight-through estimator by its definition: the codes, what the levels before gave to a level's target, and zhat - mean of
 * the targets are constants. Set once, at the point where the gradient is taken. */
typedef struct straight_through {
    int32_t *codes[VQDNA_MAX_LEVELS]; /* [M]: given */
    double *target[VQDNA_MAX_LEVELS]; /* [M][dim]: h_n there */
    double *tap[VQDNA_MAX_LEVELS];    /* [M][dim]: z_n there */
    double *zhat;                     /* [M][dim] there */
} straight_through;

void straight_through_create(straight_through *s, const reference *r, const int32_t *const *codes);
void straight_through_destroy(straight_through *s);

typedef struct reference_loss {
    double cross_entropy, commitment; /* mean over known bases; over levels, rows and channels */
    double correct;                   /* known bases that are the likeliest */
    double margin;                    /* of the closest decision between the two likeliest */
} reference_loss;

/* s: NULL in the unquantized start. */
reference_loss reference_evaluate(const reference *r, const straight_through *s);

#endif

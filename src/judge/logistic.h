/* Multinomial logistic regression with an L2 penalty, over sparse rows: the linear reader of frozen features.
 *
 * Minimised is, for weights W [outputs][columns] and biases b [outputs],
 *     sum over rows of -log softmax(W x + b)[class]  +  1 / (2 C) |W|^2
 * divided by the number of rows; biases are free. Two classes have one output, the log odds of the second, as is usual; more have one
 * each. C is that of scikit-learn's LogisticRegression, and so is the optimum. */
#ifndef VQ_JUDGE_LOGISTIC_H
#define VQ_JUDGE_LOGISTIC_H

#include "base/status.h"

/* Rows of features: those of row i are [start[i], start[i + 1]). */
typedef struct vq_sparse {
    size_t rows, columns;
    size_t *start;    /* [rows + 1] */
    uint32_t *column; /* rising in a row */
    float *value;
} vq_sparse;

void vq_sparse_free(vq_sparse *matrix);

typedef struct vq_logistic {
    int classes, outputs;
    size_t columns;
    double *weights; /* [outputs][columns + 1]: the bias last */
    double loss;     /* what is minimised, divided by the rows */
    int iterations;
} vq_logistic;

/* Zero weights; destroy takes half-built ones. */
vq_status vq_logistic_create(vq_logistic *model, size_t columns, int classes);
void vq_logistic_destroy(vq_logistic *model);

/* Moves the weights to the optimum for `C`, from where they stand (so that a row of C is one path), by limited-memory BFGS with a
 * backtracking search (Nocedal and Wright, Numerical Optimization, algorithms 7.4, 7.5 and 3.1) until the largest component of the
 * gradient is below 1e-5 of that at zero weights, or `most` iterations. One thread; the same bits every time. `stop` (may be NULL) is
 * asked each iteration; non-zero is VQDNA_ERR_INTERRUPTED. */
vq_status vq_logistic_fit(vq_logistic *model, const vq_sparse *rows, const int *classes, double C, int most,
                          int (*stop)(void *user), void *user);

/* The most likely class of each row to classes[rows]; `loss` (may be NULL): mean -log probability of `truth` (then not NULL). */
void vq_logistic_predict(const vq_logistic *model, const vq_sparse *rows, int *classes, const int *truth, double *loss);

#endif

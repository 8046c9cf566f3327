/* Tails of distributions, for tests of what was counted. */
#ifndef VQ_JUDGE_TAILS_H
#define VQ_JUDGE_TAILS_H

#include <stdint.h>

/* The regularized incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and Stegun 26.5.8, Lentz's method). */
double vq_beta(double x, double a, double b);

/* P(|T| >= |t|) of Student's distribution. */
double vq_student_p(double t, double degrees);

/* P(X >= count) and P(X <= count) of `trials` with probability p, 0 < p < 1. */
double vq_binomial_above(uint64_t count, uint64_t trials, double p);
double vq_binomial_below(uint64_t count, uint64_t trials, double p);

/* Of sums over `n` independent clusters, sum of d and of d^2: Student's t of their mean, NAN where nothing varies. */
double vq_clusters_t(double sum, double squares, double n);

#endif

/* What pulls and pushes records on a map of t-SNE: the gradient of the Kullback-Leibler divergence. */
#ifndef VQ_JUDGE_FORCES_H
#define VQ_JUDGE_FORCES_H

#include "judge/affinity.h"

typedef struct vq_forces vq_forces;

/* The affinities are borrowed. */
vq_status vq_forces_create(vq_forces **out, const vq_affinities *affinities, const vq_workers *workers);
void vq_forces_destroy(vq_forces *f);

/* With w_ij = 1 / (1 + |y_i - y_j|^2), Z their sum over all i != j and q_ij = w_ij / Z, for places y = xy [rows][2]:
 *     gradient_i = 4 sum over j of (exaggeration p_ij - q_ij) w_ij (y_i - y_j)         [rows][2]
 *     divergence = sum over i, j of p_ij ln(p_ij / q_ij), without the exaggeration; NULL: not asked for
 * in float, the sums over blocks of records in double and in the order of the records: the same bytes on any number of threads. */
vq_status vq_forces_gradient(vq_forces *f, double *gradient, double *divergence, const double *xy, double exaggeration);

#endif

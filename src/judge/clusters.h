/* Clusters by density, and how well they agree with labels. */
#ifndef VQ_JUDGE_CLUSTERS_H
#define VQ_JUDGE_CLUSTERS_H

#include "base/parallel.h"
#include "judge/distances.h"

/* HDBSCAN (Campello, Moulavi and Sander 2013, 10.1007/978-3-642-37456-2_14; excess of mass): clusters of at least `least` records, numbered
 * from 0 by their first record; -1: noise. *count of them. core: neighbours of a core distance, itself among them; 0: `least`. */
vq_status vq_hdbscan(int *cluster, int *count, const vq_distances *d, int least, int core, const vq_workers *workers);

/* How two labellings agree: entropies in nats of the truth (C) and the clusters (K). Records of a truth below 0 are left out; noise (-1 in
 * `cluster`) is a cluster of its own, as the field has it (pathogen-embed). */
typedef struct vq_agreement {
    double homogeneity, completeness, v_measure; /* Rosenberg and Hirschberg 2007 */
    double adjusted_rand;                        /* Hubert and Arabie 1985 */
    double variation; /* of information, normalized by ln(records): (H(C|K) + H(K|C)) / ln n; 0 is best */
    int clusters;     /* without noise */
    double noise;     /* share of records that are in none */
} vq_agreement;
vq_status vq_agree(vq_agreement *out, const int *truth, const int *cluster, size_t rows);

#endif

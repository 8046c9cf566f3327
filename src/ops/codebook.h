/* The codebook as a moving average of the vectors its codes were given to (van den Oord et al. 2017, appendix A.1), with re-seeding
 * of codes that fall out of use. With the counts and sums of a batch of M rows (codesum), in units of the expected use,
 * c = counts K / M:
 *
 *     f = use_decay f + (1 - use_decay) c          dead where f < expire
 *     n = decay n + (1 - decay) c                  dead: n = 1, s = h[rows[k]], f = 1
 *     s = decay s + (1 - decay) sums K / M
 *     e = s / ((n + epsilon) / (t + K epsilon) t)  t = sum of n, after re-seeding
 *
 * e, s, sums [K][D]; n, f [K]; counts, rows int32 [K]; h [M][D]. */
#ifndef VQ_OPS_CODEBOOK_H
#define VQ_OPS_CODEBOOK_H

#include "device/launch.h"
#include "device/tune.h"

extern const vq_tunables vq_codebook_tunables;

typedef struct vq_codebook_rates {
    double decay, use_decay; /* of n and s, and of f, a step */
    double expire;           /* share of the expected use */
    double epsilon;          /* of the Laplace smoothing */
} vq_codebook_rates;

/* Moves n, s, f and gives e anew. rows: for each code a row of h in [0, M) drawn by the host, read where the code is dead. reseeded
 * int32 [1]
 * += number of dead codes. */
vq_status vq_codebook_update(vq_device *device, vq_view e, vq_view n, vq_view s, vq_view f, vq_view reseeded, vq_view counts,
                             vq_view sums, vq_view h, vq_view rows, vq_view scratch, int M, int D, int K, vq_codebook_rates rates);

/* Bytes of scratch of vq_codebook_update. */
size_t vq_codebook_scratch(const vq_device *device, int K);

/* The averages of a codebook just started: n = f = 1, s = e. */
vq_status vq_codebook_start(vq_device *device, vq_view n, vq_view s, vq_view f, vq_view e, int D, int K);

#endif

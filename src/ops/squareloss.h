/* Squared error of n numbers, loss and gradient: loss = (y - target)^2 / 2. A target that is not finite is unknown and counts nowhere. */
#ifndef VQ_OPS_SQUARELOSS_H
#define VQ_OPS_SQUARELOSS_H

#include "device/launch.h"

/* From y [n] and targets [n]:
 *   dy [n]      =  (y - target) scale, 0 where the target is unknown
 *   metrics [1] += the sum of losses, not scaled
 * Each may be VQ_NO_VIEW. dy may be y. All sums are in a fixed order. */
vq_status vq_squareloss(vq_device *device, vq_view dy, vq_view metrics, vq_view y, vq_view targets, int n, float scale);

#endif

/* Gaussian error linear unit (Hendrycks and Gimpel, arXiv 1606.08415) in its exact form: y = x Phi(x), Phi the cumulative function
 * of the normal distribution. */
#ifndef VQ_OPS_GELU_H
#define VQ_OPS_GELU_H

#include "device/launch.h"

/* y [n] = gelu(x [n]). y may be x. */
vq_status vq_gelu_forward(vq_device *device, vq_view y, vq_view x, size_t n);

/* dx [n] = dy [n] gelu'(x [n]). dx may be dy. */
vq_status vq_gelu_backward(vq_device *device, vq_view dx, vq_view dy, vq_view x, size_t n);

#endif

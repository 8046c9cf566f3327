/* Hierarchical residual quantization around the nearest-code search. Level n of N, counted from 1, has the tap z_n of the encoder,
 * a codebook e_n and the codes M_n:
 *
 *     h_n  = n z_n - sum over m < n of sg(e_m[M_m])       what level n quantizes
 *     zhat = (1/N) sum over n of e_n[M_n]                 what the decoder sees
 *
 * (VQDNA, arXiv 2405.10812; N = 1 is plain VQ.) The gradient passes straight through: zhat counts as (1/N) sum of h_n + constant.
 * The commitment of a level is the mean over the rows of known bases and D channels of (h_n - sg(e_n[M_n]))^2.
 *
 * z, h, total, zhat [M][D]; e [K][D]; codes int32 [M]; rows uchar4 [M], of which are read .s0, above 3 where the base is unknown, and
 * .s3, 0 where the decoder must not see the row's code: there zhat is exactly zero and dzhat is not used. A forward level is residual, the search, gather. */
#ifndef VQ_OPS_QUANTIZE_H
#define VQ_OPS_QUANTIZE_H

#include "device/launch.h"
#include "device/tune.h"

extern const vq_tunables vq_quantize_tunables;

/* h = level z - total. At level 1 pass VQ_NO_VIEW for total (then h = level z), or skip the call and use z as h. */
vq_status vq_quantize_residual(vq_device *device, vq_view h, vq_view z, vq_view total, int M, int D, int level);

/* Adds the level's codes to those of the levels above it. total: = at level 1, += at the others, and not touched by the last level,
 * which writes zhat instead (so total may be VQ_NO_VIEW if levels is 1, and zhat VQ_NO_VIEW at the levels before the last).
 * metrics[slot] += scale * sum over rows of known bases, channels of (h - e[codes])^2; without metrics (VQ_NO_VIEW) h and scratch are unused. */
vq_status vq_quantize_gather(vq_device *device, vq_view zhat, vq_view total, vq_view metrics, vq_view e, vq_view h, vq_view codes,
                             vq_view rows, vq_view scratch, int M, int D, int level, int levels, int slot, float scale);

/* Bytes of scratch of vq_quantize_gather. */
size_t vq_quantize_scratch(const vq_device *device, int M);

/* dz = level (seen dzhat / levels + commit_scale (h - e[codes])), or += if `add`. Host gives commit_scale =
 * beta * 2 / (levels known D), `known` rows being of known bases: the derivative of beta times the mean commitment of the levels. */
vq_status vq_quantize_backward(vq_device *device, vq_view dz, vq_view dzhat, vq_view h, vq_view e, vq_view codes, vq_view rows,
                               int M, int D, int level, int levels, float commit_scale, bool add);

/* The start of a training, without codes: zhat = seen * mean of the taps, one call a level in order: zhat = at level 1, += at the
 * others. */
vq_status vq_quantize_mean(vq_device *device, vq_view zhat, vq_view z, vq_view rows, int M, int D, int level, int levels);

/* dz = seen dzhat / levels, or += if `add`. */
vq_status vq_quantize_mean_backward(vq_device *device, vq_view dz, vq_view dzhat, vq_view rows, int M, int D, int levels, bool add);

#endif

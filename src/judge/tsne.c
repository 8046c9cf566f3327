#include "judge/tsne.h"

#include "base/rng.h"
#include "judge/forces.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the authors' program does: gains of Jacobs 1988, and a momentum that is low while the map still finds its order. */
static const double start_deviation = 1e-4, gain_more = 0.2, gain_less = 0.8, gain_least = 0.01, momentum_early = 0.5,
                    momentum_late = 0.8;

static vq_tsne_options with_defaults(const vq_tsne_options *options, size_t rows) {
    vq_tsne_options o = options ? *options : (vq_tsne_options){0};
    o.perplexity = fmin(o.perplexity > 0 ? o.perplexity : 30, ((double)rows - 1) / 3);
    o.iterations = o.iterations > 0 ? o.iterations : 1000;
    o.exaggeration = o.exaggeration > 0 ? o.exaggeration : 12;
    o.learning_rate = o.learning_rate > 0 ? o.learning_rate : fmax((double)rows / o.exaggeration / 4, 50);
    o.seed = o.seed ? o.seed : 1;
    return o;
}

/* The mean leaves both coordinates; returns the larger of their deviations. */
static double recenter(double *xy, size_t rows) {
    double most = 0;
    for (size_t c = 0; c < 2; c++) {
        double mean = 0, squares = 0;
        for (size_t i = 0; i < rows; i++)
            mean += xy[2 * i + c];
        mean /= (double)rows;
        for (size_t i = 0; i < rows; i++) {
            xy[2 * i + c] -= mean;
            squares += xy[2 * i + c] * xy[2 * i + c];
        }
        most = fmax(most, sqrt(squares / (double)rows));
    }
    return most;
}

/* Normal draws (Box and Muller), alone or as a hundredth of the given start: records that lie on one point or one line there
 * would feel no force that takes them off it. */
static void place(double *xy, size_t rows, const float *start, uint64_t seed) {
    double scale = 0;
    if (start) {
        for (size_t i = 0; i < 2 * rows; i++)
            xy[i] = (double)start[i];
        const double deviation = recenter(xy, rows);
        scale = deviation > 0 ? start_deviation / deviation : 0;
    }
    const double noise = scale > 0 ? start_deviation / 100 : start_deviation;
    for (size_t i = 0; i < rows; i++) {
        const vq_rng_block r = vq_rng(seed, VQ_STREAM_MAP, 1, i);
        const double radius = noise * sqrt(-2 * log(1 - vq_rng_unit(vq_rng_join(r.v[0], r.v[1]))));
        const double angle = 2 * M_PI * vq_rng_unit(vq_rng_join(r.v[2], r.v[3]));
        xy[2 * i] = (scale > 0 ? xy[2 * i] * scale : 0) + radius * cos(angle);
        xy[2 * i + 1] = (scale > 0 ? xy[2 * i + 1] * scale : 0) + radius * sin(angle);
    }
    recenter(xy, rows);
}

static void move(double *xy, double *speed, double *gain, const double *gradient, size_t rows, double momentum, double rate) {
    for (size_t i = 0; i < 2 * rows; i++) {
        const double more = gain[i] + gain_more, less = gain[i] * gain_less;
        gain[i] = gradient[i] * speed[i] < 0 ? more : less > gain_least ? less : gain_least;
        speed[i] = momentum * speed[i] - rate * gain[i] * gradient[i];
        xy[i] += speed[i];
    }
    recenter(xy, rows);
}

static vq_status descend(double *xy, double *state, vq_forces *forces, size_t rows, const vq_tsne_options *o) {
    double *speed = state, *gain = state + 2 * rows, *gradient = state + 4 * rows;
    for (size_t i = 0; i < 2 * rows; i++)
        gain[i] = 1;
    for (int t = 0; t < o->iterations; t++) {
        const int early = t < o->iterations / 4;
        VQ_TRY(vq_forces_gradient(forces, gradient, NULL, xy, early ? o->exaggeration : 1));
        move(xy, speed, gain, gradient, rows, early ? momentum_early : momentum_late, o->learning_rate);
        if (o->progress)
            o->progress(o->user, t + 1, o->iterations);
    }
    return VQDNA_OK;
}

vq_status vq_tsne(float *xy, const int32_t *index, const float *distance, size_t rows, int k, const float *start,
                  const vq_tsne_options *options) {
    const vq_tsne_options o = with_defaults(options, rows);
    vq_affinities affinities = {0};
    vq_forces *forces = NULL;
    double *at = NULL, *state = NULL;
    vq_status status;
    if (rows == 0)
        return VQDNA_OK;
    VQ_TRY_OR(done, vq_alloc(&at, rows, 2 * sizeof *at));
    VQ_TRY_OR(done, vq_alloc(&state, rows, 6 * sizeof *state));
    VQ_TRY_OR(done, vq_affinities_create(&affinities, index, distance, rows, k, o.perplexity, &o.workers));
    VQ_TRY_OR(done, vq_forces_create(&forces, &affinities, &o.workers));
    place(at, rows, start, o.seed);
    VQ_TRY_OR(done, descend(at, state, forces, rows, &o));
    for (size_t i = 0; i < 2 * rows; i++)
        xy[i] = (float)at[i];
done:
    vq_forces_destroy(forces);
    vq_affinities_destroy(&affinities);
    free(at);
    free(state);
    return status;
}

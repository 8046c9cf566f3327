#include "nn/reference.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reference_create(reference *r, const vq_config *config, const vq_state *state, int M, const vq_row *rows) {
    *r = (reference){config, state, malloc(state->count * sizeof(double *)), M, rows};
    for (size_t i = 0; i < state->count; i++) {
        r->values[i] = malloc(state->tensors[i].count * sizeof(double));
        for (size_t j = 0; j < state->tensors[i].count; j++)
            r->values[i][j] = state->tensors[i].data[j];
    }
}

void reference_destroy(reference *r) {
    for (size_t i = 0; i < r->state->count; i++)
        free(r->values[i]);
    free(r->values);
}

double *reference_values(const reference *r, const char *prefix, const char *name) {
    char full[64];
    snprintf(full, sizeof full, "%s.%s", prefix, name);
    for (size_t i = 0; i < r->state->count; i++)
        if (strcmp(r->state->tensors[i].name, full) == 0)
            return r->values[i];
    assert(!"a tensor of this name");
    return NULL;
}

/* Whether row m may look `offset` rows away. */
static int within(const reference *r, int m, int offset) {
    return -(int)r->rows[m].left <= offset && offset <= (int)r->rows[m].right;
}

static double gelu(double x) {
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}

static void layernorm(double *y, const double *x, const double *weight, const double *bias, int M, int D) {
    for (int m = 0; m < M; m++) {
        double mean = 0, variance = 0;
        for (int d = 0; d < D; d++)
            mean += x[m * D + d] / D;
        for (int d = 0; d < D; d++)
            variance += (x[m * D + d] - mean) * (x[m * D + d] - mean) / D;
        for (int d = 0; d < D; d++)
            y[m * D + d] = (x[m * D + d] - mean) / sqrt(variance + 1e-5) * weight[d] + bias[d];
    }
}

static void linear(double *y, const double *x, const double *W, const double *b, int M, int in, int out) {
    for (int m = 0; m < M; m++)
        for (int o = 0; o < out; o++) {
            double sum = b[o];
            for (int i = 0; i < in; i++)
                sum += W[o * in + i] * x[m * in + i];
            y[m * out + o] = sum;
        }
}

static double *numbers(int M, int D) {
    return calloc((size_t)M * (size_t)D, sizeof(double));
}

void reference_block(const reference *r, const char *name, double *y, const double *x) {
    int M = r->M, D = r->config->dim, H = 4 * D;
    const double *w = reference_values(r, name, "dw.weight"), *b = reference_values(r, name, "dw.bias");
    double *mixed = numbers(M, D), *normed = numbers(M, D), *hidden = numbers(M, H);
    for (int m = 0; m < M; m++)
        for (int d = 0; d < D; d++) {
            mixed[m * D + d] = b[d];
            for (int o = -3; o <= 3; o++)
                if (within(r, m, o))
                    mixed[m * D + d] += w[d * 7 + o + 3] * x[(m + o) * D + d];
        }
    layernorm(normed, mixed, reference_values(r, name, "norm.weight"), reference_values(r, name, "norm.bias"), M, D);
    linear(hidden, normed, reference_values(r, name, "up.weight"), reference_values(r, name, "up.bias"), M, D, H);
    for (int i = 0; i < M * H; i++)
        hidden[i] = gelu(hidden[i]);
    linear(y, hidden, reference_values(r, name, "down.weight"), reference_values(r, name, "down.bias"), M, H, D);
    for (int i = 0; i < M * D; i++)
        y[i] += x[i];
    free(mixed);
    free(normed);
    free(hidden);
}

/* x goes in, the output of the half's last block comes out; taps may be NULL. */
static void blocks(const reference *r, const char *half, double *x, double *const *taps) {
    size_t bytes = (size_t)r->M * (size_t)r->config->dim * sizeof(double);
    double *y = malloc(bytes);
    for (int i = 0; i < r->config->blocks; i++) {
        char name[24];
        snprintf(name, sizeof name, "%s.%d", half, i);
        reference_block(r, name, y, x);
        memcpy(x, y, bytes);
        for (int n = 0; taps && n < r->config->levels; n++)
            if (r->config->taps[n] == i + 1)
                memcpy(taps[n], y, bytes);
    }
    free(y);
}

void reference_encode(const reference *r, double *const *taps) {
    int M = r->M, S = r->config->stem, D = r->config->dim;
    const double *w = reference_values(r, "conv_in", "weight"), *b = reference_values(r, "conv_in", "bias");
    double *conv = numbers(M, S), *x = numbers(M, D);
    for (int m = 0; m < M; m++)
        for (int s = 0; s < S; s++) {
            conv[m * S + s] = b[s];
            for (int o = -2; o <= 2; o++)
                if (within(r, m, o) && r->rows[m + o].base < 4)
                    conv[m * S + s] += w[(s * 4 + r->rows[m + o].base) * 5 + o + 2];
        }
    layernorm(conv, conv, reference_values(r, "norm_in", "weight"), reference_values(r, "norm_in", "bias"), M, S);
    for (int i = 0; i < M * S; i++)
        conv[i] = gelu(conv[i]);
    linear(x, conv, reference_values(r, "join", "weight"), reference_values(r, "join", "bias"), M, S, D);
    blocks(r, "enc", x, taps);
    free(conv);
    free(x);
}

void reference_decode(const reference *r, double *logits, const double *zhat) {
    int M = r->M, S = r->config->stem, D = r->config->dim;
    double *x = numbers(M, D), *y = numbers(M, S);
    memcpy(x, zhat, (size_t)M * (size_t)D * sizeof(double));
    blocks(r, "dec", x, NULL);
    linear(y, x, reference_values(r, "unjoin", "weight"), reference_values(r, "unjoin", "bias"), M, D, S);
    layernorm(y, y, reference_values(r, "norm_out", "weight"), reference_values(r, "norm_out", "bias"), M, S);
    for (int i = 0; i < M * S; i++)
        y[i] = gelu(y[i]);
    const double *w = reference_values(r, "conv_out", "weight"), *b = reference_values(r, "conv_out", "bias");
    for (int m = 0; m < M; m++)
        for (int o = 0; o < 4; o++) {
            logits[m * 4 + o] = b[o];
            for (int t = -2; t <= 2; t++)
                for (int s = 0; within(r, m, t) && s < S; s++)
                    logits[m * 4 + o] += w[(o * S + s) * 5 + t + 2] * y[(m + t) * S + s];
        }
    free(x);
    free(y);
}

void straight_through_create(straight_through *s, const reference *r, const int32_t *const *codes) {
    int M = r->M, D = r->config->dim, N = r->config->levels;
    *s = (straight_through){.zhat = numbers(M, D)};
    double *total = numbers(M, D);
    for (int n = 0; n < N; n++) {
        s->codes[n] = malloc((size_t)M * sizeof(int32_t));
        memcpy(s->codes[n], codes[n], (size_t)M * sizeof(int32_t));
        s->tap[n] = numbers(M, D);
        s->target[n] = numbers(M, D);
    }
    reference_encode(r, s->tap);
    for (int n = 0; n < N; n++) {
        char name[24];
        snprintf(name, sizeof name, "books.%d", n);
        const double *e = reference_values(r, name, "e");
        for (int i = 0; i < M * D; i++) {
            s->target[n][i] = (n + 1) * s->tap[n][i] - total[i];
            total[i] += e[s->codes[n][i / D] * D + i % D];
        }
    }
    for (int i = 0; i < M * D; i++)
        s->zhat[i] = total[i] / N;
    free(total);
}

void straight_through_destroy(straight_through *s) {
    for (int n = 0; n < VQDNA_MAX_LEVELS; n++) {
        free(s->codes[n]);
        free(s->target[n]);
        free(s->tap[n]);
    }
    free(s->zhat);
}

reference_loss reference_evaluate(const reference *r, const straight_through *s) {
    int M = r->M, D = r->config->dim, N = r->config->levels;
    double *taps[VQDNA_MAX_LEVELS] = {0}, *zhat = numbers(M, D), *logits = numbers(M, 4);
    reference_loss loss = {.margin = INFINITY};
    int known = 0;
    for (int m = 0; m < M; m++)
        known += r->rows[m].base < 4;
    for (int n = 0; n < N; n++)
        taps[n] = numbers(M, D);
    reference_encode(r, taps);
    for (int i = 0; i < M * D; i++)
        zhat[i] = s ? s->zhat[i] : 0;
    for (int n = 0; n < N; n++) {
        char name[24];
        snprintf(name, sizeof name, "books.%d", n);
        const double *e = reference_values(r, name, "e");
        for (int i = 0; i < M * D; i++) {
            if (!s) {
                zhat[i] += taps[n][i] / N;
                continue;
            }
            double h = s->target[n][i] + (n + 1) * (taps[n][i] - s->tap[n][i]), off = h - e[s->codes[n][i / D] * D + i % D];
            zhat[i] += (h - s->target[n][i]) / N;
            loss.commitment += r->rows[i / D].base < 4 ? off * off / ((double)N * known * D) : 0;
        }
    }
    for (int i = 0; i < M * D; i++)
        zhat[i] *= r->rows[i / D].seen;
    reference_decode(r, logits, zhat);
    for (int m = 0; m < M; m++) {
        int base = r->rows[m].base;
        if (base >= 4)
            continue;
        const double *l = logits + m * 4;
        double top = fmax(fmax(l[0], l[1]), fmax(l[2], l[3])), second = -INFINITY, sum = 0;
        int best = 0;
        for (int o = 3; o >= 0; o--) {
            sum += exp(l[o] - top);
            best = l[o] == top ? o : best;
        }
        for (int o = 0; o < 4; o++)
            second = o != best ? fmax(second, l[o]) : second;
        loss.margin = fmin(loss.margin, top - second);
        loss.correct += best == base;
        loss.cross_entropy += log(sum) + top - l[base];
    }
    loss.cross_entropy /= known ? known : 1;
    for (int n = 0; n < N; n++)
        free(taps[n]);
    free(zhat);
    free(logits);
    return loss;
}

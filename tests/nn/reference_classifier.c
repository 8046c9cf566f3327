#include "nn/reference_classifier.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void classifier_reference_create(classifier_reference *r, const vq_classifier_config *config, const vq_state *state) {
    *r = (classifier_reference){.config = config, .state = state};
    r->values = calloc(state->count, sizeof *r->values);
    for (size_t i = 0; i < state->count; i++) {
        r->values[i] = calloc(state->tensors[i].count, sizeof(double));
        for (size_t j = 0; j < state->tensors[i].count; j++)
            r->values[i][j] = state->tensors[i].data[j];
    }
}

void classifier_reference_destroy(classifier_reference *r) {
    for (size_t i = 0; i < r->state->count; i++)
        free(r->values[i]);
    free(r->values);
}

const double *classifier_reference_get(const classifier_reference *r, const char *prefix, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    for (size_t i = 0; i < r->state->count; i++)
        if (!strcmp(r->state->tensors[i].name, full))
            return r->values[i];
    fprintf(stderr, "the state has no %s\n", full);
    abort();
}

/* y [M][out] = x [M][in] W^T + b */
static void linear(double *y, const double *x, const double *W, const double *b, int M, int in, int out) {
    for (int m = 0; m < M; m++)
        for (int o = 0; o < out; o++) {
            double sum = b[o];
            for (int i = 0; i < in; i++)
                sum += x[m * in + i] * W[o * in + i];
            y[m * out + o] = sum;
        }
}

static void norm(double *x, const double *gamma, const double *beta, int M, int W) {
    for (int m = 0; m < M; m++) {
        double mean = 0, variance = 0, *row = x + m * W;
        for (int c = 0; c < W; c++)
            mean += row[c] / W;
        for (int c = 0; c < W; c++)
            variance += (row[c] - mean) * (row[c] - mean) / W;
        for (int c = 0; c < W; c++)
            row[c] = (row[c] - mean) / sqrt(variance + 1e-5) * gamma[c] + beta[c];
    }
}

static double gelu(double x) {
    return 0.5 * x * erfc(-x / sqrt(2));
}

static void drop(const classifier_reference *r, double *x, int n, int use) {
    for (int i = 0; i < n && r->dropout > 0; i++) {
        const vq_rng_block block = vq_rng(r->draws.seed, r->draws.stream + (uint32_t)use, r->draws.step, (uint64_t)i / 4);
        x[i] = (block.v[i % 4] >> 8) >= r->dropout * (1 << 24) ? x[i] / (1 - r->dropout) : 0;
    }
}

static void attend(const classifier_reference *r, double *o, const double *qkv, int W, int H) {
    const int d = W / H, L = r->L;
    double *score = calloc((size_t)L, sizeof *score);
    for (int b = 0; b < r->B; b++)
        for (int h = 0; h < H; h++)
            for (int i = 0; i < L; i++) {
                const double *q = qkv + ((b * L + i) * 3) * W + h * d;
                double sum = 0, top = -INFINITY, *to = o + (b * L + i) * W + h * d;
                for (int j = 0; j < L; j++) {
                    const double *k = qkv + ((b * L + j) * 3 + 1) * W + h * d;
                    score[j] = 0;
                    for (int c = 0; c < d; c++)
                        score[j] += q[c] * k[c] / sqrt(d);
                    if (r->there && !r->there[b * L + j])
                        score[j] = -INFINITY;
                    top = fmax(top, score[j]);
                }
                for (int j = 0; j < L; j++)
                    sum += score[j] = exp(score[j] - top);
                for (int c = 0; c < d; c++) {
                    to[c] = 0;
                    for (int j = 0; j < L; j++)
                        to[c] += score[j] / sum * qkv[((b * L + j) * 3 + 2) * W + h * d + c];
                }
            }
    free(score);
}

/* Lag -lag to lag of a channel: what the small network says of the distance, under the window. */
static void make_filter(const classifier_reference *r, const char *p, double *taps, int W) {
    const int L = r->L, positions = r->config->body.positions, N = VQ_HYENA_ORDER;
    char prefix[64], name[32];
    snprintf(prefix, sizeof prefix, "%smixer.filter.", p);
    double *says = calloc((size_t)(2 * W), 8), zeros[256] = {0}, a[VQ_HYENA_ORDER], b[VQ_HYENA_ORDER];
    const double *freq = classifier_reference_get(r, prefix, "freq");
    for (int t = 0; t < L; t++) {
        const double span = positions > 1 ? positions - 1 : 1, w = 2 * M_PI * t / positions;
        const double features[] = {t / span, cos(1e-4 * w), cos(w), -sin(1e-4 * w), -sin(w)};
        memcpy(a, features, sizeof features);
        for (int i = 1; i <= 3; i++) {
            snprintf(name, sizeof name, "linear%d.", i);
            const double *weight, *bias;
            char full[96];
            snprintf(full, sizeof full, "%s%s", prefix, name);
            weight = classifier_reference_get(r, full, "weight");
            bias = classifier_reference_get(r, full, "bias");
            linear(b, a, weight, bias, 1, i == 1 ? 5 : N, N);
            for (int j = 0; j < N; j++)
                a[j] = sin(freq[j] * b[j]);
        }
        linear(says, a, classifier_reference_get(r, prefix, "linear4.weight"), zeros, 1, N, 2 * W);
        for (int c = 0; c < W; c++) {
            const double slow = log(100) / 1.5, fast = log(100) / 0.3;
            const double fade = exp(-(slow + (fast - slow) * c / (W - 1)) * t / span) + 0.05;
            taps[(L - 1 + t) * W + c] = says[c] * fade;
            if (t)
                taps[(L - 1 - t) * W + c] = says[W + c] * fade;
        }
    }
    free(says);
}

static void convolve(const classifier_reference *r, const char *p, double *heads, const double *qkv, int W) {
    const int L = r->L;
    double *x = calloc((size_t)(L * 3 * W), 8), *taps = calloc((size_t)((2 * L - 1) * W), 8);
    const double *weight = classifier_reference_get(r, p, "mixer.short_filter.weight"),
                 *short_bias = classifier_reference_get(r, p, "mixer.short_filter.bias"),
                 *bias = classifier_reference_get(r, p, "mixer.filter.bias");
    make_filter(r, p, taps, W);
    for (int b = 0; b < r->B; b++) {
        const uint8_t *there = r->there ? r->there + b * L : NULL;
        for (int l = 0; l < L; l++)
            for (int c = 0; c < 3 * W; c++) {
                double sum = short_bias[c];
                for (int k = -1; k <= 1; k++)
                    if (l + k >= 0 && l + k < L && (!there || there[l + k]))
                        sum += weight[3 * c + k + 1] * qkv[(b * L + l + k) * 3 * W + c];
                x[l * 3 * W + c] = there && !there[l] ? 0 : sum;
            }
        for (int l = 0; l < L; l++)
            for (int c = 0; c < W; c++) {
                double sum = bias[c] * x[l * 3 * W + W + c] * x[l * 3 * W + 2 * W + c];
                for (int j = 0; j < L; j++)
                    sum += taps[(l - j + L - 1) * W + c] * x[j * 3 * W + W + c] * x[j * 3 * W + 2 * W + c];
                heads[(b * L + l) * W + c] = sum * x[l * 3 * W + c];
            }
    }
    free(x);
    free(taps);
}

static void layer(const classifier_reference *r, double *x, int number) {
    const vq_layer_config *c = &r->config->body.layer;
    const int M = r->B * r->L, W = c->width, F = c->feed;
    const size_t m = (size_t)M, w = (size_t)W;
    char p[32];
    snprintf(p, sizeof p, "body.layers.%d.", number);
    double *in = calloc(m * w, 8), *qkv = calloc(3 * m * w, 8), *heads = calloc(m * w, 8), *wide = calloc(m * (size_t)F, 8);
    for (int branch = 0; branch < 2; branch++) {
        const double *gamma = classifier_reference_get(r, p, branch ? "norm2.weight" : "norm1.weight"),
                     *beta = classifier_reference_get(r, p, branch ? "norm2.bias" : "norm1.bias");
        memcpy(in, x, m * w * 8);
        if (!c->post_norm)
            norm(in, gamma, beta, M, W);
        if (branch == 0) {
            const bool hyena = r->config->body.mixers[number] == VQ_HYENA;
            linear(qkv, in, classifier_reference_get(r, p, hyena ? "mixer.in_proj.weight" : "self_attn.in_proj_weight"),
                   classifier_reference_get(r, p, hyena ? "mixer.in_proj.bias" : "self_attn.in_proj_bias"), M, W, 3 * W);
            if (hyena)
                convolve(r, p, heads, qkv, W);
            else
                attend(r, heads, qkv, W, c->heads);
            linear(in, heads, classifier_reference_get(r, p, hyena ? "mixer.out_proj.weight" : "self_attn.out_proj.weight"),
                   classifier_reference_get(r, p, hyena ? "mixer.out_proj.bias" : "self_attn.out_proj.bias"), M, W, W);
        } else {
            linear(wide, in, classifier_reference_get(r, p, "linear1.weight"), classifier_reference_get(r, p, "linear1.bias"), M, W,
                   F);
            for (int i = 0; i < M * F; i++)
                wide[i] = gelu(wide[i]);
            linear(in, wide, classifier_reference_get(r, p, "linear2.weight"), classifier_reference_get(r, p, "linear2.bias"), M, F,
                   W);
        }
        drop(r, in, M * W, 2 * number + branch);
        for (int i = 0; i < M * W; i++)
            x[i] += in[i];
        if (c->post_norm)
            norm(x, gamma, beta, M, W);
    }
    free(in);
    free(qkv);
    free(heads);
    free(wide);
}

/* x [M][W] of the embeddings. */
static void embed(const classifier_reference *r, double *x) {
    const vq_body_config *c = &r->config->body;
    const int M = r->B * r->L, W = c->layer.width, dim = c->dim ? c->dim : W;
    double *u = calloc((size_t)(M * dim), 8);
    for (int t = 0; t < c->tables; t++) {
        char name[32];
        snprintf(name, sizeof name, "input.%d.weight", t);
        const double *table = classifier_reference_get(r, "", name);
        for (int m = 0; m < M; m++)
            for (int i = 0; i < dim && r->ids[t * M + m] < c->entries[t]; i++)
                u[m * dim + i] +=
                    c->scale * (c->last_scale > 0 && t == c->tables - 1 ? c->last_scale : 1) * table[r->ids[t * M + m] * dim + i];
    }
    if (c->dim)
        linear(x, u, classifier_reference_get(r, "join.", "weight"), classifier_reference_get(r, "join.", "bias"), M, dim, W);
    else
        memcpy(x, u, (size_t)(M * W) * 8);
    for (int m = 0; m < M; m++)
        for (int i = 0; i < W; i++) {
            x[m * W + i] += r->hidden && r->hidden[m] == 0 ? classifier_reference_get(r, "mask.", "weight")[i] : 0;
            x[m * W + i] += c->mixers[0] == VQ_ATTENTION && r->place[m] < c->positions
                                ? classifier_reference_get(r, "position.", "weight")[r->place[m] * W + i]
                                : 0;
        }
    norm(x, classifier_reference_get(r, "input_norm.", "weight"), classifier_reference_get(r, "input_norm.", "bias"), M, W);
    drop(r, x, M * W, 2 * VQ_MAX_LAYERS);
    free(u);
}

double *classifier_reference_body(const classifier_reference *r) {
    const vq_body_config *c = &r->config->body;
    const int M = r->B * r->L, W = c->layer.width;
    double *x = calloc((size_t)(M * W), 8);
    embed(r, x);
    for (int i = 0; i < c->layers; i++)
        layer(r, x, i);
    if (!c->layer.post_norm)
        norm(x, classifier_reference_get(r, "body.norm.", "weight"), classifier_reference_get(r, "body.norm.", "bias"), M, W);
    return x;
}

double classifier_reference_loss(const classifier_reference *r, double *logits) {
    const vq_classifier_config *c = r->config;
    const int W = c->body.layer.width, C = c->classes ? c->classes : 1;
    double *x = classifier_reference_body(r), *pooled = calloc((size_t)W, 8), *hidden = calloc((size_t)W, 8), z[64], loss = 0;
    for (int b = 0; b < r->B; b++) {
        for (int i = 0; i < W; i++) {
            double sum = 0, top = -INFINITY, count = 0;
            for (int l = 0; l < r->L; l++)
                if (!r->there || r->there[b * r->L + l]) {
                    sum += x[(b * r->L + l) * W + i];
                    top = fmax(top, x[(b * r->L + l) * W + i]);
                    count++;
                }
            pooled[i] = c->max_pool ? top : sum / count;
        }
        if (!c->linear) {
            linear(hidden, pooled, classifier_reference_get(r, "head.hidden.", "weight"),
                   classifier_reference_get(r, "head.hidden.", "bias"), 1, W, W);
            for (int i = 0; i < W; i++)
                pooled[i] = gelu(hidden[i]);
        }
        linear(z, pooled, classifier_reference_get(r, "head.out.", "weight"), classifier_reference_get(r, "head.out.", "bias"), 1,
               W, C);
        double sum = 0;
        for (int k = 0; k < C; k++) {
            sum += exp(z[k]);
            if (logits)
                logits[b * C + k] = z[k];
        }
        if (!c->classes)
            loss += isfinite(r->numbers[b]) ? pow(z[0] - r->numbers[b], 2) / 2 : 0;
        else if (r->classes[b] < C)
            loss += (r->weights ? r->weights[r->classes[b]] : 1) * (log(sum) - z[r->classes[b]]);
    }
    free(x);
    free(pooled);
    free(hidden);
    return loss;
}

#include "ops/attention.h"
#include "ops/case.h"

#include <math.h>
#include <stdlib.h>

enum { B, H, L, D, MASKED, ONE }; /* MASKED: each batch entry has its number of keys; ONE: q, k, v lie in one buffer */

static vq_attention_shape shape_of(const int *dims) {
    const int width = dims[H] * dims[D], stride = dims[ONE] ? 3 * width : width, step = dims[ONE] ? width : 0;
    return (vq_attention_shape){dims[B], dims[H], dims[L], dims[D], {stride, 0}, {stride, step}, {stride, 2 * step}, {width, 0}};
}

static vq_status declare(vq_case *c, const int *dims) {
    const vq_attention_shape s = shape_of(dims);
    const size_t rows = (size_t)dims[B] * (size_t)dims[L], width = (size_t)dims[H] * (size_t)dims[D];
    const char *const inputs[] = {"q", "k", "v"}, *const gradients[] = {"dq", "dk", "dv"};
    if (dims[ONE])
        vq_case_input(c, "qkv", rows * 3 * width, -2, 2);
    for (int i = 0; i < 3 && !dims[ONE]; i++)
        vq_case_input(c, inputs[i], rows * width, -2, 2);
    if (dims[MASKED])
        vq_case_indices(c, "keys", VQ_I32, (size_t)dims[B], 0, dims[L]);
    vq_case_output(c, "o", VQ_F32, rows * width);
    vq_case_output(c, "lse", VQ_F32, rows * (size_t)dims[H]);
    vq_case_scratch(c, "scratch", vq_attention_scratch(vq_case_device(c), &s));
    vq_case_seed(c, "do", "o");
    if (dims[ONE])
        vq_case_gradient(c, "dqkv", "qkv", false);
    for (int i = 0; i < 3 && !dims[ONE]; i++)
        vq_case_gradient(c, gradients[i], inputs[i], false);
    return VQDNA_OK;
}

static vq_view view(vq_case *c, const int *dims, const char *together, const char *apart) {
    return vq_case_view(c, dims[ONE] ? together : apart);
}

static vq_view keys(vq_case *c, const int *dims) {
    return dims[MASKED] ? vq_case_view(c, "keys") : VQ_NO_VIEW;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    const vq_attention_shape s = shape_of(dims);
    return vq_attention_forward(device, vq_case_view(c, "o"), vq_case_view(c, "lse"), view(c, dims, "qkv", "q"),
                                view(c, dims, "qkv", "k"), view(c, dims, "qkv", "v"), keys(c, dims), &s);
}

static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    const vq_attention_shape s = shape_of(dims);
    return vq_attention_backward(device, view(c, dims, "dqkv", "dq"), view(c, dims, "dqkv", "dk"), view(c, dims, "dqkv", "dv"),
                                 vq_case_view(c, "scratch"), vq_case_view(c, "do"), view(c, dims, "qkv", "q"),
                                 view(c, dims, "qkv", "k"), view(c, dims, "qkv", "v"), vq_case_view(c, "o"), vq_case_view(c, "lse"),
                                 keys(c, dims), &s);
}

static const double *row(vq_case *c, const int *dims, const char *apart, vq_heads heads, int b, int h, int l) {
    return vq_case_value(c, dims[ONE] ? "qkv" : apart) + ((size_t)b * (size_t)dims[L] + (size_t)l) * (size_t)heads.stride +
           heads.column + h * dims[D];
}

static void reference(vq_case *c, const int *dims) {
    const vq_attention_shape s = shape_of(dims);
    double *o = vq_case_value(c, "o"), *lse = vq_case_value(c, "lse");
    double *p = malloc((size_t)dims[L] * sizeof *p);
    if (!p)
        abort();
    for (int i = 0; i < dims[B] * dims[H] * dims[L]; i++) {
        const int l = i % dims[L], bh = i / dims[L], b = bh / dims[H], h = bh % dims[H];
        const int known = dims[MASKED] ? (int)vq_case_value(c, "keys")[b] : dims[L];
        const double *q = row(c, dims, "q", s.q, b, h, l);
        double *to = o + ((size_t)b * (size_t)dims[L] + (size_t)l) * (size_t)s.o.stride + h * dims[D];
        double top = -INFINITY, total = 0;
        for (int j = 0; j < known; j++) {
            const double *k = row(c, dims, "k", s.k, b, h, j);
            p[j] = 0;
            for (int d = 0; d < dims[D]; d++)
                p[j] += q[d] * k[d] / sqrt(dims[D]);
            top = p[j] > top ? p[j] : top;
        }
        for (int j = 0; j < known; j++)
            total += p[j] = exp(p[j] - top);
        for (int d = 0; d < dims[D]; d++)
            to[d] = 0;
        for (int j = 0; j < known; j++) {
            const double *v = row(c, dims, "v", s.v, b, h, j);
            for (int d = 0; d < dims[D]; d++)
                to[d] += p[j] / total * v[d];
        }
        lse[i] = known > 0 ? top + log(total) : 0;
    }
    free(p);
}

static double flops(const int *dims) {
    return 4.0 * dims[B] * dims[H] * dims[L] * dims[L] * dims[D];
}

static double bytes(const int *dims) {
    return 16.0 * dims[B] * dims[H] * dims[L] * dims[D];
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, 1, 0, 0}},           {{1, 1, 3, 5, 0, 0}},           {{2, 1, 7, 3, 1, 0}},
    {{4, 2, 9, 8, 1, 1}},           {{1, 1, 70, 5, 1, 0}},          {{1, 2, 17, 32, 0, 1}},
    {{2, 1, 14, 64, 1, 0}},         {{1, 1, 11, 128, 0, 1}},        {{8, 3, 130, 18, 1, 1}},
    {{1, 3, 290, 64, 0, 0}},        {{2, 3, 77, 127, 1, 0}},        {{1, 4, 450, 33, 0, 1}},
    {{8, 12, 512, 64, 0, 1}, true}, {{8, 12, 512, 64, 0, 0}, true}, {{4, 12, 512, 32, 1, 1}, true},
    {{2, 6, 512, 128, 0, 1}, true}, {{1, 2, 4096, 64, 0, 1}, true}, {{0}},
};

const vq_case_table vq_cases_attention = {
    .operation = "attention",
    .dims = "B H L d masked one",
    .shapes = shapes,
    .tolerance = 1e-5,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
    .bytes = bytes,
};

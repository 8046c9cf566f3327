#include "check/case.h"
#include "ops/attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { B, H, L, D, KEYS, ONE }; /* KEYS: which, below; ONE: q, k, v lie in one buffer */

enum {
    ALL,
    SOME, /* batch entries in turn with half of the keys, a row of the first, all, none */
    FEW,  /* some of the keys of each sixteenth hundred of a long sequence, of which a few queries are compared */
    FAR,  /* SOME, scores of some 10^4: no value and no gradient may overflow */
    NANS, /* a NaN in a query, key, value and masked key of an entry each: it must show where it belongs, and only there */
};
enum { SAMPLED = 4 };

static vq_attention_shape shape_of(const int *dims) {
    const int width = dims[H] * dims[D], stride = dims[ONE] ? 3 * width : width, step = dims[ONE] ? width : 0;
    return (vq_attention_shape){dims[B], dims[H], dims[L], dims[D], {stride, 0}, {stride, step}, {stride, 2 * step}, {width, 0}};
}

/* The rows that are compared: the i-th of row_count. */
static int row_count(const int *dims) {
    return dims[KEYS] == FEW ? SAMPLED : dims[L];
}
static int row_at(const int *dims, int i) {
    return dims[KEYS] == FEW ? (int)((int64_t)i * (dims[L] - 1) / (SAMPLED - 1)) : i;
}

/* Element 0 of a row of q, k or v. */
static double *row(vq_case *c, const int *dims, const char *apart, vq_heads heads, int b, int h, int l) {
    return vq_case_value(c, dims[ONE] ? "qkv" : apart) + ((size_t)b * (size_t)dims[L] + (size_t)l) * (size_t)heads.stride +
           heads.column + h * dims[D];
}

static void declare_mask(vq_case *c, const int *dims) {
    vq_case_indices(c, "mask", VQ_U8, (size_t)dims[B] * (size_t)dims[L], 0, 1);
    double *mask = vq_case_value(c, "mask");
    for (int i = 0; mask && i < dims[B] * dims[L]; i++) {
        const int l = i % dims[L], entry = i / dims[L] % 4;
        if (dims[KEYS] == FEW)
            mask[i] = (mask[i] != 0 && l / 100 % 16 == 15) || l == dims[L] - 1;
        else if (dims[KEYS] == NANS)
            mask[i] = l != 2 || entry != 3;
        else if (entry > 0)
            mask[i] = entry == 1 ? l <= dims[L] / 3 : entry == 2 ? 255 : 0;
    }
}

static void put_nans(vq_case *c, const int *dims) {
    const vq_attention_shape s = shape_of(dims);
    if (!vq_case_value(c, dims[ONE] ? "qkv" : "v"))
        return;
    row(c, dims, "q", s.q, 0, 0, 1)[0] = NAN;
    row(c, dims, "k", s.k, 1, 0, 2)[1] = NAN;
    row(c, dims, "v", s.v, 2, 0, 2)[1] = NAN;
    row(c, dims, "k", s.k, 3, 0, 2)[0] = row(c, dims, "v", s.v, 3, 0, 2)[0] = NAN;
}

static vq_status declare(vq_case *c, const int *dims) {
    const vq_attention_shape s = shape_of(dims);
    const size_t rows = (size_t)dims[B] * (size_t)dims[L], width = (size_t)dims[H] * (size_t)dims[D];
    const size_t compared = (size_t)dims[B] * (size_t)row_count(dims);
    const char *const inputs[] = {"q", "k", "v"}, *const gradients[] = {"dq", "dk", "dv"};
    const double reach = dims[KEYS] == FAR ? 60 : 2;
    if (dims[ONE])
        vq_case_input(c, "qkv", rows * 3 * width, -reach, reach);
    for (int i = 0; i < 3 && !dims[ONE]; i++)
        vq_case_input(c, inputs[i], rows * width, -reach, reach);
    if (dims[KEYS] != ALL)
        declare_mask(c, dims);
    vq_case_scratch(c, "scratch", vq_attention_scratch(vq_case_device(c), &s) + 4);
    if (dims[KEYS] == NANS) {
        put_nans(c, dims);
        vq_case_scratch(c, "all o", rows * width * sizeof(float));
        vq_case_scratch(c, "all lse", rows * (size_t)dims[H] * sizeof(float));
        vq_case_output(c, "nans of o", VQ_I32, rows * width);
        vq_case_output(c, "nans of lse", VQ_I32, rows * (size_t)dims[H]);
        return VQDNA_OK;
    }
    vq_case_output(c, "o", VQ_F32, compared * width);
    vq_case_output(c, "lse", VQ_F32, compared * (size_t)dims[H]);
    if (dims[KEYS] == FEW) {
        vq_case_scratch(c, "all o", rows * width * sizeof(float));
        vq_case_scratch(c, "all lse", rows * (size_t)dims[H] * sizeof(float));
        vq_case_scratch(c, "all do", rows * width * sizeof(float));
    }
    if (dims[KEYS] == FAR) { /* the gradients of so steep a softmax are all rounding */
        for (int i = 0; i < 3; i++)
            vq_case_scratch(c, gradients[i], rows * width * sizeof(float));
        vq_case_output(c, "overflows", VQ_I32, 1);
        return VQDNA_OK;
    }
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

static vq_view mask(vq_case *c, const int *dims) {
    return dims[KEYS] == ALL ? VQ_NO_VIEW : vq_case_view(c, "mask");
}

/* 1 for each NaN among n floats. */
static vq_status mark_nans(vq_device *device, vq_view marks, vq_view of, size_t n) {
    float *values;
    VQ_TRY(vq_alloc(&values, n, sizeof *values));
    vq_status status;
    VQ_TRY_OR(done, vq_read(device, values, of, 0, n * sizeof *values));
    for (size_t i = 0; i < n; i++) {
        const int32_t mark = isnan(values[i]);
        memcpy(&values[i], &mark, sizeof mark);
    }
    VQ_TRY_OR(done, vq_write(device, marks, 0, values, n * sizeof *values));
done:
    free(values);
    return status;
}

/* Backward from a gradient of ones; how many of its results are not finite. */
static vq_status count_overflows(vq_case *c, vq_device *device, const int *dims) {
    const vq_attention_shape s = shape_of(dims);
    const char *const gradients[] = {"dq", "dk", "dv"};
    const size_t n = (size_t)dims[B] * (size_t)dims[L] * (size_t)dims[H] * (size_t)dims[D];
    vq_view d_o = VQ_NO_VIEW;
    int32_t count = 0;
    float *values;
    VQ_TRY(vq_alloc(&values, n, sizeof *values));
    for (size_t i = 0; i < n; i++)
        values[i] = 1;
    vq_status status;
    VQ_TRY_OR(done, vq_view_create(device, &d_o, n * sizeof *values));
    VQ_TRY_OR(done, vq_write(device, d_o, 0, values, n * sizeof *values));
    VQ_TRY_OR(done, vq_attention_backward(device, vq_case_view(c, "dq"), vq_case_view(c, "dk"), vq_case_view(c, "dv"),
                                          vq_case_view(c, "scratch"), d_o, vq_case_view(c, "q"), vq_case_view(c, "k"),
                                          vq_case_view(c, "v"), vq_case_view(c, "o"), vq_case_view(c, "lse"), mask(c, dims), &s));
    for (int g = 0; g < 3; g++) {
        VQ_TRY_OR(done, vq_read(device, values, vq_case_view(c, gradients[g]), 0, n * sizeof *values));
        for (size_t i = 0; i < n; i++)
            count += !isfinite(values[i]);
    }
    VQ_TRY_OR(done, vq_write(device, vq_case_view(c, "overflows"), 0, &count, sizeof count));
done:
    vq_view_destroy(&d_o);
    free(values);
    return status;
}

/* The compared rows from (or to) a tensor of all rows of `width` floats, zeros elsewhere. One batch entry and head. */
static vq_status sample(vq_device *device, vq_view some, vq_view all, const int *dims, size_t width, bool back) {
    float *values, *part = NULL;
    VQ_TRY(vq_alloc(&values, (size_t)dims[L] * width, sizeof *values));
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&part, SAMPLED * width, sizeof *part));
    VQ_TRY_OR(done, back ? vq_read(device, part, some, 0, SAMPLED * width * sizeof *part)
                         : vq_read(device, values, all, 0, (size_t)dims[L] * width * sizeof *values));
    for (int i = 0; i < SAMPLED; i++) {
        float *of_all = values + (size_t)row_at(dims, i) * width, *of_some = part + (size_t)i * width;
        memcpy(back ? of_all : of_some, back ? of_some : of_all, width * sizeof *part);
    }
    VQ_TRY_OR(done, back ? vq_write(device, all, 0, values, (size_t)dims[L] * width * sizeof *values)
                         : vq_write(device, some, 0, part, SAMPLED * width * sizeof *part));
done:
    free(values);
    free(part);
    return status;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    const vq_attention_shape s = shape_of(dims);
    const bool derived = dims[KEYS] == FEW || dims[KEYS] == NANS;
    const size_t rows = (size_t)dims[B] * (size_t)dims[H] * (size_t)dims[L];
    const vq_view o = vq_case_view(c, derived ? "all o" : "o"), lse = vq_case_view(c, derived ? "all lse" : "lse");
    VQ_TRY(vq_attention_forward(device, o, lse, view(c, dims, "qkv", "q"), view(c, dims, "qkv", "k"), view(c, dims, "qkv", "v"),
                                mask(c, dims), &s));
    if (dims[KEYS] == FAR)
        VQ_TRY(count_overflows(c, device, dims));
    if (dims[KEYS] == FEW) {
        VQ_TRY(sample(device, vq_case_view(c, "o"), o, dims, (size_t)dims[D], false));
        VQ_TRY(sample(device, vq_case_view(c, "lse"), lse, dims, 1, false));
    }
    if (dims[KEYS] == NANS) {
        VQ_TRY(mark_nans(device, vq_case_view(c, "nans of o"), o, rows * (size_t)dims[D]));
        VQ_TRY(mark_nans(device, vq_case_view(c, "nans of lse"), lse, rows));
    }
    return VQDNA_OK;
}

static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    const vq_attention_shape s = shape_of(dims);
    const bool few = dims[KEYS] == FEW;
    if (dims[KEYS] == FAR || dims[KEYS] == NANS)
        return VQDNA_OK;
    if (few)
        VQ_TRY(sample(device, vq_case_view(c, "do"), vq_case_view(c, "all do"), dims, (size_t)dims[D], true));
    return vq_attention_backward(device, view(c, dims, "dqkv", "dq"), view(c, dims, "dqkv", "dk"), view(c, dims, "dqkv", "dv"),
                                 vq_case_view(c, "scratch"), vq_case_view(c, few ? "all do" : "do"), view(c, dims, "qkv", "q"),
                                 view(c, dims, "qkv", "k"), view(c, dims, "qkv", "v"), vq_case_view(c, few ? "all o" : "o"),
                                 vq_case_view(c, few ? "all lse" : "lse"), mask(c, dims), &s);
}

static void reference(vq_case *c, const int *dims) {
    const vq_attention_shape s = shape_of(dims);
    const int rows = row_count(dims);
    const bool nans = dims[KEYS] == NANS;
    const double scale = sqrt(dims[D]);
    double *o = vq_case_value(c, nans ? "nans of o" : "o"), *lse = vq_case_value(c, nans ? "nans of lse" : "lse");
    double *p = malloc((size_t)dims[L] * sizeof *p);
    if (!p)
        abort();
    for (int i = 0; i < dims[B] * dims[H] * rows; i++) {
        const int bh = i / rows, b = bh / dims[H], h = bh % dims[H];
        const double *used = dims[KEYS] == ALL ? NULL : vq_case_value(c, "mask") + (size_t)b * (size_t)dims[L];
        const double *q = row(c, dims, "q", s.q, b, h, row_at(dims, i % rows));
        const double *k = row(c, dims, "k", s.k, b, h, 0), *v = row(c, dims, "v", s.v, b, h, 0);
        double *to = o + ((size_t)b * (size_t)rows + (size_t)(i % rows)) * (size_t)s.o.stride + h * dims[D];
        double top = -INFINITY, total = 0;
        for (int j = 0; j < dims[L]; j++) {
            if (used && used[j] == 0)
                continue;
            double sum = 0;
            for (int d = 0; d < dims[D]; d++)
                sum += q[d] * k[(size_t)j * (size_t)s.k.stride + (size_t)d];
            p[j] = sum / scale;
            top = p[j] > top ? p[j] : top;
        }
        for (int d = 0; d < dims[D]; d++)
            to[d] = 0;
        for (int j = 0; j < dims[L]; j++) {
            if (used && used[j] == 0)
                continue;
            p[j] = exp(p[j] - top);
            total += p[j];
            for (int d = 0; d < dims[D]; d++)
                to[d] += p[j] * v[(size_t)j * (size_t)s.v.stride + (size_t)d];
        }
        for (int d = 0; d < dims[D]; d++)
            to[d] = total == 0 ? 0 : nans ? isnan(to[d] / total) : to[d] / total;
        lse[i] = total == 0 ? 0 : nans ? isnan(top + log(total)) : top + log(total);
    }
    if (dims[KEYS] == FAR)
        vq_case_value(c, "overflows")[0] = 0;
    free(p);
}

static double flops(const int *dims) {
    return 4.0 * dims[B] * dims[H] * dims[L] * dims[L] * dims[D];
}

static double bytes(const int *dims) {
    return 16.0 * dims[B] * dims[H] * dims[L] * dims[D];
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, 1, ALL, 0}},
    {{1, 1, 3, 5, ALL, 0}},
    {{2, 1, 7, 5, SOME, 0}},
    {{4, 2, 9, 8, SOME, 1}},
    {{1, 1, 70, 5, SOME, 0}},
    {{1, 2, 17, 32, ALL, 1}},
    {{2, 1, 14, 64, SOME, 0}},
    {{1, 1, 11, 128, ALL, 1}},
    {{4, 2, 21, 8, FAR, 0}},
    {{4, 2, 37, 8, NANS, 0}},
    {{4, 1, 100, 8, NANS, 1}},
    {{8, 3, 130, 33, SOME, 1}},
    {{1, 3, 290, 64, ALL, 0}},
    {{4, 3, 77, 128, SOME, 0}},
    {{1, 4, 450, 33, ALL, 1}},
    {{1, 1, 32768, 32, FEW, 0}},
    {{8, 12, 512, 64, ALL, 1}, true},
    {{8, 12, 512, 64, ALL, 0}, true},
    {{4, 12, 512, 32, SOME, 1}, true},
    {{2, 6, 512, 128, ALL, 1}, true},
    {{1, 2, 4096, 64, ALL, 1}, true},
    {{0}},
};

const vq_case_table vq_cases_attention = {
    .operation = "attention",
    .dims = "B H L d keys one",
    .shapes = shapes,
    .tunables = {&vq_attention_tunables},
    .tolerance = 1e-5,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
    .bytes = bytes,
};

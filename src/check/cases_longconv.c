#include "check/case.h"
#include "ops/longconv.h"

#include <math.h>
#include <stdlib.h>

enum { B, L, C, HOW };

/* Centred or causal; and with bits added: some positions missing, no gates, x0, x1 and v in one buffer, y over v. */
enum { CENTRED = 1, CAUSAL = 2, MASKED = 4, BARE = 8, ONE = 16, OVER = 32 };

static vq_longconv_shape shape_of(const int *dims) {
    return (vq_longconv_shape){dims[B], dims[L], dims[C], (dims[HOW] & CAUSAL) != 0};
}

static vq_longconv_layout layout_of(const int *dims) {
    const int width = dims[C], stride = dims[HOW] & ONE ? 3 * width : width, step = dims[HOW] & ONE ? width : 0;
    return (vq_longconv_layout){{stride, 0}, {stride, step}, {stride, 2 * step}, {width, 0}, {width, 0}};
}

static vq_status declare(vq_case *c, const int *dims) {
    const vq_longconv_shape s = shape_of(dims);
    const size_t rows = (size_t)dims[B] * (size_t)dims[L], width = (size_t)dims[C];
    const size_t lags = (size_t)vq_longconv_lags(&s);
    vq_device *device = vq_case_device(c);
    if (dims[HOW] & ONE)
        vq_case_input(c, "x", rows * 3 * width, -1, 1);
    if (!(dims[HOW] & (ONE | BARE))) {
        vq_case_input(c, "x0", rows * width, -1, 1);
        vq_case_input(c, "x1", rows * width, -1, 1);
    }
    if (!(dims[HOW] & ONE))
        vq_case_input(c, "v", rows * width, -1, 1);
    vq_case_input(c, "h", lags * width, -1, 1);
    vq_case_input(c, "bias", width, -1, 1);
    if (dims[HOW] & MASKED) {
        vq_case_indices(c, "mask", VQ_U8, rows, 0, 3);
        for (size_t i = 0; i < rows && vq_case_value(c, "mask"); i++) /* a NaN where none is must not be read */
            if (vq_case_value(c, "mask")[i] == 0 && !(dims[HOW] & ONE))
                vq_case_value(c, "v")[i * width] = NAN;
    }
    vq_case_output(c, "y", VQ_F32, rows * width);
    vq_case_output(c, "s", VQ_F32, rows * width);
    vq_case_scratch(c, "spectrum", vq_longconv_spectrum_bytes(device, &s));
    vq_case_scratch(c, "scratch", vq_longconv_scratch(device, &s));
    vq_case_seed(c, "dy", "y");
    if (dims[HOW] & ONE)
        vq_case_gradient(c, "dx", "x", false);
    if (!(dims[HOW] & (ONE | BARE))) {
        vq_case_gradient(c, "dx0", "x0", false);
        vq_case_gradient(c, "dx1", "x1", false);
    }
    if (!(dims[HOW] & ONE))
        vq_case_gradient(c, "dv", "v", false);
    vq_case_gradient(c, "dh", "h", true);
    vq_case_gradient(c, "dbias", "bias", true);
    return VQDNA_OK;
}

static vq_view input(vq_case *c, const int *dims, const char *name) {
    if (dims[HOW] & ONE)
        return vq_case_view(c, "x");
    return (dims[HOW] & BARE) && name[0] == 'x' ? VQ_NO_VIEW : vq_case_view(c, name);
}

static vq_view gradient(vq_case *c, const int *dims, const char *name) {
    if (dims[HOW] & ONE)
        return vq_case_view(c, "dx");
    return (dims[HOW] & BARE) && name[1] == 'x' ? VQ_NO_VIEW : vq_case_view(c, name);
}

static vq_view mask(vq_case *c, const int *dims) {
    return dims[HOW] & MASKED ? vq_case_view(c, "mask") : VQ_NO_VIEW;
}

static vq_status forward(vq_case *c, vq_device *device, const int *dims) {
    const vq_longconv_shape s = shape_of(dims);
    const vq_longconv_layout layout = layout_of(dims);
    const vq_view y = vq_case_view(c, "y"), scratch = vq_case_view(c, "scratch"), spectrum = vq_case_view(c, "spectrum");
    vq_view v = input(c, dims, "v");
    if (dims[HOW] & OVER) {
        VQ_TRY(vq_copy(device, y, 0, v, 0, y.bytes));
        v = y;
    }
    VQ_TRY(vq_longconv_spectrum(device, spectrum, scratch, vq_case_view(c, "h"), &s));
    return vq_longconv_forward(device, y, vq_case_view(c, "s"), scratch, input(c, dims, "x0"), input(c, dims, "x1"), v, spectrum,
                               vq_case_view(c, "bias"), mask(c, dims), &layout, &s);
}

static vq_status backward(vq_case *c, vq_device *device, const int *dims) {
    const vq_longconv_shape s = shape_of(dims);
    const vq_longconv_layout layout = layout_of(dims);
    return vq_longconv_backward(device, gradient(c, dims, "dx0"), gradient(c, dims, "dx1"), gradient(c, dims, "dv"),
                                vq_case_view(c, "dh"), vq_case_view(c, "dbias"), vq_case_view(c, "scratch"), vq_case_view(c, "dy"),
                                input(c, dims, "x0"), input(c, dims, "x1"), input(c, dims, "v"), vq_case_view(c, "s"),
                                vq_case_view(c, "spectrum"), vq_case_view(c, "bias"), mask(c, dims), &layout, &s);
}

/* Channel i of position l of an input. */
static double at(vq_case *c, const int *dims, const char *name, vq_longconv_rows rows, int b, int l, int i) {
    if ((dims[HOW] & BARE) && name[0] == 'x')
        return 1;
    return vq_case_value(
        c,
        dims[HOW] & ONE ? "x" : name)[((size_t)b * (size_t)dims[L] + (size_t)l) * (size_t)rows.stride + (size_t)(rows.column + i)];
}

static void reference(vq_case *c, const int *dims) {
    const vq_longconv_layout layout = layout_of(dims);
    const int before = dims[HOW] & CAUSAL ? 0 : dims[L] - 1;
    const double *h = vq_case_value(c, "h"), *bias = vq_case_value(c, "bias");
    double *y = vq_case_value(c, "y"), *s = vq_case_value(c, "s"), *u = malloc((size_t)dims[L] * sizeof *u);
    if (!u)
        abort();
    for (int bi = 0; bi < dims[B] * dims[C]; bi++) {
        const int b = bi / dims[C], i = bi % dims[C];
        const double *there = dims[HOW] & MASKED ? vq_case_value(c, "mask") + (size_t)b * (size_t)dims[L] : NULL;
        for (int l = 0; l < dims[L]; l++)
            u[l] = there && there[l] == 0 ? 0 : at(c, dims, "v", layout.v, b, l, i) * at(c, dims, "x1", layout.x1, b, l, i);
        for (int l = 0; l < dims[L]; l++) {
            const size_t to = ((size_t)b * (size_t)dims[L] + (size_t)l) * (size_t)dims[C] + (size_t)i;
            double sum = bias[i] * u[l];
            for (int from = 0; from < dims[L] && from <= l + before; from++)
                sum += h[(size_t)(l - from + before) * (size_t)dims[C] + (size_t)i] * u[from];
            const bool missing = there && there[l] == 0;
            s[to] = missing ? 0 : sum;
            y[to] = missing ? 0 : sum * at(c, dims, "x0", layout.x0, b, l, i);
        }
    }
    free(u);
}

/* Two transforms and a product of spectra for each series, and the gates; the spectrum of the filter. */
static double flops(const int *dims) {
    const double L_ = dims[L];
    return dims[C] * L_ * (dims[B] * (2 * 5 * log2(L_) + 6 + 2) + 5 * log2(L_));
}

static double bytes(const int *dims) {
    return 4.0 * dims[C] * dims[L] * (5.0 * dims[B] + (dims[HOW] & CAUSAL ? 1 : 2));
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, CENTRED}},
    {{1, 1, 5, CAUSAL}},
    {{2, 2, 1, CENTRED | BARE}},
    {{3, 7, 5, CAUSAL | MASKED}},
    {{2, 64, 8, CENTRED | ONE}},
    {{2, 65, 8, CAUSAL | BARE}},
    {{1, 97, 67, CENTRED | MASKED | ONE}},
    {{2, 70, 5, CENTRED}},
    {{2, 129, 8, CENTRED | OVER}},
    {{1, 301, 1, CAUSAL | MASKED | OVER}},
    {{1, 514, 5, CENTRED | MASKED}},
    {{1, 613, 8, CAUSAL}},
    {{3, 1000, 3, CENTRED | ONE}},
    {{1, 2048, 2, CENTRED}},
    {{1, 4099, 1, CAUSAL}},
    {{128, 1024, 128, CENTRED | ONE}, true},
    {{32, 4096, 128, CENTRED | ONE}, true},
    {{8, 16384, 128, CENTRED | ONE}, true},
    {{1, 131072, 128, CENTRED | ONE}, true},
    {{1, 1048576, 16, CENTRED | ONE}, true},
    {{0}},
};

const vq_case_table vq_cases_longconv = {
    .operation = "longconv",
    .dims = "B L C how",
    .shapes = shapes,
    .tunables = {&vq_longconv_tunables},
    .tolerance = 4e-6,
    .gradient_tolerance = 2e-5,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
    .bytes = bytes,
};

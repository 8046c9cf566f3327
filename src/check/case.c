#include "check/case.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_TENSORS = 32, GUARD = 1024, SAMPLES = 40 };

typedef enum { INPUT, INDICES, OUTPUT, INOUT, SCRATCH, SEED, GRADIENT } tensor_kind;

typedef struct {
    const char *name, *of;
    tensor_kind kind;
    vq_dtype dtype;
    size_t count;
    double *value;  /* inputs: as given; outputs: as expected */
    double *before; /* INOUT and adding GRADIENT: at the start */
    vq_view whole;  /* guard, data, guard */
    vq_view view;
    size_t bytes, offset;
    bool adds;
} tensor;

struct vq_case {
    vq_device *device;
    const vq_case_table *table;
    const int *dims;
    tensor tensors[MAX_TENSORS];
    int count;
    uint64_t seed;
    vq_status failed;
};

static const uint32_t POISON = 0x7fc0deadu; /* a NaN */

/* ---- Declaring --------------------------------------------------------------------------------------------------------------- */

static tensor *add(vq_case *c, tensor_kind kind, const char *name, const char *of, vq_dtype dtype, size_t count) {
    static tensor spare;
    if (c->count == MAX_TENSORS) {
        c->failed = vq_fail(VQDNA_ERR_USAGE, "a case has more than %d tensors", MAX_TENSORS);
        return &spare;
    }
    tensor *t = &c->tensors[c->count++];
    *t = (tensor){.name = name, .of = of, .kind = kind, .dtype = dtype, .count = count};
    t->bytes = count * vq_dtype_bytes(dtype);
    vq_status status = VQDNA_OK;
    if (kind != SCRATCH) {
        VQ_TRY_OR(done, vq_alloc(&t->value, count, sizeof(double)));
        VQ_TRY_OR(done, vq_alloc(&t->before, count, sizeof(double)));
    }
    t->offset = (GUARD + c->device->alignment - 1) / c->device->alignment * c->device->alignment;
    VQ_TRY_OR(done, vq_view_create(c->device, &t->whole, t->offset + (t->bytes + 3) / 4 * 4 + GUARD));
    VQ_TRY_OR(done, vq_view_cut(c->device, &t->view, t->whole, t->offset, t->bytes ? t->bytes : 4));
done:
    if (status < 0)
        c->failed = status;
    return t;
}

static void draw(vq_case *c, tensor *t, double *out, double low, double high) {
    for (size_t i = 0; i < t->count && out; i++)
        out[i] = (float)(low + (high - low) * vq_rng_uniform(c->seed, VQ_STREAM_TEST, (uint64_t)(t - c->tensors), i));
}

void vq_case_input(vq_case *c, const char *name, size_t count, double low, double high) {
    tensor *t = add(c, INPUT, name, NULL, VQ_F32, count);
    draw(c, t, t->value, low, high);
}

void vq_case_indices(vq_case *c, const char *name, vq_dtype dtype, size_t count, int low, int high) {
    tensor *t = add(c, INDICES, name, NULL, dtype, count);
    for (size_t i = 0; i < count && t->value; i++)
        t->value[i] = low + floor((high - low + 1.0) * vq_rng_uniform(c->seed, VQ_STREAM_TEST, (uint64_t)(t - c->tensors), i));
}

void vq_case_output(vq_case *c, const char *name, vq_dtype dtype, size_t count) {
    add(c, OUTPUT, name, NULL, dtype, count);
}

void vq_case_inout(vq_case *c, const char *name, size_t count, double low, double high) {
    tensor *t = add(c, INOUT, name, NULL, VQ_F32, count);
    draw(c, t, t->before, low, high);
}

void vq_case_scratch(vq_case *c, const char *name, size_t bytes) {
    add(c, SCRATCH, name, NULL, VQ_F32, (bytes + 3) / 4);
}

static tensor *find(const vq_case *c, const char *name) {
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->tensors[i].name, name) == 0)
            return (tensor *)&c->tensors[i];
    fprintf(stderr, "case has no tensor named %s\n", name); /* a mistake in a table of ours */
    abort();
}

void vq_case_seed(vq_case *c, const char *name, const char *of) {
    tensor *t = add(c, SEED, name, of, VQ_F32, find(c, of)->count);
    draw(c, t, t->value, -1, 1);
}

void vq_case_gradient(vq_case *c, const char *name, const char *of, bool adds) {
    tensor *t = add(c, GRADIENT, name, of, VQ_F32, find(c, of)->count);
    t->adds = adds;
    if (adds)
        draw(c, t, t->before, -1, 1);
}

vq_device *vq_case_device(const vq_case *c) {
    return c->device;
}

vq_view vq_case_view(const vq_case *c, const char *name) {
    return find(c, name)->view;
}

double *vq_case_value(vq_case *c, const char *name) {
    return find(c, name)->value;
}

const double *vq_case_before(vq_case *c, const char *name) {
    return find(c, name)->before;
}

/* ---- What the tables name ---------------------------------------------------------------------------------------------------- */

const vq_case_shape *vq_case_known(const vq_case_table **table, vq_use use, int i) {
    for (const vq_case_table *const *t = vq_case_tables; *t; t++)
        for (const vq_case_shape *s = (*t)->shapes; s->dims[0]; s++)
            if (s->known & use && i-- == 0) {
                *table = *t;
                return s;
            }
    return NULL;
}

const vq_tunables *vq_case_tunables(const vq_case_table **table, int i) {
    for (const vq_case_table *const *t = vq_case_tables; *t; t++)
        for (int j = 0; j < VQ_CASE_TUNABLES; j++)
            if ((*t)->tunables[j] && i-- == 0) {
                *table = *t;
                return (*t)->tunables[j];
            }
    return NULL;
}

/* ---- Device and back --------------------------------------------------------------------------------------------------------- */

static void encode(const tensor *t, const double *from, unsigned char *to) {
    for (size_t i = 0; i < t->count; i++)
        switch (t->dtype) {
        case VQ_F32:
            ((float *)to)[i] = (float)from[i];
            break;
        case VQ_U8:
            to[i] = (unsigned char)from[i];
            break;
        case VQ_U16:
            ((uint16_t *)to)[i] = (uint16_t)from[i];
            break;
        default:
            ((int32_t *)to)[i] = (int32_t)from[i];
        }
}

static double decode(const tensor *t, const unsigned char *from, size_t i) {
    return t->dtype == VQ_F32   ? ((const float *)from)[i]
           : t->dtype == VQ_U8  ? from[i]
           : t->dtype == VQ_U16 ? ((const uint16_t *)from)[i]
                                : ((const int32_t *)from)[i];
}

/* Puts start values on the device: outputs, scratch and all guards as NaN. */
static vq_status load(vq_case *c, tensor *t) {
    uint32_t *image;
    VQ_TRY(vq_alloc(&image, t->whole.bytes / 4, 4));
    for (size_t i = 0; i < t->whole.bytes / 4; i++)
        image[i] = POISON;
    unsigned char *data = (unsigned char *)image + t->offset;
    if (t->kind == INPUT || t->kind == INDICES || t->kind == SEED)
        encode(t, t->value, data);
    else if (t->kind == INOUT || (t->kind == GRADIENT && t->adds))
        encode(t, t->before, data);
    vq_status status = vq_write(c->device, t->whole, 0, image, t->whole.bytes);
    free(image);
    return status;
}

/* *data is malloc'ed: the tensor's bytes. Fails if a guard, or an input, was written to. */
static vq_status fetch(vq_case *c, const tensor *t, unsigned char **data) {
    uint32_t *image = NULL;
    unsigned char *want = NULL;
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&image, t->whole.bytes / 4, 4));
    VQ_TRY_OR(done, vq_read(c->device, image, t->whole, 0, t->whole.bytes));
    size_t first = t->offset / 4, end = (t->offset + t->bytes + 3) / 4;
    for (size_t i = 0; i < t->whole.bytes / 4; i++)
        if ((i < first || i >= end) && image[i] != POISON) {
            status = vq_fail(VQ_CASE_WRONG, "tensor %s was written %s its bounds", t->name, i < first ? "before" : "past");
            goto done;
        }
    memmove(image, (unsigned char *)image + t->offset, t->bytes);
    if (t->kind == INPUT || t->kind == INDICES || t->kind == SEED) {
        VQ_TRY_OR(done, vq_alloc(&want, t->bytes, 1));
        encode(t, t->value, want);
        if (memcmp(want, image, t->bytes)) {
            status = vq_fail(VQ_CASE_WRONG, "input %s was written to", t->name);
            goto done;
        }
    }
    *data = (unsigned char *)image;
    image = NULL;
done:
    free(image);
    free(want);
    return status;
}

static bool is_result(const tensor *t) {
    return t->kind == OUTPUT || t->kind == INOUT || t->kind == GRADIENT;
}

vq_status vq_case_enqueue(vq_case *c, bool backward) {
    VQ_TRY(c->table->forward(c, c->device, c->dims));
    return backward && c->table->backward ? c->table->backward(c, c->device, c->dims) : VQDNA_OK;
}

static vq_status launch(vq_case *c, bool backward) {
    for (int i = 0; i < c->count; i++)
        VQ_TRY(load(c, &c->tensors[i]));
    VQ_TRY(vq_case_enqueue(c, backward));
    return vq_device_finish(c->device);
}

/* ---- Comparing --------------------------------------------------------------------------------------------------------------- */

static double worse(double a, double b) {
    return !(a >= b) && !isnan(a) ? b : a; /* NaN wins */
}

static double value_error(const tensor *t, const unsigned char *got, double tolerance) {
    double sum = 0, error = 0;
    for (size_t i = 0; i < t->count; i++)
        sum += t->value[i] * t->value[i];
    double rms = t->count ? sqrt(sum / (double)t->count) : 0;
    for (size_t i = 0; i < t->count; i++) {
        double difference = fabs(decode(t, got, i) - t->value[i]);
        double e = t->dtype == VQ_F32 ? difference / (tolerance * (rms + fabs(t->value[i])) + 1e-30)
                   : difference > 0   ? INFINITY
                                      : 0;
        if (isnan(difference))
            e = NAN;
        error = worse(error, e);
    }
    return error;
}

/* The scalar the central differences are taken of: the outputs weighed by their seeds. */
static double weighed(vq_case *c) {
    c->table->reference(c, c->dims);
    double sum = 0;
    for (int i = 0; i < c->count; i++)
        if (c->tensors[i].kind == SEED) {
            const tensor *seed = &c->tensors[i], *of = find(c, seed->of);
            for (size_t j = 0; j < of->count; j++)
                sum += seed->value[j] * (of->value[j] - (of->kind == INOUT ? of->before[j] : 0));
        }
    return sum;
}

static double gradient_error(vq_case *c, const tensor *t, const unsigned char *got) {
    tensor *of = find(c, t->of);
    double all = 0, difference = 0, norm = 0;
    for (size_t i = 0; i < t->count; i++) {
        double g = decode(t, got, i) - t->before[i];
        if (isnan(g))
            return NAN;
        all += g * g;
    }
    size_t samples = t->count < SAMPLES ? t->count : SAMPLES;
    for (size_t s = 0; s < samples; s++) {
        size_t i = samples == t->count ? s : (size_t)(vq_rng_uniform(c->seed, VQ_STREAM_TEST, 1000, s) * (double)t->count);
        const double x = of->value[i], h = 1e-4;
        of->value[i] = x + h;
        double up = weighed(c);
        of->value[i] = x - h;
        double down = weighed(c);
        of->value[i] = x;
        double want = (up - down) / (2 * h), g = decode(t, got, i) - t->before[i];
        difference += (g - want) * (g - want);
        norm += want * want;
    }
    /* The samples may all be near zero where the gradient as a whole is not. */
    double typical = t->count ? all / (double)t->count * (double)samples : 0;
    double scale = sqrt(norm > typical ? norm : typical);
    double tolerance = c->table->gradient_tolerance > 0 ? c->table->gradient_tolerance : 1e-4;
    return sqrt(difference) / (tolerance * scale + 1e-9);
}

/* ---- Running ----------------------------------------------------------------------------------------------------------------- */

void vq_case_close(vq_case *c) {
    if (!c)
        return;
    for (int i = 0; i < c->count; i++) {
        tensor *t = &c->tensors[i];
        free(t->value);
        free(t->before);
        vq_view_destroy(&t->view);
        vq_view_destroy(&t->whole);
    }
    free(c);
}

vq_status vq_case_open(vq_case **out, const vq_case_table *table, const vq_case_shape *shape, vq_device *device) {
    vq_case *c;
    VQ_TRY(vq_alloc(&c, 1, sizeof *c));
    c->device = device;
    c->table = table;
    c->dims = shape->dims;
    c->seed = 1;
    for (int i = 0; i < VQ_CASE_DIMS; i++)
        c->seed = c->seed * 1000003 + (uint64_t)shape->dims[i];
    vq_status status = table->declare(c, shape->dims);
    if (status >= 0)
        status = c->failed;
    if (status < 0)
        vq_case_close(c);
    else
        *out = c;
    return status;
}

static void free_all(unsigned char **data, int count) {
    for (int i = 0; i < count; i++)
        free(data[i]);
}

static vq_status fetch_all(vq_case *c, unsigned char **data) {
    for (int i = 0; i < c->count; i++)
        VQ_TRY(fetch(c, &c->tensors[i], &data[i]));
    return VQDNA_OK;
}

vq_status vq_case_run(const vq_case_table *table, const vq_case_shape *shape, vq_device *device, double *error) {
    vq_case *c;
    unsigned char *first[MAX_TENSORS] = {0}, *again[MAX_TENSORS] = {0};
    *error = NAN;
    VQ_TRY(vq_case_open(&c, table, shape, device));
    vq_status status;
    VQ_TRY_OR(done, launch(c, true));
    VQ_TRY_OR(done, fetch_all(c, first));
    VQ_TRY_OR(done, launch(c, true));
    VQ_TRY_OR(done, fetch_all(c, again));
    double worst = 0;
    table->reference(c, shape->dims);
    for (int i = 0; i < c->count; i++) {
        const tensor *t = &c->tensors[i];
        if (is_result(t) && memcmp(first[i], again[i], t->bytes)) {
            status = vq_fail(VQ_CASE_WRONG, "%s: two runs differ in tensor %s", table->operation, t->name);
            goto done;
        }
        if (t->kind == OUTPUT || t->kind == INOUT) {
            double e = value_error(t, first[i], table->tolerance);
            if (!(e <= 1))
                vq_fail(VQ_CASE_WRONG, "tensor %s is off by %.3g tolerances", t->name, e);
            worst = worse(worst, e);
        }
    }
    for (int i = 0; i < c->count; i++)
        if (c->tensors[i].kind == GRADIENT) {
            double e = gradient_error(c, &c->tensors[i], first[i]);
            if (!(e <= 1))
                vq_fail(VQ_CASE_WRONG, "gradient %s is off by %.3g tolerances", c->tensors[i].name, e);
            worst = worse(worst, e);
        }
    *error = worst;
    status = worst <= 1 ? VQDNA_OK : VQ_CASE_WRONG;
done:
    free_all(first, c->count);
    free_all(again, c->count);
    vq_case_close(c);
    return status;
}

static vq_status check_all(vq_case *c) {
    vq_status status = VQDNA_OK;
    c->table->reference(c, c->dims);
    for (int i = 0; i < c->count && status == VQDNA_OK; i++) {
        const tensor *t = &c->tensors[i];
        unsigned char *got = NULL;
        status = fetch(c, t, &got);
        if (status >= 0 && (t->kind == OUTPUT || t->kind == INOUT)) {
            double e = value_error(t, got, c->table->tolerance);
            if (!(e <= 1))
                status = vq_fail(VQ_CASE_WRONG, "tensor %s is off by %.3g tolerances", t->name, e);
        }
        free(got);
    }
    return status;
}

static vq_status check_spots(vq_case *c, const vq_case_spot *spot, int count) {
    const tensor *t = find(c, spot->output);
    unsigned char *got;
    VQ_TRY(fetch(c, t, &got));
    vq_status status = VQDNA_OK;
    for (int s = 0; s < count && status == VQDNA_OK; s++) {
        size_t i = (size_t)vq_rng_below(t->count, c->seed, VQ_STREAM_TEST, 2000, (uint64_t)s);
        double e = spot->error(c, c->dims, i, decode(t, got, i));
        if (!(e <= 1))
            status = vq_fail(VQ_CASE_WRONG, "element %zu of tensor %s is off by %.3g tolerances", i, t->name, e);
    }
    free(got);
    return status;
}

vq_status vq_case_check(vq_case *c, const vq_case_spot *spot, int count) {
    VQ_TRY(launch(c, false));
    return spot ? check_spots(c, spot, count) : check_all(c);
}

vq_status vq_case_launch(vq_case *c, bool backward) {
    return launch(c, backward);
}

vq_status vq_case_differ(vq_case *c, vq_case *other, double *error) {
    *error = 0;
    for (int i = 0; i < c->count; i++) {
        tensor *t = &c->tensors[i];
        if (t->kind != OUTPUT && t->kind != INOUT)
            continue;
        unsigned char *got = NULL, *want = NULL;
        vq_status status = fetch(c, t, &got);
        if (status >= 0)
            status = fetch(other, &other->tensors[i], &want);
        for (size_t j = 0; j < t->count && status >= 0; j++)
            t->value[j] = decode(t, want, j);
        if (status >= 0)
            *error = worse(*error, value_error(t, got, c->table->tolerance));
        free(got);
        free(want);
        VQ_TRY(status);
    }
    return VQDNA_OK;
}

double vq_case_flops(const vq_case *c) {
    return c->table->flops ? c->table->flops(c->dims) : 0;
}

double vq_case_bytes(const vq_case *c) {
    if (c->table->bytes)
        return c->table->bytes(c->dims);
    double sum = 0;
    for (int i = 0; i < c->count; i++) {
        const tensor *t = &c->tensors[i];
        bool moved = t->kind == INPUT || t->kind == INDICES || t->kind == OUTPUT || t->kind == INOUT;
        sum += moved ? (double)t->bytes * (t->kind == INOUT ? 2 : 1) : 0;
    }
    return sum;
}

vq_status vq_case_time(const vq_case_table *table, const vq_case_shape *shape, vq_device *device, bool backward, bool cpu,
                       int repeats, double *seconds) {
    const clockid_t clock = cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
    vq_case *c;
    VQ_TRY(vq_case_open(&c, table, shape, device));
    vq_status status = launch(c, true);
    for (int i = 0; i < repeats && status >= 0; i++) {
        struct timespec a, b;
        clock_gettime(clock, &a);
        status = vq_case_enqueue(c, backward);
        if (status >= 0)
            status = vq_device_finish(device);
        clock_gettime(clock, &b);
        seconds[i] = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
    }
    vq_case_close(c);
    return status;
}

void vq_case_label(const vq_case_table *table, const vq_case_shape *shape, char *out, size_t size) {
    const char *p = table->dims;
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < VQ_CASE_DIMS && *p && used < size; i++) {
        size_t n = strcspn(p, " ");
        used += (size_t)snprintf(out + used, size - used, "%s%.*s %d", i ? " " : "", (int)n, p, shape->dims[i]);
        p += n;
        p += strspn(p, " ");
    }
}

#include "device/clfft.h"

#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char *choice(void) {
    const char *provider = getenv("VQDNA_FFT");
    return provider && *provider ? provider : NULL;
}

bool vq_clfft_chosen(bool otherwise) {
    const char *provider = choice();
    return provider ? strcmp(provider, "clfft") == 0 : otherwise;
}

vq_status vq_clfft_check_choice(const vq_device *device) {
    const char *provider = choice();
    if (!provider || strcmp(provider, "own") == 0)
        return VQDNA_OK;
    if (strcmp(provider, "clfft") != 0)
        return vq_fail(VQDNA_ERR_USAGE, "VQDNA_FFT is '%s': choose own (kernels of vqdna's own) or clfft", provider);
    if (vq_clfft_missing())
        return vq_fail(VQDNA_ERR_DEVICE, "%s: %s, which VQDNA_FFT=clfft asks for: unset it", device->info.name, vq_clfft_missing());
    return VQDNA_OK;
}

#ifdef VQ_HAVE_CLFFT
#include <clFFT.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int users; /* devices that have plans and are open */

/* ---- The library --------------------------------------------------------------------------------------------------------------- */

#define FUNCTIONS(F)                                                                                                               \
    F(clfftSetup)                                                                                                                  \
    F(clfftTeardown)                                                                                                               \
    F(clfftCreateDefaultPlan)                                                                                                      \
    F(clfftSetPlanScale)                                                                                                           \
    F(clfftSetLayout)                                                                                                              \
    F(clfftSetPlanInStride)                                                                                                        \
    F(clfftSetPlanOutStride)                                                                                                       \
    F(clfftSetPlanDistance)                                                                                                        \
    F(clfftSetPlanBatchSize)                                                                                                       \
    F(clfftSetResultLocation)                                                                                                      \
    F(clfftBakePlan)                                                                                                               \
    F(clfftGetTmpBufSize)                                                                                                          \
    F(clfftEnqueueTransform)                                                                                                       \
    F(clfftDestroyPlan)

static struct {
#define DECLARE(name) __typeof__(&name) name;
    FUNCTIONS(DECLARE)
    bool tried;
    char missing[512];
} library;

/* Opened once and never closed: it has state of its own beside what a teardown ends. */
static void open_library(void) {
    if (library.tried)
        return;
    library.tried = true;
    const char *named = getenv("VQDNA_CLFFT_LIBRARY"), *path = named && *named ? named : "libclFFT.so.2";
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const char *lacks = NULL;
#define FIND(name)                                                                                                                 \
    if (handle && !(*(void **)&library.name = dlsym(handle, #name)))                                                               \
        lacks = #name;
    FUNCTIONS(FIND)
    if (!handle)
        snprintf(library.missing, sizeof library.missing, "clFFT cannot be opened (%s)", dlerror());
    else if (lacks)
        snprintf(library.missing, sizeof library.missing, "%s has no function %s", path, lacks);
}

const char *vq_clfft_missing(void) {
    pthread_mutex_lock(&lock);
    open_library();
    pthread_mutex_unlock(&lock);
    return *library.missing ? library.missing : NULL;
}

/* ---- Plans --------------------------------------------------------------------------------------------------------------------- */

struct vq_clfft_plan {
    int N, C;
    clfftPlanHandle handle;
    size_t temporary; /* bytes */
    bool made, right;
    vq_clfft_plan *next;
};

/* The caller holds the lock, here and below. */
static clfftStatus bake(vq_device *device, vq_clfft_plan *p) {
    size_t lengths[1] = {(size_t)p->N}, stride[1] = {(size_t)p->C};
    clfftStatus code = library.clfftCreateDefaultPlan(&p->handle, device->context, CLFFT_1D, lengths);
    p->made = code == CLFFT_SUCCESS;
    if (!code)
        code = library.clfftSetPlanScale(p->handle, CLFFT_BACKWARD, 1.0f);
    if (!code)
        code = library.clfftSetLayout(p->handle, CLFFT_COMPLEX_PLANAR, CLFFT_COMPLEX_PLANAR);
    if (!code)
        code = library.clfftSetResultLocation(p->handle, CLFFT_INPLACE);
    if (!code)
        code = library.clfftSetPlanInStride(p->handle, CLFFT_1D, stride);
    if (!code)
        code = library.clfftSetPlanOutStride(p->handle, CLFFT_1D, stride);
    if (!code)
        code = library.clfftSetPlanDistance(p->handle, 1, 1);
    if (!code)
        code = library.clfftSetPlanBatchSize(p->handle, (size_t)p->C);
    if (!code)
        code = library.clfftBakePlan(p->handle, 1, &device->queue, NULL, NULL);
    if (!code)
        code = library.clfftGetTmpBufSize(p->handle, &p->temporary);
    return code;
}

/* A piece of a view that may itself be a piece: a sub-buffer of a sub-buffer is refused. */
static vq_status cut(vq_device *device, vq_view *out, vq_view of, size_t offset, size_t bytes) {
    cl_mem root = NULL;
    size_t before = 0;
    cl_int err = clGetMemObjectInfo(of.mem, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof root, &root, NULL);
    if (err == CL_SUCCESS && root)
        err = clGetMemObjectInfo(of.mem, CL_MEM_OFFSET, sizeof before, &before, NULL);
    if (err != CL_SUCCESS)
        return vq_fail_cl(err, "asking for a buffer's origin");
    return vq_view_cut(device, out, root ? (vq_view){root, 0} : of, before + offset, bytes);
}

/* Entry b of B of `data`, in place. */
static vq_status run(vq_device *device, const vq_clfft_plan *p, vq_view data, vq_view temporary, int B, int b, int sign) {
    const size_t entry = (size_t)p->N * (size_t)p->C * sizeof(float), at = entry * (size_t)b;
    vq_view part[2] = {VQ_NO_VIEW, VQ_NO_VIEW};
    vq_status status;
    VQ_TRY_OR(done, cut(device, &part[0], data, at, entry));
    VQ_TRY_OR(done, cut(device, &part[1], data, at + entry * (size_t)B, entry));
    cl_mem planes[2] = {part[0].mem, part[1].mem};
    clfftStatus code = library.clfftEnqueueTransform(p->handle, sign < 0 ? CLFFT_FORWARD : CLFFT_BACKWARD, 1, &device->queue, 0,
                                                     NULL, NULL, planes, NULL, p->temporary ? temporary.mem : NULL);
    if (code != CLFFT_SUCCESS)
        status = vq_fail(VQDNA_ERR_DEVICE, "%s: clFFT failed with code %d at a transform of length %d", device->info.name,
                         (int)code, p->N);
done:
    for (int i = 0; i < 2; i++)
        vq_view_destroy(&part[i]);
    return status;
}

/* ---- Check of a plan ----------------------------------------------------------------------------------------------------------- */

enum { BINS = 8, SERIES = 4 };

typedef struct trial {
    int N, C, turn;
    float *x, *got;    /* planes [2][N][C] */
    double (*root)[2]; /* exp(-2 pi i k / N) */
} trial;

/* Every other channel has an impulse, at a place of its own, and the others have noise; the other way round at the second turn. */
static bool has_impulse(const trial *t, int c) {
    return (c + t->turn) % 2 == 1;
}

static int impulse_at(const trial *t, int c) {
    return (int)((7 * (int64_t)c + t->N / 3) % t->N);
}

static void fill(trial *t) {
    const size_t C = (size_t)t->C, plane = (size_t)t->N * C;
    for (size_t i = 0; i < 2 * plane; i++) {
        const int c = (int)(i % C), n = (int)(i % plane / C);
        const uint32_t hash = (uint32_t)i * 2654435761u;
        t->x[i] = has_impulse(t, c) ? (i < plane && n == impulse_at(t, c) ? 1.0f : 0.0f)
                                    : (float)((hash ^ hash >> 15) * 2246822519u >> 8) / 8388608.0f - 1.0f;
    }
}

static bool near(const trial *t, int k, int c, double re, double im, double tolerance) {
    const size_t at = (size_t)k * (size_t)t->C + (size_t)c;
    return fabs(t->got[at] - re) <= tolerance && fabs(t->got[(size_t)t->N * (size_t)t->C + at] - im) <= tolerance;
}

static bool impulses_are_right(const trial *t) {
    for (int k = 0; k < t->N; k++)
        for (int c = 0; c < t->C; c++) {
            const double *root = t->root[(int64_t)k * impulse_at(t, c) % t->N];
            if (has_impulse(t, c) && !near(t, k, c, root[0], root[1], 1e-5))
                return false;
        }
    return true;
}

static bool noise_is_right(const trial *t) {
    for (int s = 0, c; s < SERIES; s++) {
        c = (int)((int64_t)s * (t->C - 1) / (SERIES - 1));
        for (int b = 0; b < BINS && !has_impulse(t, c); b++) {
            const int k = b < 2 ? b % t->N : (int)((int64_t)b * (t->N - 1) / (BINS - 1));
            double re = 0, im = 0;
            for (int n = 0; n < t->N; n++) {
                const size_t at = (size_t)n * (size_t)t->C + (size_t)c;
                const double *root = t->root[(int64_t)n * k % t->N], r = t->x[at], i = t->x[(size_t)t->N * (size_t)t->C + at];
                re += r * root[0] - i * root[1];
                im += r * root[1] + i * root[0];
            }
            if (!near(t, k, c, re, im, 1e-5 * sqrt(t->N)))
                return false;
        }
    }
    return true;
}

static bool returns(const trial *t) {
    for (size_t i = 0; i < 2 * (size_t)t->N * (size_t)t->C; i++)
        if (!(fabs(t->got[i] / (double)t->N - t->x[i]) <= 1e-5))
            return false;
    return true;
}

static vq_status check(vq_device *device, const vq_clfft_plan *p, const char **wrong) {
    trial t = {.N = p->N, .C = p->C};
    const size_t floats = 2 * (size_t)p->N * (size_t)p->C, bytes = floats * sizeof(float);
    vq_view data = VQ_NO_VIEW, temporary = VQ_NO_VIEW;
    vq_status status;
    VQ_TRY_OR(done, vq_alloc(&t.x, floats, sizeof *t.x));
    VQ_TRY_OR(done, vq_alloc(&t.got, floats, sizeof *t.got));
    VQ_TRY_OR(done, vq_alloc(&t.root, (size_t)p->N, sizeof *t.root));
    VQ_TRY_OR(done, vq_view_create(device, &data, bytes));
    VQ_TRY_OR(done, vq_view_create(device, &temporary, p->temporary));
    for (int k = 0; k < p->N; k++) {
        t.root[k][0] = cos(2 * M_PI * k / p->N);
        t.root[k][1] = -sin(2 * M_PI * k / p->N);
    }
    for (t.turn = 0; t.turn < 2; t.turn++) {
        fill(&t);
        VQ_TRY_OR(done, vq_write(device, data, 0, t.x, bytes));
        VQ_TRY_OR(done, run(device, p, data, temporary, 1, 0, -1));
        VQ_TRY_OR(done, vq_read(device, t.got, data, 0, bytes));
        if (!impulses_are_right(&t) || !noise_is_right(&t)) {
            *wrong = "forward";
            goto done;
        }
        VQ_TRY_OR(done, run(device, p, data, temporary, 1, 0, 1));
        VQ_TRY_OR(done, vq_read(device, t.got, data, 0, bytes));
        if (!returns(&t)) {
            *wrong = "backward";
            goto done;
        }
    }
done:
    vq_view_destroy(&data);
    vq_view_destroy(&temporary);
    free(t.x);
    free(t.got);
    free(t.root);
    return status;
}

static void judge(vq_device *device, vq_clfft_plan *p) {
    const char *wrong = NULL;
    const clfftStatus code = bake(device, p);
    vq_status status = VQDNA_OK;
    if (code != CLFFT_SUCCESS)
        status = vq_fail(VQDNA_ERR_DEVICE, "%s: clFFT makes no plan of length %d (code %d)", device->info.name, p->N, (int)code);
    else
        status = check(device, p, &wrong);
    p->right = status >= 0 && !wrong;
    if (status < 0)
        vq_log(VQDNA_WARNING, "%s; kernels of our own are used", vq_error());
    else if (wrong)
        vq_log(VQDNA_WARNING, "%s: clFFT's %s transforms of length %d of %d channels are wrong; kernels of our own are used",
               device->info.name, wrong, p->N, p->C);
}

/* NULL where there can be none. */
static vq_clfft_plan *find(vq_device *device, int N, int C) {
    open_library();
    if (*library.missing || (size_t)N * (size_t)C * sizeof(float) % device->alignment) /* entries are cut from a buffer */
        return NULL;
    for (vq_clfft_plan *p = device->clfft; p; p = p->next)
        if (p->N == N && p->C == C)
            return p;
    vq_clfft_plan *p;
    if (vq_alloc(&p, 1, sizeof *p) < 0)
        return NULL;
    const clfftSetupData version = {clfftVersionMajor, clfftVersionMinor, clfftVersionPatch, 0};
    if (!device->clfft && users++ == 0)
        library.clfftSetup(&version);
    p->N = N;
    p->C = C;
    p->next = device->clfft;
    device->clfft = p;
    judge(device, p);
    return p;
}

/* ---- Public -------------------------------------------------------------------------------------------------------------------- */

bool vq_clfft_usable(vq_device *device, int N, int C) {
    pthread_mutex_lock(&lock);
    const vq_clfft_plan *p = find(device, N, C);
    pthread_mutex_unlock(&lock);
    return p && p->right;
}

size_t vq_clfft_scratch(vq_device *device, int N, int C) {
    pthread_mutex_lock(&lock);
    const vq_clfft_plan *p = find(device, N, C);
    pthread_mutex_unlock(&lock);
    return p ? p->temporary : 0;
}

vq_status vq_clfft(vq_device *device, vq_view out, vq_view in, vq_view scratch, int B, int N, int C, int sign) {
    if (out.mem != in.mem)
        VQ_TRY(vq_copy(device, out, 0, in, 0, 2 * (size_t)B * (size_t)N * (size_t)C * sizeof(float)));
    pthread_mutex_lock(&lock);
    const vq_clfft_plan *p = find(device, N, C);
    vq_status status = p ? VQDNA_OK : vq_fail(VQDNA_ERR_DEVICE, "clFFT has no plan of length %d", N);
    for (int b = 0; b < B && status >= 0; b++)
        status = run(device, p, out, scratch, B, b, sign);
    pthread_mutex_unlock(&lock);
    return status;
}

void vq_clfft_release(vq_device *device) {
    pthread_mutex_lock(&lock);
    const bool used = device->clfft != NULL;
    for (vq_clfft_plan *p = device->clfft, *next; p; p = next) {
        next = p->next;
        if (p->made)
            library.clfftDestroyPlan(&p->handle);
        free(p);
    }
    device->clfft = NULL;
    if (used && --users == 0)
        library.clfftTeardown();
    pthread_mutex_unlock(&lock);
}
#else
const char *vq_clfft_missing(void) {
    return "this program was built without clFFT";
}

bool vq_clfft_usable(vq_device *device, int N, int C) {
    (void)device, (void)N, (void)C;
    return false;
}

size_t vq_clfft_scratch(vq_device *device, int N, int C) {
    (void)device, (void)N, (void)C;
    return 0;
}

vq_status vq_clfft(vq_device *device, vq_view out, vq_view in, vq_view scratch, int B, int N, int C, int sign) {
    (void)device, (void)out, (void)in, (void)scratch, (void)B, (void)N, (void)C, (void)sign;
    return vq_fail(VQDNA_ERR_DEVICE, "%s", vq_clfft_missing());
}

void vq_clfft_release(vq_device *device) {
    (void)device;
}
#endif

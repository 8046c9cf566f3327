#include "device/blas.h"

#include "base/log.h"

#include <clblast_c.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int users; /* devices that have used CLBlast and are open */

/* CLBlast replaces all sixteen parameters of its kernel or none. The sets differ in the tile of a work-group (MWG x NWG), its items
 * (MDIMC x NDIMC), the depth of local memory (KWG), whether there is any (SA, SB), and vector widths (VWM, VWN); none has GEMMK=1,
 * and none takes more than 24 KB of local memory. */
static const char *const parameter_names[] = {"GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB",
                                              "NDIMC", "NWG",  "SA",  "SB",  "STRM",  "STRN",  "VWM", "VWN"};
static const size_t parameter_sets[][16] = {
    {0, 1, 16, 2, 16, 16, 128, 16, 16, 128, 1, 1, 0, 0, 4, 4}, {0, 1, 16, 2, 16, 16, 64, 16, 16, 64, 1, 1, 0, 0, 4, 4},
    {0, 1, 16, 2, 8, 8, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4},       {0, 1, 16, 2, 16, 16, 128, 8, 8, 64, 1, 1, 0, 0, 4, 4},
    {0, 1, 16, 2, 8, 8, 64, 8, 8, 64, 0, 0, 0, 0, 4, 4},       {0, 1, 32, 2, 8, 8, 64, 16, 16, 128, 1, 1, 0, 0, 4, 4},
    {0, 1, 16, 2, 16, 16, 128, 16, 16, 128, 1, 1, 0, 0, 2, 2}, {0, 1, 16, 2, 8, 8, 32, 8, 8, 32, 1, 1, 0, 0, 4, 4},
};

static const vq_tunable tunables[] = {{"parameters", {1, 2, 3, 4, 5, 6, 7, 8}, {1, 1, 0, 0}, .slow_on_cpu = true}};
static const vq_tuning_shape shapes[] = {
    {"any", {4096, 1536, 384, 0, 1, 2 /* VQ_GEMM_BIAS */}, {301, 96, 600, 0, 1, 2}, false},
};

static bool allows(const vq_device *device, int shape, const int *of) {
    enum { KWG = 2, MDIMC = 5, MWG = 6, NDIMC = 8, NWG = 9, SA = 10, SB = 11 };
    const size_t *p = parameter_sets[of[0] > 0 ? of[0] - 1 : 0];
    (void)shape;
    return !of[0] || vq_device_takes(device, p[MDIMC], p[NDIMC], p[KWG] * (p[SA] * p[MWG] + p[SB] * p[NWG]) * sizeof(float));
}

const vq_tunables vq_blas_tunables = {
    .operation = "clblast", .list = tunables, .shapes = shapes, .count = 1, .shape_count = 1, .recompiles = true, .allows = allows};

static int wanted_set(const vq_device *device) {
    int set = vq_tuned(device, &vq_blas_tunables, 0, 0);
    return set > 0 ? set : 1;
}

static CLBlastStatusCode choose_kernel(cl_device_id id, int set) {
    return CLBlastOverrideParameters(id, "Xgemm", CLBlastPrecisionSingle, 16, (const char **)parameter_names,
                                     parameter_sets[set - 1]);
}

/* The caller holds the lock, here and in product(). */
static size_t temporary_bytes(vq_device *device, int M, int N, int K, bool ta, bool tb) {
    size_t m = (size_t)M, n = (size_t)N, k = (size_t)K, bytes = 0;
    CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, ta ? CLBlastTransposeYes : CLBlastTransposeNo,
                               tb ? CLBlastTransposeYes : CLBlastTransposeNo, m, n, k, 0, ta ? m : k, 0, tb ? k : n, 0, n,
                               &device->queue, &bytes);
    return bytes;
}

static CLBlastStatusCode product(vq_device *device, cl_mem C, cl_mem A, cl_mem B, cl_mem temporary, int M, int N, int K, bool ta,
                                 bool tb, bool add) {
    size_t m = (size_t)M, n = (size_t)N, k = (size_t)K;
    return CLBlastSgemmWithTempBuffer(CLBlastLayoutRowMajor, ta ? CLBlastTransposeYes : CLBlastTransposeNo,
                                      tb ? CLBlastTransposeYes : CLBlastTransposeNo, m, n, k, 1.0f, A, 0, ta ? m : k, B, 0,
                                      tb ? k : n, add ? 1.0f : 0.0f, C, 0, n, &device->queue, NULL, temporary);
}

/* ---- Self-test --------------------------------------------------------------------------------------------------------------- */

/* Small integers, so that every product and sum is exact and the answer needs no tolerance. */
static float entry(size_t i) {
    return (float)((int)(i * 2654435761u >> 16 & 7) - 3);
}

static vq_status check(vq_device *device, int M, int N, int K, bool ta, bool tb, bool add, bool *right) {
    size_t m = (size_t)M, n = (size_t)N, k = (size_t)K, counts[3] = {m * k, k * n, m * n},
           bytes = temporary_bytes(device, M, N, K, ta, tb);
    vq_view views[4] = {{0}};
    float *host[3] = {0};
    vq_status status = VQDNA_OK;
    for (int i = 0; i < 3; i++) {
        VQ_TRY_OR(done, vq_alloc(&host[i], counts[i], sizeof(float)));
        for (size_t j = 0; j < counts[i]; j++)
            host[i][j] = i < 2 || add ? entry(j * 3 + (size_t)i) : NAN; /* beta = 0 must not read C */
        VQ_TRY_OR(done, vq_view_create(device, &views[i], counts[i] * sizeof(float)));
        VQ_TRY_OR(done, vq_write(device, views[i], 0, host[i], views[i].bytes));
    }
    VQ_TRY_OR(done, vq_view_create(device, &views[3], bytes ? bytes : 4));
    CLBlastStatusCode code =
        product(device, views[2].mem, views[0].mem, views[1].mem, bytes ? views[3].mem : NULL, M, N, K, ta, tb, add);
    if (code != CLBlastSuccess) {
        status = vq_fail(VQDNA_ERR_DEVICE, "%s: CLBlast failed with code %d", device->info.name, (int)code);
        goto done;
    }
    float *got = host[2];
    VQ_TRY_OR(done, vq_read(device, got, views[2], 0, views[2].bytes));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float want = add ? entry((i * n + j) * 3 + 2) : 0;
            for (size_t l = 0; l < k; l++)
                want += host[0][ta ? l * m + i : i * k + l] * host[1][tb ? j * k + l : l * n + j];
            *right &= got[i * n + j] == want;
        }
done:
    for (int i = 0; i < 4; i++)
        vq_view_destroy(&views[i]);
    for (int i = 0; i < 3; i++)
        free(host[i]);
    return status;
}

static bool self_test(vq_device *device, int set) {
    static const struct {
        int M, N, K;
        bool ta, tb, add;
    } cases[] = {
        {1, 1, 1, false, false, false},      {33, 65, 17, false, true, false},   {300, 257, 70, true, false, true},
        {513, 130, 129, false, true, false}, {512, 512, 64, false, false, true},
    };
    if (choose_kernel(device->id, set) != CLBlastSuccess) {
        vq_log(VQDNA_WARNING, "%s: CLBlast takes no parameters; kernels of our own are used", device->info.name);
        return false;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vq_status status = VQDNA_ERR_DEVICE;
        bool right = true;
        for (int attempt = 0; attempt < 2 && status < 0; attempt++) /* a failure may pass */
            status = check(device, cases[i].M, cases[i].N, cases[i].K, cases[i].ta, cases[i].tb, cases[i].add, &right);
        if (status < 0) {
            vq_log(VQDNA_WARNING, "%s; kernels of our own are used", vq_error());
            return false;
        }
        if (!right) {
            vq_log(VQDNA_WARNING, "%s: CLBlast gives a wrong product of %d x %d x %d; kernels of our own are used",
                   device->info.name, cases[i].M, cases[i].N, cases[i].K);
            return false;
        }
    }
    return true;
}

static bool usable(vq_device *device) {
    const int set = wanted_set(device);
    users += device->blas_set == 0;
    if (device->blas_set != set) {
        device->blas_set = set;
        device->blas_right = self_test(device, set);
    }
    return device->blas_right;
}

/* ---- Public ------------------------------------------------------------------------------------------------------------------ */

bool vq_blas_usable(vq_device *device) {
    pthread_mutex_lock(&lock);
    bool result = usable(device);
    pthread_mutex_unlock(&lock);
    return result;
}

void vq_blas_release(vq_device *device) {
    pthread_mutex_lock(&lock);
    users -= device->blas_set != 0;
    if (device->blas_set && !users)
        CLBlastClearCache();
    device->blas_set = 0;
    pthread_mutex_unlock(&lock);
}

static const char *choice(void) {
    const char *provider = getenv("VQDNA_GEMM");
    return provider && *provider ? provider : NULL;
}

vq_status vq_blas_check_choice(vq_device *device) {
    const char *provider = choice();
    if (!provider || strcmp(provider, "tile") == 0)
        return VQDNA_OK;
    if (strcmp(provider, "clblast") != 0)
        return vq_fail(VQDNA_ERR_USAGE, "VQDNA_GEMM is '%s': choose tile (kernels of vqdna's own) or clblast", provider);
    if (!vq_blas_usable(device))
        return vq_fail(VQDNA_ERR_DEVICE, "%s: CLBlast cannot be used, which VQDNA_GEMM=clblast asks for: unset it",
                       device->info.name);
    return VQDNA_OK;
}

bool vq_blas_chosen(bool otherwise) {
    const char *provider = choice();
    return provider ? strcmp(provider, "clblast") == 0 : otherwise;
}

size_t vq_blas_scratch(vq_device *device, int M, int N, int K, bool ta, bool tb) {
    pthread_mutex_lock(&lock);
    size_t bytes = usable(device) ? temporary_bytes(device, M, N, K, ta, tb) : 0;
    pthread_mutex_unlock(&lock);
    return bytes;
}

vq_status vq_blas_gemm(vq_device *device, vq_view C, vq_view A, vq_view B, vq_view scratch, int M, int N, int K, bool ta, bool tb,
                       bool add) {
    pthread_mutex_lock(&lock);
    CLBlastStatusCode code = product(device, C.mem, A.mem, B.mem, scratch.mem, M, N, K, ta, tb, add);
    pthread_mutex_unlock(&lock);
    if (code != CLBlastSuccess)
        return vq_fail(VQDNA_ERR_DEVICE, "%s: CLBlast failed with code %d at a product of %d x %d x %d", device->info.name,
                       (int)code, M, N, K);
    return VQDNA_OK;
}

#include "check/firstuse.h"

#include "base/file.h"
#include "base/log.h"
#include "check/case.h"
#include "ops/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* Build options are those of a model's own launches, so that nothing is compiled that will not be used. */
typedef struct known {
    const char *operation;
    vq_case_shape shape;
} known;

static const known for_codes[] = {
    {"stem", {{131, 19}}},
    {"layernorm", {{131, 67}}},
    {"dwconv", {{131, 33}}},
    {"gemm", {{150, 96, 257, 0, 1, VQ_GEMM_BIAS_GELU, 1}}},
    {"gemm", {{301, 40, 64, 0, 1, VQ_GEMM_BIAS_RESIDUAL}}},
    {"assign", {{301, 64, 256}}},
    {NULL, {{0}, false}},
};

/* With the backward half, where the operation has one. */
static const known for_training[] = {
    {"stem", {{131, 19}}},
    {"layernorm", {{131, 67}}},
    {"dwconv", {{131, 33}}},
    {"gemm", {{64, 256, 600, 1, 0, VQ_GEMM_ADD}}},
    {"linear", {{31, 20, 40}}},
    {"gemm", {{29, 70, 3, 0, 0, VQ_GEMM_GELU_GRAD}}},
    {"reduce", {{200, 5, 0}}},
    {"gelu", {{1023}}},
    {"head", {{70, 32}}},
    {"crossentropy", {{131, 4, 1}}},
    {"quantize", {{33, 7, 4, 2}}},
    {"codesum", {{600, 5, 50, 0}}},
    {"codebook", {{90, 7, 300, 1}}},
    {"kmeans", {{200, 3, 70, 0}}},
    {"adamw", {{512, 7, 1000}}},
    {NULL, {{0}, false}},
};

static const known *const checks[] = {[VQ_USE_CODES] = for_codes, [VQ_USE_TRAINING] = for_training};

/* A verdict's file has one letter for each check. */
enum { RIGHT = 'r', RIGHT_IF_PLAIN = 'p', WRONG = 'w', MOST_CHECKS = 31 };

static const vq_case_table *find_table(const char *operation) {
    for (const vq_case_table *const *t = vq_case_tables; *t; t++)
        if (strcmp((*t)->operation, operation) == 0)
            return *t;
    return NULL;
}

static vq_status check(vq_device *device, const known *k, vq_use use) {
    const vq_case_table *table = find_table(k->operation);
    vq_case *c;
    double error;
    if (!table)
        return VQDNA_OK;
    if (use == VQ_USE_TRAINING)
        return vq_case_run(table, &k->shape, device, &error);
    VQ_TRY(vq_case_open(&c, table, &k->shape, device));
    vq_status status = vq_case_check(c, NULL, 0);
    vq_case_close(c);
    return status;
}

/* False if there is no verdict: memory that is out says nothing about the kernels. */
static bool try_all(vq_device *device, vq_use use, char verdict[MOST_CHECKS + 1]) {
    int i = 0;
    for (const known *k = checks[use]; k->operation; k++, i++) {
        vq_status status = check(device, k, use);
        verdict[i] = vq_shape_of(device, k->operation).plain ? RIGHT_IF_PLAIN : RIGHT;
        if (status < 0 && status != VQDNA_ERR_MEMORY && verdict[i] == RIGHT) {
            vq_log(VQDNA_WARNING, "%s: the kernels of %s fail their known answers: %s", device->info.name, k->operation,
                   vq_error());
            vq_device_make_plain(device, k->operation);
            verdict[i] = RIGHT_IF_PLAIN;
            status = check(device, k, use);
        }
        if (status == VQDNA_ERR_MEMORY)
            return false;
        if (status < 0)
            verdict[i] = WRONG;
    }
    verdict[i] = '\0';
    return true;
}

/* Where the verdict on this program, device and driver is kept (free it); NULL: nowhere. */
static char *verdict_path(const vq_device *device, vq_use use) {
    const char *kernels = getenv("VQDNA_KERNEL_DIR"), *plain = getenv("VQDNA_PLAIN");
    char *dir, *path, name[48], variant[48];
    if ((kernels && *kernels) || (plain && *plain) || !vq_cache_dir(&dir))
        return NULL;
    snprintf(variant, sizeof variant, "%d %d %d", device->family, device->vector_width, use);
    const vqdna_device_info *d = &device->info;
    const char *parts[] = {d->platform, d->platform_version, d->name, d->version, d->driver, variant, VQDNA_VERSION};
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        hash = XXH3_64bits_withSeed(parts[i], strlen(parts[i]), hash);
    for (const vq_source *s = vq_sources; s->stem; s++)
        hash = XXH3_64bits_withSeed(s->text, strlen(s->text), hash);
    snprintf(name, sizeof name, "verdict-%016llx", (unsigned long long)hash);
    if (vq_path_join(&path, dir, name) < 0)
        path = NULL;
    free(dir);
    return path;
}

static bool read_verdict(const char *path, vq_use use, char verdict[MOST_CHECKS + 1]) {
    char *text;
    size_t size, count = 0;
    if (!path || access(path, F_OK) != 0 || vq_read_file(&text, &size, path, MOST_CHECKS) < 0)
        return false;
    while (checks[use][count].operation)
        count++;
    bool whole = size == count && strspn(text, "rpw") >= count;
    if (whole)
        snprintf(verdict, MOST_CHECKS + 1, "%.*s", (int)count, text);
    free(text);
    return whole;
}

static void write_verdict(const char *path, const char *verdict) {
    vq_outfile file = {0};
    if (path && vq_outfile_open(&file, path) >= 0 && vq_outfile_write(&file, verdict, strlen(verdict)) >= 0)
        vq_outfile_commit(&file);
    vq_outfile_discard(&file);
}

void vq_first_use(vq_device *device, vq_use use) {
    char *path = verdict_path(device, use), verdict[MOST_CHECKS + 1] = "";
    if (!read_verdict(path, use, verdict) && try_all(device, use, verdict))
        write_verdict(path, verdict);
    for (size_t i = 0; i < strlen(verdict); i++) {
        const char *operation = checks[use][i].operation;
        if (verdict[i] == RIGHT_IF_PLAIN) {
            vq_device_make_plain(device, operation);
            vq_log(VQDNA_WARNING, "%s: plain kernels are used for %s, which are slower", device->info.name, operation);
        }
        if (verdict[i] == WRONG)
            vq_log(VQDNA_WARNING,
                   "%s gives wrong answers in %s with this driver: `vqdna selftest` says more; do not trust its results",
                   device->info.name, operation);
    }
    free(path);
}

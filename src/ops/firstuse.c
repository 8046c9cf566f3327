#include "ops/firstuse.h"

#include "base/file.h"
#include "base/log.h"
#include "ops/case.h"
#include "ops/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* Build options are those of a model's own launches, so that nothing is compiled that will not be used. */
static const struct {
    const char *operation;
    vq_case_shape shape;
    bool tiled; /* has a plain kernel to fall back to */
} checks[] = {
    {"stem", {{131, 19}}, false},
    {"layernorm", {{131, 67}}, false},
    {"dwconv", {{131, 33}}, false},
    {"gemm", {{150, 96, 257, 0, 1, VQ_GEMM_BIAS_GELU, 1}}, true},
    {"gemm", {{301, 40, 64, 0, 1, VQ_GEMM_BIAS_RESIDUAL}}, true},
    {"assign", {{301, 64, 256}}, true},
};

/* One letter is the whole of a verdict's file. */
typedef enum { UNKNOWN = 0, RIGHT = 'r', RIGHT_IF_PLAIN = 'p', WRONG = 'w' } verdict;

static const vq_case_table *find_table(const char *operation) {
    for (const vq_case_table *const *t = vq_case_tables; *t; t++)
        if (strcmp((*t)->operation, operation) == 0)
            return *t;
    return NULL;
}

static vq_status check(vq_device *device, size_t i) {
    const vq_case_table *table = find_table(checks[i].operation);
    vq_case *c;
    if (!table)
        return VQDNA_OK;
    VQ_TRY(vq_case_open(&c, table, &checks[i].shape, device));
    vq_status status = vq_case_check(c, NULL, 0);
    vq_case_close(c);
    return status;
}

/* Memory that is out says nothing about the kernels. */
static verdict try_all(vq_device *device) {
    verdict result = RIGHT;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        vq_status status = check(device, i);
        if (status == VQDNA_ERR_MEMORY)
            return UNKNOWN;
        if (status >= 0)
            continue;
        vq_log(VQDNA_WARNING, "%s: the kernels of %s fail their known answers: %s", device->info.name, checks[i].operation, vq_error());
        if (!checks[i].tiled || device->plain || device->family != VQ_FAMILY_CPU)
            return WRONG;
        result = RIGHT_IF_PLAIN;
        device->plain = true;
        if (check(device, i) < 0)
            return WRONG;
    }
    return result;
}

/* Where the verdict on this program, device and driver is kept (free it); NULL: nowhere. */
static char *verdict_path(const vq_device *device) {
    const char *kernels = getenv("VQDNA_KERNEL_DIR");
    char *dir, *path, name[48], variant[32];
    if ((kernels && *kernels) || !vq_cache_dir(&dir))
        return NULL;
    snprintf(variant, sizeof variant, "%d %d", device->family, device->vector_width);
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

static verdict read_verdict(const char *path) {
    char *text;
    if (!path || access(path, F_OK) != 0 || vq_read_file(&text, NULL, path, 16) < 0)
        return UNKNOWN;
    char letter = text[0];
    free(text);
    return letter == RIGHT || letter == RIGHT_IF_PLAIN || letter == WRONG ? (verdict)letter : UNKNOWN;
}

static void write_verdict(const char *path, verdict v) {
    vq_outfile file = {0};
    const char letter = (char)v;
    if (path && vq_outfile_open(&file, path) >= 0 && vq_outfile_write(&file, &letter, 1) >= 0)
        vq_outfile_commit(&file);
    vq_outfile_discard(&file);
}

void vq_first_use(vq_device *device) {
    char *path = verdict_path(device);
    verdict v = read_verdict(path);
    if (v == UNKNOWN) {
        v = try_all(device);
        if (v != UNKNOWN)
            write_verdict(path, v);
    }
    device->plain |= v == RIGHT_IF_PLAIN;
    if (v == RIGHT_IF_PLAIN)
        vq_log(VQDNA_WARNING, "%s: plain kernels are used for products and the nearest code, which are slower", device->info.name);
    if (v == WRONG)
        vq_log(VQDNA_WARNING, "%s gives wrong answers with this driver: `vqdna selftest` says where; do not trust its results",
               device->info.name);
    free(path);
}

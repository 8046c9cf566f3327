#include "check/firstuse.h"

#include "base/cache.h"
#include "base/file.h"
#include "base/log.h"
#include "check/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* A verdict's file has one letter for each check. */
enum { RIGHT = 'r', RIGHT_IF_PLAIN = 'p', WRONG = 'w', MOST_CHECKS = 31 };

/* For training with the backward half, where the operation has one. */
static vq_status check(vq_device *device, const vq_case_table *table, const vq_case_shape *shape, vq_use use) {
    vq_case *c;
    double error;
    if (use == VQ_USE_TRAINING)
        return vq_case_run(table, shape, device, &error);
    VQ_TRY(vq_case_open(&c, table, shape, device));
    vq_status status = vq_case_check(c, NULL, 0);
    vq_case_close(c);
    return status;
}

/* False if there is no verdict: memory that is out says nothing about the kernels. */
static bool try_all(vq_device *device, vq_use use, char verdict[MOST_CHECKS + 1]) {
    const vq_case_table *table;
    int i = 0;
    for (const vq_case_shape *shape; (shape = vq_case_known(&table, use, i)); i++) {
        vq_status status = check(device, table, shape, use);
        verdict[i] = vq_shape_of(device, table->operation).plain ? RIGHT_IF_PLAIN : RIGHT;
        if (status < 0 && status != VQDNA_ERR_MEMORY && verdict[i] == RIGHT) {
            vq_log(VQDNA_WARNING, "%s: the kernels of %s fail their known answers: %s", device->info.name, table->operation,
                   vq_error());
            vq_device_make_plain(device, table->operation);
            verdict[i] = RIGHT_IF_PLAIN;
            status = check(device, table, shape, use);
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
    const vq_case_table *table;
    for (int i = 0; vq_case_known(&table, use, i); i++) /* a letter is of what was asked in that place */
        hash = XXH3_64bits_withSeed(table->operation, strlen(table->operation), hash);
    snprintf(name, sizeof name, "verdict-%016llx", (unsigned long long)hash);
    if (vq_path_join(&path, dir, name) < 0)
        path = NULL;
    free(dir);
    return path;
}

static bool read_verdict(const char *path, vq_use use, char verdict[MOST_CHECKS + 1]) {
    const vq_case_table *table;
    char *text;
    size_t size, count = 0;
    if (!path || !vq_cache_read(&text, &size, path, MOST_CHECKS))
        return false;
    while (vq_case_known(&table, use, (int)count))
        count++;
    bool whole = size == count && strspn(text, "rpw") >= count;
    if (whole)
        snprintf(verdict, MOST_CHECKS + 1, "%.*s", (int)count, text);
    free(text);
    return whole;
}

static void write_verdict(const char *path, const char *verdict) {
    if (path)
        vq_cache_write(path, verdict, strlen(verdict));
}

void vq_first_use(vq_device *device, vq_use use) {
    char *path = verdict_path(device, use), verdict[MOST_CHECKS + 1] = "";
    const vq_case_table *table;
    if (!read_verdict(path, use, verdict) && try_all(device, use, verdict))
        write_verdict(path, verdict);
    for (int i = 0; verdict[i] && vq_case_known(&table, use, i); i++) {
        const char *operation = table->operation;
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

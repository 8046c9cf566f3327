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

/* A verdict's file has one letter for each check. Only answers are kept: what could not run is tried anew at each start. */
enum { RIGHT = 'r', RIGHT_IF_PLAIN = 'p', WRONG = 'w', UNKNOWN = '?', MOST_CHECKS = 31 };

/* For training with the backward half, where the operation has one. */
static vq_status check_once(vq_device *device, const vq_case_table *table, const vq_case_shape *shape, vq_use use) {
    vq_case *c;
    double error;
    if (use == VQ_USE_TRAINING)
        return vq_case_run(table, shape, device, &error);
    VQ_TRY(vq_case_open(&c, table, shape, device));
    vq_status status = vq_case_check(c, NULL, 0);
    vq_case_close(c);
    return status;
}

/* Once more if it could not run: the failure may have passed. */
static vq_status check(vq_device *device, const vq_case_table *table, const vq_case_shape *shape, vq_use use) {
    vq_status status = check_once(device, table, shape, use);
    return status < 0 && status != VQ_CASE_WRONG ? check_once(device, table, shape, use) : status;
}

/* The letter of a check. `wrong`: its fast kernels have failed another one. Memory that is out says nothing about the kernels. */
static char judge(vq_device *device, const vq_case_table *table, const vq_case_shape *shape, vq_use use, bool wrong) {
    bool plain = vq_shape_of(device, table->operation).plain;
    vq_status status = check(device, table, shape, use);
    if (status < 0 && status != VQDNA_ERR_MEMORY && !plain) {
        wrong = status == VQ_CASE_WRONG;
        vq_log(VQDNA_WARNING, "%s: the kernels of %s %s: %s", device->info.name, table->operation,
               wrong ? "fail their known answers" : "cannot run, and plain ones, which are slower, stand in this time", vq_error());
        vq_device_make_plain(device, table->operation);
        status = check(device, table, shape, use);
        plain = true;
    }
    if (status == VQDNA_OK && !plain)
        return RIGHT;
    return !wrong ? UNKNOWN : status == VQDNA_OK ? RIGHT_IF_PLAIN : status == VQ_CASE_WRONG ? WRONG : UNKNOWN;
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

static void read_verdict(const char *path, char verdict[MOST_CHECKS + 1]) {
    char *text;
    size_t size, count = strlen(verdict);
    if (!path || !vq_cache_read(&text, &size, path, MOST_CHECKS))
        return;
    if (size == count && strspn(text, "rpw?") == count)
        memcpy(verdict, text, count);
    free(text);
}

static void write_verdict(const char *path, const char *verdict) {
    if (path)
        vq_cache_write(path, verdict, strlen(verdict));
}

static void use_device(vq_device *device, vq_use use, bool again) {
    char *path = verdict_path(device, use), verdict[MOST_CHECKS + 1] = "", kept[MOST_CHECKS + 1];
    const vq_case_table *table, *failed = NULL;
    const vq_case_shape *shape;
    for (int i = 0; i < MOST_CHECKS && vq_case_known(&table, use, i); i++)
        verdict[i] = UNKNOWN;
    if (!again)
        read_verdict(path, verdict);
    memcpy(kept, verdict, sizeof kept);
    for (int i = 0; verdict[i] && (shape = vq_case_known(&table, use, i)); i++) {
        const char *operation = table->operation;
        if (verdict[i] == UNKNOWN)
            verdict[i] = judge(device, table, shape, use, table == failed);
        if (verdict[i] == RIGHT_IF_PLAIN) {
            failed = table;
            vq_device_make_plain(device, operation);
            vq_log(VQDNA_WARNING, "%s: plain kernels are used for %s, which are slower%s%s%s", device->info.name, operation,
                   path ? ": so says " : "", path ? path : "", path ? ", which `vqdna selftest` writes anew" : "");
        }
        if (verdict[i] == WRONG)
            vq_log(VQDNA_WARNING,
                   "%s gives wrong answers in %s with this driver: `vqdna selftest` says more; do not trust its results%s%s%s",
                   device->info.name, operation, path ? " (kept in " : "", path ? path : "", path ? ")" : "");
    }
    if (strcmp(kept, verdict) != 0)
        write_verdict(path, verdict);
    free(path);
}

void vq_first_use(vq_device *device, vq_use use) {
    use_device(device, use, false);
}

void vq_first_use_again(vq_device *device) {
    vq_device_reset_plain(device);
    use_device(device, VQ_USE_CODES, true);
    use_device(device, VQ_USE_TRAINING, true);
}

#include "api/handles.h"

#include "base/log.h"
#include "base/words.h"
#include "check/case.h"
#include "check/firstuse.h"
#include "device/open.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

const char *vqdna_last_error(void) {
    return vq_error();
}

const char *vqdna_version(void) {
    return VQDNA_VERSION;
}

const char *vqdna_nearest(const char *word, const char *const *names, size_t count) {
    return vq_nearest(word, names, count);
}

const char *vqdna_libraries(void) {
    static _Thread_local char text[160];
    snprintf(text, sizeof text, "OpenCL loader %s, CLBlast %s, zlib %s, jansson %s", VQDNA_OPENCL_VERSION, VQDNA_CLBLAST_VERSION,
             zlibVersion(), JANSSON_VERSION);
    return text;
}

void vqdna_set_message_handler(vqdna_message_fn fn, void *user) {
    vq_log_handler(fn, user);
}

vqdna_status vqdna_devices(vqdna_device_info **out, size_t *count, const char *selector) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(count);
    return vq_device_list(out, count, selector);
}

void vqdna_devices_free(vqdna_device_info *devices) {
    free(devices);
}

vqdna_status vqdna_context_create(vqdna_context **out, const vqdna_context_options *options) {
    vqdna_context_options own = {0}, *o = &own;
    vq_take_options(o, sizeof own, options, sizeof own);
    VQ_REQUIRE(out);
    if (o->threads < 0)
        return vq_fail(VQDNA_ERR_USAGE, "threads is %d, it must be at least 1", o->threads);
    vqdna_context *c;
    VQ_TRY(vq_alloc(&c, 1, sizeof *c));
    vq_status status = vq_device_open(&c->device, o->device, o->threads);
    if (status < 0) {
        free(c);
        return status;
    }
    vq_first_use(c->device, VQ_USE_CODES);
    *out = c;
    return VQDNA_OK;
}

void vqdna_context_destroy(vqdna_context *context) {
    if (!context)
        return;
    vq_device_close(context->device);
    free(context);
}

const vqdna_device_info *vqdna_context_device(const vqdna_context *context) {
    return &context->device->info;
}

const char *vqdna_plain_operations(const vqdna_context *context) {
    return context->device->plain;
}

/* Seconds that a check of much work would take, from the time of the last one with less: 0 where that need not be asked. */
static double expected_seconds(vq_device *device, const vq_case_table *table, const vq_case_shape *shape) {
    enum { RUNS = 2, SAMPLES = 5 };
    const double much = 2e9;
    const vq_case_shape *less = NULL;
    double seconds[SAMPLES];
    if (!table->flops || table->flops(shape->dims) < much)
        return 0;
    for (const vq_case_shape *s = table->shapes; s != shape; s++)
        if (table->flops(s->dims) < much)
            less = s;
    const bool cpu = strcmp(device->info.type, "cpu") == 0; /* the time that other load does not stretch */
    if (!less || vq_case_time(table, less, device, true, cpu, SAMPLES, seconds) < 0)
        return 0;
    for (int i = 1; i < SAMPLES; i++)
        seconds[0] = fmin(seconds[0], seconds[i]);
    return RUNS * seconds[0] * table->flops(shape->dims) / table->flops(less->dims);
}

vqdna_status vqdna_selftest(vqdna_context *context, vqdna_check_fn fn, void *user) {
    const double patience = 240;
    VQ_REQUIRE(context);
    VQ_HOLD(context->device);
    vq_first_use_again(context->device);
    int failed = 0, checks = 0;
    for (const vq_case_table *const *table = vq_case_tables; *table; table++)
        for (const vq_case_shape *shape = (*table)->shapes; shape->dims[0]; shape++) {
            if (shape->large)
                continue;
            char label[160], why[80] = "";
            vqdna_check check = {.operation = (*table)->operation, .shape = label, .passed = true, .message = why};
            vq_case_label(*table, shape, label, sizeof label);
            const double seconds = expected_seconds(context->device, *table, shape);
            check.skipped = seconds > patience;
            if (check.skipped)
                snprintf(why, sizeof why, "it would take about %.0f minutes on this device", ceil(seconds / 60));
            else
                check.passed = vq_case_run(*table, shape, context->device, &check.error) == VQDNA_OK;
            if (!check.passed)
                check.message = vq_error();
            checks++;
            failed += !check.passed;
            if (fn)
                fn(user, &check);
        }
    if (failed)
        return vq_fail(VQDNA_ERR_DEVICE, "%d of %d self-tests failed on %s: do not trust this device or driver", failed, checks,
                       context->device->info.name);
    return VQDNA_OK;
}

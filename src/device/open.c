#include "device/open.h"

#include "base/c_locale.h"
#include "base/log.h"
#include "device/blas.h"
#include "device/clfft.h"
#include "device/constants.h"
#include "device/host.h"
#include "device/memory.h"
#include "device/program.h"
#include "device/tune.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_PLATFORMS = 32, MAX_DEVICES = 64 };

/* ---- Enumeration ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    vqdna_device_info info;
    cl_platform_id platform;
    cl_device_id id; /* NULL: a platform without devices */
    double rank;
} candidate;

static void platform_text(cl_platform_id id, cl_platform_info what, char *out, size_t size) {
    if (clGetPlatformInfo(id, what, size - 1, out, NULL) != CL_SUCCESS)
        out[0] = 0;
    out[size - 1] = 0;
}

static void device_text(cl_device_id id, cl_device_info what, char *out, size_t size) {
    if (clGetDeviceInfo(id, what, size - 1, out, NULL) != CL_SUCCESS)
        out[0] = 0;
    out[size - 1] = 0;
    size_t skip = strspn(out, " ");
    memmove(out, out + skip, strlen(out + skip) + 1);
}

static uint64_t device_number(cl_device_id id, cl_device_info what, size_t size) {
    uint64_t value = 0; /* little-endian hosts only, like every OpenCL platform of today */
    return clGetDeviceInfo(id, what, size, &value, NULL) == CL_SUCCESS ? value : 0;
}

static void judge(vqdna_device_info *d, cl_device_id id) {
    d->usable = false;
    if (strstr(d->platform, "Clover"))
        snprintf(d->reason, sizeof d->reason, "Mesa's Clover miscompiles; install its successor rusticl or another driver");
    else if (!device_number(id, CL_DEVICE_AVAILABLE, sizeof(cl_bool)))
        snprintf(d->reason, sizeof d->reason, "the driver says the device is not available");
    else if (!device_number(id, CL_DEVICE_COMPILER_AVAILABLE, sizeof(cl_bool)))
        snprintf(d->reason, sizeof d->reason, "the driver has no kernel compiler");
    else if (!device_number(id, CL_DEVICE_ENDIAN_LITTLE, sizeof(cl_bool)))
        snprintf(d->reason, sizeof d->reason, "big-endian devices are not supported");
    else if (strncmp(d->version, "OpenCL 1.0", 10) == 0 || strncmp(d->version, "OpenCL 1.1", 10) == 0)
        snprintf(d->reason, sizeof d->reason, "OpenCL 1.2 is needed");
    else
        d->usable = true;
}

static void describe(candidate *c) {
    vqdna_device_info *d = &c->info;
    device_text(c->id, CL_DEVICE_NAME, d->name, sizeof d->name);
    device_text(c->id, CL_DEVICE_VENDOR, d->vendor, sizeof d->vendor);
    device_text(c->id, CL_DEVICE_VERSION, d->version, sizeof d->version);
    device_text(c->id, CL_DRIVER_VERSION, d->driver, sizeof d->driver);
    cl_device_type type = device_number(c->id, CL_DEVICE_TYPE, sizeof type);
    /* A simulator may say CPU, GPU and accelerator at once: the most general word wins. */
    const char *word = type & CL_DEVICE_TYPE_CPU ? "cpu" : type & CL_DEVICE_TYPE_GPU ? "gpu" : "accelerator";
    snprintf(d->type, sizeof d->type, "%s", word);
    d->compute_units = (unsigned)device_number(c->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(cl_uint));
    d->clock_mhz = (unsigned)device_number(c->id, CL_DEVICE_MAX_CLOCK_FREQUENCY, sizeof(cl_uint));
    /* Intel's CPU runtime prefers scalars, which it vectorizes itself, but says how wide its registers are. */
    const unsigned preferred = (unsigned)device_number(c->id, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, sizeof(cl_uint));
    const unsigned native = (unsigned)device_number(c->id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof(cl_uint));
    d->float_width = preferred > native ? preferred : native;
    d->max_work_group = device_number(c->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    d->local_bytes = device_number(c->id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof(cl_ulong));
    d->global_bytes = device_number(c->id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong));
    d->max_allocation = device_number(c->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong));
    if (strcmp(word, "cpu") == 0) {
        const uint64_t memory = vq_host_memory("");
        d->global_bytes = d->global_bytes < memory ? d->global_bytes : memory;
        d->max_allocation = d->max_allocation < memory ? d->max_allocation : memory;
    }
    d->fp64 = device_number(c->id, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof(cl_device_fp_config)) != 0;
    /* A CPU driver that knows scalars only (rusticl) vectorizes over work-items like a GPU. */
    bool cpu = strcmp(word, "cpu") == 0 && d->float_width >= 4;
    const char *forced = getenv("VQDNA_FAMILY");
    if (forced && (strcmp(forced, "cpu") == 0 || strcmp(forced, "gpu") == 0))
        cpu = forced[0] == 'c';
    snprintf(d->family, sizeof d->family, "%s", cpu ? "cpu" : "gpu");
    judge(d, c->id);
    c->rank = (strcmp(d->type, "gpu") == 0           ? 1e9
               : strcmp(d->type, "accelerator") == 0 ? 1e8
                                                     : 0) +
              (double)d->compute_units * d->clock_mhz * (strcmp(word, "cpu") == 0 ? d->float_width : 1);
}

/* The same card through two drivers, or a platform listed twice, is one device: the first stays. */
static bool known_already(const candidate *list, int count, const candidate *c) {
    for (int i = 0; i < count; i++)
        if (list[i].id == c->id)
            return true;
    return false;
}

static bool is_pocl(const vqdna_device_info *d) {
    return strstr(d->platform, "Portable Computing Language") != NULL;
}

static int enumerate(candidate *list, int capacity) {
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint platform_count = 0;
    vq_host_prepare();
    if (clGetPlatformIDs(MAX_PLATFORMS, platforms, &platform_count) != CL_SUCCESS)
        return 0;
    if (platform_count > MAX_PLATFORMS)
        platform_count = MAX_PLATFORMS;
    int count = 0;
    for (cl_uint p = 0; p < platform_count; p++) {
        cl_device_id ids[MAX_DEVICES];
        cl_uint n = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &n) != CL_SUCCESS)
            n = 0;
        for (cl_uint i = 0; i < (n ? n : 1) && count < capacity; i++) {
            candidate *c = &list[count];
            memset(c, 0, sizeof *c);
            c->platform = platforms[p];
            c->id = n ? ids[i] : NULL;
            c->info.index = -1;
            platform_text(platforms[p], CL_PLATFORM_NAME, c->info.platform, sizeof c->info.platform);
            platform_text(platforms[p], CL_PLATFORM_VERSION, c->info.platform_version, sizeof c->info.platform_version);
            if (c->id && known_already(list, count, c))
                continue;
            if (c->id)
                describe(c);
            else
                snprintf(c->info.reason, sizeof c->info.reason, "the platform has no device");
            count++;
        }
    }
    static atomic_bool told;
    int index = 0;
    for (int i = 0; i < count; i++)
        if (is_pocl(&list[i].info) && *vq_host_note() && !atomic_exchange(&told, true))
            vq_log(VQDNA_WARNING, "%s", vq_host_note());
    for (int i = 0; i < count; i++)
        if (list[i].id)
            list[i].info.index = index++;
    return count;
}

/* ---- Choice ------------------------------------------------------------------------------------------------------------------ */

static bool matches(const candidate *c, const char *selector) {
    if (!selector || !*selector)
        return true;
    if (strcasecmp(selector, "cpu") == 0 || strcasecmp(selector, "gpu") == 0)
        return strcasecmp(c->info.type, selector) == 0;
    VQ_C_LOCALE; /* in Turkish "nvidia" is not "NVIDIA" */
    char *end;
    long index = strtol(selector, &end, 10);
    if (*end == 0)
        return c->info.index == index;
    return strcasestr(c->info.name, selector) || strcasestr(c->info.platform, selector);
}

static const char *effective(const char *selector) {
    return selector && *selector ? selector : getenv("VQDNA_DEVICE");
}

static candidate *choose(candidate *list, int count, const char *selector) {
    candidate *best = NULL;
    int fit = 0;
    for (int i = 0; i < count; i++) {
        candidate *c = &list[i];
        if (!c->id || !c->info.usable || !matches(c, selector))
            continue;
        fit++;
        if (!best || c->rank > best->rank)
            best = c;
    }
    if (!best)
        return NULL;
    best->info.chosen = true;
    if (selector && *selector)
        snprintf(best->info.reason, sizeof best->info.reason, "%s for '%s'", fit == 1 ? "the only match" : "the best match",
                 selector);
    else
        snprintf(best->info.reason, sizeof best->info.reason, "%s",
                 fit == 1                              ? "the only usable device"
                 : strcmp(best->info.type, "gpu") == 0 ? "GPUs rank first, then compute units x clock"
                                                       : "no usable GPU; most compute units x clock");
    return best;
}

vq_status vq_device_list(vqdna_device_info **out, size_t *count, const char *selector) {
    candidate *list;
    VQ_TRY(vq_alloc(&list, MAX_DEVICES, sizeof *list)); /* too large for the stack of a small thread */
    int n = enumerate(list, MAX_DEVICES);
    choose(list, n, effective(selector));
    vqdna_device_info *infos;
    vq_status status = vq_alloc(&infos, (size_t)n, sizeof *infos);
    for (int i = 0; i < n && status == VQDNA_OK; i++)
        infos[i] = list[i].info;
    free(list);
    VQ_TRY(status);
    *out = infos;
    *count = (size_t)n;
    return VQDNA_OK;
}

static vq_status no_device(const candidate *list, int count, const char *selector) {
    int devices = 0, usable = 0;
    for (int i = 0; i < count; i++) {
        if (is_pocl(&list[i].info) && !list[i].id && *vq_host_note())
            return vq_fail(VQDNA_ERR_DEVICE, "no OpenCL device: %s", vq_host_note());
        devices += list[i].id != NULL;
        usable += list[i].id && list[i].info.usable;
    }
    if (count == 0)
        return vq_fail(VQDNA_ERR_DEVICE, "no OpenCL platform found: install a driver (on Debian, pocl-opencl-icd runs on any CPU)");
    if (devices == 0)
        return vq_fail(
            VQDNA_ERR_DEVICE,
            "the %d OpenCL platform%s found have no device: install a driver (on Debian, pocl-opencl-icd runs on any CPU)", count,
            count == 1 ? "" : "s");
    if (usable && selector && *selector)
        return vq_fail(VQDNA_ERR_DEVICE, "no OpenCL device matches '%s': 'vqdna devices' lists those there are", selector);
    return vq_fail(VQDNA_ERR_DEVICE, "no OpenCL device can be used: 'vqdna devices' says why");
}

/* ---- Opening ----------------------------------------------------------------------------------------------------------------- */

static bool can_partition(cl_device_id id) {
    cl_device_partition_property ways[16] = {0};
    clGetDeviceInfo(id, CL_DEVICE_PARTITION_PROPERTIES, sizeof ways, ways, NULL);
    for (int i = 0; i < 16; i++)
        if (ways[i] == CL_DEVICE_PARTITION_BY_COUNTS)
            return device_number(id, CL_DEVICE_PARTITION_MAX_SUB_DEVICES, sizeof(cl_uint)) > 0;
    return false;
}

static void take_cores(vq_device *device, int threads) {
    if (threads <= 0 || strcmp(device->info.type, "cpu") != 0 || (unsigned)threads >= device->info.compute_units)
        return;
    const cl_device_partition_property by_counts[] = {CL_DEVICE_PARTITION_BY_COUNTS, threads,
                                                      CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_device_id part;
    if (can_partition(device->id) && clCreateSubDevices(device->id, by_counts, 1, &part, NULL) == CL_SUCCESS) {
        device->parent = device->id;
        device->id = part;
        device->info.compute_units = (unsigned)threads;
    } else
        vq_log(VQDNA_WARNING, "%s cannot be limited to %d threads: all its %u compute units are used", device->info.name, threads,
               device->info.compute_units);
}

static vq_status open_candidate(vq_device *device, const candidate *c, int threads) {
    device->info = c->info;
    device->platform = c->platform;
    device->id = c->id;
    device->family = c->info.family[0] == 'c' ? VQ_FAMILY_CPU : VQ_FAMILY_GPU;
    device->vector_width = device->family == VQ_FAMILY_GPU ? 4 : c->info.float_width >= 16 ? 16 : c->info.float_width >= 8 ? 8 : 4;
    const char *width = getenv("VQDNA_VECTOR_WIDTH"); /* to try the kernels of another CPU */
    if (width && (atoi(width) == 4 || atoi(width) == 8 || atoi(width) == 16))
        device->vector_width = atoi(width);
    device->alignment = device_number(c->id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof(cl_uint)) / 8;
    if (device->alignment < 128)
        device->alignment = 128;
    if (strcmp(c->info.type, "cpu") != 0) { /* half a second of a slow one, a millisecond of a fast one */
        device->most_groups = 65535;
        device->most_flops = 32e9;
    }
    for (int i = 0; i < 3; i++)
        device->most_items[i] = device->info.max_work_group;
    clGetDeviceInfo(c->id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof device->most_items, device->most_items, NULL);
    device->driver_caches = is_pocl(&c->info);
    vq_device_reset_plain(device);
    const char *sync = getenv("VQDNA_SYNC");
    device->synchronous = sync && strcmp(sync, "1") == 0;
    take_cores(device, threads);
    cl_int err;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)device->platform, 0};
    device->context = clCreateContext(properties, 1, &device->id, NULL, NULL, &err);
    if (err != CL_SUCCESS)
        return vq_fail_cl(err, c->info.name);
    device->queue = clCreateCommandQueue(device->context, device->id, 0, &err);
    if (err != CL_SUCCESS)
        return vq_fail_cl(err, c->info.name);
    vq_log(VQDNA_DEBUG, "device %d: %s (%s), %s kernels of width %d", c->info.index, c->info.name, c->info.platform, c->info.family,
           device->vector_width);
    return VQDNA_OK;
}

vq_status vq_device_open(vq_device **out, const char *selector, int threads) {
    candidate *list;
    vq_device *device = NULL;
    vq_status status;
    VQ_TRY(vq_alloc(&list, MAX_DEVICES, sizeof *list));
    int n = enumerate(list, MAX_DEVICES);
    selector = effective(selector);
    const candidate *c = choose(list, n, selector);
    VQ_TRY_OR(done, c ? VQDNA_OK : no_device(list, n, selector));
    VQ_TRY_OR(done, vq_alloc(&device, 1, sizeof *device));
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&device->lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    VQ_TRY_OR(done, open_candidate(device, c, threads));
    vq_tuning_load(device);
    VQ_TRY_OR(done, vq_blas_check_choice(device));
    VQ_TRY_OR(done, vq_clfft_check_choice(device));
    *out = device;
done:
    if (status < 0)
        vq_device_close(device);
    free(list);
    return status;
}

void vq_device_close(vq_device *device) {
    if (!device)
        return;
    if (device->queue)
        clFinish(device->queue);
    vq_blas_release(device);
    vq_clfft_release(device);
    vq_staging_destroy(device);
    vq_constants_destroy(device);
    vq_kernel_table_destroy(device);
    vq_tuning_unload(device);
    if (device->queue)
        clReleaseCommandQueue(device->queue);
    if (device->context)
        clReleaseContext(device->context);
    if (device->parent)
        clReleaseDevice(device->id);
    pthread_mutex_destroy(&device->lock);
    free(device);
}

#include "device/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

vq_status vq_fail_cl(cl_int code, const char *what) {
    static const struct {
        cl_int code;
        const char *text;
    } names[] = {
        {CL_MEM_OBJECT_ALLOCATION_FAILURE, "out of device memory"},
        {CL_OUT_OF_RESOURCES, "out of device resources"},
        {CL_OUT_OF_HOST_MEMORY, "out of host memory"},
        {CL_INVALID_BUFFER_SIZE, "buffer too large for the device"},
        {CL_DEVICE_NOT_AVAILABLE, "device not available"},
        {CL_COMPILER_NOT_AVAILABLE, "the driver has no compiler"},
        {CL_BUILD_PROGRAM_FAILURE, "the driver's compiler failed"},
        {CL_INVALID_WORK_GROUP_SIZE, "work-group size refused"},
        {CL_INVALID_KERNEL_ARGS, "kernel arguments missing"},
        {CL_DEVICE_NOT_FOUND, "no device"},
        {-1001, "no OpenCL platform is installed"},
    };
    vq_status status = code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_HOST_MEMORY || code == CL_INVALID_BUFFER_SIZE
                           ? VQDNA_ERR_MEMORY
                           : VQDNA_ERR_DEVICE;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code)
            return vq_fail(status, "%s: %s (OpenCL error %d)", what, names[i].text, (int)code);
    return vq_fail(status, "%s: OpenCL error %d", what, (int)code);
}

/* ---- Plain kernels ----------------------------------------------------------------------------------------------------------- */

static bool is_plain(const vq_device *device, const char *operation) {
    const size_t length = strlen(operation);
    for (const char *item = device->plain; *item; item += strspn(item, ",")) {
        const size_t n = strcspn(item, ",");
        if ((n == length && !strncmp(item, operation, n)) || (n == 3 && !strncmp(item, "all", 3)))
            return true;
        item += n;
    }
    return false;
}

vq_shape vq_shape_of(const vq_device *device, const char *operation) {
    if (is_plain(device, operation))
        return (vq_shape){VQ_FAMILY_CPU, 1, true};
    return (vq_shape){device->family, device->vector_width, false};
}

void vq_device_make_plain(vq_device *device, const char *operation) {
    size_t used = strlen(device->plain);
    if (!is_plain(device, operation))
        snprintf(device->plain + used, sizeof device->plain - used, "%s%s", used ? "," : "", operation);
}

void vq_device_reset_plain(vq_device *device) {
    const char *asked = getenv("VQDNA_PLAIN");
    snprintf(device->plain, sizeof device->plain, "%s", asked ? asked : "");
}

/* ---- Use ---------------------------------------------------------------------------------------------------------------------- */

vq_device *vq_device_lock(vq_device *device) {
    if (device)
        pthread_mutex_lock(&device->lock);
    return device;
}

void vq_device_unlock(vq_device *device) {
    if (device)
        pthread_mutex_unlock(&device->lock);
}

bool vq_device_takes(const vq_device *device, size_t across, size_t down, size_t local_bytes) {
    return across * down <= device->info.max_work_group && across <= device->most_items[0] && down <= device->most_items[1] &&
           local_bytes <= device->info.local_bytes;
}

vq_status vq_device_finish(vq_device *device) {
    cl_int err = clFinish(device->queue);
    return err == CL_SUCCESS ? VQDNA_OK : vq_fail_cl(err, device->info.name);
}

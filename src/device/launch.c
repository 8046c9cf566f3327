#include "device/launch.h"

#include "base/integer.h"

#include <math.h>
#include <stdio.h>

static vq_status launch_error(const vq_device *device, const vq_kernel *kernel, const char *what, int arg, cl_int err) {
    char text[1200];
    if (arg >= 0)
        snprintf(text, sizeof text, "%s: argument %d of kernel '%s'", device->info.name, arg, vq_kernel_key(kernel));
    else
        snprintf(text, sizeof text, "%s: %s of kernel '%s'", device->info.name, what, vq_kernel_key(kernel));
    return vq_fail_cl(err, text);
}

bool vq_group_fits(vq_device *device, const char *stem, const char *options, size_t across, size_t down) {
    if (!vq_device_takes(device, across, down, 0))
        return false;
    const vq_kernel_limits limits = vq_program_limits(device, stem, options);
    return across * down <= limits.items && limits.local_bytes <= device->info.local_bytes;
}

vq_group vq_group_fit(vq_device *device, const char *stem, const char *options, int across, int items) {
    enum { SPREAD = 64 };
    const bool cpu = vq_shape_of(device, stem).family == VQ_FAMILY_CPU;
    if (cpu)
        across = items = 1;
    for (;; items /= 2) {
        vq_group g = {.across = (size_t)(across < items ? across : items)};
        g.down = (size_t)items / g.across;
        g.spread = !cpu ? (size_t)items : device->most_items[0] < SPREAD ? 1 : SPREAD;
        snprintf(g.options, sizeof g.options, "%s%s-DLX=%zu -DLY=%zu", options, *options ? " " : "", g.across, g.down);
        if (items == 1 || vq_group_fits(device, stem, g.options, g.across, g.down))
            return g;
    }
}

/* A driver that is asked for more than it has may crash: the sentence comes first. */
static vq_status check_limits(const vq_device *device, const vq_kernel *kernel, const vq_grid *grid, const vq_arg *args,
                              int count) {
    const vq_kernel_limits limits = vq_kernel_limits_of(kernel);
    const size_t *l = grid->local;
    size_t local = limits.local_bytes;
    for (int i = 0; i < count; i++)
        local += args[i].kind == VQ_ARG_LOCAL ? args[i].bytes : 0;
    if (l[0] * l[1] * l[2] > limits.items || l[0] > device->most_items[0] || l[1] > device->most_items[1] ||
        l[2] > device->most_items[2])
        return vq_fail(VQDNA_ERR_DEVICE, "%s: kernel '%s' takes work-groups of at most %zu work-items, not %zu x %zu x %zu",
                       device->info.name, vq_kernel_key(kernel), limits.items, l[0], l[1], l[2]);
    if (local > device->info.local_bytes)
        return vq_fail(VQDNA_ERR_DEVICE, "%s: kernel '%s' needs %zu bytes of local memory, and the device has %zu",
                       device->info.name, vq_kernel_key(kernel), local, (size_t)device->info.local_bytes);
    return VQDNA_OK;
}

/* The groups of each of the launches that a grid is cut into: the last dimensions first, which hold the parts of a sum, then rows. */
static void cut(const vq_device *device, const vq_grid *grid, size_t part[3]) {
    const double pieces = device->most_flops > 0 ? ceil(grid->flops / device->most_flops) : 1;
    size_t left = pieces < 1 ? 1 : pieces > (double)(1 << 20) ? 1 << 20 : (size_t)pieces;
    for (int d = 2; d >= 0; d--) {
        const size_t cuts = vq_min(left, grid->groups[d]);
        part[d] = vq_ceil_div(grid->groups[d], cuts);
        left = vq_ceil_div(left, cuts);
        if (d > 0 && device->most_groups)
            part[d] = vq_min(part[d], device->most_groups);
    }
}

static cl_int enqueue(vq_device *device, cl_kernel kernel, const vq_grid *grid) {
    const size_t *groups = grid->groups, *local = grid->local;
    const cl_uint dims = groups[2] > 1 || local[2] > 1 ? 3 : groups[1] > 1 || local[1] > 1 ? 2 : 1;
    size_t part[3], at[3];
    cut(device, grid, part);
    const bool whole = part[0] == groups[0] && part[1] == groups[1] && part[2] == groups[2];
    for (at[2] = 0; at[2] < groups[2]; at[2] += part[2])
        for (at[1] = 0; at[1] < groups[1]; at[1] += part[1])
            for (at[0] = 0; at[0] < groups[0]; at[0] += part[0]) {
                size_t offset[3], size[3];
                for (int d = 0; d < 3; d++) {
                    offset[d] = at[d] * local[d];
                    size[d] = vq_min(part[d], groups[d] - at[d]) * local[d];
                }
                cl_int err = clEnqueueNDRangeKernel(device->queue, kernel, dims, whole ? NULL : offset, size, local, 0, NULL, NULL);
                if (err == CL_SUCCESS && !whole) /* lest the driver hand them over as one */
                    err = clFlush(device->queue);
                if (err != CL_SUCCESS)
                    return err;
            }
    return CL_SUCCESS;
}

vq_status vq_launch_args(vq_device *device, vq_kernel *kernel, vq_grid grid, const vq_arg *args, int count) {
    cl_kernel k = vq_kernel_handle(kernel);
    VQ_TRY(check_limits(device, kernel, &grid, args, count));
    for (int i = 0; i < count; i++) {
        cl_int err = CL_SUCCESS;
        switch (args[i].kind) {
        case VQ_ARG_VIEW:
            err = clSetKernelArg(k, (cl_uint)i, sizeof(cl_mem), &args[i].view.mem);
            break;
        case VQ_ARG_INT:
            err = clSetKernelArg(k, (cl_uint)i, sizeof args[i].i, &args[i].i);
            break;
        case VQ_ARG_FLOAT:
            err = clSetKernelArg(k, (cl_uint)i, sizeof args[i].f, &args[i].f);
            break;
        case VQ_ARG_LOCAL:
            err = clSetKernelArg(k, (cl_uint)i, args[i].bytes, NULL);
            break;
        }
        if (err != CL_SUCCESS)
            return launch_error(device, kernel, "", i, err);
    }
    if (grid.groups[0] == 0 || grid.groups[1] == 0 || grid.groups[2] == 0)
        return VQDNA_OK;
    cl_int err = enqueue(device, k, &grid);
    if (err != CL_SUCCESS)
        return launch_error(device, kernel, "launch", -1, err);
    if (device->synchronous) {
        err = clFinish(device->queue);
        if (err != CL_SUCCESS)
            return launch_error(device, kernel, "run", -1, err);
    }
    return VQDNA_OK;
}

vq_status vq_run_args(vq_device *device, const char *stem, const char *name, const char *options, vq_grid grid, const vq_arg *args,
                      int count) {
    vq_kernel *kernel;
    VQ_TRY(vq_kernel_get(device, &kernel, stem, name, options));
    return vq_launch_args(device, kernel, grid, args, count);
}

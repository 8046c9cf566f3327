#include "device/launch.h"

#include <stdio.h>

static vq_status launch_error(const vq_device *device, const vq_kernel *kernel, const char *what, int arg, cl_int err) {
    char text[1200];
    if (arg >= 0)
        snprintf(text, sizeof text, "%s: argument %d of kernel '%s'", device->info.name, arg, vq_kernel_key(kernel));
    else
        snprintf(text, sizeof text, "%s: %s of kernel '%s'", device->info.name, what, vq_kernel_key(kernel));
    return vq_fail_cl(err, text);
}

vq_status vq_launch_args(vq_device *device, vq_kernel *kernel, vq_grid grid, const vq_arg *args, int count) {
    cl_kernel k = vq_kernel_handle(kernel);
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
    size_t global[3];
    cl_uint dims = grid.groups[2] > 1 || grid.local[2] > 1 ? 3 : grid.groups[1] > 1 || grid.local[1] > 1 ? 2 : 1;
    for (int d = 0; d < 3; d++) {
        if (grid.groups[d] == 0)
            return VQDNA_OK;
        global[d] = grid.groups[d] * grid.local[d];
    }
    cl_int err = clEnqueueNDRangeKernel(device->queue, k, dims, NULL, global, grid.local, 0, NULL, NULL);
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

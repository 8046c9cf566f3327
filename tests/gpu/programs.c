/* Writes every program that a GPU would be given, at its defaults, to a folder: gpu_programs DIR. The OpenCL in this file is a GPU
 * that builds and runs nothing, so neither a GPU nor a driver is needed, and the build options are the true ones. */
#include "check/case.h"
#include "device/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A GPU ------------------------------------------------------------------------------------------------------------------- */

static const char *folder;
static int written;

struct _cl_mem {
    char *bytes;
    bool part; /* of another */
};

struct _cl_program {
    char *text;
};

static struct _cl_program no_program;

static void *handle(void) { /* of what has no contents */
    return &no_program;
}

static cl_int give(const void *value, size_t bytes, size_t size, void *out, size_t *written_size) {
    if (out && size < bytes)
        return CL_INVALID_VALUE;
    if (out)
        memcpy(out, value, bytes);
    if (written_size)
        *written_size = bytes;
    return CL_SUCCESS;
}

cl_int clGetPlatformIDs(cl_uint n, cl_platform_id *out, cl_uint *count) {
    if (out && n)
        *out = handle();
    if (count)
        *count = 1;
    return CL_SUCCESS;
}

cl_int clGetPlatformInfo(cl_platform_id id, cl_platform_info what, size_t size, void *out, size_t *n) {
    (void)id, (void)what;
    return give("OpenCL 1.2 imagined", 20, size, out, n);
}

cl_int clGetDeviceIDs(cl_platform_id id, cl_device_type type, cl_uint n, cl_device_id *out, cl_uint *count) {
    (void)id, (void)type;
    if (out && n)
        *out = handle();
    if (count)
        *count = 1;
    return CL_SUCCESS;
}

cl_int clGetDeviceInfo(cl_device_id id, cl_device_info what, size_t size, void *out, size_t *n) {
    const cl_device_type type = CL_DEVICE_TYPE_GPU;
    const cl_ulong local = 32 << 10, memory = (cl_ulong)8 << 30;
    const size_t items[] = {256, 256, 64};
    const cl_bool yes = CL_TRUE;
    const cl_uint units = 32, width = 1, mhz = 1000, align = 2048;
    (void)id;
    switch (what) {
    case CL_DEVICE_NAME:
    case CL_DEVICE_VENDOR:
    case CL_DEVICE_VERSION:
    case CL_DRIVER_VERSION:
        return give("OpenCL 1.2 imagined", 20, size, out, n);
    case CL_DEVICE_TYPE:
        return give(&type, sizeof type, size, out, n);
    case CL_DEVICE_AVAILABLE:
    case CL_DEVICE_COMPILER_AVAILABLE:
    case CL_DEVICE_ENDIAN_LITTLE:
        return give(&yes, sizeof yes, size, out, n);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
        return give(items, sizeof *items, size, out, n);
    case CL_DEVICE_MAX_WORK_ITEM_SIZES:
        return give(items, sizeof items, size, out, n);
    case CL_DEVICE_LOCAL_MEM_SIZE:
        return give(&local, sizeof local, size, out, n);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        return give(&memory, sizeof memory, size, out, n);
    case CL_DEVICE_MAX_COMPUTE_UNITS:
        return give(&units, sizeof units, size, out, n);
    case CL_DEVICE_MEM_BASE_ADDR_ALIGN:
        return give(&align, sizeof align, size, out, n);
    case CL_DEVICE_MAX_CLOCK_FREQUENCY:
        return give(&mhz, sizeof mhz, size, out, n);
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT:
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT:
        return give(&width, sizeof width, size, out, n);
    default:
        return CL_INVALID_VALUE;
    }
}

cl_context clCreateContext(const cl_context_properties *p, cl_uint n, const cl_device_id *d,
                           void(CL_CALLBACK *f)(const char *, const void *, size_t, void *), void *u, cl_int *err) {
    (void)p, (void)n, (void)d, (void)f, (void)u;
    *err = CL_SUCCESS;
    return handle();
}

cl_command_queue clCreateCommandQueue(cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *err) {
    (void)c, (void)d, (void)p;
    *err = CL_SUCCESS;
    return handle();
}

cl_mem clCreateBuffer(cl_context c, cl_mem_flags f, size_t size, void *host, cl_int *err) {
    cl_mem m = malloc(sizeof *m);
    (void)c, (void)f, (void)host;
    *m = (struct _cl_mem){calloc(size, 1), false};
    *err = m->bytes ? CL_SUCCESS : CL_MEM_OBJECT_ALLOCATION_FAILURE;
    return m;
}

cl_mem clCreateSubBuffer(cl_mem of, cl_mem_flags f, cl_buffer_create_type t, const void *region, cl_int *err) {
    cl_mem m = malloc(sizeof *m);
    (void)f, (void)t;
    *m = (struct _cl_mem){of->bytes + ((const cl_buffer_region *)region)->origin, true};
    *err = CL_SUCCESS;
    return m;
}

cl_int clReleaseMemObject(cl_mem m) {
    if (!m->part)
        free(m->bytes);
    free(m);
    return CL_SUCCESS;
}

cl_int clEnqueueReadBuffer(cl_command_queue q, cl_mem m, cl_bool b, size_t at, size_t size, void *to, cl_uint n, const cl_event *w,
                           cl_event *e) {
    (void)q, (void)b, (void)n, (void)w, (void)e;
    memcpy(to, m->bytes + at, size);
    return CL_SUCCESS;
}

cl_int clEnqueueWriteBuffer(cl_command_queue q, cl_mem m, cl_bool b, size_t at, size_t size, const void *from, cl_uint n,
                            const cl_event *w, cl_event *e) {
    (void)q, (void)b, (void)n, (void)w, (void)e;
    memcpy(m->bytes + at, from, size);
    return CL_SUCCESS;
}

cl_program clCreateProgramWithSource(cl_context c, cl_uint n, const char **texts, const size_t *lengths, cl_int *err) {
    cl_program p = malloc(sizeof *p);
    (void)c, (void)n, (void)lengths;
    p->text = strdup(texts[0]);
    *err = CL_SUCCESS;
    return p;
}

cl_int clBuildProgram(cl_program p, cl_uint n, const cl_device_id *d, const char *options, void(CL_CALLBACK *f)(cl_program, void *),
                      void *u) {
    char path[4096];
    (void)n, (void)d, (void)f, (void)u;
    snprintf(path, sizeof path, "%s/%03d.cl", folder, written++);
    FILE *file = fopen(path, "w");
    if (!file)
        return CL_BUILD_PROGRAM_FAILURE;
    fprintf(file, "// %s\n%s", options, p->text);
    return fclose(file) ? CL_BUILD_PROGRAM_FAILURE : CL_SUCCESS;
}

cl_int clReleaseProgram(cl_program p) {
    free(p->text);
    free(p);
    return CL_SUCCESS;
}

cl_kernel clCreateKernel(cl_program p, const char *name, cl_int *err) {
    (void)p, (void)name;
    *err = CL_SUCCESS;
    return handle();
}

/* What succeeds and does nothing. */
#define NOTHING(declaration)                                                                                                       \
    cl_int declaration {                                                                                                           \
        return CL_SUCCESS;                                                                                                         \
    }
#pragma GCC diagnostic ignored "-Wunused-parameter"
NOTHING(clCreateKernelsInProgram(cl_program p, cl_uint n, cl_kernel *k, cl_uint *count))
NOTHING(clSetKernelArg(cl_kernel k, cl_uint i, size_t size, const void *value))
NOTHING(clEnqueueNDRangeKernel(cl_command_queue q, cl_kernel k, cl_uint dims, const size_t *offset, const size_t *global,
                               const size_t *local, cl_uint n, const cl_event *w, cl_event *e))
NOTHING(clEnqueueFillBuffer(cl_command_queue q, cl_mem m, const void *p, size_t ps, size_t at, size_t size, cl_uint n,
                            const cl_event *w, cl_event *e))
NOTHING(clEnqueueCopyBuffer(cl_command_queue q, cl_mem a, cl_mem b, size_t x, size_t y, size_t size, cl_uint n, const cl_event *w,
                            cl_event *e))
NOTHING(clFinish(cl_command_queue q))
NOTHING(clFlush(cl_command_queue q))
NOTHING(clReleaseKernel(cl_kernel k))
NOTHING(clReleaseCommandQueue(cl_command_queue q))
NOTHING(clReleaseContext(cl_context c))

cl_int clGetKernelWorkGroupInfo(cl_kernel k, cl_device_id d, cl_kernel_work_group_info what, size_t size, void *out, size_t *n) {
    return CL_INVALID_VALUE; /* so the device's limits hold */
}

cl_int clGetProgramInfo(cl_program p, cl_program_info what, size_t size, void *out, size_t *n) {
    return CL_INVALID_VALUE; /* no binary to keep */
}

/* ---- What it is given ---------------------------------------------------------------------------------------------------------- */

static vq_status launch(vq_device *device, const vq_case_table *table, const int dims[VQ_CASE_DIMS]) {
    vq_case_shape shape = {{0}};
    vq_case *c;
    memcpy(shape.dims, dims, sizeof shape.dims);
    VQ_TRY(vq_case_open(&c, table, &shape, device));
    vq_status status = vq_case_enqueue(c, table->backward != NULL);
    vq_case_close(c);
    return status;
}

/* The shapes that stand for the classes of tunables; what has none, or none of its own, at the shapes it is timed at. */
static vq_status launch_all(vq_device *device) {
    const vq_case_table *table;
    const vq_tunables *set;
    for (int i = 0; (set = vq_case_tunables(&table, i)); i++)
        for (int j = 0; j < set->shape_count; j++)
            VQ_TRY(launch(device, table, set->shapes[j].timed));
    for (const vq_case_table *const *t = vq_case_tables; *t; t++)
        for (const vq_case_shape *s = (*t)->shapes; s->dims[0]; s++)
            if (s->known || (!(*t)->tunables[0] && s->dims[0] > 0))
                VQ_TRY(launch(device, *t, s->dims));
    return VQDNA_OK;
}

int main(int argc, char **argv) {
    vq_device *device;
    if (argc != 2) {
        fprintf(stderr, "usage: gpu_programs DIR\n");
        return 1;
    }
    folder = argv[1];
    setenv("VQDNA_GEMM", "tile", 1);
    setenv("XDG_CACHE_HOME", folder, 1);
    if (vq_device_open(&device, NULL, 0) < 0 || launch_all(device) < 0) {
        fprintf(stderr, "%s\n", vq_error());
        return 1;
    }
    vq_device_close(device);
    printf("%d programs\n", written);
    return 0;
}

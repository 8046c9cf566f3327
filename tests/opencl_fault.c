/* Preloaded before the OpenCL loader (LD_PRELOAD), lets one call fail as a device in trouble would. VQ_FAULT="clFinish 3 -5": the third
 * call of clFinish returns -5. VQ_FAULT_COUNT=FILE: how often each was called, a line each, once the process ends. */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct call {
    const char *name;
    int count;
    struct call *next;
} call;

static call *calls;
static char faulty[64];
static int faulty_call, code;

__attribute__((constructor)) static void begin(void) {
    const char *fault = getenv("VQ_FAULT");
    if (fault)
        sscanf(fault, "%63s %d %d", faulty, &faulty_call, &code);
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("VQ_FAULT_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    for (const call *c = calls; c && file; c = c->next)
        fprintf(file, "%s %d\n", c->name, c->count);
    if (file)
        fclose(file);
}

/* Whether this call is the one. */
static int fails(call *c, const char *name) {
    if (!c->name) {
        *c = (call){name, 0, calls};
        calls = c;
    }
    return ++c->count == faulty_call && !strcmp(name, faulty);
}

/* A function that returns a status, and one that returns an object and the status through its last parameter. */
#define STATUS(name, parameters, arguments)                                                                                        \
    cl_int name parameters {                                                                                                       \
        static call c;                                                                                                             \
        __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                                                       \
        const int failed = fails(&c, #name);                                                                                       \
        if (failed && strcmp(#name, "clFinish"))                                                                                   \
            return code;                                                                                                           \
        const cl_int status = real arguments; /* what was enqueued may not outlive its buffers */                                  \
        return failed ? code : status;                                                                                             \
    }
#define OBJECT(type, name, parameters, arguments)                                                                                  \
    type name parameters {                                                                                                         \
        static call c;                                                                                                             \
        __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                                                       \
        if (!fails(&c, #name))                                                                                                     \
            return real arguments;                                                                                                 \
        if (status)                                                                                                                \
            *status = code;                                                                                                        \
        return NULL;                                                                                                               \
    }
#define WAITS cl_uint waits, const cl_event *wait, cl_event *event
typedef void(CL_CALLBACK *context_notify)(const char *, const void *, size_t, void *);
typedef void(CL_CALLBACK *build_notify)(cl_program, void *);

STATUS(clFinish, (cl_command_queue q), (q))
STATUS(clFlush, (cl_command_queue q), (q))
STATUS(clSetKernelArg, (cl_kernel k, cl_uint i, size_t n, const void *value), (k, i, n, value))
STATUS(clBuildProgram, (cl_program p, cl_uint n, const cl_device_id *ids, const char *options, build_notify fn, void *user),
       (p, n, ids, options, fn, user))
STATUS(clEnqueueNDRangeKernel,
       (cl_command_queue q, cl_kernel k, cl_uint dims, const size_t *offset, const size_t *global, const size_t *local, WAITS),
       (q, k, dims, offset, global, local, waits, wait, event))
STATUS(clEnqueueReadBuffer, (cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset, size_t n, void *to, WAITS),
       (q, m, blocking, offset, n, to, waits, wait, event))
STATUS(clEnqueueWriteBuffer, (cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset, size_t n, const void *from, WAITS),
       (q, m, blocking, offset, n, from, waits, wait, event))
STATUS(clEnqueueFillBuffer, (cl_command_queue q, cl_mem m, const void *pattern, size_t size, size_t offset, size_t n, WAITS),
       (q, m, pattern, size, offset, n, waits, wait, event))
STATUS(clEnqueueCopyBuffer, (cl_command_queue q, cl_mem from, cl_mem to, size_t from_at, size_t to_at, size_t n, WAITS),
       (q, from, to, from_at, to_at, n, waits, wait, event))
STATUS(clWaitForEvents, (cl_uint n, const cl_event *events), (n, events))
STATUS(clGetPlatformIDs, (cl_uint n, cl_platform_id *ids, cl_uint *count), (n, ids, count))
STATUS(clGetDeviceIDs, (cl_platform_id p, cl_device_type type, cl_uint n, cl_device_id *ids, cl_uint *count),
       (p, type, n, ids, count))
STATUS(clGetDeviceInfo, (cl_device_id id, cl_device_info what, size_t n, void *value, size_t *size), (id, what, n, value, size))
STATUS(clCreateSubDevices, (cl_device_id id, const cl_device_partition_property *how, cl_uint n, cl_device_id *ids, cl_uint *count),
       (id, how, n, ids, count))
OBJECT(cl_context, clCreateContext,
       (const cl_context_properties *properties, cl_uint n, const cl_device_id *ids, context_notify fn, void *user, cl_int *status),
       (properties, n, ids, fn, user, status))
OBJECT(cl_command_queue, clCreateCommandQueue,
       (cl_context c_, cl_device_id id, cl_command_queue_properties properties, cl_int *status), (c_, id, properties, status))
OBJECT(cl_mem, clCreateBuffer, (cl_context c_, cl_mem_flags flags, size_t n, void *host, cl_int *status),
       (c_, flags, n, host, status))
OBJECT(cl_mem, clCreateSubBuffer, (cl_mem m, cl_mem_flags flags, cl_buffer_create_type type, const void *region, cl_int *status),
       (m, flags, type, region, status))
OBJECT(cl_program, clCreateProgramWithSource, (cl_context c_, cl_uint n, const char **texts, const size_t *lengths, cl_int *status),
       (c_, n, texts, lengths, status))
OBJECT(cl_kernel, clCreateKernel, (cl_program p, const char *name, cl_int *status), (p, name, status))

/* Where a run's device time goes: preloaded before the OpenCL loader (LD_PRELOAD), it has the device time each launch, and writes to
 * $KERNEL_TIMES, once the process ends, a line for each kernel and launch size: microseconds in all, launches, and what was launched,
 * most first. Timing launches keeps their order and results; the run itself takes longer.
 * usage: LD_PRELOAD=bench/libkernel_times.so KERNEL_TIMES=OUT.txt vqdna ...       built by `ninja kernel_times` */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 128, MOST_ROWS = 4096, PENDING = 256 };

typedef struct row {
    char what[NAME];
    long launches;
    double microseconds;
} row;

static row rows[MOST_ROWS + 1] = {[MOST_ROWS] = {.what = "others"}};
static int row_count, pending_count;
static struct {
    cl_event event;
    row *of;
} pending[PENDING];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The loader's function of that name. */
#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static void collect(void) {
    for (int i = 0; i < pending_count; i++) {
        cl_ulong begin = 0, end = 0;
        cl_event event = pending[i].event;
        if (clWaitForEvents(1, &event) == CL_SUCCESS &&
            clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof begin, &begin, NULL) == CL_SUCCESS &&
            clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) == CL_SUCCESS) {
            pending[i].of->launches++;
            pending[i].of->microseconds += (double)(end - begin) / 1e3;
        }
        clReleaseEvent(event);
    }
    pending_count = 0;
}

static row *find(const char *what) {
    int i = 0;
    while (i < row_count && strcmp(rows[i].what, what) != 0)
        i++;
    if (i == row_count && row_count < MOST_ROWS)
        snprintf(rows[row_count++].what, NAME, "%s", what);
    return &rows[i];
}

static void describe(char what[NAME], cl_kernel kernel, cl_uint dims, const size_t *global, const size_t *local) {
    char name[64] = "?";
    clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL);
    int at = snprintf(what, NAME, "%s", name);
    for (cl_uint d = 0; d < dims; d++)
        at += snprintf(what + at, NAME - (size_t)at, "%s%zu", d ? "x" : " ", global[d]);
    for (cl_uint d = 0; local && d < dims; d++)
        at += snprintf(what + at, NAME - (size_t)at, "%s%zu", d ? "x" : " in groups of ", local[d]);
}

__attribute__((visibility("default"))) cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id device,
                                                                             cl_command_queue_properties properties, cl_int *code) {
    return NEXT(clCreateCommandQueue)(context, device, properties | CL_QUEUE_PROFILING_ENABLE, code);
}

__attribute__((visibility("default"))) cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
                                                                     const size_t *offset, const size_t *global,
                                                                     const size_t *local, cl_uint waits, const cl_event *wait,
                                                                     cl_event *out) {
    char what[NAME];
    cl_event event;
    const cl_int code = NEXT(clEnqueueNDRangeKernel)(queue, kernel, dims, offset, global, local, waits, wait, &event);
    if (code != CL_SUCCESS)
        return code;
    if (out) {
        clRetainEvent(event);
        *out = event;
    }
    describe(what, kernel, dims, global, local);
    pthread_mutex_lock(&lock);
    if (pending_count == PENDING)
        collect();
    pending[pending_count].event = event;
    pending[pending_count++].of = find(what);
    pthread_mutex_unlock(&lock);
    return CL_SUCCESS;
}

/* Before the context goes, with which some drivers lose what was measured. */
__attribute__((visibility("default"))) cl_int clReleaseCommandQueue(cl_command_queue queue) {
    pthread_mutex_lock(&lock);
    collect();
    pthread_mutex_unlock(&lock);
    return NEXT(clReleaseCommandQueue)(queue);
}

static int by_time(const void *a, const void *b) {
    const double x = ((const row *)a)->microseconds, y = ((const row *)b)->microseconds;
    return (x < y) - (x > y);
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("KERNEL_TIMES");
    double total = 0;
    long launches = 0;
    for (int i = 0; i <= MOST_ROWS; i++) {
        total += rows[i].microseconds;
        launches += rows[i].launches;
    }
    FILE *file = path && launches ? fopen(path, "w") : NULL; /* a shell or `timeout` around the run launches nothing */
    if (!file)
        return;
    qsort(rows, MOST_ROWS + 1, sizeof *rows, by_time);
    fprintf(file, "%12.1f us %8ld launches  in all\n", total, launches);
    for (int i = 0; i <= MOST_ROWS && rows[i].launches; i++)
        fprintf(file, "%12.1f us %8ld launches  %s\n", rows[i].microseconds, rows[i].launches, rows[i].what);
    fclose(file);
}

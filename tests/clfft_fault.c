/* Opened in clFFT's place ($VQDNA_CLFFT_LIBRARY), which it is linked with: all of clFFT, but for what $VQ_CLFFT_FAULT says. "turned":
 * forward and backward change places, so that there and back is right; "idle": backward does nothing; "bake", "enqueue": that call
 * fails. */
#include <clFFT.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static int wants(const char *fault) {
    const char *asked = getenv("VQ_CLFFT_FAULT");
    return asked && strcmp(asked, fault) == 0;
}

clfftStatus clfftBakePlan(clfftPlanHandle plan, cl_uint count, cl_command_queue *queues,
                          void(CL_CALLBACK *fn)(clfftPlanHandle, void *), void *user) {
    __typeof__(&clfftBakePlan) real = (__typeof__(&clfftBakePlan))dlsym(RTLD_NEXT, "clfftBakePlan");
    return wants("bake") ? CLFFT_NOTIMPLEMENTED : real(plan, count, queues, fn, user);
}

clfftStatus clfftEnqueueTransform(clfftPlanHandle plan, clfftDirection direction, cl_uint count, cl_command_queue *queues,
                                  cl_uint waits, const cl_event *wait, cl_event *event, cl_mem *in, cl_mem *out, cl_mem temporary) {
    __typeof__(&clfftEnqueueTransform) real = (__typeof__(&clfftEnqueueTransform))dlsym(RTLD_NEXT, "clfftEnqueueTransform");
    if (wants("enqueue"))
        return CLFFT_BUGCHECK;
    if (wants("idle") && direction == CLFFT_BACKWARD)
        return CLFFT_SUCCESS;
    if (wants("turned"))
        direction = direction == CLFFT_FORWARD ? CLFFT_BACKWARD : CLFFT_FORWARD;
    return real(plan, direction, count, queues, waits, wait, event, in, out, temporary);
}

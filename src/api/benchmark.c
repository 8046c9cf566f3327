#include "api/handles.h"

#include "bench/bench.h"

const char *vqdna_bench_workload(size_t index, const char **summary) {
    return vq_bench_workload(index, summary);
}

vqdna_status vqdna_bench_run(vqdna_context *context, const char *workload, const vqdna_bench_options *options, vqdna_bench_fn fn,
                             void *user) {
    VQ_REQUIRE(context);
    VQ_REQUIRE(workload);
    VQ_REQUIRE(fn);
    VQ_HOLD(context->device);
    vqdna_bench_options own = {0};
    vq_take_options(&own, sizeof own, options, sizeof own);
    return vq_bench_run(context->device, workload, &own, fn, user);
}

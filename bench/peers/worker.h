/* A contender in a process of its own, measured by compare.py: ours, OpenBLAS, oneDNN or FFTW on the same tensors. */
#ifndef VQ_BENCH_WORKER_H
#define VQ_BENCH_WORKER_H

#include "ops/gemm.h"

/* What the driver asks for: "gemm" M N K ta tb end, as in ops/gemm.h; "assign" M D K; "attention" B H L d backward; "fft" B N C, forward;
 * "longconv" B L C backward, causal;
 * "peak" width chains: PEAK_STEPS multiply-adds for each float of tensors[0]. */
enum { JOB_DIMS = 6, JOB_TENSORS = 16, PEAK_STEPS = 1000000 };
enum { GEMM_M, GEMM_N, GEMM_K, GEMM_TA, GEMM_TB, GEMM_END };
enum { FFT_IN, FFT_OUT, FFT_WORK };
enum { GEMM_A, GEMM_B, GEMM_C, GEMM_BIAS, GEMM_PRE, GEMM_TENSORS };

typedef struct job {
    char workload[16];
    int dims[JOB_DIMS];
    vq_view tensors[JOB_TENSORS];
    float *host[JOB_TENSORS]; /* the same memory, for contenders outside OpenCL, else NULL */
} job;

typedef struct contender {
    const char *name;
    bool outside;                                                               /* of OpenCL: works on job.host */
    vq_status (*open)(vq_device *device, int threads, char *text, size_t size); /* text: version and instruction set */
    bool (*offers)(const job *j);
    vq_status (*start)(vq_device *device, job *j); /* what is done once for a shape */
    vq_status (*run)(vq_device *device, job *j);   /* what is timed, to the end */
    void (*stop)(job *j);
} contender;

extern const contender contender_ours, contender_openblas, contender_onednn, contender_fftw, contender_fftw_contiguous;

#endif

/* Our operations as a contender, and the peak the shares are of. */
#include "worker.h"

#include "ops/assign.h"
#include "ops/attention.h"
#include "ops/fft.h"
#include "ops/longconv.h"
#include "ops/peak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEARCH_ROWS, SEARCH_CODEBOOK, SEARCH_CODES, SEARCH_PACKED };
enum { Q, K, V, D_O, O, DQ, DK, DV, LSE, WORK };
enum { X0, X1, VALUE, DY, FILTER, BIAS, Y, DX0, DX1, DVALUE, DFILTER, DBIAS, KEPT, SPECTRUM, ROOM };
enum { GEMM_WORK = GEMM_TENSORS };

static vq_status open_device(vq_device *device, int threads, char *text, size_t size) {
    (void)threads;
    snprintf(text, size, "%s, %s, %s kernels, float%d", device->info.platform, device->info.name, device->info.family,
             device->vector_width);
    return VQDNA_OK;
}

static bool offers(const job *j) {
    (void)j;
    return true;
}

static vq_attention_shape attention_shape(const int *d) {
    const vq_heads heads = {d[1] * d[3], 0};
    return (vq_attention_shape){d[0], d[1], d[2], d[3], heads, heads, heads, heads};
}

static vq_longconv_shape longconv_shape(const int *d) {
    return (vq_longconv_shape){d[0], d[1], d[2], true};
}

/* The filter's spectrum, forward, and backward from gradients of zeros. */
static vq_status run_longconv(vq_device *device, const int *d, const vq_view *t) {
    const vq_longconv_shape s = longconv_shape(d);
    const vq_longconv_rows rows = {d[2], 0};
    const vq_longconv_layout layout = {rows, rows, rows, rows, rows};
    VQ_TRY(vq_longconv_spectrum(device, t[SPECTRUM], t[ROOM], t[FILTER], &s));
    VQ_TRY(vq_longconv_forward(device, t[Y], d[3] ? t[KEPT] : VQ_NO_VIEW, t[ROOM], t[X0], t[X1], t[VALUE], t[SPECTRUM], t[BIAS],
                               VQ_NO_VIEW, &layout, &s));
    if (!d[3])
        return VQDNA_OK;
    VQ_TRY(vq_zero(device, t[DFILTER]));
    VQ_TRY(vq_zero(device, t[DBIAS]));
    return vq_longconv_backward(device, t[DX0], t[DX1], t[DVALUE], t[DFILTER], t[DBIAS], t[ROOM], t[DY], t[X0], t[X1], t[VALUE],
                                t[KEPT], t[SPECTRUM], t[BIAS], VQ_NO_VIEW, &layout, &s);
}

static vq_status start(vq_device *device, job *j) {
    const int *d = j->dims;
    vq_view *t = j->tensors;
    if (strcmp(j->workload, "gemm") == 0)
        return vq_view_create(device, &t[GEMM_WORK],
                              vq_gemm_scratch(device, d[GEMM_M], d[GEMM_N], d[GEMM_K], d[GEMM_TA], d[GEMM_TB]));
    if (strcmp(j->workload, "assign") == 0) {
        VQ_TRY(vq_view_create(device, &t[SEARCH_CODES], (size_t)d[0] * sizeof(int32_t)));
        VQ_TRY(vq_view_create(device, &t[SEARCH_PACKED], vq_assign_packed_bytes(device, d[1], d[2])));
        return vq_assign_pack(device, t[SEARCH_PACKED], t[SEARCH_CODEBOOK], d[1], d[2]);
    }
    if (strcmp(j->workload, "fft") == 0)
        return vq_view_create(device, &t[FFT_WORK], vq_fft_scratch(device, &(vq_fft_shape){d[0], d[1], d[2]}));
    if (strcmp(j->workload, "attention") == 0) {
        const vq_attention_shape s = attention_shape(d);
        VQ_TRY(vq_view_create(device, &t[LSE], (size_t)(d[0] * d[1]) * (size_t)d[2] * sizeof(float)));
        return vq_view_create(device, &t[WORK], vq_attention_scratch(device, &s));
    }
    if (strcmp(j->workload, "longconv") == 0) {
        const vq_longconv_shape s = longconv_shape(d);
        VQ_TRY(vq_view_create(device, &t[DBIAS], (size_t)d[2] * sizeof(float)));
        VQ_TRY(vq_view_create(device, &t[KEPT], (size_t)(d[0] * d[1]) * (size_t)d[2] * sizeof(float)));
        VQ_TRY(vq_view_create(device, &t[SPECTRUM], vq_longconv_spectrum_bytes(device, &s)));
        return vq_view_create(device, &t[ROOM], vq_longconv_scratch(device, &s));
    }
    const size_t bytes = (size_t)vq_peak_items(device) * (size_t)(d[0] * d[1]) * sizeof(float);
    float *zeros = calloc(1, bytes);
    if (!zeros)
        return vq_fail(VQDNA_ERR_MEMORY, "out of memory");
    vq_status status = vq_view_create(device, &t[0], bytes);
    if (status >= 0)
        status = vq_write(device, t[0], 0, zeros, bytes);
    free(zeros);
    return status;
}

static vq_status run(vq_device *device, job *j) {
    const int *d = j->dims;
    const vq_view *t = j->tensors;
    if (strcmp(j->workload, "gemm") == 0) {
        const vq_gemm_end end = {.kind = (vq_gemm_kind)d[GEMM_END], .bias = t[GEMM_BIAS], .pre = t[GEMM_PRE]};
        VQ_TRY(vq_gemm(device, t[GEMM_C], t[GEMM_A], t[GEMM_B], t[GEMM_WORK], d[GEMM_M], d[GEMM_N], d[GEMM_K], d[GEMM_TA],
                       d[GEMM_TB], end));
    } else if (strcmp(j->workload, "assign") == 0) {
        VQ_TRY(vq_assign_forward(device, t[SEARCH_CODES], t[SEARCH_ROWS], t[SEARCH_PACKED], d[0], d[1], d[2]));
    } else if (strcmp(j->workload, "fft") == 0) {
        VQ_TRY(vq_fft(device, t[FFT_OUT], t[FFT_IN], t[FFT_WORK], &(vq_fft_shape){d[0], d[1], d[2]}, -1));
    } else if (strcmp(j->workload, "attention") == 0) {
        const vq_attention_shape s = attention_shape(d);
        VQ_TRY(vq_attention_forward(device, t[O], t[LSE], t[Q], t[K], t[V], VQ_NO_VIEW, &s));
        if (d[4])
            VQ_TRY(vq_attention_backward(device, t[DQ], t[DK], t[DV], t[WORK], t[D_O], t[Q], t[K], t[V], t[O], t[LSE], VQ_NO_VIEW,
                                         &s));
    } else if (strcmp(j->workload, "longconv") == 0) {
        VQ_TRY(run_longconv(device, d, t));
    } else {
        VQ_TRY(vq_peak_fma(device, t[0], t[0], vq_peak_items(device), d[0], d[1], 0.999f, 0.125f, PEAK_STEPS));
    }
    return vq_device_finish(device);
}

static void stop(job *j) {
    (void)j;
}

const contender contender_ours = {"ours", false, open_device, offers, start, run, stop};

/* Matrix product with what follows it.
 *     C[M][N] = end(op(A) op(B))
 * row-major float32. op(A) is [M][K], stored [K][M] if `ta`; op(B) is [K][N], stored [N][K] if `tb`. Two providers stand behind it:
 * kernels of ours (on CPU devices a register tile, where the end costs no pass over memory), and CLBlast followed by a pass for the
 * end. Which one is a tunable, ours by default; CLBlast is not used where it fails its self-test. $VQDNA_GEMM=tile or
 * clblast overrules, and a device that cannot do as it says is not opened. With our kernels an element depends on its row of A and
 * column of B alone, bit for bit, whatever M, its place, the device and the tunables; CLBlast picks a kernel by the size of the
 * product, so codes of two nearly as near vectors may change with the batch. */
#ifndef VQ_OPS_GEMM_H
#define VQ_OPS_GEMM_H

#include "device/launch.h"
#include "device/tune.h"

typedef enum vq_gemm_kind {
    VQ_GEMM_STORE,         /* C = P, the product */
    VQ_GEMM_ADD,           /* C += P */
    VQ_GEMM_BIAS,          /* C = P + bias */
    VQ_GEMM_BIAS_GELU,     /* pre = P + bias, C = gelu(pre); pre may be VQ_NO_VIEW: then it is not stored */
    VQ_GEMM_BIAS_RESIDUAL, /* C = P + bias + residual */
    VQ_GEMM_GELU_GRAD,     /* C = P gelu'(pre), then pre = gelu(pre) */
} vq_gemm_kind;

/* bias [N]; pre and residual [M][N]. GELU is the exact form x Phi(x). */
typedef struct vq_gemm_end {
    vq_gemm_kind kind;
    vq_view bias, pre, residual;
} vq_gemm_end;

/* C must overlap no other view. `scratch` has vq_gemm_scratch() bytes for the same shape. */
vq_status vq_gemm(vq_device *device, vq_view C, vq_view A, vq_view B, vq_view scratch, int M, int N, int K, bool ta, bool tb,
                  vq_gemm_end end);

/* Whether kernels of ours compute a product with such a B. */
bool vq_gemm_is_ours(vq_device *device, int N, int K, bool ta);

/* Bytes of scratch; never 0. */
size_t vq_gemm_scratch(vq_device *device, int M, int N, int K, bool ta, bool tb);

extern const vq_tunables vq_gemm_tunables;

/* For operations that share the tile on a CPU device. Columns of a panel; and the most rows, of panels of `panel` and at most
 * `rows`, of which a work-item can keep `chunks` blocks of `steps` steps in local memory (0 if not even one panel fits). */
enum { VQ_TILE_STEPS = 256 };
int vq_tile_columns(const vq_device *device);
int vq_tile_block(const vq_device *device, int panel, int rows, int chunks, int steps);

#endif
